import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer as createPlainServer, type Server as PlainServer, Socket } from 'node:net';
import type { Log } from '../lib/log.ts';
import { fail, ok, type Result } from '../lib/result.ts';
import { bracketed } from '../lib/url-text.ts';
import type { ListenAddress } from '../settings/values.ts';
import { type Connections, openConnections } from './connections.ts';
import { type OnRequest, openTurns } from './in-turn.ts';
import type { ServerTls } from './server-tls.ts';

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

/**
 * Connections that wait to be taken; the kernel may have a lower bound of its own (net.core.somaxconn, 4096 by default). With
 * Node's 511 a fleet that comes in one moment has callers wait 1, 3, 7 s for the next try of their kernels.
 */
const backlog = 4096;

/** What they usually are. */
export const usualTimes: HttpTimes = { headers: 10_000, request: 30_000, stall: 20_000, grace: 3000 };

/** What listening needs. */
export interface ListenNeeds {
  /** `agent`, `collector`: for texts. */
  readonly who: string;
  readonly listen: ListenAddress;
  /** Null: plain HTTP. */
  readonly tls: ServerTls | null;
  /** The oldest idle one makes room for a new one beyond. */
  readonly maxConnections: number;
  readonly times: HttpTimes;
  /** Connections that are taken in one turn of the event loop; one, where it is not said. */
  readonly acceptors?: number;
  readonly log: Log;
}

/** A server that does not listen yet. */
export interface Listener {
  readonly server: Server;
  readonly connections: Connections;
  /** Aborted when the server stops. */
  readonly stopping: AbortSignal;
  /** The failure's text is for the operator. */
  readonly start: (handle: OnRequest) => Promise<Result<HttpServer, string>>;
}

/** What is told of a connection on which no request could be read, by Node's code of it. */
const refusals: Readonly<Record<string, string>> = {
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
};

/** The status for a request of HTTP/1.1 that names no host, or expects what no server here does (RFC 9112, 3.2; RFC 9110, 10.1.1). */
function refusalOf({ httpVersion, headers: { host, expect } }: IncomingMessage): 400 | 417 | null {
  if (httpVersion !== '1.1') return null;
  if (host === undefined) return 400;
  return expect === undefined || expect.toLowerCase() === '100-continue' ? null : 417;
}

/** Makes the server: its time limits, its connections, what is told of noise, and its end. */
export function openListener({ who, listen, tls, maxConnections, times, acceptors = 1, log }: ListenNeeds): Listener {
  const stopping = new AbortController();
  const connections = openConnections(maxConnections);
  const { inTurn, Message } = openTurns();
  const options = {
    IncomingMessage: Message,
    headersTimeout: times.headers,
    requestTimeout: times.request,
    maxHeaderSize: 32 * 1024,
    // Looked at below: what Node refuses by itself is not counted among a connection's requests.
    requireHostHeader: false,
    connectionsCheckingInterval: Math.min(5000, times.headers),
  };
  const server: Server =
    tls === null
      ? createServer(options)
      : createTlsServer({ ...options, handshakeTimeout: times.headers, ...tls.options });
  server.on('connection', connections.add);
  server.on('clientError', (error, socket) => {
    const code = String(Reflect.get(error, 'code'));
    // Behind an answer that is under way, a second one would be taken for a part of it; before TLS, for a part of the handshake.
    const isHttp = code.startsWith('HPE_') || code === 'ERR_HTTP_REQUEST_TIMEOUT';
    if (isHttp && socket instanceof Socket && socket.writable && !connections.isBusy(socket)) {
      socket.end(`HTTP/1.1 ${refusals[code] ?? '400 Bad Request'}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
    } else socket.destroy();
  });
  tls?.attach(server);
  return {
    server,
    connections,
    stopping: stopping.signal,
    async start(handle) {
      const take = inTurn((request, response, begin) => {
        const status = refusalOf(request);
        if (status === null) return handle(request, response, begin);
        response.writeHead(status, { connection: 'close', 'content-length': 0 }).end();
      });
      server.on('request', (request, response) => take(request, response, () => undefined));
      // Who asks whether to send a body is told before sending it that it is not wanted.
      server.on('checkContinue', (request, response) => take(request, response, () => response.writeContinue()));
      server.on('checkExpectation', (request, response) => take(request, response, () => undefined));
      const listening = await listenOn(server, listen, who);
      if (!listening.ok) {
        tls?.stop();
        return listening;
      }
      const more = await acceptMore(server, listening.value, { acceptors, plain: tls === null });
      // Out of file descriptors, for one: what is open goes on, and the process with it.
      for (const one of [server, ...more]) {
        one.on('error', (error) => log.error('a connection could not be taken', { error: error.message }));
      }
      return ok({
        address: listening.value,
        async stop() {
          // Each waits for the connections that it took.
          const closed = Promise.all(
            [server, ...more].map((one) => new Promise<void>((resolve) => one.close(() => resolve()))),
          );
          stopping.abort();
          connections.endIdle();
          const late = setTimeout(connections.endAll, times.grace);
          await closed;
          clearTimeout(late);
          tls?.stop();
        },
      });
    },
  };
}

/**
 * libuv (1.52) takes one connection of each listening socket in a turn of the event loop: a process that is busy takes some
 * tens a second, while thousands wait. So some more sockets listen at the same port, among which the kernel shares them out
 * (SO_REUSEPORT). That the port was free was seen by then: the first one has it alone until here. Where the kernel cannot, it
 * stays at one.
 */
async function acceptMore(
  server: Server,
  { host, port }: ListenAddress,
  { acceptors, plain }: { readonly acceptors: number; readonly plain: boolean },
): Promise<readonly PlainServer[]> {
  if (acceptors <= 1) return [];
  const listenShared = (one: PlainServer): Promise<boolean> =>
    new Promise((resolve) => {
      const failed = (): void => resolve(false);
      one.once('error', failed);
      one.listen({ port, host, backlog, reusePort: true }, () => {
        one.off('error', failed);
        resolve(true);
      });
    });
  await new Promise<void>((resolve) => server.close(() => resolve()));
  // Without the option there is nothing that could be in its way: it had the port a moment ago.
  if (!(await listenShared(server))) {
    await new Promise<void>((resolve) => server.listen({ port, host, backlog }, resolve));
    return [];
  }
  const more: PlainServer[] = [];
  while (more.length < acceptors - 1) {
    // As the server's own sockets are: half open where no TLS closes them.
    const one = createPlainServer({ allowHalfOpen: plain, noDelay: true }, (socket) =>
      server.emit('connection', socket),
    );
    if (!(await listenShared(one))) break;
    more.push(one);
  }
  return more;
}

function listenOn(server: Server, { host, port }: ListenAddress, who: string): Promise<Result<ListenAddress, string>> {
  return new Promise((resolve) => {
    const failed = (error: NodeJS.ErrnoException): void => {
      const place = `${bracketed(host)}:${port}`;
      const why = reasons[error.code ?? ''] ?? error.message;
      resolve(fail(`The ${who} cannot listen at ${place} (http.listen): ${why}.`));
    };
    server.once('error', failed);
    server.listen({ port, host, backlog }, () => {
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
