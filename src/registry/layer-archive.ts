import { createHash } from 'node:crypto';
import { constants, gunzipSync } from 'node:zlib';
import { limits } from '../lib/limits.ts';
import { withoutTrailing } from '../lib/trailing.ts';

/** How the bytes of a layer begin. */
export type LayerCompression = 'gzip' | 'zstd' | 'bzip2' | 'xz' | 'none';

/** What the bytes of a layer say of its unpacking. */
export interface LayerArchive {
  readonly compression: LayerCompression;
  /** Why the runtime cannot unpack it, a clause whose subject is the layer; null: nothing speaks against it. */
  readonly problem: string | null;
  /** The digest of the archive, where all of it is there. */
  readonly diffId: string | null;
}

/** As containerd, CRI-O (containers/storage) and Docker know them (pkg/archive/compression and its like). */
const magics: readonly (readonly [LayerCompression, readonly number[]])[] = [
  ['gzip', [0x1f, 0x8b, 0x08]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ['bzip2', [0x42, 0x5a, 0x68]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
];

const dockerLayer = /^application\/vnd\.docker\.image\.rootfs\.(?:foreign\.)?diff\.tar(?:\.gzip|\.zstd)?$/;
const ociLayer = /^application\/vnd\.oci\.image\.layer\.(?:nondistributable\.)?v1\.tar(\+gzip|\+zstd)?$/;

/** Of the packed bytes so many are unpacked to see the first header: less than a thousand times as much comes of them. */
const headBytes = 4096;
const blockBytes = 512;

/**
 * Looks at the first bytes of a layer (`complete`: all of them) as the runtime unpacks them. Null for what it cannot
 * judge: a media type that a plugin of the runtime may know, or too few bytes.
 *
 * containerd goes by the bytes where the type says that the layer is packed, and takes it as it is where the type says
 * plain tar (core/images DiffCompression, pkg/archive/compression); CRI-O and Docker go by the bytes alone. A layer in
 * zstd, or not packed at all, that says gzip is unpacked by all of them (lab, containerd 1.6 to 2.1).
 */
export function checkLayer(
  bytes: Buffer,
  complete: boolean,
  mediaType: string,
  runtime: string | null,
): LayerArchive | null {
  const oci = ociLayer.exec(mediaType);
  if (oci === null && !dockerLayer.test(mediaType)) return null;
  const begins = magics.find(([, magic]) => magic.every((byte, index) => bytes[index] === byte))?.[0] ?? 'none';
  const containerd = runtime !== 'cri-o' && runtime !== 'docker' && runtime !== 'cri-dockerd';
  const asIs = containerd && oci !== null && oci[1] === undefined;
  const said = (problem: string | null, diffId: string | null = null): LayerArchive => ({
    compression: begins,
    problem,
    diffId,
  });
  if (asIs && begins !== 'none') return said(`is packed with ${begins}, and its media type says that it is not`);
  if (begins === 'none') {
    const archive = tarProblem(bytes, complete);
    const what = archive === null ? null : `is neither packed in a known way nor a tar archive (${archive})`;
    return said(what, archive === null && complete ? digestOf(bytes) : null);
  }
  if (begins !== 'gzip') {
    const strange = containerd && begins !== 'zstd';
    return said(strange ? `is packed with ${begins}, which containerd does not know` : null);
  }
  const head = gunzipHead(bytes, complete);
  if (head.error !== null) return said(`is damaged gzip data (${head.error})`);
  const archive = tarProblem(head.output, complete && bytes.length <= headBytes);
  if (archive !== null) return said(`holds no tar archive (${archive})`);
  if (!complete) return said(null);
  const whole = gunzipWhole(bytes);
  if (whole === null) return said(null);
  return whole.error === null ? said(null, digestOf(whole.output)) : said(`is damaged gzip data (${whole.error})`);
}

interface Unpacked {
  readonly output: Buffer;
  readonly error: string | null;
}

function gunzipHead(bytes: Buffer, complete: boolean): Unpacked {
  const all = complete && bytes.length <= headBytes;
  const finishFlush = all ? constants.Z_FINISH : constants.Z_SYNC_FLUSH;
  return unpack(() => gunzipSync(bytes.subarray(0, headBytes), { finishFlush }));
}

/** Null: more comes of it than is worth the time. */
function gunzipWhole(bytes: Buffer): Unpacked | null {
  try {
    return { output: gunzipSync(bytes, { maxOutputLength: limits.unpackedLayerBytes }), error: null };
  } catch (error) {
    if (error instanceof RangeError) return null;
    return { output: Buffer.alloc(0), error: wordsOf(error) };
  }
}

function unpack(gunzip: () => Buffer): Unpacked {
  try {
    return { output: gunzip(), error: null };
  } catch (error) {
    return { output: Buffer.alloc(0), error: wordsOf(error) };
  }
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * Why this is the beginning of no tar archive; null: it is one, or an empty one, or too little is here to say. Every
 * header has the sum of its bytes, its own field taken for spaces; old programs summed signed ones (pax(1), Go's
 * archive/tar).
 */
function tarProblem(bytes: Buffer, complete: boolean): string | null {
  if (bytes.length === 0) return null; // an empty layer, which runtimes take
  if (bytes.length < blockBytes) return complete ? 'it ends within the first header' : null;
  const header = bytes.subarray(0, blockBytes);
  if (header.every((byte) => byte === 0)) return null;
  const written = Number.parseInt(withoutTrailing(header.toString('latin1', 148, 156), '\0 ').trim(), 8);
  let unsigned = 0;
  let signed = 0;
  for (const [index, byte] of header.entries()) {
    const counted = index >= 148 && index < 156 ? 0x20 : byte;
    unsigned += counted;
    signed += counted > 127 ? counted - 256 : counted;
  }
  return written === unsigned || written === signed ? null : 'its first header is none';
}

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
