import type { Env } from '../lib/env.ts';
import { limits } from '../lib/limits.ts';
import { safeLine } from '../lib/redact.ts';
import { explainMessage } from '../messages/explain.ts';
import { podOf, readLogRecord } from '../messages/log-record.ts';
import { type ImageMatch, matchImage } from './image-match.ts';
import type { PullEvent } from './pull-event.ts';
import { PullGrouper, quietUs } from './pull-grouper.ts';
import { decodeLine, type PullLine, type SourceLine } from './pull-line.ts';
import { sourceOfUnit } from './units.ts';

/** How lines are read. */
export interface PullEventOptions {
  /** Only what is about this image, and then every line that names it. */
  readonly image?: string | null;
  /** Lines come as they are written: what is complete is given out when nothing more comes for a moment. */
  readonly live?: boolean;
  readonly env: Env;
}

/** The events of pulls in lines that come in order, each when it is complete. Memory is bounded, however many come. */
export async function* pullEvents(
  lines: AsyncIterable<SourceLine>,
  { image = null, live = false, env }: PullEventOptions,
): AsyncGenerator<PullEvent, void, void> {
  const wanted = image === null ? null : { image, ...matchImage(image) };
  const counts = ({ event, image: about }: PullEvent) =>
    wanted === null || event === 'other' || (about !== null && wanted.is(about));
  const grouper = new PullGrouper();
  const iterator = lines[Symbol.asyncIterator]();
  let next = iterator.next();
  let lastUs = 0;
  let lastAt = env.monotonic();
  try {
    for (;;) {
      const result = live && grouper.waiting ? await orQuiet(next) : await next;
      if (result === null) {
        const nowUs = lastUs + Math.round((env.monotonic() - lastAt) * 1000);
        yield* grouper.advance(nowUs).filter(counts);
        continue;
      }
      if (result.done === true) break;
      const line = result.value;
      next = iterator.next();
      lastUs = line.timeUs;
      lastAt = env.monotonic();
      const parts = decodeLine(line).filter(({ event }) => event !== 'other' || wanted === null);
      if (parts.length === 0) {
        const other = wanted === null ? null : namedIn(line, wanted);
        if (other !== null) yield* grouper.push(other).filter(counts);
        else if (grouper.waiting) yield* grouper.advance(line.timeUs).filter(counts);
      }
      for (const part of parts) yield* grouper.push(part).filter(counts);
    }
    yield* grouper.flush().filter(counts);
  } finally {
    // Whoever follows ends the reading by its signal; to wait for a read that is under way could take for ever.
    next.catch(() => undefined);
    const ended = Promise.resolve(iterator.return?.()).catch(() => undefined);
    if (!live) await ended;
  }
}

/** The next line; null when none comes for as long as lines of one attempt are apart. */
async function orQuiet<T>(next: Promise<T>): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined;
  const quiet = new Promise<null>((resolve) => {
    timer = setTimeout(resolve, quietUs / 1000 + 50, null);
  });
  try {
    return await Promise.race([next, quiet]);
  } finally {
    clearTimeout(timer);
  }
}

/** Lines of a pull that say nothing which its event does not say. */
const ofPulls = /stop pulling image |^Image(?:Create|Update|Delete) event |^PullImage /;

/** Any other line that names the image that was asked for. */
function namedIn(line: SourceLine, wanted: ImageMatch & { readonly image: string }): PullLine | null {
  if (!wanted.named(line.message)) return null;
  const record = readLogRecord(line.message);
  if (ofPulls.test(record.message)) return null;
  const source = record.form === 'klog' ? 'kubelet' : 'other';
  const error = record.fields.get('err') ?? record.fields.get('error') ?? '';
  return {
    unit: line.unit,
    timeUs: line.timeUs,
    cursor: line.cursor,
    event: 'other',
    role: 'event',
    source: sourceOfUnit(line.unit) ?? source,
    image: wanted.image,
    ...podOf(record),
    explanation: explainMessage(line.message),
    host: null,
    call: null,
    message: safeLine(error === '' ? record.message : `${record.message}: ${error}`, limits.messageChars),
  };
}
