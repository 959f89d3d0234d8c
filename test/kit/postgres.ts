import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, chown, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { installPostgres } from '../lab/install.ts';

const run = promisify(execFile);

/** Debian's package has the programs here, beside others of other versions. */
const folders = ['18', '17', '16', '15', '14'].map((version) => `/usr/lib/postgresql/${version}/bin`);

/** A PostgreSQL server of a test's own, on loopback and a Unix socket. */
export interface TestPostgres {
  readonly port: number;
  /** Folder of the Unix socket and of everything else; gone after `stop`. */
  readonly folder: string;
  /** The URL of a new, empty database. */
  readonly createDatabase: () => Promise<string>;
  /** Stops it as a crash does (`immediate`), or in order, and starts it again. */
  readonly restart: (mode: 'immediate' | 'fast') => Promise<void>;
  readonly halt: (mode: 'immediate' | 'fast') => Promise<void>;
  /** Kills its first process, whose others then end by themselves. */
  readonly kill: () => Promise<void>;
  readonly resume: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** Why no server can be started here; null when one can. On Debian, as root, it is installed where it is not. */
export async function postgresMissing(): Promise<string | null> {
  if (folders.every((folder) => !existsSync(`${folder}/postgres`))) {
    const failure = await installPostgres();
    if (failure !== null) return failure;
  }
  if (process.getuid?.() !== 0) return null;
  return (await unprivileged()) === null
    ? 'PostgreSQL does not run as root, and there is no user postgres or nobody'
    : null;
}

/** Starts a server with an empty data folder in a temporary folder. `settings`: lines of postgresql.conf. */
export async function startPostgres(settings: Readonly<Record<string, string>> = {}): Promise<TestPostgres> {
  const bin = folders.find((folder) => existsSync(`${folder}/postgres`));
  if (bin === undefined) throw new Error('PostgreSQL is not installed');
  const folder = await mkdtemp(join(tmpdir(), 'pullwhy-pg-'));
  const user = process.getuid?.() === 0 ? await unprivileged() : null;
  if (user !== null) {
    await chown(folder, user.uid, user.gid);
    await chmod(folder, 0o755);
  }
  const as = (program: string, args: readonly string[]): Promise<unknown> => {
    const options = { cwd: folder, timeout: 60_000, env: { LC_ALL: 'C.UTF-8', PATH: '/usr/bin:/bin' } };
    if (user === null) return run(`${bin}/${program}`, args, options);
    const ids = [`--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups'];
    return run('setpriv', [...ids, `${bin}/${program}`, ...args], options);
  };
  const data = join(folder, 'data');
  const port = await freePort();
  await as('initdb', ['-D', data, '-U', 'pullwhy', '--auth=trust', '-E', 'UTF8', '--no-sync', '--no-instructions']);
  const all = { listen_addresses: '127.0.0.1', port: `${port}`, unix_socket_directories: folder, ...settings };
  const options = Object.entries(all)
    .map(([name, value]) => `-c ${name}=${value}`)
    .join(' ');
  const start = () => as('pg_ctl', ['-D', data, '-w', '-t', '30', '-o', options, '-l', join(folder, 'log'), 'start']);
  const halt = (mode: string) => as('pg_ctl', ['-D', data, '-w', '-t', '30', '-m', mode, 'stop']);
  await start().catch(async (error: unknown) => {
    const log = await readFile(join(folder, 'log'), 'utf8').catch(() => '');
    throw new Error(`PostgreSQL does not start: ${error}\n${log}`);
  });
  let databases = 0;
  return {
    port,
    folder,
    async createDatabase() {
      const name = `test_${++databases}`;
      await as('createdb', ['-h', folder, '-p', `${port}`, '-U', 'pullwhy', name]);
      return `postgres://pullwhy@127.0.0.1:${port}/${name}`;
    },
    async halt(mode) {
      await halt(mode);
    },
    async kill() {
      const [pid] = (await readFile(join(data, 'postmaster.pid'), 'utf8')).split('\n');
      process.kill(Number(pid), 'SIGKILL');
    },
    async resume() {
      // After a kill the others may be there for a moment, and their memory with them.
      for (let tries = 0; ; tries++) {
        try {
          return void (await start());
        } catch (error) {
          if (tries === 20) throw error;
          await new Promise((resolve) => setTimeout(resolve, 250));
        }
      }
    },
    async restart(mode) {
      await halt(mode);
      await start();
    },
    async stop() {
      // pg_ctl ends it by the id in its own folder; it may be down already.
      await halt('immediate').catch(() => undefined);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Who the server runs as, for it refuses root. */
async function unprivileged(): Promise<{ readonly uid: number; readonly gid: number } | null> {
  const lines = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'));
  const found = lines.find(([name]) => name === 'postgres') ?? lines.find(([name]) => name === 'nobody');
  return found === undefined ? null : { uid: Number(found[2]), gid: Number(found[3]) };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
