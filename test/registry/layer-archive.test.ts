import { strict as assert } from 'node:assert';
import { createHash } from 'node:crypto';
import { deflateRawSync, gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { checkLayer } from '../../src/registry/layer-archive.ts';
import { tarOf } from '../kit/tar.ts';

const gzipType = 'application/vnd.oci.image.layer.v1.tar+gzip';
const plainType = 'application/vnd.oci.image.layer.v1.tar';
const dockerType = 'application/vnd.docker.image.rootfs.diff.tar.gzip';
const tar = tarOf('etc/hostname', Buffer.from('worker-3\n'));
const large = tarOf('noise', Buffer.from(Array.from({ length: 200_000 }, (_, index) => (index * 7919) % 251)));
const sum = (bytes: Buffer): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

describe('the first bytes of a layer', () => {
  const well: readonly (readonly [string, Buffer, string, string])[] = [
    ['gzip', gzipSync(tar), gzipType, 'gzip'],
    ["Docker's gzip", gzipSync(tar), dockerType, 'gzip'],
    ['zstd that says gzip', zstdCompressSync(tar), gzipType, 'zstd'],
    ['plain tar that says gzip', tar, gzipType, 'none'],
    ['plain tar', tar, plainType, 'none'],
    ['an empty archive', gzipSync(Buffer.alloc(1024)), gzipType, 'gzip'],
    ['nothing at all', Buffer.alloc(0), gzipType, 'none'],
    [
      'two members of gzip',
      Buffer.concat([gzipSync(tar.subarray(0, 700)), gzipSync(tar.subarray(700))]),
      gzipType,
      'gzip',
    ],
  ];
  for (const [name, bytes, type, compression] of well) {
    it(`speak for ${name}`, () => {
      const checked = checkLayer(bytes, true, type, 'containerd');
      assert.equal(checked?.problem, null);
      assert.equal(checked?.compression, compression);
    });
  }

  const flipped = Buffer.from(gzipSync(large));
  const middle = Math.floor(flipped.length / 2);
  flipped[middle] = (flipped[middle] ?? 0) ^ 0xff;
  const bad: readonly (readonly [string, Buffer, string, RegExp])[] = [
    ['text', Buffer.from('no archive '.repeat(100)), gzipType, /neither packed in a known way nor a tar archive/],
    ['a short text', Buffer.from('no archive'), gzipType, /ends within the first header/],
    [
      'text in gzip',
      gzipSync('no archive '.repeat(100)),
      gzipType,
      /holds no tar archive \(its first header is none\)/,
    ],
    ['a short text in gzip', gzipSync('no archive'), gzipType, /holds no tar archive \(it ends/],
    [
      'gzip that says plain tar',
      gzipSync(tar),
      plainType,
      /is packed with gzip, and its media type says that it is not/,
    ],
    ['gzip that ends early', gzipSync(large).subarray(0, -40), gzipType, /damaged gzip data \(unexpected end/],
    ['gzip with a flipped byte', flipped, gzipType, /damaged gzip data/],
    [
      'a header of gzip alone',
      Buffer.concat([gzipSync(tar).subarray(0, 10), Buffer.alloc(90, 255)]),
      gzipType,
      /damaged/,
    ],
    [
      'bzip2',
      Buffer.concat([Buffer.from('BZh9'), Buffer.alloc(600, 1)]),
      gzipType,
      /bzip2, which containerd does not know/,
    ],
  ];
  for (const [name, bytes, type, problem] of bad) {
    it(`speak against ${name}`, () => {
      assert.match(checkLayer(bytes, true, type, 'containerd')?.problem ?? '', problem);
    });
  }

  it('are taken as CRI-O takes them: by themselves, whatever the type says', () => {
    assert.equal(checkLayer(gzipSync(tar), true, plainType, 'cri-o')?.problem, null);
    const bzip2 = Buffer.concat([Buffer.from('BZh9'), Buffer.alloc(600, 1)]);
    assert.equal(checkLayer(bzip2, true, gzipType, 'cri-o')?.problem, null);
  });

  it('say nothing of kinds that a plugin may unpack', () => {
    for (const type of [
      `${gzipType}+encrypted`,
      `${plainType}+br`,
      'application/vnd.cncf.helm.chart.content.v1.tar+gzip',
    ]) {
      assert.equal(checkLayer(Buffer.from('x'.repeat(600)), true, type, 'containerd'), null);
    }
  });

  it('give the digest of what they unpack to, where all are here', () => {
    assert.equal(checkLayer(gzipSync(tar), true, gzipType, 'containerd')?.diffId, sum(tar));
    assert.equal(checkLayer(tar, true, plainType, 'containerd')?.diffId, sum(tar));
    assert.equal(checkLayer(gzipSync(large).subarray(0, 2000), false, gzipType, 'containerd')?.diffId, null);
  });

  it('do not unpack what would fill the memory', () => {
    const bomb = gzipSync(Buffer.concat([tar.subarray(0, 1024), Buffer.alloc(40 * 1024 * 1024)]));
    assert.deepEqual(checkLayer(bomb, true, gzipType, null), { compression: 'gzip', problem: null, diffId: null });
  });

  it('never speak against the beginning of what was packed well', () => {
    const content = fc.uint8Array({ maxLength: 5000 });
    fc.assert(
      fc.property(content, fc.integer({ min: 0, max: 9 }), fc.nat(6000), (bytes, level, cut) => {
        const packed = gzipSync(tarOf('f', Buffer.from(bytes)), { level });
        assert.equal(checkLayer(packed, true, gzipType, null)?.problem, null);
        const start = packed.subarray(0, Math.min(cut, packed.length - 1));
        assert.equal(checkLayer(start, false, gzipType, null)?.problem ?? null, null);
      }),
    );
  });

  it('are read whatever they are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 700 }), fc.boolean(), fc.boolean(), (noise, complete, magic) => {
        const bytes = magic ? [0x1f, 0x8b, 0x08, ...noise] : [...noise];
        checkLayer(Buffer.from(bytes), complete, gzipType, 'containerd');
        checkLayer(deflateRawSync(Buffer.from(bytes)), complete, dockerType, 'cri-o');
      }),
    );
  });
});
