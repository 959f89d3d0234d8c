import type { RunEvent } from '../engine/run.ts';
import type { Env } from '../lib/env.ts';
import { visible } from './render/words.ts';

/** A stream that may be a terminal to write progress on. */
export interface ProgressStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** A line on a terminal that is written over while something runs. */
export interface StatusLine {
  /** Shows these words, with the seconds since the start once there are some. */
  readonly show: (words: string) => void;
  /** Takes the line away. Nothing is left behind, and nothing keeps the process alive. */
  readonly end: () => void;
}

const nothing = (): void => undefined;

/** A status line; it does nothing where `stream` is no terminal, or one that cannot go back in a line (TERM=dumb). */
export function statusLine(stream: ProgressStream, env: Env, term: string | undefined): StatusLine {
  if (stream.isTTY !== true || term === 'dumb') return { show: nothing, end: nothing };
  const begun = env.monotonic();
  let words = '';
  const draw = (): void => {
    const seconds = Math.floor((env.monotonic() - begun) / 1000);
    const line = visible(words) + (seconds < 1 || words === '' ? '' : ` (${seconds} s)`);
    stream.write(`\r\u001b[K${line.slice(0, Math.max(20, (stream.columns ?? 80) - 1))}`);
  };
  const timer = setInterval(draw, 1000);
  timer.unref();
  return {
    show: (next) => {
      words = next;
      draw();
    },
    end: () => {
      clearInterval(timer);
      stream.write('\r\u001b[K');
    },
  };
}

/** Shows which probes run, on a status line. */
export function progress(line: StatusLine): { onEvent: (event: RunEvent) => void; end: () => void } {
  const running = new Map<string, string>();
  let done = 0;
  return {
    onEvent: (event) => {
      if (event.kind === 'started') running.set(event.id, `${event.title} (${event.target})`);
      else {
        running.delete(event.probe.id);
        done++;
      }
      const last = [...running.values()].at(-1);
      const others = running.size > 1 ? ` and ${running.size - 1} more` : '';
      line.show(last === undefined ? '' : `${done} done, looking at: ${last}${others}`);
    },
    end: line.end,
  };
}
