import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, Socket } from 'node:net';
import type { Env } from '../../lib/env.ts';
import type { Log } from '../../lib/log.ts';
import { fail, ok, type Result } from '../../lib/result.ts';
import type { Gate } from '../../serve/auth.ts';
import { openConnections } from '../../serve/connections.ts';
import type { Reply, Route } from '../../serve/route.ts';
import { routerOf } from '../../serve/router.ts';
import { send } from '../../serve/send.ts';
import type { ServerTls } from '../../serve/server-tls.ts';
import { acceptsOf, queryOf, targetOf } from '../../serve/target.ts';
import type { ListenAddress } from '../../settings/values.ts';
import { readJsonBody } from './body.ts';

/** What the server needs. */
export interface HttpNeeds {
  readonly env: Env;
  readonly listen: ListenAddress;
  /** Null: plain HTTP. */
  readonly tls: ServerTls | null;
  readonly gate: Gate;
  readonly routes: readonly Route[];
  readonly maxConcurrent: number;
  readonly log: Log;
  /** One line for each answer: for the metrics. */
  readonly answered: (route: string, method: string, status: number, seconds: number) => void;
  /** For tests, which cannot wait. */
  readonly times?: Partial<HttpTimes>;
}

/** A server that listens. */
export interface HttpServer {
  /** Where it really listens: the port that was given for port 0. */
  readonly address: ListenAddress;
  /** Takes nothing new, ends what waits for something, lets what is being written be read for a moment, and closes. */
  readonly stop: () => Promise<void>;
}

/** How long things may take, in milliseconds. */
export interface HttpTimes {
  /** A TLS handshake; a request's line and headers: callers are programs. */
  readonly headers: number;
  /** The whole of a request. */
  readonly request: number;
  /** A reader that takes nothing for so long is gone, and so is what was kept for it. */
  readonly stall: number;
  /** Answers that are under way when the server stops. */
  readonly grace: number;
}

const usualTimes: HttpTimes = { headers: 10_000, request: 30_000, stall: 20_000, grace: 3000 };

/** Connections beyond one for each request: pollers keep theirs open between two requests. */
const spareConnections = 64;

/** What is told of a connection on which no request could be read, by Node's code of it. */
const refusals: Readonly<Record<string, string>> = {
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
};

