import { BlockList, isIP } from 'node:net';
import type { NameserverAnswer } from './dns-state.ts';

/** RFC 1122, section 3.2.1.3, and RFC 4291, section 2.5.2: no host has it; Linux connects to itself there. */
const unspecified = new BlockList();
unspecified.addAddress('0.0.0.0', 'ipv4');
unspecified.addAddress('::', 'ipv6');

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

function isIn(list: BlockList, address: string): boolean {
  const version = isIP(address);
  return version !== 0 && list.check(address, version === 4 ? 'ipv4' : 'ipv6');
}

/** 0.0.0.0 or ::. */
export function isUnspecified(address: string): boolean {
  return isIn(unspecified, address);
}

/**
 * It gives 0.0.0.0 or ::, which are no addresses: so filters answer that block a name (Pi-hole's NULL mode, AdGuard Home's
 * default, hosts files of blocked names).
 */
export function leadsNowhere({ outcome, addresses }: NameserverAnswer): boolean {
  return outcome === 'answered' && addresses.every(isUnspecified);
}

/** This node's own loopback (RFC 1122, RFC 4291). */
export function isLoopback(address: string): boolean {
  return isIn(loopback, address);
}

/** Top-level names that are for use at home (RFC 6761, 6762, 8375, 9476; ICANN's `internal`): they may mean this node on purpose. */
const homely: ReadonlySet<string> = new Set([
  'localhost',
  'test',
  'example',
  'invalid',
  'local',
  'internal',
  'arpa',
  'alt',
]);

/** A name of the public's, by its form: nobody else's nameserver may say that it is this node. */
export function isPublicName(host: string): boolean {
  const labels = host.replace(/\.$/, '').toLowerCase().split('.');
  return labels.length > 1 && !homely.has(labels.at(-1) ?? '');
}

/** RFC 8914, section 4: why a nameserver gives no answer, or a false one, although it could give the right one. */
const blockingErrors = /^EDE (?:4|15|16|17)(?:: (?<text>.*))?$/;
const errorNames: Readonly<Record<string, string>> = {
  'EDE 4': 'Forged Answer',
  'EDE 15': 'Blocked',
  'EDE 16': 'Censored',
  'EDE 17': 'Filtered',
};

/**
 * What the nameserver says that shows that it blocks the name, as words behind "it answers"; null: nothing does.
 * `NXDOMAIN with the extended error 15 (Blocked): listed by policy`, `0.0.0.0 and ::`.
 */
export function blockWords(answer: NameserverAnswer): string | null {
  const error = blockingError(answer);
  if (leadsNowhere(answer)) {
    const given = [...new Set(answer.addresses)].join(' and ');
    return error === null ? given : `${given} with ${error.words}`;
  }
  const refuses = answer.outcome === 'name-not-found' || answer.outcome === 'refused';
  return refuses && error !== null ? `${error.rcode} with ${error.words}` : null;
}

/** The same as a clause: `10.0.0.2 blocks the name (it answers 0.0.0.0)`, `etc/hosts:2 blocks the name (0.0.0.0)`. */
export function blockClause(answer: NameserverAnswer): string | null {
  const words = blockWords(answer);
  if (words === null) return null;
  return `${answer.nameserver} blocks the name (${answer.order < 0 ? '' : 'it answers '}${words})`;
}

function blockingError({ probes }: NameserverAnswer): { readonly rcode: string; readonly words: string } | null {
  for (const { rcode, extendedErrors } of probes.flatMap(({ facts }) => [...facts.queries])) {
    for (const said of extendedErrors) {
      const found = blockingErrors.exec(said);
      if (found === null) continue;
      const code = said.split(':', 1)[0] ?? '';
      const text = found.groups?.text ?? '';
      const words = `the extended error ${code.slice(4)} (${errorNames[code] ?? ''})${text === '' ? '' : `: ${text}`}`;
      return { rcode: rcode === null || rcode === 'NOERROR' ? 'no address' : rcode, words };
    }
  }
  return null;
}
