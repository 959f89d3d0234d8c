import type { Env } from '../lib/env.ts';
import type { Store, StoreFailure } from './parts.ts';

/** How the store was found last: readiness and metrics are asked by many, and none of them asks the store. */
export interface StoreWatch {
  /** Looks when it is due. */
  readonly tick: () => void;
  /** Null: it answers. */
  readonly trouble: () => StoreFailure | null;
  /** Null: not known. */
  readonly size: () => { readonly bytes: number; readonly rows: Readonly<Record<string, number>> } | null;
  readonly idle: () => Promise<void>;
}

/** Between two questions whether it answers, and between two counts of what is in it. */
const pingMs = 5000;
const sizeMs = 60_000;

/** Begins with a first question. */
export function watchStore(store: Pick<Store, 'events' | 'size'>, env: Env): StoreWatch {
  let pingAt = env.monotonic();
  let sizeAt = env.monotonic();
  let trouble: StoreFailure | null = null;
  let size: ReturnType<StoreWatch['size']> = null;
  let running: Promise<void> | null = null;

  const look = async (): Promise<void> => {
    const answer = await store.events(null, 1);
    trouble = answer.ok ? null : answer.error;
    pingAt = env.monotonic() + pingMs;
    if (trouble !== null) {
      size = null;
      sizeAt = pingAt;
    } else if (env.monotonic() >= sizeAt) {
      const counted = await store.size();
      size = counted.ok ? counted.value : null;
      sizeAt = env.monotonic() + sizeMs;
    }
  };
  return {
    tick() {
      if (running !== null || env.monotonic() < pingAt) return;
      running = look().finally(() => {
        running = null;
      });
    },
    trouble: () => trouble,
    size: () => size,
    async idle() {
      await running;
    },
  };
}
