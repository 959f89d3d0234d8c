import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { Socket } from 'node:net';
import { makePki, type Pki } from './certificates.ts';

/** One request that came. */
export interface ApiRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** An API server on loopback by TLS, which answers what a test says. */
export interface FakeApiServer {
  readonly port: number;
  readonly pki: Pki;
  readonly requests: ApiRequest[];
  /** How the next requests are answered; by default 404. */
  answer: (request: ApiRequest, response: ServerResponse) => void;
  /** Connections that are open now. */
  readonly open: () => number;
  readonly close: () => Promise<void>;
}

/** Starts one. `clientCa`: it asks for client certificates, and takes requests without one all the same. */
export async function startApiServer(options: { readonly clientCa?: string } = {}): Promise<FakeApiServer> {
  const pki = makePki();
  const sockets = new Set<Socket>();
  const server = createServer(
    {
      cert: pki.leaf.chainPem,
      key: pki.leaf.keyPem,
      ...(options.clientCa === undefined ? {} : { requestCert: true, ca: options.clientCa, rejectUnauthorized: false }),
    },
    (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const url = new URL(request.url ?? '/', 'https://api');
        const one: ApiRequest = {
          method: request.method ?? '',
          path: url.pathname,
          query: url.searchParams,
          headers: request.headers,
          body: Buffer.concat(chunks).toString(),
        };
        fake.requests.push(one);
        fake.answer(one, response);
      });
    },
  );
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const fake: FakeApiServer = {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    pki,
    requests: [],
    answer: (_, response) => sendStatus(response, 404, 'NotFound', 'the server could not find the requested resource'),
    open: () => sockets.size,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
  return fake;
}

/** An object as JSON. */
export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}

/** The object that tells of a failure (apimachinery, pkg/api/errors). */
export function statusObject(code: number, reason: string, message: string, details?: unknown): unknown {
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, details, code };
}

/** A failure as an answer. */
export function sendStatus(
  response: ServerResponse,
  code: number,
  reason: string,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  sendJson(response, code, statusObject(code, reason, message), headers);
}

/** A list of pods as the API server gives it: items without kind and apiVersion. */
export function podList(items: readonly unknown[], resourceVersion: string, more = ''): unknown {
  return {
    kind: 'PodList',
    apiVersion: 'v1',
    metadata: { resourceVersion, ...(more === '' ? {} : { continue: more, remainingItemCount: 1 }) },
    items,
  };
}

/** One line of a watch. */
export function watchLine(type: string, object: unknown): string {
  return `${JSON.stringify({ type, object })}\n`;
}

/** A bookmark: an object with nothing but a version. */
export function bookmark(resourceVersion: string): string {
  return watchLine('BOOKMARK', {
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: { resourceVersion, creationTimestamp: null },
    spec: { containers: null },
    status: {},
  });
}
