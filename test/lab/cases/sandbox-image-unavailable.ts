import type { LabCase } from '../case.ts';
import { withCri } from '../containerd.ts';

export const cases: readonly LabCase[] = [
  {
    name: 'the pause image is not on the node, and its registry cannot be reached',
    verdict: 'faulty',
    cause: 'sandbox-image-unavailable',
    underlying: 'tcp-refused',
    confidence: 'proven',
    nearMissOf: ['tcp-refused'],
    pull: 'works',
    async prepare(lab) {
      await lab.push('sandbox/closed', '1.0');
      const runtime = await lab.ownRuntime('closed', { sandboxImage: 'closed.lab/pause:3.9' });
      return { image: 'registry.lab/sandbox/closed:1.0', runtime };
    },
  },
  {
    name: 'the pause image needs credentials, which nobody gives the runtime',
    verdict: 'faulty',
    cause: 'sandbox-image-unavailable',
    underlying: 'credentials-missing',
    confidence: 'proven',
    nearMissOf: ['credentials-missing'],
    pull: 'works',
    async prepare(lab) {
      await lab.push('sandbox/private', '1.0');
      const runtime = await lab.ownRuntime('private', { sandboxImage: 'private.lab/pause:3.9' });
      return { image: 'registry.lab/sandbox/private:1.0', runtime };
    },
  },
  {
    name: 'the pause image is asked for itself, and its tag does not exist',
    verdict: 'faulty',
    cause: 'sandbox-image-unavailable',
    underlying: 'tag-not-found',
    confidence: 'proven',
    nearMissOf: ['tag-not-found'],
    pull: 'fails',
    async prepare(lab) {
      const runtime = await lab.ownRuntime('misspelt', { sandboxImage: 'registry.lab/pause:3.99' });
      return { image: 'registry.lab/pause:3.99', runtime };
    },
  },
  {
    name: 'the tag does not exist, and the pause image cannot be pulled either',
    verdict: 'faulty',
    cause: 'tag-not-found',
    confidence: 'proven',
    nearMissOf: ['sandbox-image-unavailable'],
    alsoFound: ['sandbox-image-unavailable'],
    pull: 'fails',
    async prepare(lab) {
      await lab.push('sandbox/both', '1.0');
      const runtime = await lab.ownRuntime('both', { sandboxImage: 'closed.lab/pause:3.9' });
      return { image: 'registry.lab/sandbox/both:2.0', runtime };
    },
  },
  {
    name: 'the pause image is not on the node, and can be pulled',
    verdict: 'healthy',
    cause: null,
    nearMissOf: ['sandbox-image-unavailable'],
    pull: 'works',
    async prepare(lab) {
      await lab.push('sandbox/fresh', '1.0');
      await lab.push('pause', '3.10');
      const runtime = await lab.ownRuntime('fresh', { sandboxImage: 'registry.lab/pause:3.10' });
      return { image: 'registry.lab/sandbox/fresh:1.0', runtime };
    },
  },
  {
    name: 'the pause image is on the node, and its registry is gone',
    verdict: 'healthy',
    cause: null,
    nearMissOf: ['sandbox-image-unavailable'],
    pull: 'works',
    async prepare(lab) {
      await lab.push('sandbox/here', '1.0');
      await lab.push('sandbox/pause', '3.9');
      const sandboxImage = 'registry.lab:5000/sandbox/pause:3.9';
      await lab.nodeFile(
        'containerd/certs.d/registry.lab:5000/hosts.toml',
        'server = "http://registry.lab:5000"\n[host."http://registry.lab:5000"]\n',
      );
      const runtime = await lab.ownRuntime('here', { sandboxImage });
      const options = { signal: AbortSignal.timeout(5000), deadlineMs: 5000 };
      await withCri(runtime, (cri) => cri.pullImage(sandboxImage, options));
      await lab.filter('reg', 'input', ['tcp dport 5000 reject with tcp reset']);
      return { image: 'registry.lab/sandbox/here:1.0', runtime };
    },
  },
];
