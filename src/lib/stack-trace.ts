import { readFileSync, statSync } from 'node:fs';
import { SourceMap, type SourceMapPayload } from 'node:module';
import { fileURLToPath } from 'node:url';

/** A map of sources beside the bundle; the largest of ours has 2 MiB. */
const mostMapBytes = 16 * 1024 * 1024;

/**
 * The stack of an error as it may be reported: each place in the bundle, where names are short, as the place in the source
 * that it was made of. The maps are read when a defect is told of and not before, for a process that stays would hold them. A
 * place without a map stays as it is.
 */
export function stackOf(error: unknown): string {
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  const maps = new Map<string, SourceMap | null>();
  return stack.replace(/(file:\/\/[^\s():]{1,4096}\.js):(\d{1,9}):(\d{1,9})/gu, (place, url, line, column) => {
    const map = maps.get(url) ?? mapOf(url);
    maps.set(url, map);
    const origin = map?.findOrigin(Number(line), Number(column));
    if (origin === undefined || !('fileName' in origin)) return place;
    return `${origin.fileName.replace(/^(?:\.\.\/)+/u, '')}:${origin.lineNumber}:${origin.columnNumber}`;
  });
}

function mapOf(url: string): SourceMap | null {
  try {
    const path = `${fileURLToPath(url)}.map`;
    if (statSync(path).size > mostMapBytes) return null;
    const payload: SourceMapPayload = JSON.parse(readFileSync(path, 'utf8'));
    return new SourceMap(payload);
  } catch {
    // Told of is the defect, with a map or without.
    return null;
  }
}
