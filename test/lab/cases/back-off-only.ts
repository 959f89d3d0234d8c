import type { LabCase } from '../case.ts';
import { attemptFailed, backsOff, captured, podsAdded, servesNow } from './kubelet-lines.ts';

const runtimes = 'one';
const runtimesWhy =
  "the kubelet's words are read, captured from one with containerd 2.1.9; the runtime has no part in its waiting";

/** Three tries of a new pod, the last a moment ago: the next comes 40 s behind it. */
const third = [
  podsAdded(45),
  ...attemptFailed(44),
  backsOff(43),
  ...attemptFailed(32),
  backsOff(20),
  ...attemptFailed(8),
  backsOff(7),
];

export const cases: readonly LabCase[] = [
  {
    name: 'the tag was pushed meanwhile, and the kubelet has not tried again',
    verdict: 'degraded',
    cause: 'back-off-only',
    alsoNames: [/next try at \d\d:\d\d:\d\d UTC, in (?:[12]\d|3[0-2]) s\./, 'tag-not-found', 'shop/bad-tag-lab-node-4'],
    nearMissOf: ['tag-not-found', 'pull-queued'],
    pull: 'not-tried',
    runtimes,
    runtimesWhy,
    async prepare(lab) {
      await servesNow(lab);
      await lab.journal(third);
      return { image: captured.image };
    },
  },
  {
    name: 'the kubelet waits, and the tag is still not there',
    verdict: 'faulty',
    cause: 'tag-not-found',
    nearMissOf: ['back-off-only'],
    pull: 'not-tried',
    runtimes,
    runtimesWhy,
    async prepare(lab) {
      await servesNow(lab);
      const lines = third.map((line) => ({ ...line, message: line.message.replaceAll('v9.9.9', 'v8.8.8') }));
      await lab.journal(lines);
      return { image: captured.image.replace('v9.9.9', 'v8.8.8') };
    },
  },
  {
    name: 'the kubelet gave the pod up long ago',
    verdict: 'healthy',
    cause: null,
    nearMissOf: ['back-off-only'],
    pull: 'not-tried',
    runtimes,
    runtimesWhy,
    async prepare(lab) {
      await servesNow(lab);
      await lab.journal(third.map((line) => ({ ...line, ago: line.ago + 500 })));
      return { image: captured.image };
    },
  },
];
