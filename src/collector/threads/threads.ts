import type { Log } from '../../lib/log.ts';
import { fail, ok, type Result } from '../../lib/result.ts';
import type { Looker } from '../looker.ts';
import { startThread, type Thread } from './calls.ts';
import type { Reader, ReaderAbout } from './reader.ts';
import type { Writer } from './writer.ts';

/** Who works on the store. */
export interface Workers {
  /** Takes what agents report, and writes what is decided. */
  readonly writer: Writer;
  /** Answers questions. */
  readonly asked: Omit<Reader, keyof Looker>;
  /** Looks at the whole fleet. */
  readonly looker: Looker;
  /** Closes the store. */
  readonly stop: () => Promise<void>;
}

/** What a thread is begun with. */
export interface ThreadOptions extends ReaderAbout {
  /** The URL of the store. It may hold a password, and is handed on within this process only. */
  readonly store: string;
}

/** What a thread that reads is begun with. */
export interface ReadingOptions extends ThreadOptions {
  readonly for: 'questions' | 'looks';
}

/** A module that a thread begins with, as it is written and as it is built. */
const moduleOf = (name: 'writing' | 'reading'): URL =>
  new URL(`./${name}-thread.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url);

/**
 * Starts each in a thread of its own: this one is left to the sockets, and none of them holds up another. In a storm of reports
 * the writer and the looker are busy all the time, and whoever asks has an answer within milliseconds.
 */
export async function startWorkers(
  options: ThreadOptions,
  { log }: { readonly log: Log },
): Promise<Result<Workers, string>> {
  // First, for it makes the tables.
  const writing = await startThread<Writer>(moduleOf('writing'), { log, workerData: options });
  if (!writing.ok) return writing;
  const read = (work: ReadingOptions['for']): Promise<Result<Thread<Reader>, string>> =>
    startThread<Reader>(moduleOf('reading'), { log, workerData: { ...options, for: work } satisfies ReadingOptions });
  const reading = await Promise.all([read('questions'), read('looks')]);
  const stop = async (): Promise<void> => {
    await Promise.all(reading.map((one) => (one.ok ? one.value.stop() : undefined)));
    await writing.value.stop();
  };
  const [questions, looks] = reading;
  if (!questions.ok || !looks.ok) {
    await stop();
    return fail(reading.flatMap((one) => (one.ok ? [] : [one.error]))[0] ?? '');
  }
  const { call: write, hand } = writing.value;
  const { call: ask } = questions.value;
  const { call: look } = looks.value;
  return ok({
    writer: {
      take: (delivery) => {
        const { buffer } = delivery.bytes;
        return buffer instanceof ArrayBuffer ? hand(buffer, 'take', delivery) : write('take', delivery);
      },
      lease: (name, holder, now, ttlMs) => write('lease', name, holder, now, ttlMs),
      decide: (lease, decided) => write('decide', lease, decided),
      sent: (target) => write('sent', target),
      recordSent: (notice) => write('recordSent', notice),
      prune: (keep) => write('prune', keep),
    },
    asked: {
      node: (node) => ask('node', node),
      nodes: (query) => ask('nodes', query),
      registries: (query) => ask('registries', query),
      investigations: (query) => ask('investigations', query),
      investigation: (id) => ask('investigation', id),
      incidents: (query) => ask('incidents', query),
      incident: (id) => ask('incident', id),
      events: (after, limit) => ask('events', after, limit),
      size: () => ask('size'),
      report: (asked) => ask('report', asked),
    },
    looker: { look: (question) => look('look', question) },
    stop,
  });
}
