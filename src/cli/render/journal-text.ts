import type { PullEvent, PullEventKind } from '../../signals/pull-event.ts';
import type { Style } from './style.ts';
import { visible, wrap } from './words.ts';

/** Characters of an error that a person is shown; `-o ndjson` has more. */
const shownMessage = 600;

/** Containers whose last event is remembered, so that a row of the same is shown once. */
const remembered = 4096;

const failing: ReadonlySet<PullEventKind> = new Set<PullEventKind>(['pull-failed', 'sandbox-failed']);

/** Renders events one by one; null where the same was shown already: the kubelet says every few seconds that it waits. */
export function journalRenderer(style: Style): (event: PullEvent) => string | null {
  const last = new Map<string, string>();
  return (event) => {
    const about = `${event.namespace}/${event.pod}/${event.container}/${event.pod === null ? event.image : ''}`;
    const what = `${event.event} ${event.image} ${event.cause} ${event.event === 'other' ? event.message : ''}`;
    const repeats = event.event === 'back-off' || (event.event === 'other' && event.cause !== null);
    const key = event.event === 'other' ? `${about} other` : about;
    if (repeats && last.get(key) === what) return null;
    last.delete(key);
    last.set(key, what);
    const oldest = last.keys().next();
    if (last.size > remembered && !oldest.done) last.delete(oldest.value);
    return renderEvent(event, style);
  };
}

function renderEvent(event: PullEvent, style: Style): string {
  const { symbols } = style;
  const bad = failing.has(event.event);
  const [mark, paint] = bad
    ? [symbols.bad, style.bad]
    : event.event === 'mirror-tried' || event.event === 'back-off'
      ? [symbols.warn, style.warn]
      : event.event === 'pull-succeeded'
        ? [symbols.good, style.good]
        : [' ', style.dim];
  const time = event.at.replace(/^(\S+)T(\d\d:\d\d:\d\d).*$/, '$1 $2Z');
  const cause = event.underlying === null ? event.cause : `${event.cause} (${event.underlying})`;
  const parts = [
    event.image === null ? null : visible(event.image),
    podWords(event),
    event.cause === null ? null : style.bold(cause ?? ''),
  ].filter((part) => part !== null && part !== '');
  const head = `${style.dim(time)}  ${paint(`${mark} ${event.event.padEnd(14)}`)}  ${parts.join('  ')}`;
  const says = bad || event.event === 'mirror-tried' || event.event === 'other';
  if (!says) return head;
  const message = event.message.length > shownMessage ? `${event.message.slice(0, shownMessage)}…` : event.message;
  return [head, ...wrap(message, style.width, '    ')].join('\n');
}

function podWords({ namespace, pod, container }: PullEvent): string | null {
  if (pod === null) return null;
  const name = namespace === null ? pod : `${namespace}/${pod}`;
  return visible(container === null ? name : `${name} (${container})`);
}
