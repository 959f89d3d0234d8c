import type { DiagnoseCase } from '../../kit/diagnose-case.ts';
import type { Situation, Stage } from '../../kit/diagnose-stage.ts';
import {
  errorBody,
  type FakeContent,
  type FakeImage,
  makeContent,
  makeImage,
  makeIndex,
} from '../../kit/fake-registry.ts';
import { app, overridden } from './shared.ts';

const ociIndex = 'application/vnd.oci.image.index.v1+json';
const ociManifest = 'application/vnd.oci.image.manifest.v1+json';
const only = (manifest: FakeContent): FakeImage => ({ manifest, platform: null, content: [] });

/** team/app:1 is this. */
function holding(make: (stage: Stage) => FakeImage, args: readonly string[] = []) {
  return async (stage: Stage): Promise<Situation> =>
    app(await stage.registry({ repositories: { 'team/app': { '1': make(stage) } } }), args);
}

/** The manifest with other headers. */
function headed(headers: (stage: Stage) => Record<string, string>, args: readonly string[] = []) {
  return async (stage: Stage): Promise<Situation> => {
    const registry = await stage.registry();
    registry.override = (_, path) =>
      path.includes('/manifests/') ? { status: 200, headers: headers(stage), body: stage.image.manifest.bytes } : null;
    return app(registry, args);
  };
}

const emptyIndex = only(makeContent(ociIndex, { schemaVersion: 2, mediaType: ociIndex, manifests: [] }));
const schema1 = only(
  makeContent('application/vnd.docker.distribution.manifest.v1+prettyjws', {
    schemaVersion: 1,
    name: 'team/app',
    tag: '1',
    architecture: 'amd64',
    fsLayers: [{ blobSum: `sha256:${'a'.repeat(64)}` }],
    history: [],
    signatures: [],
  }),
);
const chartConfig = makeContent('application/vnd.cncf.helm.config.v1+json', { name: 'chart' });
const chart: FakeImage = {
  manifest: makeContent(ociManifest, {
    schemaVersion: 2,
    mediaType: ociManifest,
    config: { mediaType: chartConfig.mediaType, digest: chartConfig.digest, size: chartConfig.bytes.length },
    layers: [],
  }),
  platform: null,
  content: [chartConfig],
};

