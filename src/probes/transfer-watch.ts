import { silentBytesPerSecond } from '../evidence/transfers.ts';
import type { Env } from '../lib/env.ts';
import type { Result } from '../lib/result.ts';
import type { PullProgress, TransferFacts } from '../model/facts.ts';
import type { ContentStoreLook, StoredTransfer } from '../node/content-store.ts';

/** Between two looks while a pull goes on. */
const everyMs = 1000;

/** What `watchTransfers` gives. */
export interface TransferWatch {
  /** Ends the watching; what was seen until now. */
  readonly end: () => Promise<Omit<PullProgress, 'ended'>>;
}

/** An entry as a document shows it; `before`: its bytes at the first look. */
export function transferFacts(
  { namespace, ref, digest, bytes, totalBytes, startedAtMs, changedAtMs, open }: StoredTransfer,
  before: number,
): TransferFacts {
  return {
    namespace,
    ref,
    digest,
    bytes,
    totalBytes,
    startedAt: startedAtMs === null ? null : new Date(startedAtMs).toISOString(),
    changedAt: new Date(changedAtMs).toISOString(),
    grownBytes: bytes - before,
    open,
  };
}

/**
 * Watches a content store while a pull goes on, for a runtime that ends a pull takes away what it had of it. Memory is
 * bounded by what is in flight at a time.
 */
export function watchTransfers(
  look: () => Promise<Result<ContentStoreLook, unknown>>,
  env: Pick<Env, 'monotonic'>,
): TransferWatch {
  const begun = env.monotonic();
  let watchedMs = 0;
  let flying: readonly StoredTransfer[] = [];
  let last: ContentStoreLook | null = null;
  let lastAt = begun;
  let lastByteAt = begun;
  let exact = true;
  let moved = 0;
  const before = new Map<string, number>();
  let ended = false;
  let wake = (): void => undefined;

  const take = (now: ContentStoreLook): void => {
    const at = env.monotonic();
    const known = new Map((last?.transfers ?? []).map((one) => [one.id, one]));
    const there = new Set(now.transfers.map(({ id }) => id));
    let came = 0;
    for (const one of now.transfers) {
      const old = known.get(one.id);
      // What lay there at the first look came before.
      if (last === null) before.set(one.id, one.bytes);
      else if (old === undefined) came += one.bytes;
      else came += Math.max(0, one.bytes - old.bytes);
    }
    // What has gone is complete: the rest of it came, too.
    for (const [id, { open, totalBytes, bytes }] of known) {
      if (there.has(id)) continue;
      if (open !== false) came += Math.max(1, (totalBytes ?? bytes) - bytes);
      before.delete(id);
    }
    moved += came;
    const read =
      now.readBytes !== null && last !== null && last.readBytes !== null ? now.readBytes - last.readBytes : null;
    if (read === null && last !== null) exact = false;
    const heard = read !== null && read > (silentBytesPerSecond * (at - lastAt)) / 1000;
    if (came > 0 || heard || last === null) lastByteAt = at;
    flying = now.transfers.filter(({ open }) => open !== false);
    last = now;
    lastAt = at;
    watchedMs = at - begun;
  };

  const loop = async (): Promise<void> => {
    while (!ended) {
      const now = await look();
      // A look that was under way when the pull ended may show what the runtime has taken away since.
      if (ended) return;
      if (now.ok) take(now.value);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, everyMs);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  };
  const running = loop();

  return {
    async end() {
      ended = true;
      wake();
      const endedAt = env.monotonic();
      await running;
      return {
        watchedMs: last === null ? 0 : Math.round(Math.max(watchedMs, 1)),
        transfers: flying.map((one) => transferFacts(one, before.get(one.id) ?? 0)),
        movedBytes: moved,
        quietMs: last === null ? null : Math.round(endedAt - lastByteAt),
        exact,
      };
    },
  };
}
