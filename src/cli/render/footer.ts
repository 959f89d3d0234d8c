import { causeOf } from '../../causes/index.ts';
import type { CauseId } from '../../model/cause-id.ts';
import type { Investigation, PullOutcome } from '../../model/investigation.ts';
import type { Problem } from '../../model/problem.ts';
import { groups } from './row.ts';
import { duration, listed } from './words.ts';

/** Layers whose facts stand in the waterfall: their names are enough here. */
const shownAbove: ReadonlySet<string> = new Set(['dns', 'tcp', 'proxy', 'tls', 'registry', 'auth', 'manifest', 'blob']);

/** What was checked and holds: what the waterfall does not show first, each with what was seen. */
export function ruledOutWords({ ruledOut, verdict }: Investigation): string | null {
  const local = ruledOut
    .filter(({ layer }) => !shownAbove.has(layer))
    .map(({ layer, note }) => (layer === 'node' && note !== '' ? note : note === '' ? layer : `${layer} (${note})`));
  const ways = ruledOut
    .filter(({ layer }) => shownAbove.has(layer))
    .map(({ layer }) => (layer === 'blob' ? 'content' : layer));
  // A healthy way needs no list of its hops.
  const all = verdict === 'healthy' ? local : [...local, ...new Set(ways)];
  return all.length === 0 ? null : all.join(', ');
}

/** What was not checked and why: local things here, those of an endpoint stand in its waterfall. */
export function notCheckedWords(document: Investigation): string[] {
  const local = document.probes.filter(({ status, endpoint }) => status === 'skipped' && endpoint === null);
  const skipped = groups(local, ({ error }) => error?.message ?? '').map((group) => {
    const what = listed([...new Set(group.map(({ kind, target }) => (kind === 'disk' ? `disk ${target}` : kind)))]);
    return `${what}: ${group[0]?.error?.message ?? ''}`;
  });
  // A finding about the runtime that was asked says it better.
  const asked = document.runtime.endpoint !== null || document.probes.some(({ kind }) => kind === 'runtime');
  const runtime = asked
    ? []
    : [
        'runtime: none was asked, for no socket of one was found here (-r unix:///PATH names it). Only the network was checked.',
      ];
  return [...runtime, ...skipped];
}

/** What the runtime's own words are, and what they mean. */
export interface RuntimeWords {
  readonly head: string;
  /** The words themselves; null when the pull worked. */
  readonly said: string | null;
  readonly meaning: string | null;
}

/** The real pull beside the probes; null when none was tried. `found`: the causes that the probes showed. */
export function runtimeWords(
  name: string | null,
  pull: PullOutcome,
  found: readonly (CauseId | null)[],
): RuntimeWords | null {
  if (!pull.attempted) return null;
  const who = name ?? 'the runtime';
  const time = pull.durationMs === null ? '' : ` after ${duration(pull.durationMs)}`;
  if (pull.ok === true) return { head: `${who} pulled it${time.replace('after', 'in')}`, said: null, meaning: null };
  if (pull.error === null) return { head: `${who} did not end the pull`, said: null, meaning: null };
  const cause = pull.cause === null || pull.cause === 'unknown' ? null : causeOf(pull.cause);
  return {
    head: `${who} says${time}:`,
    said: pull.error,
    meaning:
      cause === null
        ? 'these words alone tell no cause'
        : found.includes(cause.id)
          ? `which means ${cause.id} too`
          : `these words alone mean ${cause.id}: ${cause.title}`,
  };
}

/** Problems of the node's files that no finding says already. */
export function furtherProblems(document: Investigation): Problem[] {
  return document.problems.filter(
    ({ message }) =>
      !document.findings.some(({ summary }) => summary.includes(message)) && document.summary !== message,
  );
}
