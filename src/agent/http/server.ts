import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { ProblemDocument } from '../../api/problem.ts';
import type { Log } from '../../lib/log.ts';
import { fail, ok, type Result } from '../../lib/result.ts';
import type { ListenAddress } from '../../settings/values.ts';
import type { Gate } from './auth.ts';
import { readJsonBody } from './body.ts';
import type { Reply, Route } from './route.ts';
import { routerOf } from './router.ts';
import type { ServerTls } from './server-tls.ts';

/** What the server needs. */
export interface HttpNeeds {
  readonly listen: ListenAddress;
  /** Null: plain HTTP. */
  readonly tls: ServerTls | null;
  readonly gate: Gate;
  readonly routes: readonly Route[];
  readonly maxConcurrent: number;
  readonly log: Log;
  /** One line for each answer: for the metrics. */
  readonly answered: (route: string, method: string, status: number, seconds: number) => void;
}

/** A server that listens. */
export interface HttpServer {
  /** Where it really listens: the port that was given for port 0. */
  readonly address: ListenAddress;
  /** Takes nothing new, lets what runs end for a moment, then ends it. */
  readonly stop: () => Promise<void>;
}

/** A request's line and headers must have come by then, its body too: callers are programs. */
const headersMs = 10_000;
const requestMs = 30_000;

/** How long answers that are under way may take once the server stops. */
const graceMs = 3000;

/** A reader that does not read: more than this is not kept for it. */
const maxUnreadBytes = 4 * 1024 * 1024;

/** Starts it; the failure's text is for the operator. */
export async function startHttp(needs: HttpNeeds): Promise<Result<HttpServer, string>> {
  const router = routerOf(needs.routes);
  const stopping = new AbortController();
  let running = 0;

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const begun = performance.now();
    const url = URL.parse(request.url ?? '', 'http://agent');
    const found = url === null ? null : router(request.method ?? '', url.pathname);
    const name = found?.kind === 'route' ? found.route.path : 'none';
    response.once('close', () =>
      needs.answered(name, request.method ?? '', response.statusCode, (performance.now() - begun) / 1000),
    );
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    const send = (reply: Reply): Promise<void> => write(response, reply, request, gone.signal);
    if (url === null || found === null)
      return send(problem(404, 'There is no such path here. GET /openapi.json lists what there is.'));
    if (found.kind === 'other-method') {
      return send({
        ...problem(405, `This path takes ${found.allow.join(' and ')}.`),
        headers: { allow: found.allow.join(', ') },
      });
    }
    const { route, params } = found;
    // Liveness must not fail because the agent is asked much.
    if (running >= needs.maxConcurrent && route.access !== 'open') {
      return send({
        ...problem(503, `${running} requests are being answered already (http.maxConcurrent).`),
        headers: { 'retry-after': '2' },
      });
    }
    running++;
    try {
      const caller = await needs.gate(request, route.access, url.pathname);
      if (!caller.ok) return await send(caller.error);
      const query = queryOf(url);
      if (query === null) return await send(problem(400, 'A parameter of the address stands there twice.'));
      const body = route.body === null ? ok(null) : await readJsonBody(request);
      if (!body.ok) return await send(body.error);
      const accepts = acceptsOf(request.headers.accept);
      const signal = AbortSignal.any([gone.signal, stopping.signal]);
      await send(await route.run({ params, query, body: body.value, accepts, signal, caller: caller.value.name }));
    } catch (error) {
      // Expected failures are values: this is a defect, and the caller is not shown its insides.
      needs.log.error('a request failed by a defect', {
        path: name,
        error: error instanceof Error ? (error.stack ?? error.message) : String(error),
      });
      if (response.headersSent) response.destroy();
      else await send(problem(500, 'This is a defect of the agent; its log says more.'));
    } finally {
      running--;
    }
  };

  const listener = (request: IncomingMessage, response: ServerResponse): void => void answer(request, response);
  const options = {
    headersTimeout: headersMs,
    requestTimeout: requestMs,
    maxHeaderSize: 32 * 1024,
    connectionsCheckingInterval: 5000,
  };
  const server: Server =
    needs.tls === null
      ? createServer(options, listener)
      : createTlsServer({ ...options, ...needs.tls.options }, listener);
  server.maxConnections = needs.maxConcurrent * 4;
  server.on('clientError', (_, socket) => {
    if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n');
  });
  needs.tls?.attach(server);
  const listening = await listenOn(server, needs.listen);
  if (!listening.ok) return listening;
  return ok({
    address: listening.value,
    async stop() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      stopping.abort();
      server.closeIdleConnections();
      const late = setTimeout(() => server.closeAllConnections(), graceMs);
      await closed;
      clearTimeout(late);
      needs.tls?.stop();
    },
  });
}

