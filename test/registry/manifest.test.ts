import assert from 'node:assert/strict';
import fc from 'fast-check';
import { checkDigest, digestAlgorithm, digestOf, emptyDigest } from '../../src/registry/digest.ts';
import { type Manifest, type ManifestProblem, parseManifest } from '../../src/registry/manifest.ts';
import { bareMediaType, isImageConfig, mediaKind } from '../../src/registry/media-types.ts';

const types = {
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  ociConfig: 'application/vnd.oci.image.config.v1+json',
  list: 'application/vnd.docker.distribution.manifest.list.v2+json',
  v2: 'application/vnd.docker.distribution.manifest.v2+json',
  v2Config: 'application/vnd.docker.container.image.v1+json',
  v1: 'application/vnd.docker.distribution.manifest.v1+prettyjws',
};
const digest = `sha256:${'a'.repeat(64)}`;
const layer = { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest, size: 7 };
const image = {
  schemaVersion: 2,
  mediaType: types.ociManifest,
  config: { mediaType: types.ociConfig, digest, size: 5 },
  layers: [layer],
};

function parse(value: unknown, contentType: string | null, header: string | null = null) {
  const body = Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
  return parseManifest(body, contentType, header);
}
function good(value: unknown, contentType: string | null, header: string | null = null): Manifest {
  const result = parse(value, contentType, header);
  assert.ok(result.ok, result.ok ? '' : result.error.message);
  return result.value;
}
function bad(value: unknown, contentType: string | null): ManifestProblem {
  const result = parse(value, contentType);
  assert.ok(!result.ok);
  return result.error;
}

describe('parseManifest', () => {
  it('reads an index and leaves attestations out', () => {
    const manifest = good(
      {
        schemaVersion: 2,
        mediaType: types.ociIndex,
        manifests: [
          {
            mediaType: types.ociManifest,
            digest,
            size: 1,
            platform: { os: 'linux', architecture: 'arm64', variant: 'v8' },
          },
          {
            mediaType: types.ociManifest,
            digest,
            size: 2,
            platform: { os: 'windows', architecture: 'amd64', 'os.version': '10.0.1' },
          },
          { mediaType: types.ociManifest, digest, size: 3, platform: { os: 'unknown', architecture: 'unknown' } },
          { mediaType: types.ociManifest, digest, size: 4 },
        ],
      },
      `${types.ociIndex}; charset=utf-8`,
    );
    assert.ok(manifest.kind === 'index');
    assert.deepEqual(
      manifest.entries.map((entry) => entry.platform),
      [
        { os: 'linux', architecture: 'arm64', variant: 'v8', osVersion: null },
        { os: 'windows', architecture: 'amd64', variant: null, osVersion: '10.0.1' },
        null,
      ],
    );
    assert.equal(manifest.attestations, 1);
    assert.equal(manifest.contentTypeMismatch, false);
  });

  it('reads an image', () => {
    const manifest = good(image, types.ociManifest);
    assert.ok(manifest.kind === 'image');
    assert.equal(manifest.config.mediaType, types.ociConfig);
    assert.deepEqual(manifest.layers, [{ ...layer, urls: [] }]);
    assert.equal(manifest.mediaType, types.ociManifest);
    const docker = good(
      { ...image, mediaType: types.v2, config: { mediaType: types.v2Config, digest, size: 5 } },
      types.v2,
    );
    assert.equal(docker.kind, 'image');
  });

  it('reads an index without a mediaType of its own by its members', () => {
    const manifest = good({ schemaVersion: 2, manifests: [] }, types.ociIndex);
    assert.deepEqual(
      [manifest.kind, manifest.mediaType, manifest.contentTypeMismatch],
      ['index', types.ociIndex, false],
    );
    const list = good({ schemaVersion: 2, manifests: [] }, types.list);
    assert.equal(list.mediaType, types.list);
  });

  it('tells artifacts from images', () => {
    const chart = good(
      { ...image, config: { mediaType: 'application/vnd.cncf.helm.config.v1+json', digest, size: 5 } },
      types.ociManifest,
    );
    assert.ok(chart.kind === 'artifact');
    assert.equal(chart.artifactType, 'application/vnd.cncf.helm.config.v1+json');
    // What runs is an image, whatever it says of itself besides.
    assert.equal(good({ ...image, artifactType: 'application/x' }, types.ociManifest).kind, 'image');
    const typed = good(
      {
        ...image,
        config: { ...image.config, mediaType: 'application/vnd.oci.empty.v1+json' },
        artifactType: 'application/x',
      },
      types.ociManifest,
    );
    assert.ok(typed.kind === 'artifact' && typed.artifactType === 'application/x');
  });

  it('reads the first schema', () => {
    const old = good({ schemaVersion: 1, architecture: 'amd64', fsLayers: [{}, {}] }, types.v1);
    assert.ok(old.kind === 'schema1');
    assert.deepEqual([old.architecture, old.layers], ['amd64', 2]);
  });

  const mismatches: readonly (readonly [string, string | null, boolean])[] = [
    ['the right type', types.ociManifest, false],
    ['the same kind by the other name', types.v2, false],
    ['an index’s type', types.ociIndex, true],
    ['text/plain', 'text/plain', true],
    ['plain JSON', 'application/json', true],
    ['no type', null, true],
    ['upper case and parameters', `${types.ociManifest.toUpperCase()}; charset=utf-8`, false],
  ];
  for (const [name, contentType, mismatch] of mismatches) {
    it(`compares an image with ${name}`, () => {
      const manifest = good(image, contentType);
      assert.equal(manifest.kind, 'image');
      assert.equal(manifest.contentTypeMismatch, mismatch);
    });
  }

  it('computes the digest and compares the header with it', () => {
    const body = Buffer.from(JSON.stringify(image));
    const right = digestOf(body);
    assert.equal(good(image, types.ociManifest, right).digest, right);
    assert.equal(good(image, types.ociManifest, right).headerDigestMismatch, false);
    assert.equal(good(image, types.ociManifest, digest).headerDigestMismatch, true);
    assert.equal(good(image, types.ociManifest, null).headerDigestMismatch, false);
    const long = digestOf(body, 'sha512');
    const by512 = good(image, types.ociManifest, long);
    assert.deepEqual([by512.digest, by512.headerDigestMismatch], [long, false]);
    assert.equal(good(image, types.ociManifest, 'nonsense').headerDigestMismatch, true);
  });

  const problems: readonly (readonly [string, unknown, string | null, ManifestProblem['kind']])[] = [
    ['nothing', '', types.ociManifest, 'empty'],
    ['a portal', '<!DOCTYPE html><html>', 'text/html', 'html'],
    ['a portal that lies about its type', '\n<html><body>Log in', types.ociManifest, 'html'],
    ['text', 'hello', 'text/plain', 'not-json'],
    ['a list', [], types.ociManifest, 'not-a-manifest'],
    ['another object', { hello: 1 }, types.ociManifest, 'not-a-manifest'],
    ['an error with status 200', { errors: [{ code: 'DENIED' }] }, 'application/json', 'not-a-manifest'],
    ['a layer without a digest', { ...image, layers: [{ mediaType: 'x', size: 1 }] }, types.ociManifest, 'malformed'],
    [
      'a layer with a bad digest',
      { ...image, layers: [{ ...layer, digest: 'sha256:AB' }] },
      types.ociManifest,
      'malformed',
    ],
    ['a layer of negative size', { ...image, layers: [{ ...layer, size: -1 }] }, types.ociManifest, 'malformed'],
    ['no config', { ...image, config: undefined }, types.ociManifest, 'malformed'],
    ['an entry that is text', { schemaVersion: 2, manifests: ['x'] }, types.ociIndex, 'malformed'],
    ['too many layers', { ...image, layers: Array.from({ length: 3000 }, () => layer) }, types.ociManifest, 'too-many'],
    ['too many entries', { manifests: Array.from({ length: 3000 }, () => layer) }, types.ociIndex, 'too-many'],
  ];
  for (const [name, value, contentType, kind] of problems) {
    it(`refuses ${name}`, () => assert.equal(bad(value, contentType).kind, kind));
  }

  it('never throws', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.json(), fc.string()),
        fc.option(fc.string()),
        fc.option(fc.string()),
        (text, type, header) => {
          return typeof parse(text, type, header).ok === 'boolean';
        },
      ),
    );
    const part = fc.oneof(
      fc.constant(image),
      fc.constant(layer),
      fc.constant(null),
      fc.constant('x'),
      fc.constant([layer]),
    );
    fc.assert(
      fc.property(
        fc.record({ mediaType: part, manifests: part, config: part, layers: part, fsLayers: part }),
        (value) => {
          return typeof parse(value, types.ociIndex).ok === 'boolean';
        },
      ),
    );
  });
});

