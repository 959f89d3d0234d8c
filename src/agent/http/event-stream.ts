import { setTimeout as sleep } from 'node:timers/promises';
import type { InvestigationOrder, Investigator } from '../parts.ts';

/** A comment now and then keeps proxies from closing a stream that is silent while packets are lost. */
const heartbeatMs = 5000;

/** An investigation as server-sent events (HTML standard, section 9.2): each probe as it ends, then the document. */
export async function* eventStream(
  investigator: Investigator,
  order: InvestigationOrder,
  leave: () => void,
): AsyncGenerator<string> {
  const waiting: string[] = [];
  let wake = Promise.withResolvers<void>();
  const say = (event: string, data: unknown): void => {
    waiting.push(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
    wake.resolve();
  };
  let done = false;
  try {
    const result = investigator
      .investigate({ ...order, onEvent: (event) => void (event.kind === 'ended' && say('probe', event.probe)) })
      .then((outcome) => {
        if (outcome.ok) say('investigation', outcome.value);
        else
          say('problem', {
            type: 'about:blank',
            title: outcome.error.reason,
            status: 429,
            detail: outcome.error.message,
          });
        done = true;
        wake.resolve();
      });
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
  } finally {
    leave();
  }
}
