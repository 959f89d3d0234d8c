import { type MessagePort, Worker } from 'node:worker_threads';
import type { Log, LogFields, LogLevel } from '../../lib/log.ts';
import { fail, ok, type Result } from '../../lib/result.ts';

/** What one thread can be asked for, by name. What goes in and comes out is cloned on the way: plain data. */
export type Calls<C> = { readonly [K in keyof C]: (...args: never[]) => Promise<unknown> };

interface Call {
  readonly id: number;
  readonly name: string;
  readonly args: never[];
}

/** What a thread says: that it has begun, or cannot; what a call gave; a line for the log. */
type Said =
  | { readonly kind: 'begun'; readonly trouble: string | null }
  | { readonly kind: 'value'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'log'; readonly level: LogLevel; readonly message: string; readonly fields: LogFields };

/** The side that asks. */
export interface Thread<C extends Calls<C>> {
  readonly call: <K extends keyof C & string>(name: K, ...args: Parameters<C[K]>) => Promise<Awaited<ReturnType<C[K]>>>;
  /** Calls with memory that is the thread's from then on, in place of a copy. */
  readonly hand: <K extends keyof C & string>(
    memory: ArrayBuffer,
    name: K,
    ...args: Parameters<C[K]>
  ) => Promise<Awaited<ReturnType<C[K]>>>;
  /** Lets the thread close what it has opened, and ends it. Nothing may be asked any more. */
  readonly stop: () => Promise<void>;
}

/** Of a call that waits; a method, for only who asked knows what comes. */
interface Waiting {
  settle(value: unknown): void;
}

/**
 * MiB of a thread's nursery; by itself it grows to 48. What is in it when a collection comes is copied, and everybody waits:
 * with a small one for some milliseconds. In a storm it is also 150 MiB less of the process.
 */
const nurseryMb = 6;

/** The call that is the last one. */
const closing = 'close';

/**
 * Starts a thread on this module, which must `answerCalls`; done when it has begun. The failure is its own sentence. A defect
 * there ends the process, as one here does.
 */
export async function startThread<C extends Calls<C>>(
  module: URL,
  { log, workerData }: { readonly log: Log; readonly workerData: unknown },
): Promise<Result<Thread<C>, string>> {
  const worker = new Worker(module, { workerData, resourceLimits: { maxYoungGenerationSizeMb: nurseryMb } });
  const waiting = new Map<number, Waiting>();
  const begun = Promise.withResolvers<string | null>();
  const ended = Promise.withResolvers<void>();
  let last = 0;
  let stopping = false;
  worker.on('message', (said: Said) => {
    switch (said.kind) {
      case 'begun':
        return begun.resolve(said.trouble);
      case 'log':
        return log[said.level](said.message, said.fields);
      case 'value':
        waiting.get(said.id)?.settle(said.value);
        waiting.delete(said.id);
    }
  });
  let defect: unknown = null;
  worker.on('error', (error) => {
    defect = error;
  });
  worker.on('exit', (code) => {
    ended.resolve();
    if (!stopping) throw defect ?? new Error(`a thread of the collector ended by itself, with status ${code}`);
  });
  const ask = <T>(name: string, args: readonly unknown[], memory: ArrayBuffer[] = []): Promise<T> =>
    new Promise<T>((resolve) => {
      const id = ++last;
      waiting.set(id, { settle: resolve });
      worker.postMessage({ id, name, args }, memory);
    });
  const end = async (): Promise<void> => {
    stopping = true;
    await worker.terminate();
    await ended.promise;
  };
  const trouble = await begun.promise;
  if (trouble !== null) {
    await end();
    return fail(trouble);
  }
  return ok({
    call: (name, ...args) => ask(name, args),
    hand: (memory, name, ...args) => ask(name, args, [memory]),
    async stop() {
      stopping = true;
      await ask(closing, []);
      await end();
    },
  });
}

/** Answers calls in a thread, until the one to close. */
export function answerCalls<C extends Calls<C>>(port: MessagePort, calls: C, close: () => Promise<void>): void {
  const named = new Map<string, (...args: never[]) => Promise<unknown>>(Object.entries(calls));
  named.set(closing, close);
  const say = (said: Said): void => port.postMessage(said);
  port.on('message', async ({ id, name, args }: Call) => {
    const call = named.get(name);
    if (call === undefined) throw new Error(`a thread is asked for ${name}, which it does not know`);
    say({ kind: 'value', id, value: await call(...args) });
  });
  say({ kind: 'begun', trouble: null });
}

/** Says in a thread that it cannot begin. */
export function cannotBegin(port: MessagePort, trouble: string): void {
  const said: Said = { kind: 'begun', trouble };
  port.postMessage(said);
}

/** The log of the process, for a thread. */
export function logThrough(port: MessagePort): Log {
  const at =
    (level: LogLevel) =>
    (message: string, fields: LogFields = {}): void => {
      const said: Said = { kind: 'log', level, message, fields };
      port.postMessage(said);
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}