describe('digests', () => {
  it('are compared by their own algorithm', () => {
    const bytes = Buffer.from('hello');
    const sha256 = 'sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824';
    assert.deepEqual(checkDigest(bytes, sha256), { expected: sha256, actual: sha256, matches: true, empty: false });
    assert.equal(checkDigest(bytes, digestOf(bytes, 'sha512')).matches, true);
    assert.equal(checkDigest(bytes, digest).matches, false);
    assert.deepEqual(checkDigest(bytes, 'md5:1'), { expected: 'md5:1', actual: null, matches: null, empty: false });
  });

  it('know the empty body', () => {
    const nothing = checkDigest(Buffer.alloc(0), digest);
    assert.deepEqual([nothing.actual, nothing.matches, nothing.empty], [emptyDigest, false, true]);
  });

  for (const wrong of [
    'sha256:abc',
    `sha256:${'A'.repeat(64)}`,
    `sha256:${'a'.repeat(65)}`,
    `sha512:${'a'.repeat(64)}`,
    '',
  ]) {
    it(`${wrong} is none`, () => assert.equal(digestAlgorithm(wrong), null));
  }
});

describe('media types', () => {
  it('are named by kind', () => {
    assert.deepEqual(
      [types.ociIndex, types.list, types.ociManifest, types.v2, types.v1, 'text/html', 'constructor'].map(mediaKind),
      ['index', 'index', 'image', 'image', 'schema1', 'other', 'other'],
    );
    assert.ok(isImageConfig(types.v2Config) && !isImageConfig('application/vnd.oci.empty.v1+json'));
    assert.deepEqual([bareMediaType(' A/B ; q=1'), bareMediaType(''), bareMediaType(null)], ['a/b', null, null]);
  });
});
