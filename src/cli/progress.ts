import type { RunEvent } from '../engine/run.ts';

/** A terminal to write progress on. */
export interface ProgressStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** Shows on a terminal what is being looked at, one line that is written over; nothing elsewhere. */
export function progress(stream: ProgressStream): { onEvent: (event: RunEvent) => void; end: () => void } {
  if (stream.isTTY !== true) return { onEvent: () => undefined, end: () => undefined };
  const running = new Map<string, string>();
  let done = 0;
  const show = (): void => {
    const last = [...running.values()].at(-1);
    const line =
      last === undefined
        ? ''
        : `${done} done, looking at: ${last}${running.size > 1 ? ` and ${running.size - 1} more` : ''}`;
    stream.write(`\r\u001b[K${line.slice(0, Math.max(20, (stream.columns ?? 80) - 1))}`);
  };
  return {
    onEvent: (event) => {
      if (event.kind === 'started') running.set(event.id, `${event.title} (${event.target})`);
      else {
        running.delete(event.probe.id);
        done++;
      }
      show();
    },
    end: () => {
      stream.write('\r\u001b[K');
    },
  };
}
