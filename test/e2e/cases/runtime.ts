import type { DiagnoseCase } from '../../kit/diagnose-case.ts';
import type { Stage } from '../../kit/diagnose-stage.ts';
import { type FakeCriMethods, grpcCodes } from '../../kit/fake-cri.ts';
import { closedPort } from '../../kit/tcp-server.ts';

interface Node {
  readonly present: boolean;
  readonly registry: 'works' | 'down';
  readonly policy?: 'Always' | 'IfNotPresent' | 'Never';
  /** The runtime's words; null: the pull works. Absent: none is asked for. */
  readonly pull?: string | null;
  readonly methods?: FakeCriMethods;
}

function node({ present, registry, policy, pull, methods }: Node) {
  return async (stage: Stage) => {
    const port = registry === 'works' ? (await stage.registry()).port : await closedPort();
    const runtime = await stage.runtime({
      ...(present
        ? {
            ImageStatus: () => ({
              answer: {
                image: {
                  id: `sha256:${'a'.repeat(64)}`,
                  repo_tags: [`registry.test:${port}/team/app:1`],
                  size: '1000',
                },
              },
            }),
          }
        : {}),
      ...(pull === undefined || pull === null ? {} : { PullImage: () => ({ code: grpcCodes.unknown, message: pull }) }),
      ...methods,
    });
    return {
      image: `registry.test:${port}/team/app:1`,
      args: [
        ...runtime.args,
        ...(policy === undefined ? [] : ['--pull-policy', policy]),
        ...(pull === undefined ? [] : ['--pull']),
      ],
    };
  };
}

const refused =
  'failed to pull and unpack image "registry.test/team/app:1": failed to resolve reference "registry.test/team/app:1": failed to do request: Head "https://registry.test/v2/team/app/manifests/1": dial tcp 127.0.0.1:443: connect: connection refused';
const full =
  'failed to pull and unpack image "registry.test/team/app:1": write /var/lib/containerd/io.containerd.metadata.v1.bolt/meta.db: no space left on device';

