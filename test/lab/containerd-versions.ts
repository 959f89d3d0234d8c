import { homedir } from 'node:os';
import { run } from './commands.ts';
import { unpackedPackage } from './debian-package.ts';

/**
 * The runtimes of the lab. `2.x` pulls by the transfer service, as 2.1 and later do unless told otherwise; `2.x local` is
 * the same program with `use_local_image_pull = true`, the way of pulling of 2.0 and, in other words, of 1.x.
 */
export const runtimeLines = ['1.6', '1.7', '2.x', '2.x local'] as const;

/** One of them. */
export type RuntimeLine = (typeof runtimeLines)[number];

/** One containerd, with how it is to be configured. */
export interface Containerd {
  readonly line: RuntimeLine;
  readonly program: string;
  /** As it says itself: `1.7.24~ds1`. */
  readonly version: string;
}

/** Debian's suites that carry each line, and how its versions begin. */
const sources: readonly { lines: readonly RuntimeLine[]; suite: string; versions: RegExp }[] = [
  { lines: ['1.6'], suite: 'bookworm', versions: /^1\.6\./ },
  { lines: ['1.7'], suite: 'trixie', versions: /^1\.7\./ },
  // 2.0 has no transfer service behind CRI.
  { lines: ['2.x', '2.x local'], suite: 'sid', versions: /^2\.[1-9]/ },
];

/** Where what was fetched is kept: the cache folder of whoever runs this. */
export function labCache(): string {
  return `${process.env.XDG_CACHE_HOME || `${homedir()}/.cache`}/pullwhy/lab`;
}

/** The containerds that are here, and one line for a person about each that is not. */
export interface Containerds {
  readonly found: ReadonlyMap<RuntimeLine, Containerd>;
  readonly missing: readonly string[];
}

/**
 * Finds a containerd for every wanted line: the machine's own where it is of that line, else that of a Debian suite,
 * which is fetched once and kept in the cache folder of whoever runs this (`XDG_CACHE_HOME`).
 */
export async function findContainerds(wanted: readonly RuntimeLine[]): Promise<Containerds> {
  const found = new Map<RuntimeLine, Containerd>();
  const missing: string[] = [];
  const cache = labCache();
  for (const { lines, suite, versions } of sources) {
    const needed = lines.filter((line) => wanted.includes(line));
    if (needed.length === 0) continue;
    const used = await usable('/usr/bin/containerd', versions);
    const program = 'version' in used ? used : await fetched(cache, suite, versions);
    if ('version' in program) for (const line of needed) found.set(line, { line, ...program });
    else missing.push(`containerd ${needed.join(' and ')}: ${program.why}`);
  }
  return { found, missing };
}

type Program = { readonly program: string; readonly version: string } | { readonly why: string };

async function fetched(cache: string, suite: string, versions: RegExp): Promise<Program> {
  const unpacked = await unpackedPackage(cache, suite, 'containerd');
  return 'why' in unpacked ? unpacked : usable(`${unpacked.folder}/usr/bin/containerd`, versions);
}

/** Whether a program is a containerd of these versions, and runs here. */
async function usable(program: string, versions: RegExp): Promise<Program> {
  const outcome = await run(program, ['--version']).catch((error: unknown) => String(error));
  if (typeof outcome === 'string') return { why: outcome };
  const version = outcome.stdout.trim().split(/\s+/)[2] ?? '';
  if (outcome.code !== 0) return { why: `${program} does not run here: ${outcome.stderr.trim().split('\n')[0] ?? ''}` };
  return versions.test(version) ? { program, version } : { why: `${program} is ${version}` };
}
