import type { LabCase } from '../case.ts';
import { onNode } from './on-node.ts';

export const cases: readonly LabCase[] = [
  {
    name: 'Always, with the image on the node and a registry that refuses',
    verdict: 'faulty',
    cause: 'pull-policy-always',
    confidence: 'proven',
    underlying: 'tcp-refused',
    nearMissOf: ['tcp-refused'],
    pull: 'fails',
    runtimeSays: /connection refused/,
    async prepare(lab) {
      await onNode(lab, 'policy/always');
      await lab.filter('reg', 'input', ['ip daddr 10.77.0.10 tcp dport 443 reject with tcp reset']);
      return { image: 'registry.lab/policy/always:1.0', args: ['--pull-policy', 'Always'] };
    },
  },
  {
    name: 'IfNotPresent, with the image on the node and a registry that refuses',
    verdict: 'degraded',
    cause: 'tcp-refused',
    nearMissOf: ['pull-policy-always'],
    pull: 'not-tried',
    async prepare(lab) {
      await onNode(lab, 'policy/present');
      await lab.filter('reg', 'input', ['ip daddr 10.77.0.10 tcp dport 443 reject with tcp reset']);
      return { image: 'registry.lab/policy/present:1.0', args: ['--pull-policy', 'IfNotPresent'] };
    },
  },
  {
    name: 'Always, without the image on the node: the registry alone is the cause',
    verdict: 'faulty',
    cause: 'tcp-refused',
    nearMissOf: ['pull-policy-always'],
    pull: 'fails',
    prepare: async () => ({ image: 'closed.lab/policy/absent:1.0', args: ['--pull-policy', 'Always'] }),
  },
  {
    name: 'the tag latest, which is Always by default, with the image on the node',
    verdict: 'faulty',
    cause: 'pull-policy-always',
    underlying: 'tcp-refused',
    pull: 'not-tried',
    async prepare(lab) {
      await onNode(lab, 'policy/latest', 'latest');
      await lab.filter('reg', 'input', ['ip daddr 10.77.0.10 tcp dport 443 reject with tcp reset']);
      return { image: 'registry.lab/policy/latest' };
    },
  },
];
