import { eventStream } from '../../serve/event-stream.ts';
import { problemDocument } from '../../serve/route.ts';
import type { InvestigationOrder, Investigator } from '../parts.ts';
import { declinedReply } from './declined.ts';

/**
 * An investigation as server-sent events: each probe as it ends, then the document. What waits for a slow reader is bounded
 * by the probes of one investigation (limits.investigationProbes).
 */
export function investigationStream(
  investigator: Investigator,
  order: InvestigationOrder & { readonly signal: AbortSignal },
): AsyncGenerator<string> {
  return eventStream(async (say) => {
    const outcome = await investigator.investigate({
      ...order,
      onEvent: (event) => void (event.kind === 'ended' && say('probe', event.probe)),
    });
    if (outcome.ok) say('investigation', outcome.value);
    else say('problem', problemDocument(declinedReply(outcome.error)));
  }, order.signal);
}