/** Starts it; the failure's text is for the operator. */
export async function startHttp(needs: HttpNeeds): Promise<Result<HttpServer, string>> {
  const router = routerOf(needs.routes);
  const times = { ...usualTimes, ...needs.times };
  const stopping = new AbortController();
  const connections = openConnections(needs.maxConcurrent + spareConnections);
  let running = 0;

  const answer = async (request: IncomingMessage, response: ServerResponse, begin: () => void): Promise<void> => {
    const begun = needs.env.monotonic();
    const target = targetOf(request.url ?? '', request.headers.host);
    const found = target === null ? null : router(request.method ?? '', target.path);
    const name = found?.kind === 'route' ? found.route.path : 'none';
    const gone = new AbortController();
    const rest = connections.begin(request.socket);
    let leave = (): void => undefined;
    response.once('close', () => {
      rest();
      leave();
      gone.abort();
      // Kept open for a next request that is not to come.
      if (stopping.signal.aborted) connections.endIdle();
      needs.answered(name, request.method ?? '', response.statusCode, (needs.env.monotonic() - begun) / 1000);
    });
    const reply = (one: Reply): Promise<void> =>
      send(one, request, response, {
        gone: gone.signal,
        last: stopping.signal.aborted,
        stallMs: times.stall,
      });
    if (target === null) return reply(problem(400, "The request's target is no path."));
    if (found === null)
      return reply(problem(404, 'There is no such path here. GET /openapi.json lists what there is.'));
    if (found.kind === 'other-method') {
      return reply({
        ...problem(405, `This path takes ${found.allow.join(' and ')}.`),
        headers: { allow: found.allow.join(', ') },
      });
    }
    const { route, params } = found;
    // Liveness must not fail because the agent is asked much, or stops.
    if (route.access !== 'open') {
      if (stopping.signal.aborted) return reply(later('The agent is stopping.'));
      if (running >= needs.maxConcurrent)
        return reply(later(`${running} requests are being answered already (http.maxConcurrent).`));
    }
    running++;
    // Its place is free when it is answered, or when the caller has gone, whatever still runs for it.
    leave = () => {
      running--;
      leave = () => undefined;
    };
    try {
      const caller = await needs.gate({
        request,
        access: route.access,
        path: target.path,
        authority: target.authority,
      });
      if (!caller.ok) return await reply(caller.error);
      const query = queryOf(target.query);
      if (query === null) return await reply(problem(400, 'A parameter of the address stands there twice.'));
      const body = route.body === null ? ok(null) : await readJsonBody(request, begin);
      if (!body.ok) return await reply(body.error);
      const accepts = acceptsOf(request.headers.accept);
      const signal = AbortSignal.any([gone.signal, stopping.signal]);
      await reply(await route.run({ params, query, body: body.value, accepts, signal, caller: caller.value.name }));
    } catch (error) {
      // Expected failures are values: this is a defect, and the caller is not shown its insides.
      needs.log.error('a request failed by a defect', {
        path: name,
        error: error instanceof Error ? (error.stack ?? error.message) : String(error),
      });
      if (response.headersSent) response.destroy();
      else await reply(problem(500, 'This is a defect of the agent; its log says more.'));
    } finally {
      leave();
    }
  };

  const listener =
    (waits: boolean) =>
    (request: IncomingMessage, response: ServerResponse): void => {
      const begin = waits ? () => response.writeContinue() : () => undefined;
      answer(request, response, begin).catch(() => response.destroy());
    };
  const options = {
    headersTimeout: times.headers,
    requestTimeout: times.request,
    maxHeaderSize: 32 * 1024,
    connectionsCheckingInterval: Math.min(5000, times.headers),
  };
  const server: Server =
    needs.tls === null
      ? createServer(options)
      : createTlsServer({ ...options, handshakeTimeout: times.headers, ...needs.tls.options });
  server.on('request', listener(false));
  // Who asks whether to send a body is told before sending it that it is not wanted.
  server.on('checkContinue', listener(true));
  server.on('connection', connections.add);
  server.on('clientError', (error, socket) => {
    const code = String(Reflect.get(error, 'code'));
    // Behind an answer that is under way, a second one would be taken for a part of it; before TLS, for a part of the handshake.
    const isHttp = code.startsWith('HPE_') || code === 'ERR_HTTP_REQUEST_TIMEOUT';
    if (isHttp && socket instanceof Socket && socket.writable && !connections.isBusy(socket)) {
      socket.end(`HTTP/1.1 ${refusals[code] ?? '400 Bad Request'}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
    } else socket.destroy();
  });
  needs.tls?.attach(server);
  const listening = await listenOn(server, needs.listen);
  if (!listening.ok) {
    needs.tls?.stop();
    return listening;
  }
  // Out of file descriptors, for one: what is open goes on, and the agent with it.
  server.on('error', (error) => needs.log.error('a connection could not be taken', { error: error.message }));
  return ok({
    address: listening.value,
    async stop() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      stopping.abort();
      connections.endIdle();
      const late = setTimeout(connections.endAll, times.grace);
      await closed;
      clearTimeout(late);
      needs.tls?.stop();
    },
  });
}

function listenOn(server: Server, { host, port }: ListenAddress): Promise<Result<ListenAddress, string>> {
  return new Promise((resolve) => {
    const failed = (error: NodeJS.ErrnoException): void => {
      const place = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
      resolve(
        fail(`The agent cannot listen at ${place} (http.listen): ${reasons[error.code ?? ''] ?? error.message}.`),
      );
    };
    server.once('error', failed);
    server.listen(port, host, () => {
      server.off('error', failed);
      const bound: AddressInfo | string | null = server.address();
      resolve(ok({ host, port: typeof bound === 'object' && bound !== null ? bound.port : port }));
    });
  });
}

const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: 'something listens there already; set another port, or end it',
  EADDRNOTAVAIL: 'this machine has no such address',
  EAFNOSUPPORT: 'this machine has no such kind of address',
  EACCES: 'this process may not; ports below 1024 need CAP_NET_BIND_SERVICE',
};

function problem(status: number, detail: string): Extract<Reply, { kind: 'problem' }> {
  return { kind: 'problem', status, detail };
}

function later(detail: string): Reply {
  return { ...problem(503, detail), headers: { 'retry-after': '2' } };
}
