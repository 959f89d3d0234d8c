import { boundedLines } from '../lib/bounded-lines.ts';
import { limits } from '../lib/limits.ts';
import type { SourceLine } from './pull-line.ts';

const dated = /\b(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d(?:[.,]\d{1,9})?)(Z| ?[+-]\d\d:?\d\d)?/;
const klog = /\b[IWEF](\d\d)(\d\d) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?/;

/**
 * The lines of a log file (klog, logrus, Talos' JSON, a container's log), for nodes without a journal. A line without a
 * time has the one of the line before, the first one `nowUs`.
 */
export async function* fileLines(
  stream: AsyncIterable<Uint8Array | string>,
  name: string,
  nowUs: number,
): AsyncGenerator<SourceLine, void, void> {
  let timeUs = nowUs;
  for await (const message of boundedLines(stream, limits.explainedChars)) {
    if (message === '') continue;
    timeUs = lineTimeUs(message, nowUs) ?? timeUs;
    yield { unit: name, message, timeUs, cursor: null };
  }
}

/** When a line says that it was written, microseconds since 1970; null when it does not say. */
export function lineTimeUs(line: string, nowUs: number): number | null {
  const start = line.slice(0, 300);
  const full = dated.exec(start);
  const short = klog.exec(start);
  if (full !== null && (short === null || full.index < short.index)) {
    const [, day = '', clock = '', zone = ''] = full;
    const [seconds = '', fraction = ''] = clock.split(/[.,]/);
    const ms = Date.parse(`${day}T${seconds}${zone.trim().replace(/^([+-]\d\d)(\d\d)$/, '$1:$2')}`);
    return Number.isNaN(ms) ? null : ms * 1000 + micros(fraction);
  }
  if (short === null) return null;
  const [, month, day, hour, minute, second, fraction = ''] = short;
  // klog writes local time and no year: the last one in which the line is not of the future.
  const at = (year: number): number =>
    new Date(year, Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second)).getTime() * 1000;
  const year = new Date(nowUs / 1000).getFullYear();
  const thisYear = at(year);
  return (thisYear > nowUs + 86_400_000_000 ? at(year - 1) : thisYear) + micros(fraction);
}

function micros(fraction: string): number {
  return Number(fraction.slice(0, 6).padEnd(6, '0'));
}
