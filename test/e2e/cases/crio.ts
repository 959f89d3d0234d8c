import { daysFromNow, makeCertificate } from '../../kit/certificates.ts';
import type { DiagnoseCase } from '../../kit/diagnose-case.ts';
import type { Situation, Stage } from '../../kit/diagnose-stage.ts';
import { grpcCodes } from '../../kit/fake-cri.ts';
import { type FakeRegistry, makeImage, makeIndex } from '../../kit/fake-registry.ts';
import { closedPort } from '../../kit/tcp-server.ts';

const image = 'reg.example/team/app:1';
const conf = 'etc/containers/registries.conf';
const words = (error: string): string => `unable to pull image: initializing source docker://${image}: ${error}`;

/** A CRI-O that answers at its socket; `pull`: what it says of a pull. */
async function crio(stage: Stage, pull?: string): Promise<readonly string[]> {
  const { args } = await stage.runtime({
    Version: () => ({
      answer: { version: '0.1.0', runtime_name: 'cri-o', runtime_version: '1.36.3', runtime_api_version: 'v1' },
    }),
    ...(pull === undefined ? {} : { PullImage: () => ({ code: grpcCodes.unknown, message: pull }) }),
  });
  await stage.file('etc/containers/policy.json', '{"default":[{"type":"insecureAcceptAnything"}]}\n');
  return pull === undefined ? args : [...args, '--pull'];
}

type Party = { readonly port: number };

/** reg.example with these mirrors, in the words of registries.conf version 2. */
async function mirrored(
  stage: Stage,
  mirrors: readonly (readonly [Party, string?])[],
  upstream: Party,
  more = '',
): Promise<Situation> {
  const tables = mirrors.map(
    ([party, lines = ''], at) =>
      `[[registry.mirror]]\nlocation = "mirror${at === 0 ? '' : at + 1}.test:${party.port}"\n${lines}\n`,
  );
  await stage.file(
    conf,
    `[[registry]]\nprefix = "reg.example"\nlocation = "registry.test:${upstream.port}"\n${more}\n${tables.join('')}`,
  );
  return { image, args: await crio(stage) };
}

const nobody = async (): Promise<Party> => ({ port: await closedPort() });

/** Gives manifests, and `answer` for whatever is asked of its content. */
async function withoutContent(stage: Stage, path: RegExp): Promise<FakeRegistry> {
  const registry = await stage.registry();
  registry.override = (_, asked) =>
    path.test(asked) ? { status: 404, body: '{"errors":[{"code":"BLOB_UNKNOWN"}]}' } : null;
  return registry;
}

/**
 * A CRI-O node by its own files. containers/image takes the first place that gives the manifest which the name stands
 * for, and has no other for what comes after (docker/docker_image_src.go, newImageSource).
 */
