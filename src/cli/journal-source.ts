import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { EntryQuery } from '../journal/journal.ts';
import { openJournal } from '../journal/open.ts';
import type { Env } from '../lib/env.ts';
import { fail, ok, type Result } from '../lib/result.ts';
import { hostFiles } from '../node/host-files.ts';
import { machineId } from '../node/node-name.ts';
import { fileLines } from '../signals/file-lines.ts';
import { journalLines, readableUnits, unitMatches } from '../signals/journal-lines.ts';
import type { SourceLine } from '../signals/pull-line.ts';
import { defaultUnits } from '../signals/units.ts';
import { journalStateWords, problemWords, queryFailureWords } from './render/journal-state.ts';
import { count } from './render/words.ts';

/** Where lines are read, and which. */
export interface SourceRequest {
  readonly files: readonly string[];
  readonly directories: readonly string[];
  readonly hostRoot: string;
  readonly units: readonly string[];
  readonly sinceUs: number | null;
  readonly untilUs: number | null;
  readonly cursor: string | null;
  readonly boot: string | number | null;
  readonly follow: boolean;
}

/** Lines to read. */
export interface LineSource {
  readonly lines: AsyncIterable<SourceLine>;
  /** What a person should know about them. */
  readonly notes: readonly string[];
  readonly close: () => void;
}

/** Why there are none: a flag that is wrong, or nothing to read. */
export interface SourceFailure {
  readonly kind: 'usage' | 'nothing';
  readonly flag: string;
  readonly message: string;
}

/** Opens what is asked for: files, or the journal of this machine or of the one below `hostRoot`. */
export async function openSource(
  request: SourceRequest,
  env: Env,
  signal: AbortSignal,
): Promise<Result<LineSource, SourceFailure>> {
  return request.files.length > 0 ? openFiles(request, env, signal) : openJournals(request, signal);
}

async function openJournals(request: SourceRequest, signal: AbortSignal): Promise<Result<LineSource, SourceFailure>> {
  const given = request.directories.length > 0;
  for (const directory of given ? request.directories : [request.hostRoot]) {
    if ((await stat(directory).catch(() => null))?.isDirectory() === true) continue;
    const flag = given ? '--directory' : '--host-root';
    return fail({ kind: 'usage', flag, message: `${directory} is no directory that can be read.` });
  }
  const directories = given
    ? request.directories
    : ['var/log/journal', 'run/log/journal'].map((folder) => join(request.hostRoot, folder));
  // Who names a folder wants what is in it, whichever machine wrote it.
  const id = given ? null : await machineId(hostFiles(request.hostRoot));
  const opened = await openJournal({ directories, machineId: id });
  if (!opened.ok) return fail({ kind: 'nothing', flag: 'journal', message: journalStateWords(opened.error) });
  const journal = opened.value;
  const units = await readableUnits(journal, request.units.length > 0 ? request.units : defaultUnits);
  const { sinceUs, untilUs, cursor, boot, follow } = request;
  const query: EntryQuery = {
    follow,
    signal,
    ...(sinceUs === null ? {} : { since: BigInt(sinceUs) }),
    ...(untilUs === null ? {} : { until: BigInt(untilUs) }),
    ...(cursor === null ? {} : { cursor }),
    ...(boot === null ? {} : { boot }),
  };
  const wrong = (await journal.check({ ...query, match: unitMatches(units) })) ?? (await missingBoot(journal, boot));
  if (wrong !== null) {
    journal.close();
    return fail({ kind: 'usage', ...queryFailureWords(wrong) });
  }
  const problems = journal.problems();
  const notes = [
    ...(journal.note === null ? [] : [journal.note]),
    ...problems.slice(0, 3).map((problem) => `${problemWords(problem)}; it is left out.`),
    ...(problems.length > 3 ? [`${count(problems.length - 3, 'more file')} left out.`] : []),
  ];
  return ok({ lines: journalLines(journal, units, query), notes, close: () => journal.close() });
}

/** An id that no entry has would look like a boot without pulls. */
async function missingBoot(
  journal: { boots(): Promise<readonly { readonly bootId: string }[]> },
  boot: string | number | null,
): Promise<{ readonly kind: 'no-such-boot'; readonly boot: string } | null> {
  if (typeof boot !== 'string') return null;
  const id = boot.replaceAll('-', '').toLowerCase();
  return (await journal.boots()).some(({ bootId }) => bootId === id) ? null : { kind: 'no-such-boot', boot };
}

async function openFiles(
  { files, sinceUs, untilUs }: SourceRequest,
  env: Env,
  signal: AbortSignal,
): Promise<Result<LineSource, SourceFailure>> {
  for (const file of files) {
    if (file === '-') continue;
    const facts = await stat(file).catch(() => null);
    if (facts === null || facts.isDirectory()) {
      return fail({ kind: 'usage', flag: '--file', message: `${file} is no file that can be read.` });
    }
  }
  async function* lines(): AsyncGenerator<SourceLine, void, void> {
    for (const file of files) {
      const stream = file === '-' ? process.stdin : createReadStream(file, { signal });
      const name = file === '-' ? 'standard input' : basename(file);
      try {
        for await (const line of fileLines(stream, name, env.now() * 1000)) {
          if (sinceUs !== null && line.timeUs < sinceUs) continue;
          if (untilUs !== null && line.timeUs > untilUs) continue;
          yield line;
        }
      } catch (error) {
        // The signal ends the reading; that is no error.
        if (!signal.aborted) throw error;
      }
    }
  }
  return ok({ lines: lines(), notes: [], close: () => undefined });
}
