import { setTimeout as sleep } from 'node:timers/promises';
import type { InvestigationOrder, Investigator } from '../parts.ts';
import { declinedReply } from './declined.ts';
import { problemDocument } from './route.ts';

/** A comment now and then keeps proxies from closing a stream that is silent while packets are lost. */
const heartbeatMs = 5000;

/** An investigation as server-sent events (HTML standard, section 9.2): each probe as it ends, then the document. */
export async function* eventStream(
  investigator: Investigator,
  order: InvestigationOrder & { readonly signal: AbortSignal },
): AsyncGenerator<string> {
  // Bounded by the probes of one investigation (limits.investigationProbes), however slowly they are read.
  const waiting: string[] = [];
  let wake = Promise.withResolvers<void>();
  const say = (event: string, data: unknown): void => {
    waiting.push(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
    wake.resolve();
  };
  let done = false;
  const end = (): void => {
    done = true;
    wake.resolve();
  };
  order.signal.addEventListener('abort', end, { once: true });
  const result = investigator
    .investigate({ ...order, onEvent: (event) => void (event.kind === 'ended' && say('probe', event.probe)) })
    .then((outcome) => {
      if (outcome.ok) say('investigation', outcome.value);
      else say('problem', problemDocument(declinedReply(outcome.error)));
    })
    .finally(end);
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
    order.signal.removeEventListener('abort', end);
  }
}
