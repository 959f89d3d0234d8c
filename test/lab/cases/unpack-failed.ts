import { gzipSync, zstdCompressSync } from 'node:zlib';
import { tarOf } from '../../kit/tar.ts';
import type { LabCase } from '../case.ts';
import { digestOf, type LayerContent } from '../images.ts';

const text = Buffer.from('this is no archive at all '.repeat(200));

export const cases: readonly LabCase[] = [
  broken('noise', 'a layer that says gzip and is text', /invalid tar header/, () => ({ body: text })),
  broken('text', 'a layer that is text in gzip', /invalid tar header/, () => ({ body: gzipSync(text) })),
  broken('cut', 'a layer whose gzip ends early', /unexpected EOF/, (tar) => ({
    body: gzipSync(tar).subarray(0, 4000),
  })),
  broken('flipped', 'a layer with a wrong byte', /gzip: invalid checksum|corrupt/, (tar) => {
    const body = gzipSync(tar);
    body[5000] = (body[5000] ?? 0) ^ 0xff;
    return { body };
  }),
  broken('packed', 'a layer that is gzip and says plain tar', /failed to extract layer/, (tar) => ({
    body: gzipSync(tar),
    mediaType: 'application/vnd.oci.image.layer.v1.tar',
  })),
  broken('other', 'a config that names another layer', /wrong diff id/, (tar) => ({
    body: gzipSync(tar),
    diffId: digestOf(text),
  })),
  {
    ...broken('large', 'a large layer that is no archive', /invalid tar header/, () => ({ body: text })),
    // Only its beginning is read, so that it could still be another than the one that was pushed.
    confidence: 'likely',
    async prepare(lab) {
      const layer = (tar: Buffer): LayerContent => ({ body: Buffer.concat([text, tar]) });
      await lab.push('unpack/large', '1.0', { layerBytes: 300_000, layer });
      return { image: 'registry.lab/unpack/large:1.0' };
    },
  },
  {
    ...broken('kind', 'a layer of a kind that nothing here unpacks', /failed to extract layer/, (tar) => ({
      body: gzipSync(tar),
      mediaType: 'application/vnd.oci.image.layer.v1.tar+br',
    })),
    confidence: 'likely',
  },
  {
    ...broken('name', 'a layer with a name that no file system takes', /file name too long/, longName),
    confidence: 'likely',
  },
  well('zstd', 'a layer that is zstd and says gzip', (tar) => ({ body: zstdCompressSync(tar) })),
  well('plain', 'a layer that is plain tar and says gzip', (tar) => ({ body: tar })),
  well('empty', 'a layer without a file in it', () => ({
    body: gzipSync(Buffer.alloc(1024)),
    diffId: digestOf(Buffer.alloc(1024)),
  })),
];

/** A layer that comes as it was pushed, and cannot be unpacked. */
function broken(name: string, what: string, runtimeSays: RegExp, layer: (tar: Buffer) => LayerContent): LabCase {
  return {
    name: what,
    verdict: 'faulty',
    cause: 'unpack-failed',
    confidence: 'proven',
    nearMissOf: ['digest-mismatch', 'blob-unreachable', 'manifest-unsupported'],
    pull: 'fails',
    runtimeSays,
    async prepare(lab) {
      await lab.push(`unpack/${name}`, '1.0', { layerBytes: 9000, layer });
      return { image: `registry.lab/unpack/${name}:1.0` };
    },
  };
}

/** One that looks as odd, and is unpacked. */
function well(name: string, what: string, layer: (tar: Buffer) => LayerContent): LabCase {
  return {
    name: what,
    verdict: 'healthy',
    cause: null,
    nearMissOf: ['unpack-failed'],
    pull: 'works',
    async prepare(lab) {
      await lab.push(`unpack/${name}`, '1.0', { layer });
      return { image: `registry.lab/unpack/${name}:1.0` };
    },
  };
}

/** GNU tar's long names have no limit, those of a file system have one of 255 bytes. */
function longName(): LayerContent {
  const name = tarOf('././@LongLink', Buffer.from(`${'n'.repeat(300)}\0`), 'L');
  const file = tarOf('n'.repeat(99), Buffer.from('x'));
  const tar = Buffer.concat([name.subarray(0, -1024), file]);
  return { body: gzipSync(tar), diffId: digestOf(tar) };
}
