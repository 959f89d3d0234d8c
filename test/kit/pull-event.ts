import type { PullEvent } from '../../src/signals/pull-event.ts';

/** The kubelet says that a pull of shop/web-0 failed; `more` in place of its own members. */
export function pullEvent(more: Partial<PullEvent> = {}): PullEvent {
  return {
    at: '2026-11-22T10:00:00.000Z',
    cursor: null,
    unit: 'kubelet.service',
    source: 'kubelet',
    event: 'pull-failed',
    image: 'registry.lab/app:1',
    pod: 'web-0',
    namespace: 'shop',
    container: 'app',
    cause: 'tcp-refused',
    confidence: 'likely',
    underlying: null,
    message: 'connection refused',
    ...more,
  };
}
