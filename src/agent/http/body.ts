import type { IncomingMessage } from 'node:http';
import { limits } from '../../lib/limits.ts';
import { fail, ok, type Result } from '../../lib/result.ts';
import type { Reply } from '../../serve/route.ts';

/**
 * Reads a JSON body, bounded in size; the server bounds the time. What is too long is left unread: the answer must go out
 * first. `begin` is called when the body is wanted, for a caller who asks before sending it.
 */
export async function readJsonBody(request: IncomingMessage, begin: () => void): Promise<Result<unknown, Reply>> {
  const type = (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase();
  // Also what keeps a web page from asking: a form cannot send this type.
  if (type !== 'application/json')
    return fail(problem(415, 'Send the body as JSON, with Content-Type: application/json.'));
  if (request.headers['content-encoding'] !== undefined)
    return fail(problem(415, 'Send the body without Content-Encoding.'));
  if (Number(request.headers['content-length'] ?? '0') > limits.apiBodyBytes) return fail(tooLong);
  begin();
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      if (!Buffer.isBuffer(chunk)) continue;
      size += chunk.length;
      if (size > limits.apiBodyBytes) return fail(tooLong);
      chunks.push(chunk);
    }
  } catch {
    return fail(problem(400, 'The body ended before its length.'));
  }
  try {
    return ok(JSON.parse(Buffer.concat(chunks).toString('utf8')));
  } catch {
    // Not the parser's own words: they repeat a part of the body, which may hold a password.
    return fail(problem(400, 'The body is no JSON.'));
  }
}

const tooLong = problem(413, `The body is longer than ${limits.apiBodyBytes} bytes.`);

function problem(status: number, detail: string): Reply {
  return { kind: 'problem', status, detail };
}
