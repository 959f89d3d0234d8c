import { setTimeout as sleep } from 'node:timers/promises';

/** A comment now and then keeps proxies from closing a stream that is silent for long. */
const heartbeatMs = 5000;

/** One event as it goes over the wire (HTML standard, section 9.2); `id`: where a reader that comes back goes on. */
export function eventFrame(event: string, data: unknown, id?: string): string {
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** Says one event. */
export type Say = (event: string, data: unknown, id?: string) => void;

/**
 * What `run` says until it ends, as server-sent events, with a comment now and then while it says nothing. What is said
 * waits for a slow reader: `run` bounds how much it says. It ends with `signal` too, whatever `run` still does.
 */
export async function* eventStream(run: (say: Say) => Promise<void>, signal: AbortSignal): AsyncGenerator<string> {
  const waiting: string[] = [];
  let wake = Promise.withResolvers<void>();
  const say: Say = (event, data, id) => {
    waiting.push(eventFrame(event, data, id));
    wake.resolve();
  };
  let done = false;
  const end = (): void => {
    done = true;
    wake.resolve();
  };
  if (signal.aborted) end();
  else signal.addEventListener('abort', end, { once: true });
  const result = run(say).finally(end);
  // Awaited below where the stream is read to its end; a reader that went away must not make its failure an unheard one.
  result.catch(() => undefined);
  try {
    for (;;) {
      const next = waiting.shift();
      if (next !== undefined) {
        yield next;
        continue;
      }
      if (done) break;
      wake = Promise.withResolvers<void>();
      const stop = new AbortController();
      const beat = sleep(heartbeatMs, true, { signal: stop.signal }).catch(() => false);
      const silent = await Promise.race([beat, wake.promise]);
      stop.abort();
      if (silent === true) yield ': still at work\n\n';
    }
    await result;
    yield* waiting;
  } finally {
    signal.removeEventListener('abort', end);
  }
}