function listenOn(server: Server, { host, port }: ListenAddress): Promise<Result<ListenAddress, string>> {
  return new Promise((resolve) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const why =
        error.code === 'EADDRINUSE'
          ? 'something listens there already'
          : error.code === 'EADDRNOTAVAIL'
            ? 'this machine has no such address'
            : error.code === 'EACCES'
              ? 'it is not permitted'
              : error.message;
      resolve(fail(`The agent cannot listen at ${host}:${port} (http.listen): ${why}.`));
    });
    server.listen(port, host, () => {
      const bound: AddressInfo | string | null = server.address();
      resolve(ok({ host, port: typeof bound === 'object' && bound !== null ? bound.port : port }));
    });
  });
}

/** Parameters of the address, or null when one stands there twice: nobody knows which is meant. */
function queryOf(url: URL): Readonly<Record<string, string>> | null {
  const names = [...url.searchParams.keys()];
  if (new Set(names).size !== names.length) return null;
  return Object.fromEntries(url.searchParams);
}

function acceptsOf(header: string | undefined): readonly string[] {
  return (header ?? '')
    .split(',')
    .map((part) => {
      const [type = '', ...parameters] = part.trim().toLowerCase().split(';');
      const quality = parameters.map((one) => /^\s*q=([\d.]+)/.exec(one)?.[1]).find((one) => one !== undefined);
      return { type: type.trim(), quality: quality === undefined ? 1 : Number(quality) };
    })
    .filter(({ type, quality }) => type !== '' && quality > 0)
    .sort((a, b) => b.quality - a.quality)
    .map(({ type }) => type);
}

async function write(
  response: ServerResponse,
  reply: Reply,
  request: IncomingMessage,
  gone: AbortSignal,
): Promise<void> {
  if (response.destroyed) return;
  // What is told of a node is its operator's alone.
  response.setHeader('cache-control', 'no-store');
  response.setHeader('x-content-type-options', 'nosniff');
  if (request.socket instanceof TLSSocket) response.setHeader('strict-transport-security', 'max-age=31536000');
  switch (reply.kind) {
    case 'json':
      return end(response, reply.status ?? 200, 'application/json', JSON.stringify(reply.body), reply.headers);
    case 'text':
      return end(response, 200, reply.type, reply.body, reply.headers);
    case 'problem': {
      const document: ProblemDocument = {
        type: reply.type ?? 'about:blank',
        title: STATUS_CODES[reply.status] ?? 'Error',
        status: reply.status,
        detail: reply.detail,
        instance: (request.url ?? '').split('?')[0]?.slice(0, 256) ?? '',
        ...(reply.errors === undefined ? {} : { errors: [...reply.errors] }),
      };
      // What was not read of the request must not be taken for the next one.
      if (!request.complete) response.setHeader('connection', 'close');
      return end(response, reply.status, 'application/problem+json', JSON.stringify(document), reply.headers);
    }
    case 'lines': {
      response.writeHead(200, { 'content-type': reply.type });
      response.flushHeaders();
      for await (const line of reply.lines) {
        if (gone.aborted) return;
        if (response.write(line)) continue;
        if (response.writableLength > maxUnreadBytes) {
          response.destroy();
          return;
        }
        await drained(response, gone);
      }
      response.end();
    }
  }
}

/** Resolves when the reader has read, or is gone. */
function drained(response: ServerResponse, gone: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const go = (): void => {
      response.off('drain', go);
      gone.removeEventListener('abort', go);
      resolve();
    };
    response.once('drain', go);
    gone.addEventListener('abort', go, { once: true });
  });
}

function end(
  response: ServerResponse,
  status: number,
  type: string,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  const bytes = Buffer.from(body);
  response.writeHead(status, { 'content-type': type, 'content-length': bytes.length, ...headers });
  response.end(bytes);
}

function problem(status: number, detail: string): Extract<Reply, { kind: 'problem' }> {
  return { kind: 'problem', status, detail };
}
