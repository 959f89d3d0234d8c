import { safeLine } from './redact.ts';

/** What a person would see of a web page. */
export interface PageText {
  readonly title: string | null;
  /** The beginning of its visible text; null when there is none. */
  readonly excerpt: string | null;
}

/** Bytes of a page that are looked at; titles and first sentences stand before. */
const lookedAt = 16 * 1024;

/** True when a body is a web page by its first tags, whatever its Content-Type says. */
export function looksLikeHtml(text: string): boolean {
  return /^<(?:!doctype\s+html|html|head|body|title|h1|center)\b/iu.test(withoutPreamble(text.slice(0, 4096)));
}

/** The text behind blanks, comments and the XML declaration. By index: to a pattern, a hundred empty comments are endless. */
function withoutPreamble(text: string): string {
  let rest = text.trimStart();
  for (;;) {
    const end = rest.startsWith('<!--') ? '-->' : rest.startsWith('<?') ? '?>' : null;
    const at = end === null ? -1 : rest.indexOf(end, end.length + 1);
    if (end === null || at === -1) return rest;
    rest = rest.slice(at + end.length).trimStart();
  }
}

/** Title and first words of a web page, safe to show (see `safeLine`), each at most `max` characters. */
export function readPage(text: string, max: number): PageText {
  const near = text.slice(0, lookedAt);
  const title = elementText(near, 'title');
  const seen = decodeEntities(withoutTags(near));
  const excerpt = safeLine(seen, max);
  return {
    title: title === null || title.trim() === '' ? null : safeLine(decodeEntities(title), max),
    excerpt: excerpt === '' ? null : excerpt,
  };
}

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ' };

/** The few entities that error pages and XML errors use, and numeric ones. */
export function decodeEntities(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#x([\da-f]{1,6})|(\w{2,6}));/giu, (whole, decimal, hex, name) => {
    if (typeof name === 'string') return (Object.hasOwn(entities, name) ? entities[name] : undefined) ?? whole;
    const code = typeof decimal === 'string' ? Number.parseInt(decimal, 10) : Number.parseInt(String(hex), 16);
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}

/** The text between the first `<name …>` and its end; searched by index, for patterns over hostile text grow slow. */
function elementText(text: string, name: string): string | null {
  const lower = text.toLowerCase();
  const open = lower.indexOf(`<${name}`);
  const from = open === -1 ? -1 : lower.indexOf('>', open);
  const to = from === -1 ? -1 : lower.indexOf(`</${name}`, from);
  return to === -1 ? null : text.slice(from + 1, to);
}

/** The text outside of tags, comments, scripts, styles and the head. */
function withoutTags(text: string): string {
  const lower = text.toLowerCase();
  let seen = '';
  let at = 0;
  while (at < text.length) {
    const open = text.indexOf('<', at);
    if (open === -1) return seen + text.slice(at);
    seen += `${text.slice(at, open)} `;
    at = skipTag(lower, open);
  }
  return seen;
}

/** Where the text goes on behind the tag, comment or unseen element that begins at `open`. */
function skipTag(lower: string, open: number): number {
  const after = (mark: string, from: number) => {
    const found = lower.indexOf(mark, from);
    return found === -1 ? lower.length : found + mark.length;
  };
  if (lower.startsWith('<!--', open)) return after('-->', open);
  for (const name of ['script', 'style', 'head']) {
    if (!lower.startsWith(`<${name}`, open) || /[\w-]/u.test(lower[open + name.length + 1] ?? '')) continue;
    return after('>', after(`</${name}`, open));
  }
  return after('>', open);
}
