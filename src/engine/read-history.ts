import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Journal, JournalState } from '../journal/journal.ts';
import { openJournal } from '../journal/open.ts';
import type { Env } from '../lib/env.ts';
import { limits } from '../lib/limits.ts';
import { safeLine } from '../lib/redact.ts';
import { fail, ok, type Result } from '../lib/result.ts';
import type { JournalFacts, JournalMention } from '../model/facts.ts';
import { credentialWords, tellsOfCredentials } from '../signals/credential-words.ts';
import { matchImage } from '../signals/image-match.ts';
import { journalLines, readableUnits, type UnitSelection } from '../signals/journal-lines.ts';
import { isKubelets, type NodePulls, nodePulls, tellsOfNode } from '../signals/node-pulls.ts';
import type { PullEvent, PullEventKind } from '../signals/pull-event.ts';
import { pullEvents } from '../signals/pull-events.ts';
import { mayTellOfPull, type SourceLine } from '../signals/pull-line.ts';
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
  const { image, signal } = request;
  const read = await sharedRead(request);
  if (signal.aborted) return fail(tooLong);
  if (!read.ok) return read;
  const { windowSeconds, entries, named, noted } = read.value;
  const said = credentialWords(image);
  const node = nodePulls(image);
  const { is } = matchImage(image);
  for (const line of noted) {
    said.line(line);
    node.line(line);
  }
  for (const event of named) node.event(event);
  const events = named.filter((event) => event.image !== null && is(event.image));
  const credentials = said.of(events);
  return ok({
    windowSeconds,
    entriesRead: entries,
    ...summaryOf(events),
    ...(credentials.length === 0 ? {} : { credentials }),
    ...nodeFacts(node.end(), windowSeconds),
  });
}

const tooLong = 'Reading the journal took longer than it may.';

/** A reading that several may wait for. */
interface SharedRead {
  readonly key: string;
  readonly done: Promise<Result<Reading, string>>;
  readonly begunAt: number;
  /** Monotonic; null: it is under way. */
  endedAt: number | null;
}

/** The last one. On a node where thousands of pods fail at once, each image's investigation would read the same again. */
let last: SharedRead | null = null;

/** A reading that is as quick as this is made for everybody anew, and nobody misses what was written meanwhile. */
const quickMs = 100;

/** Else it serves for as many times the time that it took: reading takes a tenth of the time, however much is written. */
const servesTimes = 10;

/** It goes on for those who come later when the first has given up waiting, and no longer than this. */
const readingMs = 5000;

async function sharedRead({ directories, machineId, env, signal }: HistoryRequest): Promise<Result<Reading, string>> {
  const key = JSON.stringify([directories, machineId]);
  const now = env.monotonic();
  let read = last;
  if (read === null || read.key !== key || (read.endedAt !== null && now - read.endedAt > servesFor(read))) {
    const ending = AbortSignal.timeout(readingMs);
    const made: SharedRead = {
      key,
      done: readNow({ directories, machineId, env, signal: ending }),
      begunAt: now,
      endedAt: null,
    };
    void made.done.then(({ ok: good }) => {
      made.endedAt = env.monotonic();
      if (last !== made) return;
      if (good && servesFor(made) > 0) forgetAfter(made, servesFor(made));
      else last = null;
    });
    read = made;
    last = made;
  }
  return Promise.race([read.done, given(signal)]);
}

/** Milliseconds after its end. */
function servesFor({ begunAt, endedAt }: SharedRead): number {
  const took = (endedAt ?? begunAt) - begunAt;
  return took > quickMs ? took * servesTimes : 0;
}

/** What was read is not kept longer than it serves. */
function forgetAfter(read: SharedRead, ms: number): void {
  const timer = setTimeout(() => {
    if (last === read) last = null;
  }, ms);
  timer.unref();
}

/** The failure, when the signal gives up. */
function given(signal: AbortSignal): Promise<Result<Reading, string>> {
  const { promise, resolve } = Promise.withResolvers<Result<Reading, string>>();
  if (signal.aborted) resolve(fail(tooLong));
  else signal.addEventListener('abort', () => resolve(fail(tooLong)), { once: true });
  return promise;
}

/** What the journal has of all images' pulls. */
interface Reading {
  readonly windowSeconds: number;
  readonly entries: number;
  /** Those that tell what becomes of a pull; each with its image, where a later line names it. */
  readonly named: readonly PullEvent[];
  /** Lines that say more than events do: of the kubelet's pods and credentials, and of a runtime's start. */
  readonly noted: readonly SourceLine[];
}

async function readNow({
  directories,
  machineId,
  env,
  signal,
}: Omit<HistoryRequest, 'image'>): Promise<Result<Reading, string>> {
  const opened = await openJournal({ directories, machineId });
  if (!opened.ok) return fail(words[opened.error.kind]);
  const journal = opened.value;
  const stop = (): void => journal.close();
  signal.addEventListener('abort', stop, { once: true });
  try {
    const units = await readableUnits(journal, defaultUnits);
    const now = env.now();
    for (const windowSeconds of windowsSeconds) {
      const read = await readWindow(journal, units, { env, signal }, now - windowSeconds * 1000);
      if (signal.aborted) break;
      if (read.complete || windowSeconds === windowsSeconds.at(-1)) return ok({ windowSeconds, ...read });
    }
    return fail(tooLong);
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

async function readWindow(
  journal: Journal,
  units: UnitSelection,
  { env, signal }: Pick<HistoryRequest, 'env' | 'signal'>,
  sinceMs: number,
): Promise<Omit<Reading, 'windowSeconds'> & { /** False where the bounds ended it. */ readonly complete: boolean }> {
  let entries = 0;
  let bytes = 0;
  let pulls = 0;
  let complete = true;
  let turn = env.monotonic();
  const noted: SourceLine[] = [];
  const isNoted = notedLines();
  async function* bounded(): AsyncGenerator<SourceLine, void, void> {
    for await (const line of journalLines(journal, units, { since: BigInt(Math.round(sinceMs)) * 1000n, signal })) {
      entries++;
      bytes += line.message.length;
      if (mayTellOfPull(line)) pulls++;
      if (entries > limits.historyEntries || bytes > limits.historyBytes || pulls > limits.historyPullLines) {
        complete = false;
        return;
      }
      if (isNoted(line)) noted.push(line);
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
  return { entries, named: withImages(all), noted, complete };
}

/** Picks the lines that `nodePulls` and `credentialWords` learn from; of the kubelet's others one is enough: it writes here. */
function notedLines(): (line: SourceLine) => boolean {
  let kubelet = false;
  return (line) => {
    if (tellsOfNode(line) || tellsOfCredentials(line)) return true;
    if (kubelet || !isKubelets(line)) return false;
    kubelet = true;
    return true;
  };
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
