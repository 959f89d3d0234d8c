import { connect, createServer, type Socket } from 'node:net';
import { portOf } from './tcp-server.ts';

/** A balancer of connections before ports of loopback, which may come and go. */
export interface RoundRobin {
  readonly port: number;
  readonly url: string;
  /** Where new connections go from now on, in turns; a port where nobody listens is passed over. */
  backends: readonly number[];
  /** Connections so far. */
  readonly connections: () => number;
  readonly close: () => Promise<void>;
}

/** Starts it. A connection lives as long as both of its ends, as behind any balancer of TCP. */
export async function startRoundRobin(): Promise<RoundRobin> {
  const open = new Set<Socket>();
  let turn = 0;
  const server = createServer((client) => {
    open.add(client);
    client.on('error', () => client.destroy());
    client.on('close', () => open.delete(client));
    const order = balancer.backends.map((_, at, all) => all[(turn + at) % all.length] ?? 0);
    turn++;
    const next = (): void => {
      const port = order.shift();
      if (port === undefined) {
        client.destroy();
        return;
      }
      const backend = connect(port, '127.0.0.1');
      open.add(backend);
      let joined = false;
      backend.on('connect', () => {
        joined = true;
        client.pipe(backend).pipe(client);
      });
      backend.on('error', () => backend.destroy());
      backend.on('close', () => {
        open.delete(backend);
        if (joined || client.destroyed) client.destroy();
        else next();
      });
      client.on('close', () => backend.destroy());
    };
    next();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const port = portOf(server);
  const balancer: RoundRobin = {
    port,
    url: `http://127.0.0.1:${port}`,
    backends: [],
    connections: () => turn,
    close: () =>
      new Promise((resolve) => {
        for (const socket of open) socket.destroy();
        server.close(() => resolve());
      }),
  };
  return balancer;
}