/** The runtime, the image on the node and the pod's policy. */
export const cases: readonly DiagnoseCase[] = [
  {
    name: 'absent, IfNotPresent, registry works',
    prepare: node({ present: false, registry: 'works' }),
    verdict: 'healthy',
    cause: null,
    ruledOut: ['runtime'],
  },
  {
    name: 'absent, IfNotPresent, registry works, pull works',
    prepare: node({ present: false, registry: 'works', pull: null }),
    verdict: 'healthy',
    cause: null,
    pull: { ok: true },
  },
  {
    name: 'absent, IfNotPresent, registry down',
    prepare: node({ present: false, registry: 'down' }),
    verdict: 'faulty',
    cause: 'tcp-refused',
  },
  {
    name: 'absent, IfNotPresent, registry down, pull fails',
    prepare: node({ present: false, registry: 'down', pull: refused }),
    verdict: 'faulty',
    cause: 'tcp-refused',
    pull: { ok: false, cause: 'tcp-refused' },
  },
  {
    name: 'absent, IfNotPresent, registry down for the probes, pull works',
    prepare: node({ present: false, registry: 'down', pull: null }),
    verdict: 'degraded',
    cause: 'tcp-refused',
    pull: { ok: true },
  },
  {
    name: 'absent, Always, registry works',
    prepare: node({ present: false, registry: 'works', policy: 'Always' }),
    verdict: 'healthy',
    cause: null,
  },
  {
    name: 'absent, Always, registry down',
    prepare: node({ present: false, registry: 'down', policy: 'Always' }),
    verdict: 'faulty',
    cause: 'tcp-refused',
    never: ['pull-policy-always'],
  },
  {
    name: 'absent, Never, registry works',
    prepare: node({ present: false, registry: 'works', policy: 'Never' }),
    verdict: 'faulty',
    cause: 'image-never-pull',
    confidence: 'proven',
  },
  {
    name: 'absent, Never, registry down',
    prepare: node({ present: false, registry: 'down', policy: 'Never' }),
    verdict: 'faulty',
    cause: 'image-never-pull',
  },
  {
    name: 'absent, Never: no pull over the policy',
    prepare: node({ present: false, registry: 'works', policy: 'Never', pull: null }),
    verdict: 'faulty',
    cause: 'image-never-pull',
  },
  {
    name: 'present, IfNotPresent, registry works',
    prepare: node({ present: true, registry: 'works' }),
    verdict: 'healthy',
    cause: null,
  },
  {
    name: 'present, IfNotPresent, registry down',
    prepare: node({ present: true, registry: 'down' }),
    verdict: 'degraded',
    cause: 'tcp-refused',
    never: ['pull-policy-always'],
  },
  {
    name: 'present, IfNotPresent, registry down, pull fails',
    prepare: node({ present: true, registry: 'down', pull: refused }),
    verdict: 'degraded',
    cause: 'tcp-refused',
    pull: { ok: false },
  },
  {
    name: 'present, Never, registry works',
    prepare: node({ present: true, registry: 'works', policy: 'Never' }),
    verdict: 'healthy',
    cause: null,
  },
  {
    name: 'present, Never, registry down',
    prepare: node({ present: true, registry: 'down', policy: 'Never' }),
    verdict: 'degraded',
    cause: 'tcp-refused',
  },
  {
    name: 'present, Always, registry works',
    prepare: node({ present: true, registry: 'works', policy: 'Always' }),
    verdict: 'healthy',
    cause: null,
    never: ['pull-policy-always'],
  },
  {
    name: 'present, Always, registry down',
    prepare: node({ present: true, registry: 'down', policy: 'Always' }),
    verdict: 'faulty',
    cause: 'pull-policy-always',
    underlying: 'tcp-refused',
    says: /registry\.test/,
  },
  {
    name: 'present, Always, registry down, pull fails',
    prepare: node({ present: true, registry: 'down', policy: 'Always', pull: refused }),
    verdict: 'faulty',
    cause: 'pull-policy-always',
    underlying: 'tcp-refused',
    pull: { ok: false },
  },
  {
    name: 'present, the tag latest, registry down: Always by default',
    async prepare(stage) {
      const asked = await node({ present: true, registry: 'down' })(stage);
      return { ...asked, image: asked.image.replace(/:1$/, ':latest') };
    },
    verdict: 'faulty',
    cause: 'pull-policy-always',
  },
  {
    name: 'the probes pass and the pull fails: a disk without room',
    prepare: node({ present: false, registry: 'works', pull: full }),
    verdict: 'faulty',
    cause: 'disk-full',
    confidence: 'likely',
    pull: { ok: false, cause: 'disk-full' },
  },
  {
    name: 'the disk is full and the registry is down: the disk stops it first',
    prepare: node({ present: false, registry: 'down', pull: full }),
    verdict: 'faulty',
    cause: 'disk-full',
    also: ['tcp-refused'],
    pull: { ok: false, cause: 'disk-full' },
  },
  {
    name: 'the probes pass and the pull fails in words that nobody knows',
    prepare: node({ present: false, registry: 'works', pull: 'the flux capacitor is empty' }),
    verdict: 'faulty',
    cause: 'unknown',
    says: /flux capacitor/,
    pull: { ok: false },
  },
  {
    name: 'the probes pass and the pull is refused by the same registry: another way',
    prepare: node({ present: false, registry: 'works', pull: refused }),
    verdict: 'faulty',
    cause: 'tcp-refused',
    confidence: 'likely',
    pull: { ok: false, cause: 'tcp-refused' },
  },
  {
    name: 'no socket at the path given',
    prepare: async (stage) => ({
      image: `registry.test:${(await stage.registry()).port}/team/app:1`,
      args: ['-r', `unix://${stage.folder}/none.sock`],
    }),
    verdict: 'faulty',
    cause: 'runtime-unreachable',
    confidence: 'proven',
    endpoints: ['healthy'],
  },
  {
    name: 'no socket, and the registry is down too',
    prepare: async (stage) => ({
      image: `registry.test:${await closedPort()}/team/app:1`,
      args: ['-r', `unix://${stage.folder}/none.sock`],
    }),
    verdict: 'faulty',
    cause: 'runtime-unreachable',
    also: ['tcp-refused'],
  },
  {
    name: 'no runtime anywhere: the network’s verdict counts',
    prepare: async (stage) => ({
      image: `registry.test:${(await stage.registry()).port}/team/app:1`,
      args: ['--pull'],
    }),
    verdict: 'healthy',
    cause: null,
    notRuledOut: ['runtime'],
  },
  {
    name: 'a runtime that is silent',
    prepare: node({ present: false, registry: 'works', methods: { Version: () => ({ silent: true }) } }),
    verdict: 'faulty',
    cause: 'runtime-unreachable',
  },
  {
    name: 'a runtime without CRI',
    async prepare(stage) {
      const runtime = await stage.runtime({}, []);
      return { image: `registry.test:${(await stage.registry()).port}/team/app:1`, args: runtime.args };
    },
    verdict: 'faulty',
    cause: 'runtime-misconfigured',
    never: ['runtime-unreachable'],
  },
  {
    name: 'a runtime without its image service',
    async prepare(stage) {
      const runtime = await stage.runtime({}, ['RuntimeService']);
      return { image: `registry.test:${(await stage.registry()).port}/team/app:1`, args: [...runtime.args, '--pull'] };
    },
    verdict: 'faulty',
    cause: 'runtime-misconfigured',
  },
  {
    name: 'a runtime without its image service, no pull asked for',
    async prepare(stage) {
      const runtime = await stage.runtime({}, ['RuntimeService']);
      return { image: `registry.test:${(await stage.registry()).port}/team/app:1`, args: runtime.args };
    },
    verdict: 'faulty',
    cause: 'runtime-misconfigured',
  },
  {
    name: 'a runtime that says that it is not ready',
    prepare: node({
      present: false,
      registry: 'works',
      methods: {
        Status: () => ({
          answer: {
            status: { conditions: [{ type: 'RuntimeReady', status: false, reason: 'x', message: 'broken inside' }] },
          },
        }),
      },
    }),
    verdict: 'faulty',
    cause: 'runtime-misconfigured',
    says: /broken inside/,
  },
  {
    name: 'a runtime whose network is not ready: pulls work',
    prepare: node({
      present: false,
      registry: 'works',
      methods: {
        Status: () => ({
          answer: {
            status: {
              conditions: [
                { type: 'RuntimeReady', status: true },
                { type: 'NetworkReady', status: false, reason: 'NetworkPluginNotReady', message: 'cni' },
              ],
            },
          },
        }),
      },
    }),
    verdict: ['healthy', 'degraded'],
    cause: [null, 'runtime-misconfigured'],
  },
  {
    name: 'a runtime that does not say whether the image is there',
    prepare: node({
      present: false,
      registry: 'works',
      policy: 'Never',
      methods: { ImageStatus: () => ({ code: grpcCodes.unknown, message: 'metadata: bad state' }) },
    }),
    verdict: ['inconclusive', 'faulty', 'healthy'],
    cause: [null, 'unknown'],
    never: ['image-never-pull'],
  },
  {
    name: 'CRI-O by its own word: its files are read',
    async prepare(stage) {
      const mirror = await stage.registry();
      await stage.file(
        'etc/containers/registries.conf',
        `[[registry]]\nlocation = "reg.example"\n[[registry.mirror]]\nlocation = "mirror.test:${mirror.port}"\n`,
      );
      const runtime = await stage.runtime({
        Version: () => ({
          answer: { version: '0.1.0', runtime_name: 'cri-o', runtime_version: '1.34.2', runtime_api_version: 'v1' },
        }),
      });
      return {
        image: 'reg.example/team/app:1',
        args: [...runtime.args, ...(await stage.nameserver({ 'reg.example': ['127.0.0.99'] }))],
      };
    },
    verdict: 'healthy',
    cause: null,
  },

  {
    name: 'Never, and no runtime to say whether the image is here',
    prepare: async (stage) => ({
      image: `registry.test:${(await stage.registry()).port}/team/app:1`,
      args: ['--pull-policy', 'Never'],
    }),
    // The registry would give it, and nobody will ask: whether the pod starts is not known.
    verdict: ['healthy', 'inconclusive'],
    cause: null,
  },
  {
    name: 'the disk and the network of names, both broken',
    prepare: async (stage) => {
      const runtime = await stage.runtime({ PullImage: () => ({ code: grpcCodes.unknown, message: full }) });
      const dns = await stage.nameserver({ 'registry.test': { rcode: 2 } });
      return { image: 'registry.test/team/app:1', args: [...runtime.args, ...dns, '--pull'] };
    },
    verdict: 'faulty',
    cause: 'disk-full',
    also: ['dns-server-failure'],
    pull: { ok: false },
  },
];