export const cases: readonly DiagnoseCase[] = [
  {
    name: 'the mirror is dead: it goes on, and asks it once',
    prepare: async (stage) => mirrored(stage, [[await nobody()]], await stage.registry()),
    verdict: 'degraded',
    cause: 'mirror-failed',
    underlying: 'tcp-refused',
    says: /mirror\.test.*CRI-O goes on to registry\.test/,
    endpoints: ['faulty', 'healthy'],
  },
  {
    name: 'the mirror has no such image: nothing is wrong',
    prepare: async (stage) => mirrored(stage, [[await stage.registry({ repositories: {} })]], await stage.registry()),
    verdict: 'healthy',
    cause: null,
    endpoints: ['faulty', 'healthy'],
  },
  {
    name: 'the mirror answers 500: it goes on',
    async prepare(stage) {
      const mirror = await stage.registry();
      mirror.override = { status: 500, body: 'no' };
      return mirrored(stage, [[mirror]], await stage.registry());
    },
    verdict: 'degraded',
    cause: 'mirror-failed',
    underlying: 'registry-error',
  },
  {
    name: "the mirror's certificate is expired: it goes on",
    async prepare(stage) {
      const root = makeCertificate({ commonName: 'Other Root', ca: true });
      const old = makeCertificate({
        commonName: 'mirror.test',
        names: ['mirror.test'],
        issuer: root,
        notBefore: daysFromNow(-30),
        notAfter: daysFromNow(-1),
      });
      const mirror = await stage.registry({ tls: { cert: old.pem, key: old.keyPem } });
      return mirrored(stage, [[mirror]], await stage.registry());
    },
    verdict: 'degraded',
    cause: 'mirror-failed',
    underlying: 'tls-certificate-expired',
  },
  {
    name: 'the mirror gives the manifest and not the layers: the pull ends there',
    prepare: async (stage) => mirrored(stage, [[await withoutContent(stage, /\/blobs\//)]], await stage.registry()),
    verdict: 'faulty',
    cause: 'blob-unreachable',
    says: /mirror\.test.*CRI-O goes no further.*registry\.test/,
    endpoints: ['faulty', 'healthy'],
  },
  {
    name: 'the same on containerd goes on',
    async prepare(stage) {
      const [mirror, upstream] = [await withoutContent(stage, /\/blobs\//), await stage.registry()];
      await stage.hosts(
        'reg.example',
        `server = "https://registry.test:${upstream.port}"\n[host."https://mirror.test:${mirror.port}"]\ncapabilities = ["pull", "resolve"]\n`,
      );
      return { image, args: [...(await stage.runtime()).args] };
    },
    verdict: 'degraded',
    cause: 'mirror-failed',
    underlying: 'blob-unreachable',
  },
  {
    name: "the mirror gives the index and not this platform's manifest: the pull ends there",
    async prepare(stage) {
      const index = makeIndex([makeImage({ os: 'linux', architecture: 'amd64' })]);
      const repositories = { 'team/app': { '1': index } };
      const mirror = await stage.registry({ repositories });
      mirror.override = (_, path) =>
        /\/manifests\/sha256:/.test(path) ? { status: 404, body: '{"errors":[{"code":"MANIFEST_UNKNOWN"}]}' } : null;
      return mirrored(stage, [[mirror]], await stage.registry({ repositories }));
    },
    verdict: 'faulty',
    cause: ['blob-unreachable', 'tag-not-found', 'mirror-failed', 'unknown'],
    says: /CRI-O goes no further/,
  },
  {
    name: 'the mirror is dead and the registry has no such tag: that is what CRI-O reports, too',
    prepare: async (stage) =>
      mirrored(stage, [[await nobody()]], await stage.registry({ repositories: { 'team/app': { '2': stage.image } } })),
    verdict: 'faulty',
    cause: 'tag-not-found',
    also: ['tcp-refused'],
  },
  {
    name: 'a mirror for digests is not asked for a tag',
    prepare: async (stage) =>
      mirrored(stage, [[await nobody()]], await stage.registry(), 'mirror-by-digest-only = true'),
    verdict: 'healthy',
    cause: null,
    endpoints: ['healthy'],
  },
  {
    name: 'a mirror for tags alone is asked for one',
    prepare: async (stage) =>
      mirrored(
        stage,
        [
          [await nobody(), 'pull-from-mirror = "digest-only"'],
          [await nobody(), 'pull-from-mirror = "tag-only"'],
        ],
        await stage.registry(),
      ),
    verdict: 'degraded',
    cause: 'mirror-failed',
    says: /mirror2\.test/,
    endpoints: ['faulty', 'healthy'],
  },
  {
    name: 'a wildcard prefix leads to the mirror',
    async prepare(stage) {
      const mirror = await stage.registry();
      await stage.file(
        conf,
        `[[registry]]\nprefix = "*.example"\nlocation = "registry.test:1"\n[[registry.mirror]]\nlocation = "mirror.test:${mirror.port}"\n`,
      );
      return { image, args: await crio(stage) };
    },
    verdict: 'healthy',
    cause: null,
    says: /mirror\.test/,
    endpoints: ['healthy', 'faulty'],
  },
  {
    name: 'a drop-in takes the mirrors away',
    async prepare(stage) {
      const situation = await mirrored(stage, [[await stage.registry()]], await nobody());
      await stage.file(
        `${conf}.d/90-site.conf`,
        `[[registry]]\nprefix = "reg.example"\nlocation = "registry.test:${(await nobody()).port}"\n`,
      );
      return situation;
    },
    verdict: 'faulty',
    cause: 'tcp-refused',
    endpoints: ['faulty'],
  },
  {
    name: 'blocked, and its mirror serves',
    async prepare(stage) {
      const mirror = await stage.registry();
      await stage.file(
        conf,
        `[[registry]]\nlocation = "reg.example"\nblocked = true\n[[registry.mirror]]\nlocation = "mirror.test:${mirror.port}"\n`,
      );
      return { image, args: await crio(stage) };
    },
    verdict: ['healthy', 'degraded'],
    cause: [null, 'registry-blocked'],
    endpoints: ['healthy', 'faulty'],
  },
  {
    name: 'blocked, and its mirror is dead',
    async prepare(stage) {
      await stage.file(
        conf,
        `[[registry]]\nlocation = "reg.example"\nblocked = true\n[[registry.mirror]]\nlocation = "mirror.test:${(await nobody()).port}"\n`,
      );
      return { image, args: await crio(stage) };
    },
    verdict: 'faulty',
    cause: ['registry-blocked', 'tcp-refused'],
  },
  {
    name: 'plain HTTP, with insecure',
    async prepare(stage) {
      const plain = await stage.registry({ tls: null });
      return mirrored(stage, [], plain, 'insecure = true');
    },
    verdict: 'healthy',
    cause: null,
  },
  {
    name: 'plain HTTP, without insecure',
    prepare: async (stage) => mirrored(stage, [], await stage.registry({ tls: null })),
    verdict: 'faulty',
    cause: 'http-on-https',
  },
  {
    name: 'a private authority, in certs.d of the host as named',
    async prepare(stage) {
      const root = makeCertificate({ commonName: 'Private Root', ca: true });
      const leaf = makeCertificate({ commonName: 'registry.test', names: ['registry.test'], issuer: root });
      const registry = await stage.registry({ tls: { cert: leaf.pem, key: leaf.keyPem } });
      await stage.file(`etc/containers/certs.d/registry.test:${registry.port}/ca.crt`, root.pem);
      return mirrored(stage, [], registry);
    },
    verdict: 'healthy',
    cause: null,
  },
  {
    name: 'a private authority, in the folder of the name before it is rewritten',
    async prepare(stage) {
      const root = makeCertificate({ commonName: 'Private Root', ca: true });
      const leaf = makeCertificate({ commonName: 'registry.test', names: ['registry.test'], issuer: root });
      const registry = await stage.registry({ tls: { cert: leaf.pem, key: leaf.keyPem } });
      await stage.file('etc/containers/certs.d/reg.example/ca.crt', root.pem);
      return mirrored(stage, [], registry);
    },
    verdict: 'faulty',
    cause: 'tls-unknown-authority',
  },
  {
    name: "credentials of crio's own file go to the place that they are for",
    async prepare(stage) {
      const registry = await stage.registry({ basic: { app: 'hunter2' } });
      const auth = Buffer.from('app:hunter2').toString('base64');
      await stage.file('etc/crio/crio.conf', '[crio.image]\nglobal_auth_file = "/etc/auth.json"\n');
      await stage.file('etc/auth.json', JSON.stringify({ auths: { [`registry.test:${registry.port}`]: { auth } } }));
      return mirrored(stage, [], registry);
    },
    verdict: 'healthy',
    cause: null,
    secrets: ['hunter2'],
  },
  {
    name: 'credentials for the name before it is rewritten are not sent',
    async prepare(stage) {
      const registry = await stage.registry({ basic: { app: 'hunter2' } });
      const auth = Buffer.from('app:hunter2').toString('base64');
      await stage.file('etc/crio/crio.conf', '[crio.image]\nglobal_auth_file = "/etc/auth.json"\n');
      await stage.file('etc/auth.json', JSON.stringify({ auths: { 'reg.example': { auth } } }));
      return mirrored(stage, [], registry);
    },
    verdict: 'faulty',
    cause: 'credentials-missing',
    secrets: ['hunter2'],
  },
  {
    name: 'the policy rejects what the registry serves',
    async prepare(stage) {
      const situation = await mirrored(stage, [], await stage.registry());
      await stage.file('etc/containers/policy.json', '{"default":[{"type":"reject"}]}\n');
      return situation;
    },
    verdict: 'faulty',
    cause: 'signature-rejected',
  },
  {
    name: 'a short name, resolved by the one registry that is searched',
    async prepare(stage) {
      const registry = await stage.registry();
      await stage.file(conf, `unqualified-search-registries = ["registry.test:${registry.port}"]\n`);
      return { image: 'team/app:1', args: await crio(stage) };
    },
    verdict: 'healthy',
    cause: null,
    says: /registry\.test/,
  },
  {
    name: 'a short name under enforcing, and two registries',
    async prepare(stage) {
      await stage.file(conf, 'unqualified-search-registries = ["registry.test", "mirror.test"]\n');
      return { image: 'team/app:1', args: await crio(stage) };
    },
    verdict: 'faulty',
    cause: 'short-name-unresolved',
  },
  {
    name: 'a short name when disabled: the second registry has it',
    async prepare(stage) {
      const [first, second] = [await stage.registry({ repositories: {} }), await stage.registry()];
      await stage.file(
        conf,
        `unqualified-search-registries = ["mirror.test:${first.port}", "registry.test:${second.port}"]\n`,
      );
      await stage.file('etc/crio/crio.conf', '[crio.image]\nshort_name_mode = "disabled"\n');
      return { image: 'team/app:1', args: await crio(stage) };
    },
    verdict: 'healthy',
    cause: null,
    says: /registry\.test/,
    endpoints: ['faulty', 'healthy'],
  },
  {
    name: 'a short name when disabled: the first registry gives the manifest alone, and the second all',
    async prepare(stage) {
      const [first, second] = [await withoutContent(stage, /\/blobs\//), await stage.registry()];
      await stage.file(
        conf,
        `unqualified-search-registries = ["mirror.test:${first.port}", "registry.test:${second.port}"]\n`,
      );
      await stage.file('etc/crio/crio.conf', '[crio.image]\nshort_name_mode = "disabled"\n');
      return { image: 'team/app:1', args: await crio(stage) };
    },
    verdict: 'degraded',
    cause: 'mirror-failed',
    endpoints: ['faulty', 'healthy'],
  },
  {
    name: "CRI-O's own words of a pull, beside probes that find the same",
    async prepare(stage) {
      const registry = await stage.registry({ repositories: { 'team/app': { '2': stage.image } } });
      await stage.file(conf, `[[registry]]\nprefix = "reg.example"\nlocation = "registry.test:${registry.port}"\n`);
      const said = words('reading manifest 1 in reg.example/team/app: manifest unknown');
      return { image, args: await crio(stage, said) };
    },
    verdict: 'faulty',
    cause: 'tag-not-found',
    pull: { ok: false, cause: 'tag-not-found' },
  },
];
