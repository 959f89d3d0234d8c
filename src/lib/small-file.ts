import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { limits } from './limits.ts';
import { fail, ok, type Result } from './result.ts';

/** Why a file that a setting or a flag names is not read. */
export interface SmallFileFailure {
  /** In words that follow the file's name: `is not there`. */
  readonly what: string;
}

/**
 * The text of a small file that the operator named: a token, a certificate, a key. `regular`: only a file in the strict
 * sense, for a process that stays; without it a pipe is read too, as shells make of `<(…)`.
 */
export async function readSmallFile(
  path: string,
  { regular }: { readonly regular: boolean },
): Promise<Result<string, SmallFileFailure>> {
  try {
    // O_NONBLOCK: a FIFO in a file's place must not hold the process up.
    const file = await open(path, regular ? constants.O_RDONLY | constants.O_NONBLOCK : constants.O_RDONLY);
    try {
      const info = await file.stat();
      if (info.isDirectory()) return fail({ what: 'is a directory' });
      if (regular && !info.isFile()) return fail({ what: 'is no file' });
      const buffer = Buffer.alloc(limits.namedFileBytes + 1);
      let length = 0;
      while (length < buffer.length) {
        const { bytesRead } = await file.read(buffer, length, buffer.length - length, null);
        if (bytesRead === 0) return ok(buffer.toString('utf8', 0, length));
        length += bytesRead;
      }
      return fail({ what: `is longer than ${limits.namedFileBytes} bytes` });
    } finally {
      await file.close();
    }
  } catch (error) {
    return fail({ what: words[codeOf(error)] ?? `cannot be read (${codeOf(error)})` });
  }
}

const words: Readonly<Record<string, string>> = {
  ENOENT: 'is not there',
  ENOTDIR: 'is not there',
  EACCES: 'may not be read by this process',
  EPERM: 'may not be read by this process',
};

function codeOf(error: unknown): string {
  const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
  return typeof code === 'string' ? code : 'unknown error';
}
