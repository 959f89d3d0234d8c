import { secretMasker } from '../lib/known-secrets.ts';
import { secretQueryValues } from '../lib/redact.ts';
import { decoded } from '../lib/url-text.ts';
import { causeIds } from '../model/cause-id.ts';
import { networkFailures } from '../model/network-failure.ts';
import type { ProbeCredential, Vault } from '../probes/context.ts';
import { containerdAccept, criOAccept } from '../registry/media-types.ts';
import type { PullPlan } from './plan.ts';

/** Words of our own that facts are told in: a password that is one of them must not change what a fact says. */
const vocabulary: readonly string[] = [
  ...networkFailures,
  ...causeIds,
  ...[containerdAccept, criOAccept, 'application/json', 'application/octet-stream', 'text/html', 'text/plain'],
  ...['status', 'failed', 'skipped', 'manifest', 'platform', 'artifact', 'schema1', 'config', 'repositories'],
  ...['bearer', 'basic', 'NOERROR', 'NXDOMAIN', 'SERVFAIL', 'REFUSED', 'containerd', 'cri-o', 'sha256', 'sha512'],
];

/**
 * A masker of everything secret that this plan sends or that came of it: credentials, header values of the node's
 * files, the userinfo of proxies, and the tokens and signed URLs of the vault, also those that come later.
 */
export function maskerOf(plan: PullPlan, vault: Vault | null): (text: string) => string {
  const open = JSON.stringify([plan.body, plan.runtime, vocabulary]);
  const fixed = secretsOfPlan(plan);
  let counted = -1;
  let masker: (text: string) => string = (text) => text;
  return (text) => {
    const count = vault === null ? 0 : vault.tokens.size + vault.urls.size + vault.plugins.length;
    if (count !== counted) {
      counted = count;
      const tokens = [...(vault?.tokens.values() ?? [])].map((token) => token.reveal());
      const signatures = [...(vault?.urls.values() ?? [])].flatMap(secretQueryValues);
      const given = secretsOfCredentials(vault?.plugins ?? []);
      masker = secretMasker([...fixed, ...given, ...tokens, ...signatures], open);
    }
    return masker(text);
  };
}

/** Headers whose values are words of the protocol: masked, they would be missing where they mean something. */
const openHeaders: ReadonlySet<string> = new Set([
  'accept',
  'accept-encoding',
  'accept-language',
  'cache-control',
  'connection',
  'content-type',
  'host',
  'range',
  'user-agent',
]);

function secretsOfPlan(plan: PullPlan): string[] {
  const secrets = secretsOfCredentials(plan.credentials);
  for (const { headerValues } of plan.endpoints) {
    for (const [name, values] of Object.entries(headerValues)) {
      if (openHeaders.has(name.toLowerCase())) continue;
      for (const value of values) secrets.push(...withScheme(value.reveal()));
    }
  }
  const { known, settings } = plan.proxies;
  const authorizations = known.map(({ address }) => address.authorization?.reveal() ?? '');
  for (const value of [settings.http, settings.https]) {
    const userinfo = /\/\/(.*)@/su.exec(value?.value.reveal() ?? '')?.[1];
    if (userinfo !== undefined) authorizations.push(`Basic ${Buffer.from(decoded(userinfo)).toString('base64')}`);
  }
  for (const value of authorizations) secrets.push(...withScheme(value));
  return secrets.filter((secret) => secret !== '');
}

function secretsOfCredentials(credentials: readonly Pick<ProbeCredential, 'username' | 'password'>[]): string[] {
  return credentials.flatMap(({ username, password }) => {
    if (password.reveal() === '') return [];
    const pair = `${username}:${password.reveal()}`;
    // The pair in base64 is what stands in the header; it may come back encoded once more.
    return [password.reveal(), pair, Buffer.from(pair).toString('base64')];
  });
}

/** A header's value, what stands behind its scheme, and the password of Basic. */
function withScheme(value: string): string[] {
  const behind = /^[A-Za-z]+ +(.+)$/u.exec(value)?.[1];
  if (behind === undefined) return [value];
  if (!/^basic /iu.test(value)) return [value, behind];
  const pair = Buffer.from(behind, 'base64').toString('utf8');
  return [value, behind, pair, pair.slice(pair.indexOf(':') + 1)];
}
