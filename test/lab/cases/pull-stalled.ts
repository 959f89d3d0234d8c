import type { LabCase } from '../case.ts';
import { beside, fetched, forgotten, mib, pulling, silence, slowly } from './transfers.ts';

export const cases: readonly LabCase[] = [
  {
    name: 'a pull is under way, and a firewall has forgotten its connection',
    beside: true,
    verdict: 'faulty',
    cause: 'pull-stalled',
    confidence: 'proven',
    names: 'faulty.lab',
    alsoNames: [/layer sha256:[0-9a-f]{12} stands at [12]\.0 of 6\.0 MiB for 1\d s; before, .* came/],
    nearMissOf: ['pull-timeout', 'blob-unreachable'],
    pull: 'not-tried',
    async prepare(lab) {
      const image = await slowly(lab, 'stall/forgotten', 6 * mib, '1m');
      const runtime = await lab.runtime();
      await pulling(lab, runtime, image);
      await fetched(runtime, mib);
      await forgotten(lab);
      await silence();
      return { image };
    },
  },
  {
    name: 'the real pull beside the probes comes to a halt',
    beside: true,
    verdict: 'faulty',
    cause: 'pull-stalled',
    confidence: 'proven',
    names: 'faulty.lab',
    nearMissOf: ['pull-timeout'],
    pull: 'fails',
    runtimeSays: /no answer within/,
    async prepare(lab) {
      const image = await slowly(lab, 'stall/own', 6 * mib, '1m');
      const runtime = await lab.runtime();
      beside(lab, async () => {
        await fetched(runtime, mib);
        await forgotten(lab);
      });
      return { image, args: ['--pull-deadline', '18'] };
    },
  },
  {
    name: 'a pull is under way and so slow that nothing is written for many seconds',
    beside: true,
    verdict: 'healthy',
    cause: null,
    nearMissOf: ['pull-stalled', 'pull-timeout'],
    pull: 'not-tried',
    async prepare(lab) {
      const image = await slowly(lab, 'stall/slow', 6 * mib, '50k');
      const runtime = await lab.runtime();
      await pulling(lab, runtime, image);
      await fetched(runtime, 0);
      await silence();
      return { image };
    },
  },
  {
    name: 'a pull died with its containerd and has left half a layer behind',
    beside: true,
    verdict: 'healthy',
    cause: null,
    nearMissOf: ['pull-stalled'],
    pull: 'not-tried',
    async prepare(lab) {
      const image = await slowly(lab, 'stall/left', 6 * mib, '1m');
      const first = await lab.ownRuntime('died');
      await pulling(lab, first, image);
      await fetched(first, mib);
      process.kill(first.service.pid, 'SIGKILL');
      await first.service.stop();
      await silence();
      return { image, runtime: await lab.ownRuntime('lives', { root: first.root }) };
    },
  },
];
