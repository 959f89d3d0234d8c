import type { LabCase } from '../case.ts';
import { attemptFailed, backsOff, captured, otherBegins, otherEnds, podsAdded, servesNow } from './kubelet-lines.ts';
import { fetched, forgotten, mib, pulling, silence, slowly } from './transfers.ts';

/** What that node's journal held two and a half minutes after a pull began that stood still. */
const stuck = [podsAdded(151), ...attemptFailed(150), otherBegins(149.7), backsOff(149.4)];
const runtimes = 'one';
const runtimesWhy =
  "the kubelet's and the runtime's words are read, captured from containerd 2.1.9; the runtime is not asked to pull";

export const cases: readonly LabCase[] = [
  {
    name: 'a pod was to be tried again two minutes ago, and another image is being pulled since',
    verdict: 'faulty',
    cause: 'pull-queued',
    confidence: 'likely',
    alsoNames: [captured.blocking, 'shop/bad-tag-lab-node-4', 'serializeImagePulls is true'],
    nearMissOf: ['back-off-only', 'tag-not-found'],
    pull: 'not-tried',
    runtimes,
    runtimesWhy,
    async prepare(lab) {
      await servesNow(lab);
      await lab.journal(stuck);
      return { image: captured.image };
    },
  },
  {
    name: 'the same journal on a kubelet that pulls as many images at a time as it wants',
    verdict: 'healthy',
    cause: null,
    nearMissOf: ['pull-queued'],
    pull: 'not-tried',
    runtimes,
    runtimesWhy,
    async prepare(lab) {
      await servesNow(lab);
      await lab.nodeFile(
        'systemd/system/kubelet.service.d/10-pulls.conf',
        '[Service]\nEnvironment="KUBELET_EXTRA_ARGS=--serialize-image-pulls=false"\n',
      );
      await lab.journal(stuck);
      return { image: captured.image };
    },
  },
  {
    name: 'the pull in front has ended',
    verdict: 'healthy',
    cause: null,
    nearMissOf: ['pull-queued'],
    pull: 'not-tried',
    runtimes,
    runtimesWhy,
    async prepare(lab) {
      await servesNow(lab);
      await lab.journal([...stuck, otherEnds(3)]);
      return { image: captured.image };
    },
  },
  {
    name: 'another image is being pulled and stands still, and the kubelet says nothing of who waits',
    verdict: 'faulty',
    cause: 'pull-queued',
    underlying: 'pull-stalled',
    alsoNames: [/moves no bytes \(layer sha256:[0-9a-f]{12} stands at/],
    nearMissOf: ['pull-stalled'],
    pull: 'not-tried',
    async prepare(lab) {
      const other = await slowly(lab, 'queue/first', 6 * mib, '1m');
      const runtime = await lab.runtime();
      await pulling(lab, runtime, other);
      await fetched(runtime, mib);
      await forgotten(lab);
      await silence();
      await lab.journal([podsAdded(30)]);
      await lab.push('queue/second', '1.0');
      return { image: 'registry.lab/queue/second:1.0' };
    },
  },
  {
    name: 'another image is being pulled and moves',
    verdict: 'healthy',
    cause: null,
    nearMissOf: ['pull-queued'],
    pull: 'not-tried',
    async prepare(lab) {
      const other = await slowly(lab, 'queue/moves', 12 * mib, '400k');
      const runtime = await lab.runtime();
      await pulling(lab, runtime, other);
      await fetched(runtime, mib);
      await lab.journal([podsAdded(30)]);
      await lab.push('queue/later', '1.0');
      return { image: 'registry.lab/queue/later:1.0' };
    },
  },
];
