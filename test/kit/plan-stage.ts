/**
 * Runs the built `pullwhy plan` (and `diagnose`) on a host root made for one run.
 *
 *   const { code, document } = await plan({ files: { 'etc/resolv.conf': '…' }, image: 'nginx', args: [] });
 */
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { PlanDocument } from '../../src/model/investigation.ts';

/** Path below the host root → its text or bytes, a symbolic link as it is written, or null for a folder. */
export type Tree = Readonly<Record<string, string | Buffer | { readonly link: string } | null>>;

/** What a run of the command gave. */
export interface PlanRun {
  readonly code: number | null;
  /** The one document of standard output; an empty object when there is none (what tests look at is then undefined). */
  readonly document: PlanDocument;
  readonly stdout: string;
  readonly stderr: string;
}

/** What is planned. */
export interface PlanCase {
  readonly files?: Tree;
  readonly image?: string;
  /** Further flags; `ROOT` in them becomes the host root. */
  readonly args?: readonly string[];
  readonly runtime?: 'containerd' | 'cri-o';
  /** Null: no `--runtime-version`. */
  readonly version?: string | null;
  /** `ROOT` in values becomes the host root. */
  readonly env?: Readonly<Record<string, string>>;
  readonly command?: 'plan' | 'diagnose';
}

/** A node of which there is nothing to say. */
export const soundNode: Tree = {
  'etc/resolv.conf': 'nameserver 10.0.0.2\n',
  'etc/hostname': 'worker-3\n',
  'etc/containerd/config.toml':
    'version = 2\n[plugins."io.containerd.grpc.v1.cri".registry]\n  config_path = "/etc/containerd/certs.d"\n',
  'etc/containers/policy.json': '{"default":[{"type":"insecureAcceptAnything"}]}\n',
};

/** Lays the files out, runs the command with `-o json`, and removes them. */
export async function plan(asked: PlanCase): Promise<PlanRun> {
  const { runtime = 'containerd', command = 'plan', image = 'reg.corp/team/web:1' } = asked;
  const version = asked.version === undefined ? (runtime === 'cri-o' ? '1.36.3' : '1.7.24') : asked.version;
  return withTree({ ...soundNode, ...asked.files }, (root) => {
    const placed = (text: string): string => text.replaceAll('ROOT', root);
    const env = Object.fromEntries(Object.entries(asked.env ?? {}).map(([name, value]) => [name, placed(value)]));
    const given = version === null ? [] : ['--runtime-version', version];
    const args = [command, '-o', 'json', '--host-root', root, '--runtime', runtime, ...given];
    return runCommand([...args, ...(asked.args ?? []).map(placed), '--', image], env);
  });
}

/** Runs the command with these arguments alone. */
export function runCommand(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<PlanRun> {
  const executable = fileURLToPath(new URL('../../bin/pullwhy.js', import.meta.url));
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [executable, ...args], {
      env: { PATH: process.env.PATH ?? '', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    const tooLong = setTimeout(() => child.kill('SIGKILL'), 15_000);
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(tooLong);
      const stdout = String(Buffer.concat(out));
      // With another -o there is text, which is looked at as it is.
      const document = JSON.parse(stdout.startsWith('{') ? stdout : '{}');
      resolve({ code, stdout, stderr: String(Buffer.concat(err)), document });
    });
  });
}

/** Makes a folder with these files for `use`. */
export async function withTree<T>(files: Tree, use: (root: string) => Promise<T>): Promise<T> {
  const root = await mkdtemp(join(tmpdir(), 'pullwhy-plan-'));
  try {
    for (const [path, content] of Object.entries(files)) {
      const at = join(root, path);
      await mkdir(content === null ? at : dirname(at), { recursive: true });
      if (typeof content === 'string' || Buffer.isBuffer(content)) await writeFile(at, content);
      else if (content !== null) await symlink(content.link, at);
    }
    return await use(root);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

/** `role url source` for each endpoint. */
export function placesOf(document: PlanDocument): string[] {
  return document.endpoints.map(({ role, url, source }) => `${role} ${url} ${source}`);
}

/** `severity cause source` for each problem, but for the empty trust store of most host roots. */
export function problemsOf(document: PlanDocument): string[] {
  return document.problems
    .filter(({ cause }) => cause !== 'tls-unknown-authority')
    .map(({ severity, cause, source }) => `${severity} ${cause} ${source}`);
}
