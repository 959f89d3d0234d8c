import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Journal, JournalState } from '../journal/journal.ts';
import { openJournal } from '../journal/open.ts';
import type { Env } from '../lib/env.ts';
import { limits } from '../lib/limits.ts';
import { safeLine } from '../lib/redact.ts';
import { fail, ok, type Result } from '../lib/result.ts';
import type { JournalFacts, JournalMention } from '../model/facts.ts';
import type { CredentialWord } from '../model/journal-facts.ts';
import { credentialWords } from '../signals/credential-words.ts';
import { matchImage } from '../signals/image-match.ts';
import { journalLines, readableUnits, type UnitSelection } from '../signals/journal-lines.ts';
import { type NodePulls, nodePulls } from '../signals/node-pulls.ts';
import type { PullEvent, PullEventKind } from '../signals/pull-event.ts';
import { pullEvents } from '../signals/pull-events.ts';
import type { SourceLine } from '../signals/pull-line.ts';
import { defaultUnits } from '../signals/units.ts';

/** What is read, of which journal. */
export interface HistoryRequest {
  readonly image: string;
  /** On this machine. */
  readonly directories: readonly string[];
  readonly machineId: string | null;
  readonly env: Env;
  readonly signal: AbortSignal;
}

/** How far back is looked; less where more was written than is read, for the last words count most. */
const windowsSeconds = [15 * 60, 2 * 60, 15] as const;

/** Milliseconds of work at a stretch: what the time of another probe may be wrong by. */
const turnMs = 3;

/** Mentions that are kept. */
const maxMentions = 5;

/** What becomes of a pull; a line that only names the image says nothing about that. */
const telling: ReadonlySet<PullEventKind> = new Set<PullEventKind>([
  'pull-started',
  'pull-succeeded',
  'pull-failed',
  'back-off',
  'sandbox-failed',
]);

/** What kubelet and runtime wrote about pulls of an image in the last minutes; or one sentence why that was not read. */
export async function readHistory(request: HistoryRequest): Promise<Result<Omit<JournalFacts, 'directory'>, string>> {
  const { directories, machineId, env, signal } = request;
  const opened = await openJournal({ directories, machineId });
  if (!opened.ok) return fail(words[opened.error.kind]);
  const journal = opened.value;
  const stop = (): void => journal.close();
  signal.addEventListener('abort', stop, { once: true });
  try {
    const units = await readableUnits(journal, defaultUnits);
    const now = env.now();
    for (const windowSeconds of windowsSeconds) {
      const read = await readWindow(journal, units, request, now - windowSeconds * 1000);
      if (signal.aborted) break;
      if (read.complete || windowSeconds === windowsSeconds.at(-1)) {
        return ok({
          windowSeconds,
          entriesRead: read.entries,
          ...summaryOf(read.events),
          ...(read.credentials.length === 0 ? {} : { credentials: read.credentials }),
          ...nodeFacts(read.node, windowSeconds),
        });
      }
    }
    return fail('Reading the journal took longer than it may.');
  } finally {
    signal.removeEventListener('abort', stop);
    journal.close();
  }
}

const words: Readonly<Record<JournalState['kind'], string>> = {
  absent: 'The journal has gone.',
  empty: 'The journal folders hold no files.',
  denied: 'This user may not read the journal: run as root, or in the group systemd-journal.',
  'wrong-machine': 'The journals here are of other machines.',
  unsupported: 'The journal has features that neither Pullwhy nor journalctl can read here.',
  damaged: 'No file of the journal can be read.',
};

interface Window {
  /** Of the image. */
  readonly events: readonly PullEvent[];
  readonly node: NodePulls;
  readonly credentials: readonly CredentialWord[];
  readonly entries: number;
  /** False where the bounds ended the reading before the last entry. */
  readonly complete: boolean;
}

async function readWindow(
  journal: Journal,
  units: UnitSelection,
  { image, env, signal }: HistoryRequest,
  sinceMs: number,
): Promise<Window> {
  let entries = 0;
  let bytes = 0;
  let complete = true;
  let turn = env.monotonic();
  const said = credentialWords(image);
  const { is } = matchImage(image);
  const node = nodePulls(image);
  async function* bounded(): AsyncGenerator<SourceLine, void, void> {
    for await (const line of journalLines(journal, units, { since: BigInt(Math.round(sinceMs)) * 1000n, signal })) {
      entries++;
      bytes += line.message.length;
      if (entries > limits.historyEntries || bytes > limits.historyBytes) {
        complete = false;
        return;
      }
      node.line(line);
      said.line(line);
      yield line;
      // Others wait for answers meanwhile and measure how long: they get their turn.
      if (env.monotonic() - turn > turnMs) {
        await nextTurn();
        turn = env.monotonic();
      }
    }
  }
  const all: PullEvent[] = [];
  // Other images count too: the kubelet may be busy with one of them.
  for await (const event of pullEvents(bounded(), { env })) {
    if (telling.has(event.event)) all.push(event);
  }
  const named = withImages(all);
  for (const event of named) node.event(event);
  const events = named.filter((event) => event.image !== null && is(event.image));
  return { events, node: node.end(), credentials: said.of(events), entries, complete };
}

/**
 * A kubelet that fails before it asks the runtime (its own limit of pulls a second) names the container and not the image;
 * its next line, that it backs off, names both.
 */
function withImages(events: readonly PullEvent[]): readonly PullEvent[] {
  const containerOf = ({ namespace, pod, container }: PullEvent): string => `${namespace}/${pod}/${container}`;
  const images = new Map<string, string>();
  for (const event of events) {
    if (event.image !== null && event.container !== null) images.set(containerOf(event), event.image);
  }
  return events.map((event) =>
    event.image === null && event.container !== null
      ? { ...event, image: images.get(containerOf(event)) ?? null }
      : event,
  );
}

function summaryOf(
  all: readonly PullEvent[],
): Pick<JournalFacts, 'matching' | 'attempts' | 'lastFailureAt' | 'lastSuccessAt' | 'underWay'> {
  // An event comes when its last line is written; it counts from its first.
  const events = all.toSorted((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
  const failures = events.filter(({ event }) => event === 'pull-failed' || event === 'sandbox-failed');
  const last = events.findLast(({ event }) => event !== 'back-off');
  return {
    matching: mentionsOf(events),
    attempts: failures.length,
    lastFailureAt: failures.at(-1)?.at ?? null,
    lastSuccessAt: events.findLast(({ event }) => event === 'pull-succeeded')?.at ?? null,
    underWay: last?.event === 'pull-started',
  };
}

/** How things stand on the node; what there is nothing to say of is left out. */
function nodeFacts(
  { kubelet, waiting, others, underWaySince }: NodePulls,
  windowSeconds: number,
): Partial<JournalFacts> {
  // In less time than the longest back-off takes, what seems to be a pod's first failure may be its tenth.
  const known = windowSeconds === windowsSeconds[0] && waiting.length > 0;
  return {
    kubelet,
    ...(known ? { waiting } : {}),
    ...(others.length === 0 ? {} : { others }),
    ...(underWaySince === null ? { underWay: false } : { underWay: true, underWaySince }),
  };
}

/** The last events, without the waiting in between. */
function mentionsOf(events: readonly PullEvent[]): JournalMention[] {
  const kept = events.filter(({ event }) => event !== 'back-off');
  return (kept.length > 0 ? kept : events)
    .slice(-maxMentions)
    .map(({ at, unit, event, message, cause, confidence, underlying }) => ({
      at,
      unit,
      event,
      message: safeLine(message, limits.historyMessageChars),
      cause,
      confidence,
      underlying,
    }));
}
