import { constants, gunzipSync } from 'node:zlib';
import { limits } from '../lib/limits.ts';
import { fail, ok, type Result } from '../lib/result.ts';
import { headerOf } from './exchange.ts';

/** An answer's body with what is needed to undo its coding. */
interface CodedBody {
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: Buffer;
  readonly bodyComplete: boolean;
  /** The coding is undone already. */
  readonly unpacked: boolean;
}

/** The bytes of a blob as the runtime counts and hashes them. */
export interface DecodedBody {
  readonly body: Buffer;
  /** The coding that was undone; null: none. */
  readonly coding: string | null;
  /** False: still coded, in a way that not all runtimes treat alike; or too large to undo. */
  readonly comparable: boolean;
}

/**
 * Undoes a blob's Content-Encoding. gzip is undone by all of containerd and by CRI-O, asked for or not: by Go's
 * transport, which asks for it where the caller names no coding (net/http transport.go), and by containerd itself since
 * it names some (core/remotes/docker/fetcher.go: open). Docker asks for the bytes as they are and hashes what comes.
 * zstd and deflate are undone by newer containerd only, which refuses any other. The error names the coding that the
 * body does not have.
 */
export function undoCoding(answer: CodedBody, runtime: string | null): Result<DecodedBody, string> {
  const { body } = answer;
  const coding = headerOf(answer.headers, 'content-encoding')?.trim().toLowerCase() ?? '';
  if (coding === '' || coding === 'identity') return ok({ body, coding: null, comparable: true });
  if (answer.unpacked) return ok({ body, coding, comparable: true });
  if (coding !== 'gzip') return ok({ body, coding: null, comparable: false });
  if (runtime === 'docker' || runtime === 'cri-dockerd' || body.length === 0) {
    return ok({ body, coding: null, comparable: true });
  }
  const finishFlush = answer.bodyComplete ? constants.Z_FINISH : constants.Z_SYNC_FLUSH;
  try {
    const decoded = gunzipSync(body, { finishFlush, maxOutputLength: limits.unpackedLayerBytes });
    return ok({ body: decoded, coding, comparable: true });
  } catch (error) {
    if (error instanceof RangeError) return ok({ body, coding: null, comparable: false });
    return fail(coding);
  }
}
