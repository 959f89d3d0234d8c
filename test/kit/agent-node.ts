import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { makePki } from './certificates.ts';
import { type FakeCri, type FakeCriMethods, startFakeCri } from './fake-cri.ts';
import { type FakeImage, type FakeRegistry, makeImage, startFakeRegistry } from './fake-registry.ts';
import { type LiveJournald, startJournald } from './journal-maker.ts';
import type { NodeLine } from './node-lines.ts';

/** A made-up node for a real agent: its files, a runtime, and registries with TLS, all on loopback. */
export interface AgentNode {
  readonly root: string;
  readonly cri: FakeCri;
  readonly registries: readonly FakeRegistry[];
  /** `reg3.registry.test:PORT`, as images name it. */
  readonly hosts: readonly string[];
  /** Images that are on the node now; change it, and the runtime lists them. */
  readonly images: Set<string>;
  /** What kubelet and runtime write to; null where none was wanted or none can be run here. */
  readonly journald: LiveJournald | null;
  /** Writes lines to it, those of the runtime first. */
  readonly say: (lines: readonly NodeLine[]) => Promise<void>;
  /** Flags of `pullwhy agent` for this node. */
  readonly flags: readonly string[];
  /** Writes a file of the node. */
  readonly write: (path: string, text: string) => Promise<void>;
  readonly close: () => Promise<void>;
}

/** What a node has. */
export interface AgentNodeOptions {
  readonly registries?: number;
  /** On the node at the beginning; spread over its registries. */
  readonly images?: number;
  /** Repositories of each registry, and their tags. */
  readonly repositories?: Readonly<Record<string, Readonly<Record<string, FakeImage>>>>;
  readonly methods?: FakeCriMethods;
  /** Authorities that the node trusts besides the registries' own: PEM. */
  readonly authorities?: readonly string[];
  /** Settings of a journald of its own; without them the node has a journal's folder and nothing in it. */
  readonly journald?: readonly string[];
  /** The nameserver of resolv.conf; its port is 53. Without one the hosts file has the registries' names. */
  readonly nameserver?: string;
}

/** Makes it. */
export async function makeAgentNode({
  registries: count = 1,
  images: held = 0,
  repositories = { 'team/app': { '1.0': makeImage({ os: 'linux', architecture: 'amd64' }) } },
  methods = {},
  authorities = [],
  journald: settings,
  nameserver,
}: AgentNodeOptions = {}): Promise<AgentNode> {
  const root = await mkdtemp(join(tmpdir(), 'pullwhy-agent-'));
  const write = async (path: string, text: string): Promise<void> => {
    const file = join(root, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  };
  const pki = makePki();
  const names = Array.from({ length: count }, (_, at) => `reg${at}.registry.test`);
  const tls = { cert: pki.leaf.chainPem, key: pki.leaf.keyPem };
  const registries: FakeRegistry[] = [];
  for (const _ of names) registries.push(await startFakeRegistry({ repositories, tls }));
  const hosts = names.map((name, at) => `${name}:${registries[at]?.port}`);
  const images = new Set<string>();
  for (let at = 0; at < held; at++) images.add(`${hosts[at % count]}/team/app-${at}:1.0`);

  const cri = await startFakeCri({
    ListImages: () => ({
      answer: {
        images: [...images].map((image, at) => ({
          id: `sha256:${at.toString(16).padStart(64, '0')}`,
          repo_tags: [image],
          repo_digests: [`${image.replace(/:[^:/]*$/, '')}@sha256:${at.toString(16).padStart(64, '0')}`],
          size: '1000000',
        })),
      },
    }),
    ...methods,
  });
  await write('etc/resolv.conf', `nameserver ${nameserver ?? '127.0.0.1'}\n`);
  await write(
    'etc/hosts',
    nameserver === undefined ? names.map((name) => `127.0.0.1 ${name}\n`).join('') : '127.0.0.1 localhost\n',
  );
  await write('etc/hostname', 'node-1\n');
  await write(
    'etc/containerd/config.toml',
    'version = 2\n[plugins."io.containerd.grpc.v1.cri".registry]\n  config_path = "/etc/containerd/certs.d"\n',
  );
  await write('etc/ssl/certs/ca-certificates.crt', [pki.root.pem, ...authorities].join('\n'));
  await mkdir(join(root, 'var/log'), { recursive: true });
  const journald = settings === undefined ? null : await startJournald(root, settings);
  if (journald === null) await mkdir(join(root, 'var/log/journal'));
  else {
    // Where it keeps its files, below the root; named after this machine.
    await symlink('/var/journal', join(root, 'var/log/journal'));
    await write('etc/machine-id', await readFile('/etc/machine-id', 'utf8'));
  }
  const say = async (lines: readonly NodeLine[]): Promise<void> => {
    for (const unit of ['containerd', 'kubelet'] as const) {
      const own = lines.filter((line) => line.unit === unit).map(({ message }) => message);
      if (own.length > 0) await journald?.write(unit, own, `${unit}.service`);
    }
  };
  await say([{ unit: 'kubelet', message: 'I1122 11:03:27.838424   16667 server.go:530] "Kubelet version"' }]);
  return {
    root,
    cri,
    registries,
    hosts,
    images,
    journald,
    say,
    flags: ['--host-root', root, '-r', cri.endpoint, '--state-directory', join(root, 'state')],
    write,
    async close() {
      await journald?.stop();
      await cri.close();
      await Promise.all(registries.map((registry) => registry.close()));
      await rm(root, { recursive: true, force: true });
    },
  };
}
