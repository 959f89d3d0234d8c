import type { LabCase } from '../case.ts';
import type { JournalLine } from '../node-journal.ts';
import { backsOff, captured, podsAdded, servesNow } from './kubelet-lines.ts';

const runtimes = 'one';
const runtimesWhy = 'the kubelet fails before it asks the runtime';
const error = 'pull QPS exceeded';

/** As EKS nodes have logged it (kubelet 1.32): the pod and the container are named, the image is not. */
const refused: JournalLine = {
  ago: 9,
  unit: 'kubelet',
  message: `E0903 10:30:03.291420    1088 pod_workers.go:1298] "Error syncing pod, skipping" err="failed to \\"StartContainer\\" for \\"app\\" with ErrImagePull: \\"${error}\\"" pod="shop/bad-tag-lab-node-4" podUID="9aa3fbea42efa3f8a9a02041c32e037d"`,
};

/** The back-off line of a 1.36 kubelet, with that error in its place: it names the image. */
const waiting: JournalLine = {
  ...backsOff(7),
  message: backsOff(7).message.replace(/(ErrImagePull: ).*?(\\"" pod=)/, `$1${error}$2`),
};

export const cases: readonly LabCase[] = [
  {
    name: "the kubelet's own limit of pulls a second",
    verdict: 'faulty',
    cause: 'pull-qps-exceeded',
    nearMissOf: ['rate-limited', 'back-off-only'],
    pull: 'not-tried',
    runtimes,
    runtimesWhy,
    async prepare(lab) {
      await servesNow(lab);
      await lab.journal([podsAdded(10), refused, waiting]);
      return { image: captured.image };
    },
  },
  {
    name: 'the same words about another image',
    verdict: 'healthy',
    cause: null,
    nearMissOf: ['pull-qps-exceeded'],
    pull: 'not-tried',
    runtimes,
    runtimesWhy,
    async prepare(lab) {
      await servesNow(lab);
      const other = { ...waiting, message: waiting.message.replaceAll('v9.9.9', 'v1.0.0') };
      await lab.journal([podsAdded(10), refused, other]);
      return { image: captured.image };
    },
  },
];
