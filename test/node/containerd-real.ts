import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { systemEnv } from '../../src/lib/env.ts';
import { openCri } from '../../src/wire/cri.ts';

/** A containerd program of this machine. */
export interface Program {
  readonly path: string;
  readonly version: string;
}

/**
 * The containerd on the PATH, and those that PULLWHY_TEST_CONTAINERD names (paths with `:` between them), so that
 * newer ones, unpacked beside, are asked as well.
 */
export function installedContainerds(): Program[] {
  const paths = ['containerd', ...(process.env.PULLWHY_TEST_CONTAINERD ?? '').split(':').filter((path) => path !== '')];
  return paths.flatMap((path) => {
    try {
      const line = execFileSync(path, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
      return [{ path, version: line.split(' ')[2] ?? '' }];
    } catch {
      return [];
    }
  });
}

/** Writes files below `root`. */
export async function writeTree(root: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
}

/** A server on loopback that notes who asks for what, answers 404 to HTTP, and speaks no TLS. */
export interface Witness {
  readonly port: number;
  close(): Promise<void>;
}

/** Starts a witness; it adds `http://127.0.0.1:PORT/path` or `https://127.0.0.1:PORT` to `log` for each request. */
export async function startWitness(log: string[]): Promise<Witness> {
  const server: Server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', (data) => {
      const port = socket.localPort;
      const path = /^[A-Z]+ (\S+)/.exec(data.toString('latin1'))?.[1] ?? '';
      log.push(data[0] === 0x16 ? `https://127.0.0.1:${port}` : `http://127.0.0.1:${port}${path}`);
      socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no address');
  return { port: address.port, close: () => new Promise((done) => server.close(() => done())) };
}

/** A containerd of our own. */
export interface Running {
  readonly endpoint: string;
  stop(): Promise<void>;
}

/** Starts a containerd in `folder` with the configuration there, and waits until it serves or refuses CRI. */
export async function startContainerd(program: Program, folder: string, config: string): Promise<Running> {
  const address = join(folder, 'c.sock');
  const args = ['--config', config, '--root', join(folder, 'root'), '--state', join(folder, 'state')];
  const child: ChildProcess = spawn(program.path, [...args, '--address', address], { stdio: 'ignore' });
  const ended = new Promise<void>((done) => child.once('exit', () => done()));
  const endpoint = `unix://${address}`;
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
    await ended;
  };
  for (let tries = 0; tries < 150; tries++) {
    const opened = await openCri(endpoint, { env: systemEnv, connectTimeoutMs: 500, callTimeoutMs: 5000 });
    if (opened.ok) opened.value.close();
    if (opened.ok || opened.error.kind === 'not-served') return { endpoint, stop };
    if (child.exitCode !== null) break;
    await setTimeout(100);
  }
  await stop();
  throw new Error('containerd does not start');
}

/** Pulls over CRI and gives the runtime's error text, or an empty one. */
export async function pull(endpoint: string, image: string): Promise<string> {
  const opened = await openCri(endpoint, { env: systemEnv, connectTimeoutMs: 3000, callTimeoutMs: 5000 });
  if (!opened.ok) return opened.error.message;
  try {
    const signal = new AbortController().signal;
    const result = await opened.value.pullImage(image, { signal, deadlineMs: 20_000 });
    return result.ok ? '' : result.error.message;
  } finally {
    opened.value.close();
  }
}

/** What `containerd config dump` says of a configuration: its output, or its complaint. */
export function dumpConfig(program: Program, config: string): { readonly ok: boolean; readonly text: string } {
  try {
    const text = execFileSync(program.path, ['--config', config, 'config', 'dump'], {
      encoding: 'utf8',
      cwd: '/',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return { ok: true, text };
  } catch (error) {
    return { ok: false, text: error instanceof Error ? error.message : String(error) };
  }
}
