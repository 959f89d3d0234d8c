import type { LabCase } from '../case.ts';
import { withCri } from '../containerd.ts';

export const cases: readonly LabCase[] = [
  {
    name: 'mirrors beside config_path',
    verdict: 'faulty',
    cause: 'runtime-misconfigured',
    confidence: 'proven',
    nearMissOf: ['snapshotter-unavailable', 'mirror-failed'],
    pull: 'not-tried',
    async prepare(lab) {
      await lab.push('misconfigured/both', '1.0');
      const mirrors = { 'registry.lab': ['https://mirror.lab'] };
      const runtime = await lab.ownRuntime('both', { mirrors, until: 'no-cri' });
      return { image: 'registry.lab/misconfigured/both:1.0', runtime };
    },
  },
  {
    name: 'a configuration file that is no TOML: containerd does not start',
    verdict: 'faulty',
    cause: 'runtime-misconfigured',
    confidence: 'proven',
    alsoFound: ['runtime-unreachable'],
    nearMissOf: ['runtime-unreachable'],
    pull: 'not-tried',
    async prepare(lab) {
      await lab.push('misconfigured/toml', '1.0');
      const runtime = await lab.usualRuntime('toml', { firstLines: ['disabled_plugins = ["a"'], until: 'ends' });
      return { image: 'registry.lab/misconfigured/toml:1.0', runtime };
    },
  },
  {
    name: 'a configuration file that became unusable after containerd had read it',
    verdict: 'degraded',
    cause: 'runtime-misconfigured',
    confidence: 'proven',
    nearMissOf: ['runtime-unreachable'],
    pull: 'works',
    async prepare(lab) {
      await lab.push('misconfigured/later', '1.0');
      const runtime = await lab.usualRuntime('later');
      await lab.nodeFile('containerd/config.toml', 'version = = 2\n');
      return { image: 'registry.lab/misconfigured/later:1.0', runtime };
    },
  },
  {
    name: 'a configuration file that became unusable after containerd had read it, and no pull',
    verdict: 'inconclusive',
    cause: 'runtime-misconfigured',
    confidence: 'proven',
    nearMissOf: ['runtime-unreachable'],
    pull: 'not-tried',
    async prepare(lab) {
      await lab.push('misconfigured/open', '1.0');
      const runtime = await lab.usualRuntime('open');
      await lab.nodeFile('containerd/config.toml', 'version = = 2\n');
      return { image: 'registry.lab/misconfigured/open:1.0', runtime };
    },
  },
  {
    name: 'no network plugin: pods do not start, and images come',
    verdict: 'healthy',
    cause: null,
    nearMissOf: ['runtime-misconfigured'],
    pull: 'works',
    async prepare(lab) {
      await lab.push('misconfigured/network', '1.0');
      const runtime = await lab.ownRuntime('network');
      const status = await withCri(runtime, (cri) => cri.status(AbortSignal.timeout(5000)));
      const network = status.ok ? status.value.conditions.find(({ type }) => type === 'NetworkReady') : undefined;
      if (network?.status !== false) throw new Error('the lab has a network plugin');
      return { image: 'registry.lab/misconfigured/network:1.0', runtime };
    },
  },
];
