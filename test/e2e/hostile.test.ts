import { strict as assert } from 'node:assert';
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

/** Seconds that the investigation gets: its default. */
const deadline = 10;
/** What starting, ending and a busy machine may add. */
const graceMs = 6000;
/** The command needs 90 MiB for a healthy registry; a hostile one must not make it much more. */
const peakKib = 220 * 1024;

/** A registry, token service or nameserver that answers in bad faith or is badly broken. */
interface Hostility {
  readonly name: string;
  /** Starts it; gives its port. */
  start(world: World): Promise<number>;
  readonly scheme?: 'http' | 'https';
  /** The port is a nameserver's. */
  readonly nameserver?: boolean;
  /** Any of these may be named; all of them are true of it. */
  readonly causes: readonly string[];
  /** Why it is left out for now: what Pullwhy does not do yet. The expectation stays what is true. */
  readonly notYet?: string;
}

const manifestType = 'application/vnd.oci.image.manifest.v1+json';
const megabyte = Buffer.alloc(1024 * 1024, 0x20);

/** A registry whose API answers, with `answer` for everything else. */
function registry(answer: RequestListener): (world: World) => Promise<number> {
  return (world) =>
    world.http((request, response) => {
      response.setHeader('docker-distribution-api-version', 'registry/2.0');
      if (request.url === '/v2/') response.end('{}');
      else answer(request, response);
    });
}

/** Sends pieces until the other side has enough of it. */
function endless(piece: Buffer): RequestListener {
  return (request, response) => {
    response.writeHead(200, { 'content-type': manifestType });
    if (request.method === 'HEAD') return void response.end(); // what is written then is thrown away at once
    const more = (): void => {
      while (!response.destroyed && response.write(piece));
      if (!response.destroyed) response.once('drain', more);
    };
    more();
  };
}

