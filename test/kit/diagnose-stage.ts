/**
 * A node and its surroundings for the built command, on loopback: a host root of its own, a nameserver, registries,
 * proxies and a runtime that a test sets up as it needs them.
 *
 *   const stage = await openStage();
 *   const registry = await stage.registry({ repositories: { 'team/app': { '1': stage.image } } });
 *   const ran = await diagnose(stage, { image: `registry.test:${registry.port}/team/app:1` });
 *   await stage.close();
 */
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Investigation } from '../../src/model/investigation.ts';
import { daysFromNow, type MadeCertificate, makeCertificate } from './certificates.ts';
import { type DnsTestQuery, dnsAnswer, recordTypes, startDnsServer } from './dns-server.ts';
import { type FakeCri, type FakeCriMethods, startFakeCri } from './fake-cri.ts';
import { type FakeRegistry, type FakeRegistryOptions, makeImage, startFakeRegistry } from './fake-registry.ts';
import { type ProxyReaction, type ProxyRequest, type ProxyServer, startProxyServer } from './proxy-server.ts';
import { startTcpServer } from './tcp-server.ts';

/** What a nameserver says of one name: addresses of both families, an error code, an alias, or nothing. */
export type ZoneEntry =
  | readonly string[]
  | { readonly rcode: number }
  | { readonly cname: string; readonly addresses: readonly string[] }
  | { readonly silent: true };

/** A host name every certificate of the stage is for. */
export const names = ['registry', 'mirror', 'mirror2', 'auth', 'cdn', 'proxy'].map((name) => `${name}.test`);

const authority = makeCertificate({
  commonName: 'Stage Root',
  ca: true,
  notBefore: daysFromNow(-365),
  notAfter: daysFromNow(3650),
});

/** The authority that the stage's node trusts, and a certificate below it for all names and addresses of the stage. */
export const stagePki: { readonly root: MadeCertificate; readonly leaf: MadeCertificate } = {
  root: authority,
  leaf: makeCertificate({
    commonName: 'registry.test',
    names: [...names, 'localhost'],
    addresses: ['127.0.0.1', '::1'],
    issuer: authority,
  }),
};

/** A certificate of the stage's authority, good where nothing else is said. */
export function stageCertificate(options: Partial<Parameters<typeof makeCertificate>[0]>): {
  readonly cert: string;
  readonly key: string;
} {
  const made = makeCertificate({
    commonName: 'registry.test',
    names: [...names, 'localhost'],
    issuer: authority,
    ...options,
  });
  return { cert: made.chainPem === '' ? made.pem : made.chainPem, key: made.keyPem };
}

/** What is asked of the command. */
export interface Situation {
  readonly image: string;
  readonly args?: readonly string[];
}

/** What a run of the command gave. */
export interface Ran {
  readonly code: number | null;
  readonly document: Investigation;
  readonly stdout: string;
  readonly stderr: string;
  readonly wallMs: number;
}

/** Everything around one run. */
export interface Stage {
  readonly folder: string;
  /** An image for linux/amd64, the platform of every run. */
  readonly image: ReturnType<typeof makeImage>;
  /** Writes a file below the host root. */
  file(path: string, text: string): Promise<void>;
  /** `etc/containerd/certs.d/NAMESPACE/hosts.toml`. */
  hosts(namespace: string, toml: string): Promise<void>;
  /** With TLS by the stage's authority, unless `tls` says otherwise; null: plain HTTP. Holds team/app:1. */
  registry(
    options?: Omit<FakeRegistryOptions, 'tls'> & { tls?: FakeRegistryOptions['tls'] | null },
  ): Promise<FakeRegistry>;
  /** `--nameserver` for a server that knows `zone`; other names of .test are 127.0.0.1, everything else NXDOMAIN. */
  nameserver(zone?: Readonly<Record<string, ZoneEntry>>): Promise<readonly string[]>;
  /** A proxy, and `--proxy-env` for it. */
  proxy(react: (request: ProxyRequest) => ProxyReaction, noProxy?: string): Promise<ProxyServer & { args: string[] }>;
  /** `--proxy-env` with these lines. */
  proxyEnv(lines: string): Promise<string[]>;
  /** `-r` for a runtime. */
  runtime(methods?: FakeCriMethods, serve?: readonly string[]): Promise<FakeCri & { args: string[] }>;
  /** `--auth-file` with these users: host → `user:password`. */
  authFile(entries: Readonly<Record<string, string>>): Promise<string[]>;
  /** `--auth-file` with this text. */
  authText(text: string): Promise<string[]>;
  /** A port that takes connections and says nothing. */
  silentPort(): Promise<number>;
  defer(close: () => Promise<unknown>): void;
  close(): Promise<void>;
}

