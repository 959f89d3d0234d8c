import type { FileFailure } from './host-files.ts';

/** Why a file gave nothing, for a sentence whose subject is the file: "does not exist", "is larger than 10 bytes". */
export function failureWords(failure: FileFailure): string {
  switch (failure.kind) {
    case 'absent':
      return 'does not exist';
    case 'denied':
      return 'may not be read by this user';
    case 'too-large':
      return `is larger than ${failure.limit} bytes`;
    case 'not-a-file':
      return 'is not a regular file';
    case 'failed':
      return `cannot be read (${failure.code})`;
  }
}
