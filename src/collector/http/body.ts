import type { IncomingMessage } from 'node:http';
import { fail, ok, type Result } from '../../lib/result.ts';
import type { ProblemReply } from '../../serve/route.ts';
import { codingNames, codingOf, type PackedBody } from '../intake/unpack.ts';
import type { Hold } from './budget.ts';

/** How a body is read. */
export interface BodyNeeds {
  /** Of the body as it comes. */
  readonly maxBytes: number;
  readonly hold: Hold;
  /** Called when the body is wanted, for a caller who asks before sending it. */
  readonly begin: () => void;
  /** What is said when `hold` has no room. */
  readonly full: () => ProblemReply;
}

/**
 * Takes a JSON body as it comes, packed or not, bounded in size; the server bounds the time. It is not looked into. What is too
 * long is left unread: the answer must go out first.
 */
export async function readBody(request: IncomingMessage, needs: BodyNeeds): Promise<Result<PackedBody, ProblemReply>> {
  const { maxBytes, hold, begin, full } = needs;
  const type = (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase();
  // Also what keeps a web page from asking: a form cannot send this type.
  if (type !== 'application/json')
    return fail(problem(415, 'Send the body as JSON, with Content-Type: application/json.'));
  const coding = codingOf((request.headers['content-encoding'] ?? 'identity').trim().toLowerCase());
  if (coding === null) {
    // RFC 9110, section 15.5.16.
    return fail({
      ...problem(415, `Send the body with Content-Encoding ${codingNames}, or without one.`),
      headers: { 'accept-encoding': codingNames },
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
  const wrong = await taken(request, (chunk) => {
    size += chunk.length;
    if (size > maxBytes) return tooLong;
    if (size > length && !hold.grow(chunk.length)) return full();
    chunks.push(chunk);
    return null;
  });
  if (wrong !== null) return fail(wrong);
  // Memory of its own, which can be handed to a thread without a copy; small buffers share theirs.
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return ok({ bytes, coding });
}

/** Takes a body to its end, or until a part of it is refused. By events: thousands come at once, and an iterator costs thrice as much. */
function taken(request: IncomingMessage, part: (chunk: Buffer) => ProblemReply | null): Promise<ProblemReply | null> {
  return new Promise((resolve) => {
    const end = (wrong: ProblemReply | null): void => {
      request.off('data', data).off('end', ended).off('close', closed).off('error', closed);
      request.pause();
      resolve(wrong);
    };
    const data = (chunk: Buffer): void => {
      const wrong = part(chunk);
      if (wrong !== null) end(wrong);
    };
    const ended = (): void => end(null);
    const closed = (): void => end(problem(400, 'The body ended before its length.'));
    // The caller went while it was found out who asks: no event tells of that again, and its place would be taken for ever.
    if (request.destroyed) resolve(problem(400, 'The body ended before its length.'));
    else request.on('data', data).on('end', ended).on('close', closed).on('error', closed);
  });
}

function problem(status: number, detail: string): ProblemReply {
  return { kind: 'problem', status, detail };
}
