import { visible } from '../../lib/words.ts';

export { count, duration, listed, moment, size, visible } from '../../lib/words.ts';

/**
 * `text` in lines of at most `width` columns: the first behind `first`, the others behind as many spaces. A word that is
 * longer than a line stays whole, so that names and addresses can be copied.
 */
export function wrap(text: string, width: number, first = ''): string[] {
  const rest = ' '.repeat(first.length);
  const lines: string[] = [];
  let line = first;
  let empty = true;
  // A number stays with its unit, and a no-break space is one.
  const glued = visible(text).replace(/(\d) (?=(?:ms|s|min|h|%|bytes?|[KMGT]iB|days?)(?![a-z]))/gu, '$1\u0000');
  for (const word of glued.split(/[^\S\u0000\u00a0]+/u).map((one) => one.replace(/[\u0000\u00a0]/gu, ' '))) {
    if (!empty && line.length + 1 + word.length > width) {
      lines.push(line);
      line = rest;
      empty = true;
    }
    line += empty ? word : ` ${word}`;
    empty = false;
  }
  lines.push(line);
  return lines;
}

/** A failure's words without the place that stands before them already: `connecting to 10.0.0.1:443: ` and its like. */
export function withoutPlace(message: string): string {
  return message
    .replace(/^(?:connecting to|asking|TLS handshake with|GET|HEAD|POST) \S+(?: over (?:UDP|TCP))?: /u, '')
    .replace(/^proxy \S+, asked for \S+: /u, '');
}

/** `sha256:0123456789ab`. */
export function shortDigest(digest: string): string {
  return digest.replace(/^([a-z0-9+._-]+:[0-9a-f]{12})[0-9a-f]+$/iu, '$1');
}
