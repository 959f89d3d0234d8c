import type { Row } from './row.ts';
import type { EndpointStory } from './story.ts';
import type { Style } from './style.ts';
import { duration, wrap } from './words.ts';

/** Columns of a bar. */
const barWidth = 10;
/** Columns of a step's name (`manifest`, `registry`) and of a time. */
const stepWidth = 8;
const timeWidth = 6;

/** When a row's measurements ran: milliseconds since the start. */
function spanOf({ probes }: Row): { from: number; to: number } | null {
  const made = probes.filter(({ status }) => status !== 'skipped');
  if (made.length === 0) return null;
  return {
    from: Math.min(...made.map(({ startedMs }) => startedMs)),
    to: Math.max(...made.map(({ startedMs, durationMs }) => startedMs + durationMs)),
  };
}

/** How long a row's measurements took, first start to last end; null when none was made. */
export function tookMs(row: Row): number | null {
  const span = spanOf(row);
  return span === null ? null : span.to - span.from;
}

/** The end of the last measurement on any way: what the whole length of a bar stands for; 0 without any. */
export function axisMs(stories: readonly EndpointStory[]): number {
  const rows = stories.flatMap(({ parties }) => parties.flatMap((party) => [...party.rows]));
  return Math.max(0, ...rows.map((row) => spanOf(row)?.to ?? 0));
}

/** A row's place on the time axis. */
export function bar(row: Row, axis: number, { symbols }: Style): string {
  const span = spanOf(row);
  if (span === null || axis <= 0) return ' '.repeat(barWidth);
  const from = Math.min(barWidth - 1, Math.floor((span.from / axis) * barWidth));
  const to = Math.min(barWidth, Math.max(from + 1, Math.round((span.to / axis) * barWidth)));
  const short = span.to - span.from < axis / barWidth / 2;
  const drawn = short ? symbols.tick : symbols.bar.repeat(to - from);
  return (' '.repeat(from) + drawn).padEnd(barWidth);
}

/** The lines of one row: mark, step, time, bar, and what is to be said of it. */
export function rowLines(row: Row, axis: number, style: Style): string[] {
  const { mark, paint } = marked(row, style);
  if (row.state === 'not-reached') return wrap(row.words, style.width, '    ').map(paint);
  const took = tookMs(row);
  const step = row.step === 'instead' ? '' : row.step;
  const head = `  ${mark} ${step.padEnd(stepWidth)} `;
  const time = `${took === null ? '' : duration(took)}`.padStart(timeWidth);
  const [first = '', ...rest] = wrap(row.words, style.width, ' '.repeat(head.length + timeWidth + barWidth + 4));
  const words = first.trimStart();
  if (took === null) return [`${paint(head)}${time}  ${' '.repeat(barWidth)}  ${words}`, ...rest];
  return [`${paint(head)}${style.dim(time)}  ${paint(bar(row, axis, style))}  ${words}`, ...rest];
}

function marked({ state }: Row, { symbols, bad, warn, dim }: Style): { mark: string; paint: (text: string) => string } {
  if (state === 'failed') return { mark: symbols.bad, paint: bad };
  if (state === 'partly') return { mark: symbols.warn, paint: warn };
  if (state === 'not-checked') return { mark: symbols.unknown, paint: warn };
  if (state === 'ok') return { mark: ' ', paint: (text) => text };
  return { mark: ' ', paint: dim };
}
