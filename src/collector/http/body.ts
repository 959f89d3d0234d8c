import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import {
  brotliDecompress,
  brotliDecompressSync,
  constants,
  gunzip,
  gunzipSync,
  inflate,
  inflateSync,
  zstdDecompress,
  zstdDecompressSync,
} from 'node:zlib';
import { parseJson } from '../../lib/json.ts';
import { fail, ok, type Result } from '../../lib/result.ts';
import type { ProblemReply } from '../../serve/route.ts';
import type { Hold } from './budget.ts';
import type { Turns } from './turns.ts';

/** How a body is read. */
export interface BodyNeeds {
  /** Of the body, packed or not. */
  readonly maxBytes: number;
  readonly hold: Hold;
  /** Where bodies wait to be unpacked and read. */
  readonly turns: Turns;
  /** Called when the body is wanted, for a caller who asks before sending it. */
  readonly begin: () => void;
  /** What is said when `hold` has no room. */
  readonly full: () => ProblemReply;
}

/**
 * Reads a JSON body, packed or not, bounded in size both ways; the server bounds the time. What is too long is left unread:
 * the answer must go out first.
 */
export async function readBody(request: IncomingMessage, needs: BodyNeeds): Promise<Result<unknown, ProblemReply>> {
  const { maxBytes, hold, begin, full, turns } = needs;
  const type = (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase();
  // Also what keeps a web page from asking: a form cannot send this type.
  if (type !== 'application/json')
    return fail(problem(415, 'Send the body as JSON, with Content-Type: application/json.'));
  const coding = (request.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  const unpacker = codings.get(coding);
  if (unpacker === undefined) {
    const known = [...codings.keys()].filter((one) => one !== 'x-gzip').join(', ');
    // RFC 9110, section 15.5.16.
    return fail({
      ...problem(415, `Send the body with Content-Encoding ${known}, or without one.`),
      headers: { 'accept-encoding': known },
    });
  }
  const tooLong = problem(413, `The body is longer than ${maxBytes} bytes: send it in smaller parts.`);
  const length = Number(request.headers['content-length'] ?? '0');
  if (length > maxBytes) return fail(tooLong);
  // Where its length is said, there is room for all of it or it is not begun.
  if (length > 0 && !hold.grow(length)) return fail(full());
  begin();
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      if (!Buffer.isBuffer(chunk)) continue;
      size += chunk.length;
      if (size > maxBytes) return fail(tooLong);
      if (size > length && !hold.grow(chunk.length)) return fail(full());
      chunks.push(chunk);
    }
  } catch {
    return fail(problem(400, 'The body ended before its length.'));
  }
  const packed = Buffer.concat(chunks);
  const read = (unpacked: Unpacked): Result<unknown, ProblemReply> => {
    if (unpacked === 'too-long') {
      return fail(
        problem(413, `The body is longer than ${maxBytes} bytes when it is unpacked: send it in smaller parts.`),
      );
    }
    if (unpacked === 'damaged')
      return fail(problem(400, `The body is not what its Content-Encoding says (${coding}).`));
    if (unpacked !== packed && !hold.grow(unpacked.length)) return fail(full());
    const value = parseJson(unpacked.toString('utf8'));
    // Not the parser's own words: they repeat a part of the body, which may hold a password.
    return value === undefined ? fail(problem(400, 'The body is no JSON, or too deep.')) : ok(value);
  };
  const options = { maxOutputLength: maxBytes };
  if (unpacker === null) return turns(() => read(packed));
  if (packed.length <= smallBytes) return turns(() => read(unpackNow(packed, unpacker, options)));
  const unpacked = await unpackSoon(packed, unpacker, options);
  return turns(() => read(unpacked));
}

/** What became of a packed body. */
type Unpacked = Buffer | 'too-long' | 'damaged';

interface Unpacker {
  readonly now: (data: Buffer, options: Bounds) => Buffer;
  readonly soon: (data: Buffer, options: Bounds) => Promise<Buffer>;
}

interface Bounds {
  readonly maxOutputLength: number;
  readonly params?: Readonly<Record<number, number>>;
}

/** A window of 8 MiB, twice the longest body: what asks for more would take that much memory before its first byte. */
const zstdParams = { [constants.ZSTD_d_windowLogMax]: 23 };

const later = {
  gunzip: promisify(gunzip),
  inflate: promisify(inflate),
  brotli: promisify(brotliDecompress),
  zstd: promisify(zstdDecompress),
};
const ofGzip: Unpacker = { now: gunzipSync, soon: later.gunzip };

/** Content codings (RFC 9110, section 8.4.1; RFC 8878); null: as it is. */
const codings: ReadonlyMap<string, Unpacker | null> = new Map([
  ['gzip', ofGzip],
  ['x-gzip', ofGzip],
  ['deflate', { now: inflateSync, soon: later.inflate }],
  ['br', { now: brotliDecompressSync, soon: later.brotli }],
  [
    'zstd',
    {
      now: (data: Buffer, options: Bounds) => zstdDecompressSync(data, { ...options, params: zstdParams }),
      soon: (data: Buffer, options: Bounds) => later.zstd(data, { ...options, params: zstdParams }),
    },
  ],
  ['identity', null],
]);

/** What is unpacked at once takes less time than handing it to a thread does. */
const smallBytes = 16 * 1024;

/** Larger ones unpacked at a time: as many as Node has threads for it. Each may hold `maxBytes` that nobody has counted yet. */
const maxAtOnce = 4;
let running = 0;
const waiting: (() => void)[] = [];

function unpackNow(data: Buffer, unpacker: Unpacker, options: Bounds): Unpacked {
  try {
    return unpacker.now(data, options);
  } catch (error) {
    return wrongOf(error);
  }
}

async function unpackSoon(data: Buffer, unpacker: Unpacker, options: Bounds): Promise<Unpacked> {
  if (running >= maxAtOnce) await new Promise<void>((resolve) => waiting.push(resolve));
  else running++;
  try {
    return await unpacker.soon(data, options);
  } catch (error) {
    return wrongOf(error);
  } finally {
    // The place goes to who waits, or is free.
    const next = waiting.shift();
    if (next === undefined) running--;
    else next();
  }
}

function wrongOf(error: unknown): 'too-long' | 'damaged' {
  const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
  return code === 'ERR_BUFFER_TOO_LARGE' ? 'too-long' : 'damaged';
}

function problem(status: number, detail: string): ProblemReply {
  return { kind: 'problem', status, detail };
}
