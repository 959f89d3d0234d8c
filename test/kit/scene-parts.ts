import { originOf } from '../../src/evidence/origin.ts';
import type { CertificateFacts, ChallengeFacts, NextParty } from '../../src/model/facts.ts';
import type { Hop } from '../../src/model/investigation.ts';
import type { NetworkFailure } from '../../src/model/network-failure.ts';

/** How one party is reached; what is missing is taken from the endpoint. */
export interface Party {
  readonly endpoint?: number;
  readonly scheme?: 'http' | 'https';
  readonly host?: string;
  readonly port?: number;
  readonly proxy?: string | null;
  readonly hop?: Hop;
  readonly counterfactual?: boolean;
  /** How long the probe took; 5000 for silence, else 1. */
  readonly durationMs?: number;
}

/** The failure of a probe: its code, or its code and words. */
export type Failure = NetworkFailure | 'rpc' | readonly [NetworkFailure | 'rpc', string];

/** What an HTTP probe of a test may say besides its party: facts, and a failure that is not a status. */
export type Http<F> = Party & Partial<Omit<F, 'way'>> & { readonly error?: Failure };

/** When every scene begins. */
export const startedAtMs = Date.UTC(2026, 10, 22, 8);

/** A digest of a letter: `sha256:aaaa…`. */
export const digest = (letter: string): string => `sha256:${letter.repeat(64)}`;

/** A bearer or basic challenge; a bearer's names its token service. */
export function challenge(scheme: 'bearer' | 'basic', realm = 'https://auth.test/token'): ChallengeFacts {
  if (scheme === 'basic') {
    return { scheme, realm: 'Registry', service: null, scope: null, error: null, party: null };
  }
  return { scheme, realm, service: 'registry.test', scope: null, error: null, party: partyOf(realm) };
}

/** The party that a URL names, reached directly. */
export function partyOf(url: string, proxy: string | null = null): NextParty {
  const origin = originOf(url);
  if (origin === null) throw new Error(`${url} is no URL`);
  return { ...origin, proxy, proxyReason: proxy === null ? 'no proxy is set' : 'https_proxy', url };
}

/** A certificate, good for a year around the scene's start. */
export function certificate(facts: Partial<CertificateFacts> = {}): CertificateFacts {
  return {
    subject: 'CN=registry.test',
    issuer: 'CN=Test CA',
    notBefore: '2026-06-01T00:00:00.000Z',
    notAfter: '2027-06-01T00:00:00.000Z',
    dnsNames: ['registry.test'],
    ipAddresses: [],
    sha256: '0'.repeat(64),
    selfSigned: false,
    ...facts,
  };
}
