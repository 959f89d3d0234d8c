import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { posix } from 'node:path';
import type { HostFiles } from './host-files.ts';

/** What of a program's start is read: the header, its table of segments and the interpreter's name stand there. */
const headBytes = 16 * 1024;

/**
 * Why the system would not run a program of the node, as a clause whose subject is its path; null when nothing of that
 * shows, or when it cannot be looked at. The program is never run.
 */
export async function whyNotExecutable(host: HostFiles, path: string): Promise<string | null> {
  const info = await host.info(path);
  // A host root that holds only a part of the node says nothing of the rest.
  const folder = await host.info(posix.dirname(path));
  if (!info.ok) return info.error.kind === 'absent' && folder.ok ? 'does not exist' : null;
  if (info.value.type !== 'file') return 'is no regular file';
  const place = await host.locate(path);
  const head = place === null ? null : readHead(place);
  if (head === null) return null;
  if ((head.mode & 0o111) === 0) return `is not executable (mode ${(head.mode & 0o7777).toString(8).padStart(4, '0')})`;
  if (head.bytes.length === 0) return 'is empty';
  const interpreter = interpreterOf(head.bytes);
  if (interpreter === null) return null;
  // Linux says "no such file or directory" of the program itself then (execve(2), ENOENT).
  const there = await host.info(interpreter);
  if (there.ok || there.error.kind !== 'absent' || !(await host.info(posix.dirname(interpreter))).ok) return null;
  return `needs ${interpreter} to run, which does not exist`;
}

function readHead(place: string): { readonly mode: number; readonly bytes: Buffer } | null {
  let file: number | undefined;
  try {
    file = openSync(place, constants.O_RDONLY | constants.O_NONBLOCK);
    const { mode } = fstatSync(file);
    const buffer = Buffer.alloc(headBytes);
    return { mode, bytes: buffer.subarray(0, readSync(file, buffer, 0, headBytes, 0)) };
  } catch {
    return null;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** The program that the system starts in the place of this one: of a script's first line, or of ELF's PT_INTERP (elf(5)). */
function interpreterOf(bytes: Buffer): string | null {
  if (bytes.subarray(0, 2).toString('latin1') === '#!') {
    const line = bytes.subarray(2, 258).toString('latin1').split('\n', 1)[0] ?? '';
    const program = line.trim().split(/\s+/, 1)[0] ?? '';
    return program.startsWith('/') ? program : null;
  }
  // 64 bits, little end first: every platform that Kubernetes runs on but s390x, of which nothing is said.
  if (bytes.length < 64 || bytes.subarray(0, 6).toString('latin1') !== '\x7fELF\x02\x01') return null;
  const table = Number(bytes.readBigUInt64LE(32));
  const size = bytes.readUInt16LE(54);
  const count = bytes.readUInt16LE(56);
  for (let index = 0; index < count; index++) {
    const at = table + index * size;
    if (size < 56 || at + size > bytes.length) return null;
    if (bytes.readUInt32LE(at) !== interpreterSegment) continue;
    const from = Number(bytes.readBigUInt64LE(at + 8));
    const length = Number(bytes.readBigUInt64LE(at + 32));
    if (length > 4096 || from + length > bytes.length) return null;
    const name = bytes
      .subarray(from, from + length)
      .toString('latin1')
      .replace(/\0.*$/s, '');
    return name.startsWith('/') ? name : null;
  }
  return null;
}

const interpreterSegment = 3; // PT_INTERP
