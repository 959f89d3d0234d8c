import { connect, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { portOf } from './tcp-server.ts';

/** What one client asked a proxy: the request line's parts and the headers, names in lower case. */
export interface ProxyRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** What a test proxy does with a request. */
export type ProxyReaction =
  /** Connects to this port of loopback, whatever host was asked for, and answers 200. */
  | { readonly kind: 'tunnel'; readonly port: number; readonly answer?: string }
  /** Passes a plain HTTP request on to this port of loopback. */
  | { readonly kind: 'forward'; readonly port: number }
  /** Sends these bytes; then ends the connection, or leaves it open. */
  | { readonly kind: 'say'; readonly bytes: string | Buffer; readonly end?: boolean }
  /** Sends these bytes piece by piece without an end. */
  | { readonly kind: 'drip'; readonly bytes: string; readonly everyMs: number }
  | { readonly kind: 'silence' }
  | { readonly kind: 'close' }
  | { readonly kind: 'reset' };

/** An HTTP proxy on loopback for tests: real tunnels, and every way to refuse one. */
export interface ProxyServer {
  readonly address: string;
  readonly port: number;
  readonly requests: readonly ProxyRequest[];
  /** Connections that are open now. */
  readonly open: () => number;
  readonly close: () => Promise<void>;
}

/** Starts a proxy, with TLS when a certificate is given. */
export async function startProxyServer(
  react: (request: ProxyRequest) => ProxyReaction,
  tls?: { readonly cert: string; readonly key: string },
): Promise<ProxyServer> {
  const requests: ProxyRequest[] = [];
  const sockets = new Set<Socket>();

  const serve = (socket: Socket) => {
    let head = Buffer.alloc(0);
    socket.on('error', () => undefined);
    const onData = (chunk: Buffer) => {
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf('\r\n\r\n');
      if (end === -1) return;
      socket.off('data', onData);
      const request = parse(head.toString('latin1', 0, end));
      requests.push(request);
      act(socket, react(request), head);
    };
    socket.on('data', onData);
  };

  const act = (socket: Socket, reaction: ProxyReaction, sent: Buffer) => {
    switch (reaction.kind) {
      case 'tunnel':
      case 'forward': {
        const onward = connect({ host: '127.0.0.1', port: reaction.port });
        track(onward);
        onward.on('error', () => socket.destroy());
        onward.on('connect', () => {
          if (reaction.kind === 'tunnel')
            socket.write(reaction.answer ?? 'HTTP/1.1 200 Connection established\r\n\r\n');
          else onward.write(sent);
          socket.pipe(onward);
          onward.pipe(socket);
        });
        socket.on('close', () => onward.destroy());
        onward.on('close', () => socket.destroy());
        return;
      }
      case 'say':
        socket.write(reaction.bytes);
        if (reaction.end !== false) socket.end();
        return;
      case 'drip': {
        const timer = setInterval(() => socket.write(reaction.bytes), reaction.everyMs);
        socket.on('close', () => clearInterval(timer));
        return;
      }
      case 'silence':
        return;
      case 'close':
        socket.end();
        return;
      case 'reset':
        socket.resetAndDestroy();
    }
  };

  const track = (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  };
  const server: Server =
    tls === undefined ? createServer(serve) : createTlsServer({ cert: tls.cert, key: tls.key }, serve);
  server.on('connection', track);
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    address: '127.0.0.1',
    port: portOf(server),
    requests,
    open: () => sockets.size,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

function parse(head: string): ProxyRequest {
  const [first = '', ...lines] = head.split('\r\n');
  const [method = '', target = ''] = first.split(' ');
  const headers = Object.fromEntries(
    lines.map((line) => {
      const at = line.indexOf(':');
      return [line.slice(0, at).toLowerCase(), line.slice(at + 1).trim()];
    }),
  );
  return { method, target, headers };
}
