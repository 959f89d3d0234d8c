import type { LabCase } from '../case.ts';
import { onNode } from './on-node.ts';

export const cases: readonly LabCase[] = [
  {
    name: 'Never, and the image is not on the node',
    verdict: 'faulty',
    cause: 'image-never-pull',
    confidence: 'proven',
    nearMissOf: ['tag-not-found'],
    pull: 'not-tried',
    async prepare(lab) {
      await lab.push('never/absent', '1.0');
      return { image: 'registry.lab/never/absent:1.0', args: ['--pull-policy', 'Never'] };
    },
  },
  {
    name: 'Never, and the image is on the node',
    verdict: 'healthy',
    cause: null,
    nearMissOf: ['image-never-pull'],
    pull: 'not-tried',
    async prepare(lab) {
      await onNode(lab, 'never/present');
      return { image: 'registry.lab/never/present:1.0', args: ['--pull-policy', 'Never'] };
    },
  },
];
