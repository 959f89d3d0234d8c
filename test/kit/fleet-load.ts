import { fork } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { AgentManner } from '../../src/demo/simulated-agent.ts';
import type { FleetCounts } from '../../src/demo/simulated-fleet.ts';
import type { Fault } from '../../src/demo/world.ts';

/** What the process of simulated nodes is told. */
export type LoadOrder =
  | ({ readonly order: 'start' } & LoadOptions)
  | { readonly order: 'become'; readonly faults: readonly Fault[] }
  | { readonly order: 'counts' | 'rest' }
  | { readonly order: 'stop' };

/** How they are started. */
export interface LoadOptions {
  readonly url: string;
  readonly nodes: number;
  readonly manner: Partial<AgentManner>;
  /** In which the first reports come. */
  readonly rampMs: number;
  readonly concurrency: number;
}

/** What it says to each. */
export interface LoadAnswer extends FleetCounts {
  readonly settled: boolean;
  readonly trouble: string | null;
}

/** Simulated nodes in a process of their own: their work does not stand in the way of who measures. */
export interface FleetLoad {
  readonly pid: number;
  readonly become: (faults: readonly Fault[]) => Promise<void>;
  readonly counts: () => Promise<LoadAnswer>;
  /** Begins nothing more; what there is to count when all that was under way has ended. */
  readonly rest: () => Promise<LoadAnswer>;
  /** Waits until everything that was to be sent is taken; false: it was not in this time. */
  readonly settled: (ms: number) => Promise<boolean>;
  readonly stop: () => Promise<void>;
}

/** Starts it. */
export async function startFleetLoad(options: LoadOptions): Promise<FleetLoad> {
  const child = fork(fileURLToPath(new URL('fleet-load-process.ts', import.meta.url)), {
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  void ended.then(() => process.off('exit', kill));
  const tell = (order: LoadOrder): Promise<LoadAnswer> =>
    new Promise((resolve, reject) => {
      const lost = (): void => reject(new Error('the simulated nodes ended'));
      child.once('exit', lost);
      child.once('message', (answer: LoadAnswer) => {
        child.off('exit', lost);
        resolve(answer);
      });
      child.send(order);
    });
  await tell({ order: 'start', ...options });
  return {
    pid: child.pid ?? 0,
    async become(faults) {
      await tell({ order: 'become', faults });
    },
    counts: () => tell({ order: 'counts' }),
    rest: () => tell({ order: 'rest' }),
    async settled(ms) {
      for (const limit = performance.now() + ms; performance.now() < limit; await sleep(200)) {
        const { settled, sent, taken } = await tell({ order: 'counts' });
        if (settled && sent === taken) return true;
      }
      return false;
    },
    async stop() {
      if (child.connected) child.send({ order: 'stop' } satisfies LoadOrder);
      const late = setTimeout(kill, 10_000);
      await ended;
      clearTimeout(late);
    },
  };
}
