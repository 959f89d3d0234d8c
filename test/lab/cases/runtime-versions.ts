import type { Difference, LabCase } from '../case.ts';
import type { Runtime, RuntimeSetup } from '../containerd.ts';
import type { Lab } from '../lab.ts';

const since2 = ['2.x', '2.x local'] as const;

const ignoresServerAlone: Difference = {
  why: 'it ignores a hosts.toml that has no [host] table',
  verdict: 'faulty',
  cause: 'tcp-refused',
  alsoFound: ['runtime-misconfigured'],
  pull: 'fails',
  runtimeSays: /closed\.lab.*connection refused/,
};

/** What the versions of containerd make of the same files. */
export const cases: readonly LabCase[] = [
  {
    name: 'a hosts.toml with a server and no [host] table sends all to that server',
    verdict: 'healthy',
    cause: null,
    pull: 'works',
    nearMissOf: ['runtime-misconfigured'],
    differs: { '1.6': ignoresServerAlone, '1.7': ignoresServerAlone },
    async prepare(lab) {
      await lab.push('versions/server', '1.0');
      await lab.nodeFile('containerd/certs.d/closed.lab/hosts.toml', 'server = "https://registry.lab"\n');
      return { image: 'closed.lab/versions/server:1.0' };
    },
  },
  {
    name: 'a capability that no containerd knows makes it ignore the hosts.toml, and with it the mirror',
    verdict: 'faulty',
    cause: 'tcp-refused',
    confidence: 'proven',
    alsoFound: ['runtime-misconfigured'],
    nearMissOf: ['mirror-failed'],
    pull: 'fails',
    runtimeSays: /closed\.lab.*connection refused/,
    async prepare(lab) {
      await lab.push('versions/capability', '1.0');
      const hosts = '[host."https://registry.lab"]\n  capabilities = ["pull", "resolve", "fetch"]\n';
      await lab.nodeFile('containerd/certs.d/closed.lab/hosts.toml', hosts);
      return { image: 'closed.lab/versions/capability:1.0' };
    },
  },
  {
    name: 'a mirror in config.toml itself, as before hosts.toml',
    verdict: 'healthy',
    cause: null,
    nearMissOf: ['runtime-misconfigured', 'tcp-refused'],
    pull: 'works',
    async prepare(lab) {
      await lab.push('versions/legacy', '1.0');
      const mirrors = { 'closed.lab': ['https://registry.lab'] };
      const runtime = await asTheNodesOwn(lab, 'legacy', { hostsFolder: null, mirrors });
      return { image: 'closed.lab/versions/legacy:1.0', runtime };
    },
  },
  {
    name: 'a version 2 file still works on containerd 2',
    verdict: 'healthy',
    cause: null,
    nearMissOf: ['runtime-misconfigured'],
    pull: 'works',
    async prepare(lab) {
      await lab.push('versions/two', '1.0');
      await lab.nodeFile('containerd/certs.d/closed.lab/hosts.toml', '[host."https://registry.lab"]\n');
      const runtime = await asTheNodesOwn(lab, 'two', { firstLines: ['version = 2'] });
      return { image: 'closed.lab/versions/two:1.0', runtime };
    },
  },
  {
    name: 'a version 3 file with the registry settings under the name of version 2: they have no effect',
    verdict: 'faulty',
    cause: 'tcp-refused',
    confidence: 'proven',
    alsoFound: ['runtime-misconfigured'],
    nearMissOf: ['mirror-failed'],
    pull: 'fails',
    runtimeSays: /closed\.lab.*connection refused/,
    runtimes: since2,
    runtimesWhy: 'version 3 of the file begins with containerd 2.0',
    async prepare(lab) {
      await lab.push('versions/misplaced', '1.0');
      await lab.nodeFile('containerd/certs.d/closed.lab/hosts.toml', '[host."https://registry.lab"]\n');
      const runtime = await asTheNodesOwn(lab, 'misplaced', { misplaced: true });
      return { image: 'closed.lab/versions/misplaced:1.0', runtime };
    },
  },
];

/** A containerd of the case's own whose configuration is the node's: /etc/containerd/config.toml. */
async function asTheNodesOwn(lab: Lab, name: string, setup: Partial<RuntimeSetup>): Promise<Runtime> {
  await lab.renewRuntime(); // the next one writes the file anew
  const file = 'containerd/config.toml';
  const config = { inside: `/etc/${file}`, outside: `${lab.network.etc('node')}/${file}` };
  return lab.ownRuntime(name, { ...setup, config });
}
