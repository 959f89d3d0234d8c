import { daysFromNow, makeCertificate } from '../../kit/certificates.ts';
import type { DiagnoseCase } from '../../kit/diagnose-case.ts';
import { type Stage, stageCertificate } from '../../kit/diagnose-stage.ts';
import type { FakeRegistry } from '../../kit/fake-registry.ts';
import { closedPort } from '../../kit/tcp-server.ts';

type Party = FakeRegistry | { readonly port: number };

/** reg.example: mirrors in order (each `host port [more lines]`), then its own server. */
async function mirrored(stage: Stage, mirrors: readonly (readonly [Party, string?])[], upstream: Party): Promise<void> {
  const hosts = mirrors.map(
    ([party, more = ''], at) => `[host."https://mirror${at === 0 ? '' : at + 1}.test:${party.port}"]\n${more}\n`,
  );
  await stage.hosts('reg.example', `server = "https://registry.test:${upstream.port}"\n${hosts.join('')}`);
}

const nobody = async (): Promise<Party> => ({ port: await closedPort() });
const image = 'reg.example/team/app:1';
const both = 'capabilities = ["pull", "resolve"]';
const strange = makeCertificate({ commonName: 'Strange Root', ca: true });

/** Several places to ask. */
export const cases: readonly DiagnoseCase[] = [
  {
    name: 'all of them serve',
    async prepare(stage) {
      await mirrored(stage, [[await stage.registry(), both]], await stage.registry());
      return { image };
    },
    verdict: 'healthy',
    cause: null,
    endpoints: ['healthy', 'healthy'],
  },
  {
    name: 'the mirror serves, the upstream is dead: as closed networks are',
    async prepare(stage) {
      await mirrored(stage, [[await stage.registry(), both]], await nobody());
      return { image };
    },
    verdict: 'healthy',
    cause: null,
    says: /mirror\.test/,
    endpoints: ['healthy', 'faulty'],
  },
  {
    name: 'the mirror is dead, the upstream serves',
    async prepare(stage) {
      await mirrored(stage, [[await nobody(), both]], await stage.registry());
      return { image };
    },
    verdict: 'degraded',
    cause: 'mirror-failed',
    underlying: 'tcp-refused',
    confidence: 'proven',
    says: /mirror\.test/,
    endpoints: ['faulty', 'healthy'],
  },
  {
    name: 'the mirror has no address',
    async prepare(stage) {
      await stage.hosts(
        'reg.example',
        `server = "https://registry.test:${(await stage.registry()).port}"\n[host."https://gone.example"]\n`,
      );
      return { image };
    },
    verdict: 'degraded',
    cause: 'mirror-failed',
    underlying: 'dns-name-not-found',
    says: /gone\.example/,
  },
  {
    name: 'the mirror fails (500)',
    async prepare(stage) {
      const mirror = await stage.registry();
      mirror.override = { status: 500 };
      await mirrored(stage, [[mirror, both]], await stage.registry());
      return { image };
    },
    verdict: 'degraded',
    cause: 'mirror-failed',
    underlying: 'registry-error',
  },
  {
    name: 'the mirror is nobody’s to trust',
    async prepare(stage) {
      await mirrored(
        stage,
        [[await stage.registry({ tls: stageCertificate({ issuer: strange }) }), both]],
        await stage.registry(),
      );
      return { image };
    },
    verdict: 'degraded',
    cause: 'mirror-failed',
    underlying: 'tls-unknown-authority',
  },
  {
    name: 'the mirror is not verified',
    async prepare(stage) {
      const mirror = await stage.registry({ tls: stageCertificate({ issuer: strange }) });
      await mirrored(stage, [[mirror, `${both}\nskip_verify = true`]], await nobody());
      return { image };
    },
    verdict: 'healthy',
    cause: null,
  },
  {
    name: 'the mirror takes requests and is silent',
    async prepare(stage) {
      const mirror = await stage.registry();
      mirror.override = { status: 200, manner: 'silent' };
      await mirrored(stage, [[mirror, both]], await stage.registry());
      return { image };
    },
    verdict: 'degraded',
    cause: 'mirror-failed',
    underlying: 'registry-timeout',
  },
  {
    name: 'the mirror lacks the image, the upstream has it',
    async prepare(stage) {
      await mirrored(stage, [[await stage.registry({ repositories: {} }), both]], await stage.registry());
      return { image };
    },
    verdict: ['degraded', 'healthy'],
    cause: ['mirror-failed', null],
    endpoints: ['faulty', 'healthy'],
  },
  {
    name: 'two mirrors, the first dead, the second serves, the upstream is dead',
    async prepare(stage) {
      await mirrored(
        stage,
        [
          [await nobody(), both],
          [await stage.registry(), both],
        ],
        await nobody(),
      );
      return { image };
    },
    verdict: 'degraded',
    cause: 'mirror-failed',
    underlying: 'tcp-refused',
    endpoints: ['faulty', 'healthy', 'faulty'],
  },
  {
    name: 'two mirrors, the first serves, the second is dead',
    async prepare(stage) {
      await mirrored(
        stage,
        [
          [await stage.registry(), both],
          [await nobody(), both],
        ],
        await stage.registry(),
      );
      return { image };
    },
    verdict: 'degraded',
    cause: 'mirror-failed',
    says: /mirror2\.test/,
  },
  {
    name: 'the mirror is dead, and the tag does not exist',
    async prepare(stage) {
      await mirrored(stage, [[await nobody(), both]], await stage.registry());
      return { image: 'reg.example/team/app:2' };
    },
    verdict: 'faulty',
    cause: 'tag-not-found',
    also: ['tcp-refused'],
    never: ['mirror-failed'],
    endpoints: ['faulty', 'faulty'],
  },
  {
    name: 'the mirror is dead, and the secret is wrong',
    async prepare(stage) {
      await mirrored(stage, [[await nobody(), both]], await stage.registry({ basic: { app: 'right-pw-4711' } }));
      return { image, args: await stage.authFile({ 'reg.example': 'app:wrong-pw-0815' }) };
    },
    verdict: 'faulty',
    cause: 'credentials-rejected',
    also: ['tcp-refused'],
    secrets: ['wrong-pw-0815'],
  },
  {
    name: 'the mirror is dead, and the upstream limits',
    async prepare(stage) {
      const upstream = await stage.registry();
      upstream.override = (_, path) => (path.includes('/manifests/') ? { status: 429 } : null);
      await mirrored(stage, [[await nobody(), both]], upstream);
      return { image };
    },
    verdict: 'faulty',
    cause: 'rate-limited',
    also: ['tcp-refused'],
  },
  {
    name: 'the mirror is dead, and the upstream’s certificate has expired: the first counts',
    async prepare(stage) {
      const upstream = await stage.registry({
        tls: stageCertificate({ notBefore: daysFromNow(-9), notAfter: daysFromNow(-1) }),
      });
      await mirrored(stage, [[await nobody(), both]], upstream);
      return { image };
    },
    verdict: 'faulty',
    cause: 'tcp-refused',
    also: ['tls-certificate-expired'],
    says: /mirror\.test/,
    endpoints: ['faulty', 'faulty'],
    check: ({ document }) => {
      const places = document.findings.map(({ endpoint }) => endpoint);
      if (!places.includes(0) || !places.includes(1)) throw new Error(`findings of endpoints ${places.join()}`);
    },
  },
  {
    name: 'all are dead',
    async prepare(stage) {
      await mirrored(
        stage,
        [
          [await nobody(), both],
          [await nobody(), both],
        ],
        await nobody(),
      );
      return { image };
    },
    verdict: 'faulty',
    cause: 'tcp-refused',
    says: /mirror\.test/,
    endpoints: ['faulty', 'faulty', 'faulty'],
  },
  {
    name: 'the mirror wants a login, the upstream is dead',
    async prepare(stage) {
      await mirrored(stage, [[await stage.registry({ basic: { app: 'x' } }), both]], await nobody());
      return { image };
    },
    verdict: 'faulty',
    cause: 'credentials-missing',
    also: ['tcp-refused'],
    says: /mirror\.test/,
  },
  {
    name: 'a mirror for pulls alone cannot resolve a tag, and the upstream is dead',
    async prepare(stage) {
      await mirrored(stage, [[await stage.registry(), 'capabilities = ["pull"]']], await nobody());
      return { image };
    },
    verdict: 'faulty',
    cause: 'tcp-refused',
    says: /registry\.test/,
  },
  {
    name: 'a mirror for pulls alone serves a digest',
    async prepare(stage) {
      await mirrored(stage, [[await stage.registry(), 'capabilities = ["pull"]']], await nobody());
      return { image: `reg.example/team/app@${stage.image.manifest.digest}` };
    },
    verdict: 'healthy',
    cause: null,
  },
  {
    name: 'a mirror for pulls alone, and the upstream resolves the tag',
    async prepare(stage) {
      await mirrored(stage, [[await stage.registry(), 'capabilities = ["pull"]']], await stage.registry());
      return { image };
    },
    verdict: 'healthy',
    cause: null,
  },
  {
    name: 'a dead mirror for pulls alone costs time',
    async prepare(stage) {
      await mirrored(stage, [[await nobody(), 'capabilities = ["pull"]']], await stage.registry());
      return { image };
    },
    // The plan says that this mirror is not asked for a tag; what it costs later is not looked at.
    verdict: ['degraded', 'healthy'],
    cause: ['mirror-failed', null],
  },
  {
    name: 'the mirror gives the manifest and no content, the upstream serves',
    async prepare(stage) {
      const mirror = await stage.registry();
      mirror.override = (_, path) => (path.includes('/blobs/') ? { status: 500 } : null);
      await mirrored(stage, [[mirror, both]], await stage.registry());
      return { image };
    },
    verdict: 'degraded',
    cause: 'mirror-failed',
    endpoints: ['faulty', 'healthy'],
  },
  {
    name: 'a hosts.toml that does not parse, and the upstream serves',
    async prepare(stage) {
      const registry = await stage.registry();
      await stage.hosts(`registry.test:${registry.port}`, '[host."https://mirror.test"\n');
      return { image: `registry.test:${registry.port}/team/app:1` };
    },
    verdict: 'degraded',
    cause: 'runtime-misconfigured',
  },
  {
    name: 'CRI-O: the mirror is dead, the upstream serves',
    async prepare(stage) {
      const upstream = await stage.registry();
      await stage.file(
        'etc/containers/registries.conf',
        `[[registry]]\nprefix = "reg.example"\nlocation = "registry.test:${upstream.port}"\n[[registry.mirror]]\nlocation = "mirror.test:${await closedPort()}"\n`,
      );
      return { image, args: ['--runtime', 'cri-o'] };
    },
    verdict: 'degraded',
    cause: 'mirror-failed',
    underlying: 'tcp-refused',
  },
  {
    name: 'CRI-O: a mirror below a path, rewritten',
    async prepare(stage) {
      const mirror = await stage.registry({ repositories: { 'cache/team/app': { '1': stage.image } } });
      await stage.file(
        'etc/containers/registries.conf',
        `[[registry]]\nprefix = "reg.example"\nlocation = "registry.test:${await closedPort()}"\n[[registry.mirror]]\nlocation = "mirror.test:${mirror.port}/cache"\n`,
      );
      return { image, args: ['--runtime', 'cri-o'] };
    },
    verdict: 'healthy',
    cause: null,
  },
  {
    name: 'CRI-O: the registry is blocked',
    async prepare(stage) {
      await stage.file('etc/containers/registries.conf', '[[registry]]\nlocation = "reg.example"\nblocked = true\n');
      return { image, args: ['--runtime', 'cri-o'] };
    },
    verdict: 'faulty',
    cause: 'registry-blocked',
  },
  {
    name: 'CRI-O: the registry is blocked, its mirror serves',
    async prepare(stage) {
      const mirror = await stage.registry();
      await stage.file(
        'etc/containers/registries.conf',
        `[[registry]]\nlocation = "reg.example"\nblocked = true\n[[registry.mirror]]\nlocation = "mirror.test:${mirror.port}"\n`,
      );
      return { image, args: ['--runtime', 'cri-o'] };
    },
    verdict: 'healthy',
    cause: null,
  },
  {
    name: 'CRI-O: the registry is blocked, its mirror is dead',
    async prepare(stage) {
      await stage.file(
        'etc/containers/registries.conf',
        `[[registry]]\nlocation = "reg.example"\nblocked = true\n[[registry.mirror]]\nlocation = "mirror.test:${await closedPort()}"\n`,
      );
      return { image, args: ['--runtime', 'cri-o'] };
    },
    verdict: 'faulty',
    cause: ['registry-blocked', 'tcp-refused'],
  },
  {
    name: 'CRI-O: a mirror for digests alone is not asked for a tag',
    async prepare(stage) {
      const upstream = await stage.registry();
      await stage.file(
        'etc/containers/registries.conf',
        `[[registry]]\nprefix = "reg.example"\nlocation = "registry.test:${upstream.port}"\n[[registry.mirror]]\nlocation = "mirror.test:${await closedPort()}"\npull-from-mirror = "digest-only"\n`,
      );
      return { image, args: ['--runtime', 'cri-o'] };
    },
    verdict: 'healthy',
    cause: null,
  },
  {
    name: 'CRI-O: a short name without a meaning',
    async prepare(stage) {
      await stage.file('etc/containers/registries.conf', '');
      return { image: 'app:1', args: ['--runtime', 'cri-o'] };
    },
    verdict: 'faulty',
    cause: 'short-name-unresolved',
  },
  {
    name: 'CRI-O: a short name with two meanings',
    async prepare(stage) {
      await stage.file(
        'etc/containers/registries.conf',
        'unqualified-search-registries = ["a.example", "b.example"]\nshort-name-mode = "enforcing"\n',
      );
      return { image: 'app:1', args: ['--runtime', 'cri-o'] };
    },
    verdict: 'faulty',
    cause: 'short-name-unresolved',
  },
];
