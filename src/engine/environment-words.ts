import { loadedOf } from '../evidence/difference.ts';
import type { View } from '../evidence/view.ts';
import type { CauseId } from '../model/cause-id.ts';
import type { LoadedFacts } from '../model/facts.ts';
import type { Finding } from '../model/investigation.ts';
import { restart, runtimeWords } from './runtime-words.ts';

/**
 * A finding about what the running runtime's environment makes it do, with what its unit sets otherwise by now: a
 * restart comes before any other remedy then. Any other finding stays as it is.
 */
export function withEnvironment(view: View, finding: Finding): Finding {
  const probe = loadedOf(view);
  if (probe === null) return finding;
  const concerned = probe.facts.environment.filter(({ name }) => concerns(finding.cause, name));
  // Of a proxy that is set elsewhere, only a unit that sets one by now is the reason.
  const told = finding.cause === 'proxy-required' ? concerned.filter((one) => one.configured !== null) : concerned;
  if (told.length === 0) return finding;
  const who = runtimeWords(view, probe.facts);
  return {
    ...finding,
    summary: `${finding.summary} ${who} ${told.slice(0, 3).map(differenceWords).join(', and ')}.`,
    evidence: [...new Set([...finding.evidence, probe.id])],
    remedies: [restart(view, probe.facts), ...finding.remedies].slice(0, 4),
  };
}

function differenceWords({ name, configured, running, source }: LoadedFacts['environment'][number]): string {
  if (configured === null) return `has ${name}=${running ?? ''}, which ${source} does not set`;
  return running === null
    ? `does not have ${name}=${configured}, which ${source} sets`
    : `has ${name}=${running}, and ${source} sets ${configured}`;
}

const byProxy: ReadonlySet<CauseId> = new Set<CauseId>([
  'proxy-unreachable',
  'proxy-auth-required',
  'proxy-denied',
  'proxy-bypass-missing',
  'proxy-required',
  'proxy-misconfigured',
]);

function concerns(cause: CauseId, name: string): boolean {
  if (/^SSL_CERT_/.test(name)) return cause === 'tls-unknown-authority';
  return byProxy.has(cause);
}
