import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** A TCP server on loopback that does what a test tells it, and closes everything it opened. */
export interface TcpServer {
  readonly address: string;
  readonly port: number;
  /** Connections so far. */
  readonly connections: () => number;
  /** All bytes that clients have sent so far. */
  readonly received: () => Buffer;
  /** Resolves when all connections are closed: proves that a client leaves none behind. */
  readonly idle: () => Promise<void>;
  readonly close: () => Promise<void>;
}

/** Starts a server that hands each connection to `handle`. Errors of connections are expected and ignored. */
export async function startTcpServer(
  handle: (socket: Socket, index: number) => void,
  address = '127.0.0.1',
  port = 0,
): Promise<TcpServer> {
  const open = new Set<Socket>();
  const waiting: (() => void)[] = [];
  const chunks: Buffer[] = [];
  let connections = 0;
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    open.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => {
      open.delete(socket);
      if (open.size === 0) for (const done of waiting.splice(0)) done();
    });
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    // A client that has closed has gone; half-open is only for answers in the other direction.
    socket.on('end', () => socket.end());
    handle(socket, connections++);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, address, resolve);
  });
  return {
    address,
    port: portOf(server),
    connections: () => connections,
    received: () => Buffer.concat(chunks),
    idle: () => (open.size === 0 ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve))),
    close: () =>
      new Promise((resolve) => {
        for (const socket of open) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

/**
 * A port of loopback on which nothing listens, and on which no server of a test that runs meanwhile will: those take
 * ports of the kernel's own choice, which lie above 32767 (net.ipv4.ip_local_port_range).
 */
export async function closedPort(address = '127.0.0.1'): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    if (await isFree(port, address)) return port;
  }
}

function isFree(port: number, address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, address, () => server.close(() => resolve(true)));
  });
}

/** The port that a listening server has. */
export function portOf(server: { address(): AddressInfo | string | null }): number {
  const found = server.address();
  if (found === null || typeof found === 'string') throw new Error('the server does not listen on a port');
  return found.port;
}

/** Starts one before the TLS server at `port` that does as told with each connection whose first bytes name `name`. */
export async function startNameFilter(
  port: number,
  name: string,
  handle: (socket: Socket) => void,
): Promise<TcpServer> {
  return startTcpServer((socket) => {
    socket.once('data', (hello: Buffer) => {
      if (hello.includes(name)) return handle(socket);
      const onward = connect(port, '127.0.0.1');
      onward.on('error', () => socket.destroy());
      socket.on('close', () => onward.destroy());
      onward.write(hello);
      socket.pipe(onward).pipe(socket);
    });
  });
}
