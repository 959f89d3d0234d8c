import { gzipSync, zstdCompressSync } from 'node:zlib';
import type { LabCase } from '../case.ts';
import { digestOf, tarOf } from '../images.ts';

export const cases: readonly LabCase[] = [
  {
    name: 'a layer that says gzip and is none',
    verdict: 'faulty',
    cause: 'unpack-failed',
    pull: 'fails',
    async prepare(lab) {
      await lab.push('unpack/noise', '1.0', {
        layer: () => ({ body: Buffer.from('this is no archive at all'.repeat(200)) }),
      });
      return { image: 'registry.lab/unpack/noise:1.0' };
    },
  },
  {
    name: 'a gzip layer without an archive in it',
    verdict: 'faulty',
    cause: 'unpack-failed',
    pull: 'fails',
    async prepare(lab) {
      await lab.push('unpack/notar', '1.0', {
        layer: () => ({ body: gzipSync('this is no archive at all'.repeat(200)) }),
      });
      return { image: 'registry.lab/unpack/notar:1.0' };
    },
  },
  {
    name: 'a gzip layer that ends early',
    verdict: 'faulty',
    cause: 'unpack-failed',
    pull: 'fails',
    async prepare(lab) {
      await lab.push('unpack/cut', '1.0', {
        layerBytes: 9000,
        layer: (tar) => ({ body: gzipSync(tar).subarray(0, 4000) }),
      });
      return { image: 'registry.lab/unpack/cut:1.0' };
    },
  },
  {
    name: 'a gzip layer with a flipped byte',
    verdict: 'faulty',
    cause: 'unpack-failed',
    pull: 'fails',
    async prepare(lab) {
      await lab.push('unpack/flip', '1.0', {
        layerBytes: 9000,
        layer: (tar) => {
          const b = gzipSync(tar);
          b[5000] = (b[5000] ?? 0) ^ 0xff;
          return { body: b };
        },
      });
      return { image: 'registry.lab/unpack/flip:1.0' };
    },
  },
  {
    name: 'a config that names another layer',
    verdict: 'faulty',
    cause: 'unpack-failed',
    pull: 'fails',
    async prepare(lab) {
      await lab.push('unpack/diff', '1.0', {
        layer: (tar) => ({ body: gzipSync(tar), diffId: digestOf(Buffer.from('x')) }),
      });
      return { image: 'registry.lab/unpack/diff:1.0' };
    },
  },
  {
    name: 'a layer in zstd that says gzip',
    verdict: 'healthy',
    cause: null,
    pull: 'works',
    async prepare(lab) {
      await lab.push('unpack/zstd', '1.0', { layer: (tar) => ({ body: zstdCompressSync(tar) }) });
      return { image: 'registry.lab/unpack/zstd:1.0' };
    },
  },
  {
    name: 'a layer that is plain tar and says gzip',
    verdict: 'healthy',
    cause: null,
    pull: 'works',
    async prepare(lab) {
      await lab.push('unpack/plain', '1.0', { layer: (tar) => ({ body: tar }) });
      return { image: 'registry.lab/unpack/plain:1.0' };
    },
  },
  {
    name: 'a layer that is gzip and says plain tar',
    verdict: 'faulty',
    cause: 'unpack-failed',
    pull: 'fails',
    async prepare(lab) {
      await lab.push('unpack/says-plain', '1.0', {
        layer: (tar) => ({ body: gzipSync(tar), mediaType: 'application/vnd.oci.image.layer.v1.tar' }),
      });
      return { image: 'registry.lab/unpack/says-plain:1.0' };
    },
  },
  {
    name: 'a layer of an unknown kind',
    verdict: 'faulty',
    cause: 'unpack-failed',
    pull: 'fails',
    async prepare(lab) {
      await lab.push('unpack/unknown-kind', '1.0', {
        layer: (tar) => ({ body: gzipSync(tar), mediaType: 'application/vnd.oci.image.layer.v1.tar+br' }),
      });
      return { image: 'registry.lab/unpack/unknown-kind:1.0' };
    },
  },
  {
    name: 'a layer with a file whose name is too long',
    verdict: 'faulty',
    cause: 'unpack-failed',
    pull: 'fails',
    async prepare(lab) {
      const name = Buffer.from(`${'n'.repeat(300)}\0`);
      const longlink = tarOf('././@LongLink', name, 'L');
      const file = tarOf('n'.repeat(99), Buffer.from('x'));
      const tar = Buffer.concat([longlink.subarray(0, longlink.length - 1024), file]);
      await lab.push('unpack/path', '1.0', { layer: () => ({ body: gzipSync(tar), diffId: digestOf(tar) }) });
      return { image: 'registry.lab/unpack/path:1.0' };
    },
  },
];
