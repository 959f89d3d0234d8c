import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { portOf } from '../kit/tcp-server.ts';
import { cleanEnvironment } from './commands.ts';
import { install } from './install.ts';

/** The real Alertmanager on loopback, with nothing of the machine's. */
export interface Alertmanager {
  /** Without a slash at its end. */
  readonly url: string;
  /** What `GET /api/v2/alerts` lists: the ones that stand. */
  readonly alerts: () => Promise<readonly AlertSeen[]>;
  /** Kills it, and starts it anew with the folder that it had, or with an empty one. */
  readonly restart: (state: 'kept' | 'lost') => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** One alert as it is listed. */
export interface AlertSeen {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly startsAt: string;
  readonly endsAt: string;
}

const program = '/usr/bin/prometheus-alertmanager';

/** One line that says why there is none; null: it is here, installed now if need be. It cannot be unpacked beside the machine's own: it wants its templates in /usr/share. */
export async function alertmanagerMissing(): Promise<string | null> {
  if (existsSync(program)) return null;
  if (process.platform !== 'linux' || !existsSync('/usr/bin/apt-get')) return 'this is not Debian';
  if (process.getuid?.() !== 0) return 'prometheus-alertmanager is not installed, and only root can do that';
  return install(['prometheus-alertmanager']);
}

/** Starts it and waits until it is ready. `hook`: where it sends what it is told of, as its users have it. */
export async function startAlertmanager(hook: string): Promise<Alertmanager> {
  const folder = await mkdtemp(join(tmpdir(), 'pullwhy-am-'));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const config = join(folder, 'alertmanager.yml');
  await writeFile(
    config,
    [
      'route: { receiver: hook, group_by: [alertname, incident], group_wait: 100ms, group_interval: 1s, repeat_interval: 1h }',
      `receivers: [ { name: hook, webhook_configs: [ { url: "${hook}", send_resolved: true } ] } ]`,
    ].join('\n'),
  );
  let child: ChildProcess | null = null;
  let said = '';

  const start = async (): Promise<void> => {
    const args = [
      `--config.file=${config}`,
      `--storage.path=${folder}/data`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--cluster.listen-address=',
    ];
    const started = spawn(program, args, { env: cleanEnvironment(), cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
    started.stderr?.on('data', (chunk: Buffer) => {
      said = `${said}${chunk}`.slice(-4000);
    });
    child = started;
    for (let tries = 0; tries < 200; tries++) {
      const ready = await fetch(`${url}/-/ready`)
        .then(({ ok }) => ok)
        .catch(() => false);
      if (ready) return;
      if (started.exitCode !== null) break;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`Alertmanager does not start: ${said}`);
  };
  const kill = async (): Promise<void> => {
    const running = child;
    if (running === null || running.exitCode !== null) return;
    const ended = new Promise((resolve) => running.once('exit', resolve));
    running.kill('SIGKILL');
    await ended;
  };
  const stop = async (): Promise<void> => {
    await kill();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await start();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url,
    async alerts() {
      const answer = await fetch(`${url}/api/v2/alerts`);
      return JSON.parse(await answer.text());
    },
    async restart(state) {
      await kill();
      if (state === 'lost') await rm(`${folder}/data`, { recursive: true, force: true });
      await start();
    },
    stop,
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const port = portOf(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}