const hostilities: readonly Hostility[] = [
  {
    name: 'a manifest without an end',
    start: registry(endless(megabyte)),
    causes: ['registry-invalid-response', 'manifest-unsupported', 'unknown'],
  },
  {
    name: 'an endless answer to the first question',
    start: (world) => world.http(endless(megabyte)),
    causes: ['registry-invalid-response', 'manifest-unsupported', 'unknown'],
  },
  {
    name: 'a manifest that drips a byte at a time',
    start: registry((request, response) => {
      response.writeHead(200, { 'content-type': manifestType });
      if (request.method === 'HEAD') return void response.end();
      const drip = setInterval(() => response.write(' '), 50);
      response.once('close', () => clearInterval(drip));
    }),
    causes: ['registry-timeout', 'registry-invalid-response', 'pull-timeout', 'unknown'],
  },
  {
    name: 'a header of 10 MB',
    start: (world) =>
      world.tcp((socket) => {
        socket.write('HTTP/1.1 200 OK\r\nX-Long: ');
        for (let sent = 0; sent < 10; sent++) socket.write(Buffer.alloc(1024 * 1024, 0x61));
        socket.end('\r\nContent-Length: 2\r\n\r\n{}');
      }),
    causes: ['registry-invalid-response'],
  },
  {
    name: 'headers without an end',
    start: (world) =>
      world.tcp((socket) => {
        socket.write('HTTP/1.1 200 OK\r\n');
        const more = setInterval(() => socket.write('X-More: and more\r\n'.repeat(200)), 5);
        socket.once('close', () => clearInterval(more));
      }),
    causes: ['registry-invalid-response', 'registry-timeout'],
  },
  {
    name: 'interim answers without an end',
    start: (world) =>
      world.tcp((socket) => {
        const more = setInterval(() => socket.write('HTTP/1.1 103 Early Hints\r\nLink: </>\r\n\r\n'.repeat(50)), 5);
        socket.once('close', () => clearInterval(more));
      }),
    causes: ['registry-invalid-response', 'registry-timeout', 'registry-error'],
  },
  {
    name: 'a redirect to itself',
    start: registry((request, response) => {
      response.writeHead(307, { location: request.url ?? '/' }).end();
    }),
    causes: ['registry-invalid-response', 'registry-error', 'unknown'],
  },
  {
    name: 'redirects that never repeat',
    start: registry((request, response) => {
      response.writeHead(302, { location: `${request.url ?? '/'}x` }).end();
    }),
    causes: ['registry-invalid-response', 'registry-error', 'unknown'],
  },
  {
    name: 'a redirect to a file',
    start: registry((_request, response) => {
      response.writeHead(302, { location: 'file:///etc/shadow' }).end();
    }),
    causes: ['registry-invalid-response', 'registry-error', 'unknown'],
  },
  {
    name: 'a page for a manifest',
    start: (world) =>
      world.http((_request, response) => {
        response.writeHead(200, { 'content-type': 'text/html' }).end('<html><body>Sign in</body></html>');
      }),
    causes: ['registry-invalid-response'],
  },
  {
    name: 'half a TLS record, then silence',
    scheme: 'https',
    start: (world) => world.tcp((socket) => socket.write(Buffer.from([0x16, 0x03, 0x03, 0x40]))),
    causes: ['tls-handshake-failed', 'mtu-black-hole'],
  },
  {
    name: 'half a TLS record, then the end',
    scheme: 'https',
    start: (world) => world.tcp((socket) => socket.end(Buffer.from([0x16, 0x03, 0x03, 0x40]))),
    causes: ['tls-handshake-failed'],
  },
  {
    name: 'noise where TLS is expected',
    scheme: 'https',
    start: (world) => world.tcp((socket) => socket.write(Buffer.alloc(4096, 0xa5))),
    causes: ['tls-handshake-failed', 'http-on-https'],
  },
  {
    name: 'a connection that is taken and never answered',
    start: (world) => world.tcp(() => undefined),
    causes: ['registry-timeout'],
  },
  {
    name: 'a compressed manifest that unpacks without an end',
    start: registry((request, response) => {
      response.setHeader('content-encoding', 'gzip');
      endless(gzipSync(Buffer.alloc(64 * 1024 * 1024, 0x20)))(request, response);
    }),
    causes: ['registry-invalid-response', 'manifest-unsupported', 'unknown'],
  },
  {
    name: '100,000 tags, none of them the one',
    start: registry((request, response) => {
      const tags = Array.from({ length: 100_000 }, (_, at) => `build-${at}`);
      if (request.url?.includes('/tags/list')) response.end(JSON.stringify({ name: 'team/app', tags }));
      else notFound(response);
    }),
    causes: ['tag-not-found'],
  },
  {
    name: 'tags in pages without an end',
    start: registry((request, response) => {
      if (!request.url?.includes('/tags/list')) return notFound(response);
      response.setHeader('link', '</v2/team/app/tags/list?n=1000&last=z>; rel="next"');
      response.end(JSON.stringify({ name: 'team/app', tags: ['0.1', '0.2'] }));
    }),
    causes: ['tag-not-found'],
  },
  {
    name: 'fewer bytes than the length says',
    start: registry((request, response) => {
      response.writeHead(200, { 'content-type': manifestType, 'content-length': '5000' });
      if (request.method === 'HEAD') return void response.end();
      response.write('{"schemaVersion":2');
      setTimeout(() => response.destroy(), 50);
    }),
    causes: ['registry-error', 'registry-invalid-response', 'unknown'],
  },
  {
    name: 'more bytes than the length says',
    start: (world) =>
      world.tcp((socket) => {
        socket.once('data', () => {
          const head = 'HTTP/1.1 200 OK\r\nDocker-Distribution-Api-Version: registry/2.0\r\nContent-Length: 2';
          socket.end(`${head}\r\n\r\n{}HTTP/9.9 wrong\r\n\r\n<<<`);
        });
      }),
    causes: ['registry-invalid-response', 'registry-error', 'manifest-unsupported', 'unknown'],
  },
  {
    name: 'a manifest of brackets, two million deep',
    start: registry((_request, response) => {
      response.writeHead(200, { 'content-type': manifestType }).end('['.repeat(2_000_000));
    }),
    causes: ['registry-invalid-response', 'manifest-unsupported'],
  },
  {
    name: 'a challenge with 20,000 parameters',
    start: (world) =>
      world.http((_request, response) => {
        const many = Array.from({ length: 500 }, (_, at) => `p${at}="v"`).join(',');
        response.writeHead(401, { 'www-authenticate': Array.from({ length: 40 }, () => `Bearer ${many}`) }).end();
      }),
    causes: ['registry-invalid-response', 'credentials-missing', 'auth-service-unreachable', 'unknown'],
  },
  {
    name: 'a token service that is a file',
    start: (world) =>
      world.http((_request, response) => {
        response.writeHead(401, { 'www-authenticate': 'Bearer realm="file:///etc/passwd",service="x"' }).end();
      }),
    causes: ['registry-invalid-response', 'auth-service-unreachable', 'credentials-missing', 'unknown'],
  },
  {
    name: 'a token without an end',
    start: (world) =>
      world.http((request, response) => {
        if (request.url?.startsWith('/token')) return endless(megabyte)(request, response);
        const realm = `http://${request.headers.host ?? ''}/token`;
        response.writeHead(401, { 'www-authenticate': `Bearer realm="${realm}",service="x"` }).end();
      }),
    causes: ['auth-service-unreachable', 'registry-invalid-response', 'unknown'],
  },
  {
    name: 'an error text that writes on the terminal',
    start: registry((_request, response) => {
      response.writeHead(403, { 'content-type': 'application/json' });
      const message = `\u001b[2J\u001b]0;owned\u0007no\r\nverdict: healthy\u202e`;
      response.end(JSON.stringify({ errors: [{ code: 'DENIED', message }] }));
    }),
    causes: ['access-denied', 'source-address-blocked', 'repository-not-found-or-private', 'credentials-missing'],
  },
  {
    name: 'a nameserver that answers noise',
    nameserver: true,
    start: (world) => world.udp(() => [Buffer.alloc(300, 0xa5), Buffer.alloc(3), Buffer.alloc(0)]),
    causes: ['dns-timeout', 'dns-server-failure', 'unknown'],
  },
  {
    name: 'a nameserver whose names point at themselves',
    nameserver: true,
    start: (world) => world.udp((query) => [pointerLoop(query)]),
    causes: ['dns-timeout', 'dns-server-failure', 'unknown'],
  },
  {
    name: 'a nameserver that answers other questions',
    nameserver: true,
    start: (world) => world.udp((query) => [withOtherId(query)]),
    causes: ['dns-timeout'],
  },
];

