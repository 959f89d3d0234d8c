import { existsSync, readFileSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { run } from './commands.ts';

/** The programs of the lab and the Debian packages that bring them. */
const programs: readonly (readonly [file: string, debianPackage: string])[] = [
  ['/usr/bin/containerd', 'containerd'],
  ['/usr/sbin/runc', 'runc'],
  ['/usr/bin/docker-registry', 'docker-registry'],
  ['/usr/sbin/unbound', 'unbound'],
  ['/usr/sbin/squid', 'squid'],
  ['/usr/sbin/nginx', 'nginx-light'],
  ['/usr/sbin/nft', 'nftables'],
  ['/usr/bin/openssl', 'openssl'],
  ['/usr/bin/htpasswd', 'apache2-utils'],
  ['/usr/sbin/ip', 'iproute2'],
  ['/etc/ssl/certs/ca-certificates.crt', 'ca-certificates'],
];

const policyFile = '/usr/sbin/policy-rc.d';

/** Whether the lab can run here; `why` is one line for a person when it cannot. */
export type Readiness = { readonly ready: true } | { readonly ready: false; readonly why: string };

let readiness: Promise<Readiness> | undefined;

/** Installs what the lab needs and lacks, once a process. It never throws for a machine that cannot run the lab. */
export function prepareMachine(): Promise<Readiness> {
  readiness ??= prepare();
  return readiness;
}

async function prepare(): Promise<Readiness> {
  if (process.platform !== 'linux') return { ready: false, why: 'it needs Linux' };
  if (process.getuid?.() !== 0) return { ready: false, why: 'it needs root, for network namespaces' };
  const missing = programs.filter(([file]) => !existsSync(file)).map(([, name]) => name);
  if (missing.length > 0) {
    if (!isDebian()) return { ready: false, why: `missing, and this is not Debian: ${missing.join(', ')}` };
    process.stdout.write(`    lab: installing ${missing.join(', ')}\n`);
    const failure = await install(missing);
    if (failure !== null) return { ready: false, why: failure };
  }
  const probe = `pw${process.pid}-try`;
  const namespace = await run('ip', ['netns', 'add', probe]);
  if (namespace.code !== 0) return { ready: false, why: `no network namespaces here: ${firstLine(namespace.stderr)}` };
  const filter = await run('ip', ['netns', 'exec', probe, 'nft', 'add', 'table', 'inet', 'lab']);
  await run('ip', ['netns', 'del', probe]);
  if (filter.code !== 0) return { ready: false, why: `no packet filter here: ${firstLine(filter.stderr)}` };
  return { ready: true };
}

function isDebian(): boolean {
  try {
    return /^ID=debian$/m.test(readFileSync('/etc/os-release', 'utf8')) && existsSync('/usr/bin/apt-get');
  } catch {
    return false;
  }
}

/**
 * Installs Debian's PostgreSQL for the tests of the collector's store; null when it is done. Where it was not, the cluster
 * that the package makes by itself is switched off first: tests have servers of their own.
 */
export async function installPostgres(): Promise<string | null> {
  if (process.getuid?.() !== 0 || !isDebian()) return 'PostgreSQL is not installed, and this is not Debian with root';
  process.stdout.write('    installing postgresql\n');
  const common = await install(['postgresql-common']);
  if (common !== null) return common;
  const settings = '/etc/postgresql-common/createcluster.conf';
  const text = await readFile(settings, 'utf8').catch(() => '');
  await writeFile(settings, `${text.replace(/^\s*create_main_cluster\b.*$/m, '')}\ncreate_main_cluster = false\n`);
  return await install(['postgresql']);
}

/** Installs packages of Debian; null when all is done. The packages' own services must not start: the lab uses its own instances only. */
export async function install(packages: readonly string[]): Promise<string | null> {
  const ownPolicy = !existsSync(policyFile);
  if (ownPolicy) await writeFile(policyFile, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    const env = { DEBIAN_FRONTEND: 'noninteractive' };
    const update = await run('apt-get', ['update', '-q'], { env, timeoutMs: 240_000 });
    if (update.code !== 0) return `apt-get update failed: ${lastLine(update.stderr)}`;
    const args = ['install', '-y', '-q', '--no-install-recommends', ...packages];
    const done = await run('apt-get', args, { env, timeoutMs: 480_000 });
    return done.code === 0 ? null : `apt-get install ${packages.join(' ')} failed: ${lastLine(done.stderr)}`;
  } finally {
    if (ownPolicy) await rm(policyFile, { force: true });
  }
}

function firstLine(text: string): string {
  return text.trim().split('\n')[0] ?? '';
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}
