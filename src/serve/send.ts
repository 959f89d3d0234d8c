import type { IncomingMessage, ServerResponse } from 'node:http';
import { problemDocument, type Reply } from './route.ts';

/** What is still read of a body that was refused, so that its sender gets to read why. */
const lingerMs = 1000;
const lingerBytes = 4 * 1024 * 1024;

/** How a reply is written. */
export interface Sending {
  /** The connection ends with it. */
  readonly last: boolean;
  /** A reader that takes nothing for so long is gone. */
  readonly stallMs: number;
}

/** Writes a reply; resolves when the reader has taken it, or has gone. */
export async function send(
  reply: Reply,
  request: IncomingMessage,
  response: ServerResponse,
  { last, stallMs }: Sending,
): Promise<void> {
  if (response.destroyed) return;
  // What is told of a node is its operator's alone.
  response.setHeader('cache-control', 'no-store');
  response.setHeader('x-content-type-options', 'nosniff');
  // What was not read of the request must not be taken for the next one.
  const unread = hasUnreadBody(request);
  if (last || unread) response.setHeader('connection', 'close');
  switch (reply.kind) {
    case 'json':
      return whole(reply.status ?? 200, 'application/json', JSON.stringify(reply.body), reply.headers);
    case 'text':
      return whole(200, reply.type, reply.body, reply.headers);
    case 'problem': {
      const instance = (request.url ?? '').split('?')[0]?.slice(0, 256) ?? '';
      const document = JSON.stringify(problemDocument(reply, instance));
      return whole(reply.status, 'application/problem+json', document, reply.headers);
    }
    case 'lines': {
      response.writeHead(200, { 'content-type': reply.type });
      if (request.method !== 'HEAD') {
        response.flushHeaders();
        for await (const line of reply.lines) {
          if (response.destroyed) return;
          // One line at a time is kept for a slow reader: the next one is made when this one is taken.
          if (!response.write(line)) await taken('drain');
          if (response.destroyed) return;
        }
      }
      response.end();
      return taken('finish');
    }
  }

  async function whole(
    status: number,
    type: string,
    body: string | Buffer,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    const bytes = typeof body === 'string' ? Buffer.from(body) : body;
    response.writeHead(status, { 'content-type': type, 'content-length': bytes.length, ...headers });
    if (unread) {
      response.write(bytes);
      endBehindBody(request, response);
      return;
    }
    response.end(bytes);
    return taken('finish');
  }

  /** Resolves when the reader has taken what was written, or is gone; one that takes nothing is ended. */
  function taken(event: 'drain' | 'finish'): Promise<void> {
    if (response.closed || (event === 'finish' && response.writableFinished)) return Promise.resolve();
    return new Promise((resolve) => {
      // Node looks at the bytes that wait before it ends the connection: a reader that is merely slow is none that stalls.
      request.socket.setTimeout(stallMs);
      const go = (): void => {
        response.off(event, go);
        response.off('close', go);
        // Between two requests Node has set its own already.
        if (request.socket.timeout === stallMs) request.socket.setTimeout(0);
        resolve();
      };
      response.once(event, go);
      response.once('close', go);
    });
  }
}

/** True while there is more of the request's body than was read. */
function hasUnreadBody(request: IncomingMessage): boolean {
  const { 'content-length': length = '0', 'transfer-encoding': coding } = request.headers;
  return !request.complete && (length !== '0' || coding !== undefined);
}

/**
 * Ends an answer once its request's body has come too, within bounds. A connection that is closed with bytes unread is
 * reset, and the reset may overtake the answer.
 */
function endBehindBody(request: IncomingMessage, response: ServerResponse): void {
  let left = lingerBytes;
  const end = (): void => {
    clearTimeout(timer);
    request.pause();
    response.end();
  };
  const timer = setTimeout(end, lingerMs);
  request.on('data', (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) end();
  });
  request.once('end', end);
  response.once('close', () => clearTimeout(timer));
  request.resume();
}