/** Opens an empty one. */
export async function openStage(): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), 'pullwhy-stage-'));
  const root = join(folder, 'root');
  const closing: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })];
  const image = makeImage({ os: 'linux', architecture: 'amd64' });
  const write = async (path: string, text: string): Promise<void> => {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  };
  const stage: Stage = {
    folder,
    image,
    file: (path, text) => write(join(root, path), text),
    hosts: (namespace, toml) => write(join(root, `etc/containerd/certs.d/${namespace}/hosts.toml`), toml),
    async registry(options = {}) {
      const { tls = { cert: stagePki.leaf.chainPem, key: stagePki.leaf.keyPem }, ...rest } = options;
      const repositories = { 'team/app': { '1': image } };
      const registry = await startFakeRegistry({ repositories, ...rest, ...(tls === null ? {} : { tls }) });
      closing.push(() => registry.close());
      return registry;
    },
    async nameserver(zone = {}) {
      const server = await startDnsServer((query) => answerOf(query, zone));
      closing.push(() => server.close());
      return ['--nameserver', `127.0.0.1:${server.port}`];
    },
    async proxy(react, noProxy) {
      const server = await startProxyServer(react);
      closing.push(() => server.close());
      const url = `http://proxy.test:${server.port}`;
      const args = await stage.proxyEnv(
        `HTTP_PROXY=${url}\nHTTPS_PROXY=${url}\n${noProxy === undefined ? '' : `NO_PROXY=${noProxy}\n`}`,
      );
      return { ...server, args };
    },
    async proxyEnv(lines) {
      const path = join(folder, 'proxy.env');
      await write(path, lines);
      return ['--proxy-env', path];
    },
    async runtime(methods, serve) {
      const runtime = await startFakeCri(methods, serve);
      closing.push(() => runtime.close());
      return { ...runtime, args: ['-r', runtime.endpoint] };
    },
    async authFile(entries) {
      const auths = Object.fromEntries(
        Object.entries(entries).map(([host, pair]) => [host, { auth: Buffer.from(pair).toString('base64') }]),
      );
      return stage.authText(JSON.stringify({ auths }));
    },
    async authText(text) {
      const path = join(folder, 'config.json');
      await write(path, text);
      return ['--auth-file', path];
    },
    async silentPort() {
      const server = await startTcpServer(() => undefined);
      closing.push(() => server.close());
      return server.port;
    },
    defer: (close) => void closing.push(close),
    async close() {
      for (const close of closing.reverse()) await close();
    },
  };
  await stage.file('etc/ssl/certs/ca-certificates.crt', stagePki.root.pem);
  await stage.file('etc/resolv.conf', 'nameserver 127.0.0.1\noptions timeout:1 attempts:2\n');
  await stage.file('etc/hosts', '127.0.0.1 localhost\n');
  // Every version from 1.5 on reads this as it is meant.
  await stage.file(
    'etc/containerd/config.toml',
    'version = 2\n[plugins."io.containerd.grpc.v1.cri".registry]\n  config_path = "/etc/containerd/certs.d"\n',
  );
  await write(join(folder, 'proxy.env'), '');
  return stage;
}

function answerOf(query: DnsTestQuery, zone: Readonly<Record<string, ZoneEntry>>): Buffer[] {
  const name = query.name.toLowerCase();
  const entry = zone[name] ?? (name.endsWith('.test') ? ['127.0.0.1'] : { rcode: 3 });
  if ('silent' in entry) return [];
  if ('rcode' in entry) return [dnsAnswer(query, { rcode: entry.rcode })];
  const aliased = 'cname' in entry;
  const addresses = aliased ? entry.addresses : entry;
  const owner = aliased ? entry.cname : query.name;
  const type = query.type === recordTypes.AAAA ? 'AAAA' : 'A';
  const records = addresses
    .filter((address) => address.includes(':') === (type === 'AAAA'))
    .map((data) => ({ name: owner, type, data }) as const);
  const alias = aliased ? [{ name: query.name, type: 'CNAME', data: entry.cname } as const] : [];
  return [dnsAnswer(query, { records: [...alias, ...records] })];
}

/** `PULLWHY_COMMAND` names another executable to judge than the checkout's own. */
const executable = process.env.PULLWHY_COMMAND ?? fileURLToPath(new URL('../../bin/pullwhy.js', import.meta.url));

/** Runs `pullwhy diagnose` on the stage. Where nothing is said: a nameserver that knows .test, no proxy, no runtime. */
export async function diagnose(stage: Stage, { image, args = [] }: Situation): Promise<Ran> {
  const given = (flag: string): boolean => args.includes(flag);
  const all = [
    ...['diagnose', image, '-o', 'json', '--host-root', join(stage.folder, 'root'), ...args],
    ...(given('--platform') ? [] : ['--platform', 'linux/amd64']),
    ...(given('--proxy-env') ? [] : ['--proxy-env', join(stage.folder, 'proxy.env')]),
    ...(given('--nameserver') ? [] : await stage.nameserver()),
  ];
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const child = spawn(process.execPath, [executable, ...all], {
      env: { PATH: process.env.PATH ?? '', HOME: stage.folder },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    const tooLong = setTimeout(() => child.kill('SIGKILL'), 40_000);
    child.on('error', reject);
    child.on('close', (code) => {
      clearTimeout(tooLong);
      const stdout = Buffer.concat(out).toString();
      const stderr = Buffer.concat(err).toString();
      try {
        const document: Investigation = JSON.parse(stdout);
        resolve({ code, document, stdout, stderr, wallMs: performance.now() - started });
      } catch {
        reject(new Error(`exit status ${code}, no document:\n${stdout.slice(0, 500)}\n${stderr}`));
      }
    });
  });
}
