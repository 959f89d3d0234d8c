import { readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fail, ok, type Result } from '../result.ts';

/** The texts of one report, by the ending of the file's name. */
export type ReportTexts = Readonly<Record<'json' | 'md' | 'html', string>>;

/** Files of one folder that are looked at to remove old reports. */
const mostFiles = 100_000;

/**
 * Writes one report as three files and removes all but the newest `keep` of `name`: `pullwhy-report-NAME-TIME`. Each file gets its name when it is
 * complete, so that nobody reads half of one. The folder has to exist: a mount that is missing must not be written
 * beside. The failure says what could not be done.
 */
export async function writeReport(
  directory: string,
  name: string,
  at: number,
  texts: ReportTexts,
  keep: number,
): Promise<Result<readonly string[], string>> {
  const prefix = prefixOf(name);
  const stamp = new Date(at)
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replaceAll(':', '-');
  const written: string[] = [];
  const temporary: string[] = [];
  try {
    for (const [ending, text] of Object.entries(texts)) {
      const file = `${prefix}${stamp}.${ending}`;
      const draft = join(directory, `.${file}.tmp`);
      temporary.push(draft);
      await writeFile(draft, text, { mode: 0o644 });
      await rename(draft, join(directory, file));
      written.push(join(directory, file));
    }
    await removeOld(directory, prefix, keep);
    return ok(written);
  } catch (error) {
    for (const draft of temporary) await rm(draft, { force: true }).catch(() => undefined);
    return fail(whyOf(error));
  }
}

/** Every character that a file's name might not bear becomes a dash: names of nodes are DNS names. */
function prefixOf(name: string): string {
  return `pullwhy-report-${name.replace(/[^A-Za-z0-9.-]/g, '-').slice(0, 100)}-`;
}

/** When the newest report of `name` in a folder was written, by its name; null: there is none, or it cannot be read. */
export async function newestReport(directory: string, name: string): Promise<number | null> {
  const stamps = await stampsOf(directory, prefixOf(name)).catch(() => new Map());
  const newest = [...stamps.keys()].sort().at(-1);
  return newest === undefined ? null : Date.parse(newest.replace(/T(\d\d)-(\d\d)-(\d\d)Z$/, 'T$1:$2:$3Z'));
}

async function removeOld(directory: string, prefix: string, keep: number): Promise<void> {
  const stamps = await stampsOf(directory, prefix);
  const old = [...stamps.keys()].sort().reverse().slice(keep);
  for (const name of old.flatMap((stamp) => stamps.get(stamp) ?? [])) await rm(join(directory, name), { force: true });
}

/** Files of a folder that belong to reports, by the reports' times as their names have them. */
async function stampsOf(directory: string, prefix: string): Promise<Map<string, string[]>> {
  const names = (await readdir(directory)).slice(0, mostFiles);
  const stamps = new Map<string, string[]>();
  for (const name of names) {
    const bare = name.startsWith('.') ? name.slice(1) : name;
    if (!bare.startsWith(prefix)) continue;
    // What another process was killed over goes with the reports of its age.
    const stamp = /^(\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ)\.(?:json|md|html)(?:\.tmp)?$/.exec(
      bare.slice(prefix.length),
    )?.[1];
    if (stamp === undefined) continue;
    stamps.set(stamp, [...(stamps.get(stamp) ?? []), name]);
  }
  return stamps;
}

function whyOf(error: unknown): string {
  const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : null;
  switch (code) {
    case 'ENOENT':
      return 'the folder does not exist';
    case 'ENOTDIR':
      return 'it is no folder';
    case 'EACCES':
    case 'EPERM':
      return 'it may not be written to';
    case 'EROFS':
      return 'its file system is read-only';
    case 'ENOSPC':
    case 'EDQUOT':
      return 'its file system is full';
    default:
      return error instanceof Error ? error.message : String(error);
  }
}
