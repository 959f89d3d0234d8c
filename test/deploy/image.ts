import { existsSync } from 'node:fs';
import { chmod, copyFile, cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { root } from '../arch/sources.ts';
import { must, run } from '../lab/commands.ts';
import { install } from '../lab/install.ts';
import { at } from './kustomize.ts';

/** The image of this checkout, in a store of its own. */
export interface BuiltImage {
  /** What was written into it beyond its base. */
  readonly ownBytes: number;
  /** Every file beyond the base, below its root: `usr/local/bin/node`. */
  readonly files: readonly string[];
  /** Its configuration, as Docker writes it. */
  readonly config: unknown;
  /** As a file for `ctr images import`, with the name `docker.io/library/pullwhy:test`. */
  readonly archive: string;
  readonly name: string;
  readonly remove: () => Promise<void>;
}

const name = 'docker.io/library/pullwhy:test';
const prefix = 'pullwhy-image-';

/**
 * Builds the Dockerfile with buildah, on bases that are made from this machine's own files: what a program needs of glibc
 * and libstdc++, and Node with npm beside it. `why` is one line for a person when that cannot be.
 */
export async function buildImage(): Promise<BuiltImage | { readonly why: string }> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return { why: 'it needs root on Linux' };
  if (!existsSync('/usr/bin/buildah')) {
    if (!existsSync('/usr/bin/apt-get')) return { why: 'buildah is missing, and this is not Debian' };
    process.stdout.write('    deploy: installing buildah\n');
    const failure = await install(['buildah']);
    if (failure !== null) return { why: failure };
  }
  const npm = await npmFolder();
  if (npm === null) return { why: 'no npm is here' };
  await removeStale();
  const folder = await mkdtemp(join(tmpdir(), `${prefix}${process.pid}-`));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    return await buildIn(folder, npm, remove);
  } catch (error) {
    await remove();
    throw error;
  }
}

async function buildIn(folder: string, npm: string, remove: () => Promise<void>): Promise<BuiltImage> {
  const store = ['--root', `${folder}/store`, '--runroot', `${folder}/run`, '--storage-driver', 'vfs'];
  const buildah = (...args: string[]) => must('buildah', [...store, ...args], { timeoutMs: 300_000 });
  const bud = ['bud', '--isolation', 'chroot', '--format', 'docker', '--quiet'];

  await baseFolder(`${folder}/base`, []);
  await baseFolder(`${folder}/node`, ['/usr/bin/env']);
  await mkdir(`${folder}/node/usr/local/lib/node_modules`, { recursive: true });
  await mkdir(`${folder}/node/usr/local/bin`, { recursive: true });
  await copyFile(process.execPath, `${folder}/node/usr/local/bin/node`);
  await cp(npm, `${folder}/node/usr/local/lib/node_modules/npm`, { recursive: true, dereference: true });
  await symlink('../lib/node_modules/npm/bin/npm-cli.js', `${folder}/node/usr/local/bin/npm`);
  const environment = ['PATH=/usr/local/bin:/usr/bin', 'npm_config_cache=/npm-cache', 'HOME=/root'];
  // The registry may be behind an authority that only this machine knows.
  const authorities = process.env.NODE_EXTRA_CA_CERTS;
  if (authorities !== undefined) {
    await copyFile(authorities, `${folder}/node/authorities.pem`);
    environment.push('NODE_EXTRA_CA_CERTS=/authorities.pem');
  }
  for (const [base, lines] of [
    ['base', []],
    ['node', [`ENV ${environment.join(' ')}`]],
  ] as const) {
    await writeFile(`${folder}/Dockerfile`, ['FROM scratch', `COPY ${base} /`, ...lines, ''].join('\n'));
    await buildah(...bud, '-t', `localhost/${base}`, '-f', `${folder}/Dockerfile`, folder);
  }
  await mkdir(`${folder}/empty-cache`);
  const cache = (await run('npm', ['config', 'get', 'cache'], { env: homeOf() })).stdout.trim();
  await buildah(
    ...bud,
    '--volume',
    `${existsSync(cache) ? cache : `${folder}/empty-cache`}:/npm-cache`,
    '--build-arg',
    'NODE_IMAGE=localhost/node',
    '--build-arg',
    'BASE_IMAGE=localhost/base',
    '-t',
    name,
    root,
  );

  const inspected: unknown = JSON.parse(await buildah('inspect', '--type', 'image', name));
  const config = at(inspected, 'Docker');
  const [ours, bases] = await Promise.all([filesOf(name), filesOf('localhost/base')]);
  const own = [...ours].filter(([file]) => !bases.has(file));
  const archive = `${folder}/image.tar`;
  await buildah('push', '--quiet', name, `docker-archive:${archive}:${name}`);
  await rm(`${folder}/store`, { recursive: true });
  return {
    ownBytes: own.reduce((sum, [, size]) => sum + size, 0),
    files: own.map(([file]) => file),
    config,
    archive,
    name,
    remove,
  };

  /** Files of an image, with their sizes. */
  async function filesOf(image: string): Promise<ReadonlyMap<string, number>> {
    const container = (await buildah('from', '--pull-never', image)).trim();
    const mounted = (await buildah('mount', container)).trim();
    const listed = await must('find', [mounted, '-type', 'f', '-printf', '%s %P\n']);
    await buildah('rm', container);
    const lines = listed.split('\n').filter((line) => line !== '');
    return new Map(lines.map((line) => [line.slice(line.indexOf(' ') + 1), Number.parseInt(line, 10)]));
  }
}

/** A root with programs, and what Node and they are linked with. */
async function baseFolder(folder: string, programs: readonly string[]): Promise<void> {
  const linked = await Promise.all([process.execPath, ...programs].map((program) => must('ldd', [program])));
  const libraries = linked.flatMap((text) => [...text.matchAll(/(?:=> |^\s*)(\/\S+)/gm)].map(([, path = '']) => path));
  for (const path of new Set([...libraries, ...programs])) {
    await mkdir(dirname(`${folder}${path}`), { recursive: true });
    await copyFile(path, `${folder}${path}`); // of a link, what it leads to
  }
  await mkdir(`${folder}/tmp`, { recursive: true });
  await chmod(`${folder}/tmp`, 0o1777);
}

async function npmFolder(): Promise<string | null> {
  const found = await run('npm', ['root', '-g'], { env: homeOf() }).catch(() => null);
  const folder = `${found?.stdout.trim()}/npm`;
  return existsSync(`${folder}/bin/npm-cli.js`) ? folder : null;
}

function homeOf(): Record<string, string> {
  return process.env.HOME === undefined ? {} : { HOME: process.env.HOME };
}

/** Folders of runs that were killed. */
async function removeStale(): Promise<void> {
  for (const entry of await readdir(tmpdir())) {
    const owner = entry.startsWith(prefix) ? /^\d+/.exec(entry.slice(prefix.length))?.[0] : undefined;
    if (owner !== undefined && !existsSync(`/proc/${owner}`)) {
      await rm(join(tmpdir(), entry), { recursive: true, force: true });
    }
  }
}
