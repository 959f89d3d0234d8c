import { createServer, type RequestListener } from 'node:http';
import { createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { bareNode, peaks, pullwhy } from './command.ts';
import { figureOf, type Part } from './figure.ts';
import { type World, writeRoot } from './world.ts';

/** What a registry in bad faith may make of the command: a pod's usual limit is larger, a small node has it to spare. */
const peakMb = 150;
const runs = 3;
const megabyte = Buffer.alloc(1024 * 1024, 0x20);

/** A registry in bad faith, told by name. */
interface Hostility {
  readonly name: string;
  readonly server: () => Server;
}

const hostilities: readonly Hostility[] = [
  { name: 'a manifest without an end', server: () => registry(endless(megabyte)) },
  {
    name: 'a gzip bomb',
    server: () =>
      registry((request, response) => {
        response.setHeader('content-encoding', 'gzip');
        endless(bomb)(request, response);
      }),
  },
  {
    name: '100,000 tags',
    server: () =>
      registry((request, response) => {
        if (request.url?.includes('/tags/list') === true) return void response.end(tags);
        response.writeHead(404, { 'content-type': 'application/json' });
        response.end('{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}');
      }),
  },
  {
    name: 'a header of 10 MB',
    server: () =>
      createTcpServer((socket) => {
        socket.write('HTTP/1.1 200 OK\r\nX-Long: ');
        for (let sent = 0; sent < 10; sent++) socket.write(Buffer.alloc(1024 * 1024, 0x61));
        socket.end('\r\nContent-Length: 2\r\n\r\n{}');
      }),
  },
];

/** The most memory that the command takes against each of them. */
export async function memory(world: World): Promise<Part> {
  const reference = figureOf('node -e 0', 'MB', await peaks(bareNode, runs));
  const figures = [];
  for (const [index, { name, server }] of hostilities.entries()) {
    const { port, close } = await listen(server());
    const root = join(world.folder, `hostile-${index}`);
    await writeRoot(root, {
      'etc/containerd/certs.d/evil.example/hosts.toml': `server = "http://127.0.0.1:${port}"\n`,
    });
    const flags = ['--host-root', root, '--runtime', 'containerd', '--platform', 'linux/amd64', '-o', 'json'];
    const command = pullwhy(`peak memory, ${name}`, ['diagnose', ...flags, 'evil.example/team/app:1.0'], [1, 3]);
    try {
      figures.push(figureOf(command.name, 'MB', await peaks(command, runs), { reference, atMost: peakMb }));
    } finally {
      await close();
    }
  }
  return { figures, notes: [] };
}

const tags = JSON.stringify({ name: 'team/app', tags: Array.from({ length: 100_000 }, (_, at) => `build-${at}`) });
const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024, 0x20));

/** A registry whose API answers, with `answer` for everything else. */
function registry(answer: RequestListener): Server {
  return createServer((request, response) => {
    response.setHeader('docker-distribution-api-version', 'registry/2.0');
    if (request.url === '/v2/') response.end('{}');
    else answer(request, response);
  });
}

/** Sends pieces until the other side has enough of it. */
function endless(piece: Buffer): RequestListener {
  return (request, response) => {
    response.writeHead(200, { 'content-type': 'application/vnd.oci.image.manifest.v1+json' });
    if (request.method === 'HEAD') return void response.end();
    const more = (): void => {
      while (!response.destroyed && response.write(piece));
      if (!response.destroyed) response.once('drain', more);
    };
    more();
  };
}

async function listen(server: Server): Promise<{ readonly port: number; readonly close: () => Promise<void> }> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
