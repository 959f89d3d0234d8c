import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { type Outcome, run } from './commands.ts';

/** A package of a Debian suite, unpacked beside the machine's own; `why` is one line for a person when it is not. */
export type Unpacked = { readonly folder: string } | { readonly why: string };

/**
 * Fetches a package of a suite and unpacks it below `cache`, in a folder named for both; what is there already is used
 * as it is. The machine's own package lists and packages are not touched: apt gets sources, lists and a cache of their
 * own, from the mirror and with the keyring that the machine's own sources name, and checks the signatures as ever.
 */
export async function unpackedPackage(cache: string, suite: string, name: string): Promise<Unpacked> {
  const folder = `${cache}/${name}-${suite}`;
  if (existsSync(folder)) return { folder };
  await mkdir(cache, { recursive: true });
  const work = await mkdtemp(`${cache}/.fetching-`);
  try {
    const failure = await fetchInto(work, suite, name);
    if (failure !== null) return { why: failure };
    // Another run may have been faster; its folder is as good.
    await rename(`${work}/unpacked`, folder).catch((error: unknown) => {
      if (!existsSync(folder)) throw error;
    });
    return { folder };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function fetchInto(work: string, suite: string, name: string): Promise<string | null> {
  const { uri, keyring } = await machineMirror();
  for (const folder of ['state/lists/partial', 'cache/archives/partial', 'unpacked']) {
    await mkdir(`${work}/${folder}`, { recursive: true });
  }
  await writeFile(`${work}/sources.list`, `deb [signed-by=${keyring}] ${uri} ${suite} main\n`);
  const settings = [
    `Dir::Etc::sourcelist=${work}/sources.list`,
    'Dir::Etc::sourceparts=/dev/null',
    'Dir::Etc::preferencesparts=/dev/null',
    'Dir::Etc::preferences=/dev/null',
    `Dir::State=${work}/state`,
    'Dir::State::status=/dev/null',
    `Dir::Cache=${work}/cache`,
    'APT::Sandbox::User=root', // its own user may not write here
    'Acquire::Languages=none',
    'Acquire::AllowInsecureRepositories=false',
    'Acquire::Retries=1',
    'Acquire::http::Timeout=30',
    'APT::Get::AllowUnauthenticated=false',
  ].flatMap((setting) => ['-o', setting]);
  const apt = (...args: string[]) =>
    run('apt-get', ['-q', ...settings, ...args], {
      cwd: work,
      env: { DEBIAN_FRONTEND: 'noninteractive' },
      timeoutMs: 180_000,
    });
  const update = await apt('--error-on=any', 'update');
  if (update.code !== 0) return `the package list of Debian ${suite} cannot be fetched: ${lastLine(update)}`;
  const download = await apt('download', name);
  if (download.code !== 0) return `${name} of Debian ${suite} cannot be fetched: ${lastLine(download)}`;
  const file = (await readdir(work)).find((entry) => entry.endsWith('.deb'));
  if (file === undefined) return `${name} of Debian ${suite} did not come`;
  const unpack = await run('dpkg-deb', ['-x', `${work}/${file}`, `${work}/unpacked`]);
  return unpack.code === 0 ? null : `${name} of Debian ${suite} cannot be unpacked: ${lastLine(unpack)}`;
}

const archiveKeyring = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** Debian's mirror and keyring as this machine's own sources name them; else Debian's own. */
async function machineMirror(): Promise<{ uri: string; keyring: string }> {
  const parts = '/etc/apt/sources.list.d';
  const names = await readdir(parts).catch(() => []);
  const files = ['/etc/apt/sources.list', ...names.sort().map((name) => `${parts}/${name}`)];
  for (const file of files.filter((path) => /\.(list|sources)$/.test(path))) {
    const found = mirrorIn(await readFile(file, 'utf8').catch(() => ''));
    if (found !== null) return { uri: found.uri, keyring: found.keyring ?? archiveKeyring };
  }
  return { uri: 'http://deb.debian.org/debian', keyring: archiveKeyring };
}

/** The first mirror of Debian itself in a file of sources, in either of apt's forms; null when it has none. */
export function mirrorIn(text: string): { uri: string; keyring: string | null } | null {
  const stanzas = text.replace(/^#.*\n/gm, '').split(/\n\s*\n/);
  for (const stanza of stanzas) {
    const uri = /^URIs:\s*(?:\S+\s+)*?(\w+:\/\/\S+\/debian\/?)(?=\s|$)/m.exec(stanza)?.[1];
    if (uri !== undefined) return { uri, keyring: /^Signed-By:\s*(\/\S+)\s*$/m.exec(stanza)?.[1] ?? null };
  }
  const line = /^deb\s+(?:\[([^\]]*)\]\s+)?(\w+:\/\/\S+\/debian\/?)\s/m.exec(text);
  if (line?.[2] === undefined) return null;
  return { uri: line[2], keyring: /signed-by=(\/[^\s,]+)/.exec(line[1] ?? '')?.[1] ?? null };
}

function lastLine({ stderr, stdout }: Outcome): string {
  const lines = `${stdout}\n${stderr}`.trim().split('\n');
  return (lines.find((line) => line.startsWith('E: ')) ?? lines.at(-1) ?? '').replace(/^E: /, '');
}
