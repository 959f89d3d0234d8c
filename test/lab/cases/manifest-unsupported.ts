import { gzipSync } from 'node:zlib';
import type { LabCase } from '../case.ts';
import { apiVersion, serving } from './fronts.ts';

const helm = 'application/vnd.cncf.helm.config.v1+json';
const arm = [{ os: 'linux', architecture: 'arm64' }];

const schema1 = JSON.stringify({
  schemaVersion: 1,
  name: 'old/web',
  tag: '1.0',
  architecture: 'amd64',
  fsLayers: [{ blobSum: `sha256:${'a'.repeat(64)}` }],
  history: [{ v1Compatibility: '{}' }],
});

const keeps = 'it keeps whatever a registry has, and only a container of it would fail';

export const cases: readonly LabCase[] = [
  {
    name: 'a Helm chart in an image’s place',
    verdict: 'faulty',
    cause: 'manifest-unsupported',
    confidence: 'proven',
    nearMissOf: ['unpack-failed', 'platform-mismatch', 'tag-not-found'],
    pull: 'fails',
    runtimeSays: { '1.6': /mismatched image rootfs and manifest layers|unpack/ },
    alsoNames: [helm],
    differs: {
      '1.7': { why: keeps, verdict: 'degraded', pull: 'works' },
      '2.x': { why: keeps, verdict: 'degraded', pull: 'works' },
      '2.x local': { why: keeps, verdict: 'degraded', pull: 'works' },
    },
    async prepare(lab) {
      await lab.push('charts/web', '1.0.0', {
        config: { mediaType: helm, body: { name: 'web', version: '1.0.0', apiVersion: 'v2' } },
        layer: (tar) => ({ body: gzipSync(tar), mediaType: 'application/vnd.cncf.helm.chart.content.v1.tar+gzip' }),
      });
      return { image: 'registry.lab/charts/web:1.0.0' };
    },
  },
  {
    name: 'a file that ORAS pushed, with a layer of the type that images have',
    verdict: 'faulty',
    cause: 'manifest-unsupported',
    confidence: 'proven',
    nearMissOf: ['unpack-failed', 'digest-mismatch'],
    pull: 'fails',
    differs: { '2.x': { why: 'the transfer service unpacks only images', verdict: 'degraded', pull: 'works' } },
    async prepare(lab) {
      await lab.push('files/web', '1.0', { config: { mediaType: 'application/vnd.oci.empty.v1+json', body: {} } });
      return { image: 'registry.lab/files/web:1.0' };
    },
  },
  {
    name: 'Docker’s schema 1',
    verdict: 'faulty',
    cause: 'manifest-unsupported',
    confidence: 'proven',
    nearMissOf: ['registry-invalid-response', 'digest-mismatch'],
    pull: 'fails',
    runtimeSays: /no longer supported since containerd v2/,
    runtimes: ['2.x', '2.x local'],
    runtimesWhy: 'older ones still take schema 1',
    async prepare(lab) {
      const type = 'application/vnd.docker.distribution.manifest.v1+prettyjws';
      await serving(
        lab,
        'schema1',
        `location / { ${apiVersion} return 200 '{}'; }
         location ~ /manifests/ { ${apiVersion} default_type ${type}; return 200 '${schema1}'; }`,
      );
      return { image: 'faulty.lab/old/web:1.0' };
    },
  },
  {
    name: 'an index without a manifest for this node, which is an image all the same',
    verdict: 'faulty',
    cause: 'platform-mismatch',
    nearMissOf: ['manifest-unsupported'],
    pull: 'fails',
    async prepare(lab) {
      await lab.push('platform/no-artifact', '1.0', { platforms: arm, index: true });
      return { image: 'registry.lab/platform/no-artifact:1.0', args: ['--platform', 'linux/amd64'] };
    },
  },
];