/** The image itself. */
export const cases: readonly DiagnoseCase[] = [
  {
    name: 'the tag does not exist',
    prepare: async (stage) =>
      app(
        await stage.registry({ repositories: { 'team/app': { '1.0': stage.image, '1.1': stage.image } } }),
        [],
        ':1.2',
      ),
    verdict: 'faulty',
    cause: 'tag-not-found',
    confidence: 'proven',
    says: /1\.1/,
    never: ['repository-not-found'],
    ruledOut: ['dns', 'tcp', 'tls', 'registry'],
    notRuledOut: ['manifest', 'blob'],
  },
  {
    name: 'the digest does not exist',
    prepare: async (stage) => app(await stage.registry(), [], `@sha256:${'0'.repeat(64)}`),
    verdict: 'faulty',
    cause: 'tag-not-found',
  },
  {
    name: 'the repository does not exist',
    prepare: async (stage) => app(await stage.registry({ repositories: { 'team/apps': { '1': stage.image } } })),
    verdict: 'faulty',
    cause: 'repository-not-found',
  },
  {
    name: '404 without a word, and the tags are listed',
    prepare: overridden((_, path) => (path.includes('/manifests/') ? { status: 404 } : null)),
    verdict: 'faulty',
    // The tag is in the list, and its manifest is not there: damaged, and none of the names is wrong.
    cause: 'unknown',
    never: ['tag-not-found', 'repository-not-found'],
  },
  {
    name: '404 without a word, and no list',
    prepare: overridden((_, path) => (path === '/v2/' ? null : { status: 404 })),
    verdict: 'faulty',
    cause: ['unknown', 'repository-not-found'],
    never: ['tag-not-found'],
  },
  {
    name: 'MANIFEST_UNKNOWN, and the list of tags is forbidden',
    prepare: overridden((_, path) =>
      path.includes('/manifests/')
        ? { status: 404, body: errorBody('MANIFEST_UNKNOWN', 'manifest unknown') }
        : path.includes('/tags/')
          ? { status: 403 }
          : null,
    ),
    verdict: 'faulty',
    cause: 'tag-not-found',
    confidence: 'likely',
  },
  {
    name: 'an index for other platforms',
    prepare: holding(() => makeIndex([makeImage({ os: 'linux', architecture: 's390x' })])),
    verdict: 'faulty',
    cause: 'platform-mismatch',
    confidence: 'proven',
    says: /s390x/,
  },
  {
    name: 'one manifest for another platform: pulls, and does not start',
    prepare: holding(() => makeImage({ os: 'linux', architecture: 's390x' })),
    verdict: 'degraded',
    cause: 'platform-mismatch',
    says: /s390x/,
  },
  {
    name: 'an index without entries',
    prepare: holding(() => emptyIndex),
    verdict: 'faulty',
    cause: 'platform-mismatch',
  },
  {
    name: 'an index with attestations alone',
    prepare: holding(() => makeIndex([])),
    verdict: 'faulty',
    cause: 'platform-mismatch',
  },
  {
    name: 'an index whose entry for this platform is not there',
    prepare: holding((stage) => ({ ...makeIndex([stage.image]), content: [] })),
    verdict: 'faulty',
    cause: ['unknown', 'blob-unreachable'],
    never: ['tag-not-found', 'repository-not-found', 'platform-mismatch'],
  },
  {
    name: 'an index whose entry for this platform fails (500)',
    async prepare(stage) {
      const index = makeIndex([stage.image]);
      const registry = await stage.registry({ repositories: { 'team/app': { '1': index } } });
      registry.override = (_, path) => (path.endsWith(stage.image.manifest.digest) ? { status: 500 } : null);
      return app(registry);
    },
    verdict: 'faulty',
    cause: 'registry-error',
  },
  {
    name: 'Docker’s schema 1, with the newest containerd',
    prepare: holding(() => schema1),
    verdict: 'faulty',
    cause: 'manifest-unsupported',
  },
  {
    name: 'Docker’s schema 1, with CRI-O, which still takes it',
    prepare: holding(() => schema1, ['--runtime', 'cri-o']),
    verdict: ['healthy', 'inconclusive', 'degraded'],
    cause: null,
    never: ['manifest-unsupported'],
  },
  {
    name: 'a Helm chart',
    prepare: holding(() => chart),
    verdict: 'faulty',
    cause: 'manifest-unsupported',
    says: /helm/,
  },
  {
    name: 'by digest, and other bytes come',
    async prepare(stage) {
      const registry = await stage.registry();
      registry.override = (_, path) =>
        path.includes('/manifests/')
          ? {
              status: 200,
              headers: { 'content-type': ociManifest },
              body: '{"schemaVersion":2,"config":{},"layers":[]}',
            }
          : null;
      return app(registry, [], `@${stage.image.manifest.digest}`);
    },
    verdict: 'faulty',
    cause: ['digest-mismatch', 'registry-invalid-response'],
  },
  {
    name: 'by digest, and another manifest comes',
    async prepare(stage) {
      const other = makeImage({ os: 'linux', architecture: 'arm64' }).manifest;
      const registry = await stage.registry();
      registry.override = (_, path) =>
        path.includes('/manifests/')
          ? {
              status: 200,
              headers: { 'content-type': ociManifest, 'docker-content-digest': stage.image.manifest.digest },
              body: other.bytes,
            }
          : null;
      return app(registry, [], `@${stage.image.manifest.digest}`);
    },
    verdict: 'faulty',
    cause: 'digest-mismatch',
    confidence: 'proven',
    never: ['platform-mismatch'],
  },
  {
    name: 'by tag, and the digest header is of other bytes',
    prepare: headed(() => ({ 'content-type': ociManifest, 'docker-content-digest': `sha256:${'1'.repeat(64)}` })),
    verdict: 'faulty',
    cause: 'digest-mismatch',
  },
  {
    name: 'by tag, without a digest header',
    prepare: headed(() => ({ 'content-type': ociManifest })),
    verdict: 'healthy',
    cause: null,
  },
  {
    name: 'a good manifest as application/json: containerd goes by the header',
    prepare: headed((stage) => ({
      'content-type': 'application/json',
      'docker-content-digest': stage.image.manifest.digest,
    })),
    verdict: 'faulty',
    cause: 'manifest-unsupported',
    says: /application\/json/,
  },
  {
    name: 'a good manifest as application/json, with CRI-O, which reads the body',
    prepare: headed(
      (stage) => ({ 'content-type': 'application/json', 'docker-content-digest': stage.image.manifest.digest }),
      ['--runtime', 'cri-o'],
    ),
    verdict: 'healthy',
    cause: null,
  },
  {
    name: 'a good manifest with a charset in its type',
    prepare: headed((stage) => ({
      'content-type': `${ociManifest}; charset=utf-8`,
      'docker-content-digest': stage.image.manifest.digest,
    })),
    verdict: 'healthy',
    cause: null,
  },
  {
    name: 'a page for the manifest',
    prepare: overridden((_, path) =>
      path.includes('/manifests/')
        ? { status: 200, headers: { 'content-type': 'text/html' }, body: '<html><title>Sign in</title></html>' }
        : null,
    ),
    verdict: 'faulty',
    cause: 'registry-invalid-response',
  },
  {
    name: 'an image reference that does not parse',
    prepare: async () => ({ image: 'https://registry.test/team/app:1' }),
    verdict: 'faulty',
    cause: 'invalid-image-name',
  },
  {
    name: 'tag and digest together: the digest counts',
    prepare: async (stage) => app(await stage.registry(), [], `:nowhere@${stage.image.manifest.digest}`),
    verdict: 'healthy',
    cause: null,
  },
];
