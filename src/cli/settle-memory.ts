/** How long what nobody uses any more may lie about, milliseconds. */
const everyMs = 60_000;

/**
 * Has V8 collect once a minute, until the signal. By itself it does when its heap has grown by some MiB: in an idle agent up to
 * four minutes apart, and what lay about by then took it to 80 MiB. A collection takes 20 to 40 ms (both measured).
 * Without `collect`, which is there where the process was begun with `--expose-gc` (bin/pullwhy.js), nothing is done.
 */
export function settleMemory(collect: (() => unknown) | undefined, signal: AbortSignal, afterMs = everyMs): void {
  if (collect === undefined || signal.aborted) return;
  const timer = setInterval(() => void collect(), afterMs);
  timer.unref();
  signal.addEventListener('abort', () => clearInterval(timer), { once: true });
}