describe('hostile answers', function () {
  this.timeout((deadline + 20) * 1000);
  let world: World;
  beforeEach(async () => {
    world = await makeWorld();
  });
  afterEach(() => world.end());

  for (const hostility of hostilities) {
    it(`${hostility.name}: ends in a finding, in bounded time and memory`, async function () {
      if (hostility.notYet !== undefined) {
        process.stdout.write(`    left out: ${hostility.notYet}\n`);
        this.skip();
      }
      const port = await hostility.start(world);
      const args = await world.ask(hostility, port);
      const outcome = await runBounded([...args, '-o', 'json']);
      const shown = `status ${outcome.code}\n${outcome.stderr}\n${outcome.stdout.slice(0, 3000)}`;
      assert.ok(outcome.code === 1 || outcome.code === 3, shown);
      assert.ok(outcome.wallMs < deadline * 1000 + graceMs, `${Math.round(outcome.wallMs)} ms`);
      assert.ok(outcome.peakKib < peakKib, `${Math.round(outcome.peakKib / 1024)} MiB`);
      assert.ok(outcome.stdout.length < 1024 * 1024, `a document of ${outcome.stdout.length} characters`);
      const document: unknown = JSON.parse(outcome.stdout);
      assert.ok(typeof document === 'object' && document !== null && 'cause' in document && 'verdict' in document);
      assert.ok(document.verdict === 'faulty' || document.verdict === 'inconclusive', shown);
      assert.ok(
        typeof document.cause === 'string' && hostility.causes.includes(document.cause),
        `${String(document.cause)} is none of ${hostility.causes.join(', ')}\n${shown}`,
      );
    });
  }

  it('never sends a foreign text’s control characters to a terminal', async () => {
    const hostility = hostilities.find(({ name }) => name === 'an error text that writes on the terminal');
    assert.ok(hostility !== undefined);
    const args = await world.ask(hostility, await hostility.start(world));
    for (const form of ['text', 'markdown']) {
      const { stdout, stderr } = await runBounded([...args, '-o', form]);
      assert.ok(stdout.length > 0, stderr);
      assert.doesNotMatch(stdout + stderr, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
      assert.doesNotMatch(stdout, /^verdict: healthy/m);
    }
  });
});

/** The node's files and the servers of one test. */
interface World {
  http(listener: RequestListener): Promise<number>;
  tcp(connection: (socket: Socket) => void): Promise<number>;
  udp(answers: (query: Buffer) => readonly Buffer[]): Promise<number>;
  /** Lays the node's files out so that `evil.example` is at this port; gives the command's arguments. */
  ask(hostility: Hostility, port: number): Promise<string[]>;
  end(): Promise<void>;
}

async function makeWorld(): Promise<World> {
  const root = await mkdtemp(`${tmpdir()}/pullwhy-hostile-`);
  const ends: (() => Promise<void> | void)[] = [];
  const serve = async (server: Server): Promise<number> => {
    const sockets = new Set<Socket>();
    server.on('connection', (socket: Socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => sockets.delete(socket));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    ends.push(async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    });
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  };
  return {
    http: (listener) => serve(createHttpServer({ keepAliveTimeout: 1 }, listener)),
    tcp: (connection) => serve(createServer(connection)),
    async udp(answers) {
      const socket = createSocket('udp4');
      socket.on('message', (query, from) => {
        for (const answer of answers(query)) socket.send(answer, from.port, from.address);
      });
      await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
      ends.push(() => new Promise((resolve) => socket.close(resolve)));
      return socket.address().port;
    },
    async ask({ scheme = 'http', nameserver }, port) {
      const hosts = `${root}/etc/containerd/certs.d/evil.example`;
      await mkdir(hosts, { recursive: true });
      await mkdir(`${root}/etc/ssl/certs`, { recursive: true });
      await writeFile(`${root}/etc/ssl/certs/ca-certificates.crt`, '');
      await writeFile(`${root}/etc/resolv.conf`, 'nameserver 127.0.0.1\noptions timeout:1 attempts:1\n');
      await writeFile(
        `${root}/etc/containerd/config.toml`,
        'version = 2\n[plugins."io.containerd.grpc.v1.cri".registry]\n  config_path = "/etc/containerd/certs.d"\n',
      );
      const server = nameserver === true ? 'https://evil.example' : `${scheme}://127.0.0.1:${port}`;
      await writeFile(`${hosts}/hosts.toml`, `server = "${server}"\n[host."${server}"]\n`);
      const dns = nameserver === true ? ['--nameserver', `127.0.0.1:${port}`] : [];
      return [
        ...['diagnose', '--host-root', root, '--runtime', 'containerd', '--platform', 'linux/amd64', ...dns],
        ...['--deadline', String(deadline), 'evil.example/team/app:1.0'],
      ];
    },
    async end() {
      for (const end of ends) await end();
      await rm(root, { recursive: true, force: true });
    },
  };
}

interface Bounded {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly wallMs: number;
  readonly peakKib: number;
}

/** Runs the built command and watches its memory. */
function runBounded(args: readonly string[]): Promise<Bounded> {
  const executable = fileURLToPath(new URL('../../bin/pullwhy.js', import.meta.url));
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const env = { PATH: process.env.PATH ?? '', HOME: tmpdir() };
    const child = spawn(process.execPath, [executable, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    let peak = 0;
    const watch = setInterval(() => {
      peak = Math.max(peak, peakOf(child.pid ?? 0));
    }, 20);
    const tooLong = setTimeout(() => child.kill('SIGKILL'), deadline * 1000 + graceMs + 5000);
    const settle = (): void => {
      clearInterval(watch);
      clearTimeout(tooLong);
    };
    child.on('error', (error) => {
      settle();
      reject(error);
    });
    child.on('close', (code) => {
      settle();
      const wallMs = performance.now() - started;
      resolve({ code, stdout: String(Buffer.concat(out)), stderr: String(Buffer.concat(err)), wallMs, peakKib: peak });
    });
  });
}

/** The most memory that a process has had, in KiB; 0 where it cannot be told. */
function peakOf(pid: number): number {
  try {
    return Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

function notFound(response: Parameters<RequestListener>[1]): void {
  response.writeHead(404, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ errors: [{ code: 'MANIFEST_UNKNOWN', message: 'manifest unknown' }] }));
}

/** The question with one answer, whose name is a pointer to itself. */
function pointerLoop(query: Buffer): Buffer {
  const question = questionOf(query);
  const at = question.length;
  const answer = Buffer.from([0xc0 | (at >> 8), at & 0xff, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1]);
  return Buffer.concat([question, answer]);
}

/** A good answer to a question that nobody asked. */
function withOtherId(query: Buffer): Buffer {
  const question = questionOf(query);
  question[0] = (question[0] ?? 0) ^ 0xff;
  const answer = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1]);
  return Buffer.concat([question, answer]);
}

/** Header and question of a query, turned into the start of an answer with one record. */
function questionOf(query: Buffer): Buffer {
  let end = 12;
  while ((query[end] ?? 0) !== 0) end += (query[end] ?? 0) + 1;
  const start = Buffer.from(query.subarray(0, end + 5));
  start.set([0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0], 2);
  return start;
}
