import { readFileSync, statSync } from 'node:fs';
import { SourceMap, type SourceMapPayload } from 'node:module';
import { fileURLToPath } from 'node:url';

/** A map of sources beside the bundle; the largest of ours has less than 1 MiB. */
const mostMapBytes = 4 * 1024 * 1024;

/**
 * The stack of an error as it may be reported: each place in the bundle, where names are short, as the place in the source
 * that it was made of. The maps are read when a defect is told of and not before, for a process that stays would hold them. A
 * place without a map stays as it is, and so does one that is not in `bundle`, the URL of the folder of this code: an error's
 * words may be another's, and name any file.
 */
export function stackOf(error: unknown, bundle: string = new URL('.', import.meta.url).href): string {
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  const maps = new Map<string, SourceMap | null>();
  return stack.replace(/(file:\/\/[^\s():]{1,4096}\.js):(\d{1,9}):(\d{1,9})/gu, (place, url, line, column) => {
    if (!url.startsWith(bundle) || url.slice(bundle.length).includes('/')) return place;
    if (!maps.has(url)) maps.set(url, mapOf(url));
    const origin = maps.get(url)?.findOrigin(Number(line), Number(column));
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
