import { createServer, type Server } from 'node:http';
import type { Socket } from 'node:net';

/** A registry of the demo's own, on loopback and without TLS, that can be down. */
export interface StandInRegistry {
  readonly port: number;
  /** Its port is closed: whoever connects is refused. */
  readonly goDown: () => Promise<void>;
  readonly comeBack: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** Starts it at a free port, which it keeps. It has the API of a registry, and no image. */
export async function startStandInRegistry(): Promise<StandInRegistry> {
  const sockets = new Set<Socket>();
  let server: Server | null = null;
  const start = async (port: number): Promise<number> => {
    const made = createServer((request, response) => {
      response.setHeader('docker-distribution-api-version', 'registry/2.0');
      response.setHeader('content-type', 'application/json');
      response.statusCode = request.url === '/v2/' ? 200 : 404;
      response.end(
        response.statusCode === 200 ? '{}' : '{"errors":[{"code":"NAME_UNKNOWN","message":"it has no image"}]}',
      );
    });
    made.on('connection', (socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => sockets.delete(socket));
    });
    await new Promise<void>((resolve, reject) => {
      made.once('error', reject);
      made.listen(port, '127.0.0.1', resolve);
    });
    server = made;
    const address = made.address();
    return typeof address === 'object' && address !== null ? address.port : port;
  };
  const goDown = async (): Promise<void> => {
    const open = server;
    if (open === null) return;
    server = null;
    for (const socket of sockets) socket.destroy();
    await new Promise<void>((resolve) => open.close(() => resolve()));
  };
  const port = await start(0);
  return {
    port,
    goDown,
    async comeBack() {
      if (server === null) await start(port);
    },
    stop: goDown,
  };
}
