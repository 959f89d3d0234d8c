import type { LabCase } from '../case.ts';
import type { Runtime } from '../containerd.ts';
import type { Lab } from '../lab.ts';
import { beside, fetched, mib, slowly } from './transfers.ts';

/** Ends a containerd in the middle of its pull, and starts it again where `again` says so. */
function ended(lab: Lab, runtime: Runtime, state: string, again: boolean): void {
  beside(lab, async () => {
    await fetched(runtime, mib);
    await runtime.service.stop();
    if (again) await lab.ownRuntime('again', { root: runtime.root, state, untouched: true });
  });
}

export const cases: readonly LabCase[] = [
  {
    name: 'containerd is restarted in the middle of the pull',
    beside: true,
    verdict: 'faulty',
    cause: 'pull-canceled',
    confidence: 'proven',
    nearMissOf: ['runtime-unreachable', 'pull-stalled', 'pull-timeout'],
    pull: 'fails',
    runtimeSays: /the runtime ended in the middle of the pull, and serves again/,
    async prepare(lab) {
      const image = await slowly(lab, 'canceled/restart', 12 * mib, '1m');
      const state = `${lab.folder}/canceled-run`;
      const runtime = await lab.ownRuntime('canceled', { state });
      ended(lab, runtime, state, true);
      return { image, runtime, args: ['--pull-deadline', '40'] };
    },
  },
  {
    name: 'containerd ends in the middle of the pull and does not come back',
    beside: true,
    verdict: 'faulty',
    cause: 'runtime-unreachable',
    nearMissOf: ['pull-canceled'],
    pull: 'fails',
    runtimeSays: /does not serve since/,
    async prepare(lab) {
      const image = await slowly(lab, 'canceled/gone', 12 * mib, '1m');
      const state = `${lab.folder}/gone-run`;
      const runtime = await lab.ownRuntime('gone', { state });
      ended(lab, runtime, state, false);
      return { image, runtime, args: ['--pull-deadline', '40'] };
    },
  },
];
