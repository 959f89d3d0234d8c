import type { Journal, JournalState } from '../../journal/journal.ts';
import { openJournal } from '../../journal/open.ts';
import type { Env } from '../../lib/env.ts';
import { limits } from '../../lib/limits.ts';
import type { Log } from '../../lib/log.ts';
import { pause } from '../../lib/pause.ts';
import { timeText } from '../../signals/attempt.ts';
import { journalLines, readableUnits } from '../../signals/journal-lines.ts';
import type { PullEvent } from '../../signals/pull-event.ts';
import { pullEvents } from '../../signals/pull-events.ts';
import { decodeLine, type PullLine, type SourceLine } from '../../signals/pull-line.ts';
import type { SourceState, WatchSink } from '../parts.ts';

/** What following a journal needs. */
export interface JournalWatchNeeds {
  readonly env: Env;
  readonly log: Log;
  /** Folders on this machine; asked anew each time, for a journal may come later. */
  readonly directories: () => Promise<readonly string[]>;
  readonly machineId: () => Promise<string | null>;
  readonly units: readonly string[];
  /** Where an earlier run stopped. */
  readonly cursor: string | null;
  readonly sink: WatchSink;
  readonly signal: AbortSignal;
}

/**
 * What is read of the past when nothing is known of it: the kubelet's longest back-off and the tries before it, so that
 * the steps of pods that fail already are known.
 */
const historyMs = 15 * 60_000;

/** A cursor that is older than this is not read on from: what was then is over, and a day of journal costs seconds. */
const staleMs = 3_600_000;

/** How long until a journal that is not there, or went away, is looked for again. */
const againMs = 5000;

/** Follows the journal until the signal; what cannot be read is a state and is tried again. */
export function watchJournal(needs: JournalWatchNeeds): {
  readonly state: () => SourceState;
  readonly done: Promise<void>;
} {
  const { env, log, sink, signal } = needs;
  let state: SourceState = {
    source: 'journal',
    state: 'waiting',
    note: 'The journal is being opened.',
    since: env.now(),
    lastEventAt: null,
  };
  const become = (word: SourceState['state'], note: string): void => {
    if (state.state === word && state.note === note) return;
    state = { ...state, state: word, note, since: env.now() };
    if (word === 'following') log.info('the journal is followed', { note });
    else log.warn('the journal is not followed', { note });
  };
  let cursor = needs.cursor;
  let readTo = env.now() - historyMs;

  const follow = async (journal: Journal): Promise<void> => {
    const stop = (): void => journal.close();
    signal.addEventListener('abort', stop, { once: true });
    try {
      const units = await readableUnits(journal, needs.units);
      const bad = cursor === null ? null : await journal.check({ cursor });
      if (bad !== null) cursor = null;
      // A cursor from before a long pause would have a day of lines read; the last quarter of an hour says what is now.
      const since = BigInt(Math.floor(Math.max(readTo, env.now() - staleMs) * 1000));
      const from = cursor === null ? { since } : { cursor, since: BigInt(Math.floor((env.now() - staleMs) * 1000)) };
      become('following', noteOf(journal));
      const lines = early(journalLines(journal, units, { ...from, follow: true, signal }), (event) => {
        state = { ...state, lastEventAt: env.now() };
        sink.event(event, null);
      });
      for await (const event of pullEvents(lines, { live: true, env })) {
        cursor = event.cursor ?? cursor;
        readTo = Math.max(readTo, Date.parse(event.at) || 0);
        state = { ...state, lastEventAt: env.now() };
        sink.event(event, cursor);
      }
    } finally {
      signal.removeEventListener('abort', stop);
      journal.close();
    }
  };

  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      const [directories, machineId] = await Promise.all([needs.directories(), needs.machineId()]);
      const opened = await openJournal({ directories, machineId, cacheBytes: limits.journalFollowBytes });
      if (opened.ok) await follow(opened.value);
      else
        become(
          opened.error.kind === 'absent' || opened.error.kind === 'empty' ? 'absent' : 'unreadable',
          words(opened.error, directories),
        );
      await pause(againMs, signal);
    }
  };
  return { state: () => state, done: run() };
}

/**
 * Passes lines on, and tells of each that is about a failure before the others of that failure have come: an event is
 * complete two seconds after its last line, which is all the time that a diagnosis may take.
 */
async function* early(lines: AsyncIterable<SourceLine>, tell: (event: PullEvent) => void): AsyncGenerator<SourceLine> {
  for await (const line of lines) {
    for (const part of decodeLine(line)) if (part.image !== null && failures.has(part.event)) tell(eventOf(part));
    yield line;
  }
}

const failures: ReadonlySet<PullEvent['event']> = new Set(['pull-failed', 'back-off', 'sandbox-failed']);

function eventOf(line: PullLine): PullEvent {
  const { unit, source, event, image, pod, namespace, container, explanation, message } = line;
  return {
    at: timeText(line.timeUs),
    cursor: null,
    unit,
    source,
    event,
    image,
    pod,
    namespace,
    container,
    cause: explanation?.cause ?? null,
    confidence: explanation?.confidence ?? null,
    underlying: explanation?.underlying ?? null,
    message,
  };
}

function noteOf(journal: Journal): string {
  const how = journal.source === 'files' ? 'its files are read' : `journalctl reads it (${journal.note ?? ''})`;
  const left = journal.problems().length;
  return `The journal is followed: ${how}${left === 0 ? '' : `; ${left} files that cannot be read are left out`}.`;
}

function words(state: JournalState, directories: readonly string[]): string {
  const where = directories.length === 0 ? 'var/log/journal and run/log/journal' : directories.join(' and ');
  switch (state.kind) {
    case 'absent':
      return `There is no journal in ${where}: mount the node's folders read-only, or set journal.directories.`;
    case 'empty':
      return `There is no journal file in ${where}: is systemd-journald running?`;
    case 'denied':
      return `${state.path} may not be read: run the agent as root, or with the group systemd-journal.`;
    case 'wrong-machine':
      return `In ${where} are journals of other machines only; this one is ${state.expected} by its etc/machine-id.`;
    case 'unsupported':
      return `${state.path} uses ${state.features.join(', ')}, and there is no journalctl here that could read it.`;
    case 'damaged':
      return `No journal file in ${where} can be read: journalctl --verify says more.`;
  }
}
