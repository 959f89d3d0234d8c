import { posix } from 'node:path';
import type { HostFiles } from './host-files.ts';

/**
 * The paths that match an absolute pattern, as Go's `filepath.Glob` finds them: each part of the path by itself, names
 * sorted, a leading dot matched like any other character, what cannot be read passed over. Null for a bad pattern
 * (an unclosed `[`, a `\` at the end).
 */
export async function expandGlob(host: HostFiles, pattern: string): Promise<string[] | null> {
  if (globPattern(pattern) === null) return null;
  let found = ['/'];
  for (const part of pattern.split('/').filter((piece) => piece !== '')) {
    const test = globPattern(part);
    if (test === null) return null;
    const next: string[] = [];
    for (const folder of found) {
      if (!/[*?[\\]/.test(part)) {
        next.push(posix.join(folder, part));
        continue;
      }
      const names = await host.list(folder);
      if (names.ok) next.push(...names.value.filter((name) => test.test(name)).map((name) => posix.join(folder, name)));
    }
    found = next;
  }
  const present: string[] = [];
  for (const path of found) if ((await host.info(path)).ok) present.push(path);
  return present;
}

/** Go's `filepath.Match` pattern as a regular expression, or null when it is malformed. */
export function globPattern(pattern: string): RegExp | null {
  let out = '';
  for (let i = 0; i < pattern.length; i++) {
    const char = pattern.charAt(i);
    if (char === '*') out += '[^/]*';
    else if (char === '?') out += '[^/]';
    else if (char === '[') {
      const close = /^\[(\^?)((?:\\.|[^\]\\])+)\]/s.exec(pattern.slice(i));
      if (close === null) return null;
      out += `[${close[1]}${classBody(close[2] ?? '')}]`;
      i += close[0].length - 1;
    } else if (char === '\\') {
      if (i + 1 >= pattern.length) return null;
      out += quote(pattern.charAt(++i));
    } else out += quote(char);
  }
  try {
    return new RegExp(`^${out}$`, 'su');
  } catch {
    return null;
  }
}

/** The inside of `[…]`: ranges stay, everything else that a regular expression would read otherwise is quoted. */
function classBody(body: string): string {
  return body.replace(/\\(.)/gsu, (_, char: string) => char).replace(/[\\\]^[&~|]/g, '\\$&');
}

function quote(char: string): string {
  return char.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}
