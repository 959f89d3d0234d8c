import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import { portOf } from './tcp-server.ts';

/** One message that came. */
export interface IncomingMessage {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A receiver of messages on loopback, as chats and pagers have them. */
export interface IncomingHook {
  readonly port: number;
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  readonly messages: IncomingMessage[];
  readonly close: () => Promise<void>;
}

/** Starts one; `answer` says what becomes of each message, from 0. Without it all are taken. */
export async function startIncomingHook(
  answer: (response: ServerResponse, message: IncomingMessage, index: number) => void = (response) =>
    void response.end('ok'),
): Promise<IncomingHook> {
  const messages: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const message = { path: request.url ?? '', headers: request.headers, body: Buffer.concat(chunks).toString() };
      messages.push(message);
      answer(response, message, messages.length - 1);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const port = portOf(server);
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    messages,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
