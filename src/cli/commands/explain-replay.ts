import { open } from 'node:fs/promises';
import { replay } from '../../engine/replay.ts';
import { limits } from '../../lib/limits.ts';
import { fail, ok, type Result } from '../../lib/result.ts';
import { exitStatusOf } from '../exit-status.ts';
import { complain, presentable } from '../output.ts';
import { printInvestigation } from '../print-investigation.ts';

/** `pullwhy explain --replay FILE`: concludes a saved investigation again, and gives the exit status. */
export async function explainReplay(file: string, output: 'text' | 'json' | 'markdown'): Promise<number> {
  const text = await readBounded(file);
  if (!text.ok) return complain('--replay', `${file} ${text.error}`);
  const replayed = replay(text.value);
  if (!replayed.ok) return complain('--replay', `${file} ${replayed.error}`);
  const { document, notes } = replayed.value;
  for (const note of notes) process.stderr.write(`${presentable(`pullwhy: ${file}: ${note}`)}\n`);
  await printInvestigation(document, output);
  return exitStatusOf(document.verdict);
}

/** A file's text, up to the bound; pipes (`/dev/stdin`) too. */
async function readBounded(path: string): Promise<Result<string, string>> {
  const most = limits.savedInvestigationBytes;
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    await using handle = await open(path, 'r');
    for await (const chunk of handle.createReadStream({ autoClose: false })) {
      if (!Buffer.isBuffer(chunk)) continue;
      bytes += chunk.length;
      if (bytes > most) return fail(`is larger than ${most / 1024 / 1024} MiB, as no saved investigation is.`);
      chunks.push(chunk);
    }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    return fail(`cannot be read (${words[code] ?? code}).`);
  }
  return ok(Buffer.concat(chunks).toString('utf8'));
}

const words: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  EACCES: 'not permitted',
  EISDIR: 'a directory',
};
