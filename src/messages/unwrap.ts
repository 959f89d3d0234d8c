import { readLogLine, unquoteOnce } from './log-line.ts';
import { wrappers } from './wrappers.ts';

/** A message without the layers that say who passed it on. */
export interface Unwrapped {
  /** The whole message, unquoted to the last level, in one line. */
  readonly whole: string;
  /** `whole` less what other endpoints and other attempts said: where rules are searched. */
  readonly main: string;
  /** What is left when every known wrapper is taken off `main`. */
  readonly innermost: string;
  /** What the mirrors said that CRI-O lists; empty where there are none. */
  readonly mirrors: readonly string[];
  /** False where mirrors spoke and the text ends before the upstream did. */
  readonly upstreamSpoke: boolean;
  /** The errors of a kubelet that tried several credentials; empty where there was one attempt. */
  readonly attempts: readonly string[];
  readonly logged: boolean;
  readonly image: string | null;
  readonly host: string | null;
}

/** Deepest quoting seen is 4 levels; each level doubles the backslashes. */
const maxQuoting = 12;

/** Takes every layer off a text: log forms, quoting, the wrappers of kubelet, runtimes and gRPC. */
export function unwrap(text: string): Unwrapped {
  const line = readLogLine(tidy(text));
  let whole = line.text;
  for (let level = 0; level < maxQuoting && /\\["\\]/.test(whole); level++) whole = unquoteOnce(whole);
  whole = whole.replace(/\\n/g, ' ').replace(/\s+/g, ' ').trim();
  const { main, mirrors, upstreamSpoke } = withoutMirrors(withoutArtifact(whole));
  const innermost = peel(main);
  return {
    whole,
    main,
    innermost,
    mirrors,
    upstreamSpoke,
    attempts: splitAttempts(innermost),
    logged: line.logged,
    image: line.image,
    host: line.host,
  };
}

/** Repairs what terminals, viewers and format strings do to a message. */
function tidy(text: string): string {
  return (
    withoutLinks(unwrapped(text))
      // Escaped: one such letter in the text makes V8 keep the whole bundled file in two bytes a letter.
      .replace(/[\u2502\u2503]/g, ' ')
      .replace(/\r?\n/g, ' ')
      // A URL that went through a format string: `%2F` became `%!F(MISSING)`. Which digits stood there is lost.
      .replace(/%!([A-Fa-f])\(MISSING\)/g, '%2$1')
      .trim()
  );
}

/** Pages and mail programs make links of host names, `[reg.example](http://reg.example/)`: what was there is the link's text. */
function withoutLinks(text: string): string {
  return text.includes('](http') ? text.replace(/\[([^\][\s]{1,300})\]\(https?:\/\/[^)\s]{1,300}\)/g, '$1') : text;
}

/**
 * k9s draws a line at the left edge of a wrapped text; the break may lie within a word. Line by line, for a pattern with
 * white space on both sides of the break takes minutes for a text of breaks.
 */
function unwrapped(text: string): string {
  if (!text.includes('│')) return text;
  let whole = '';
  for (const [index, line] of text.split('\n').entries()) {
    const start = line.trimStart();
    if (index > 0 && start.startsWith('│')) whole = whole.trimEnd() + start.slice(start.startsWith('│ ') ? 2 : 1);
    else whole += index === 0 ? line : `\n${line}`;
  }
  return whole;
}

/** CRI-O since 1.34 tries an image that fails as an OCI artifact too; that half is noise for an image. */
function withoutArtifact(text: string): string {
  const at = text.indexOf('; artifact err: ');
  return at === -1 ? text : text.slice(0, at);
}

/**
 * CRI-O: `(Mirrors also failed: [m1: …] [m2: …]): upstream: …`. The upstream's error is the main one; where the text has
 * none, the mirrors' errors are.
 */
function withoutMirrors(text: string): { main: string; mirrors: readonly string[]; upstreamSpoke: boolean } {
  const opening = /\(Mirrors also failed: */.exec(text);
  if (opening === null) return { main: text, mirrors: [], upstreamSpoke: true };
  const mirrors: string[] = [];
  let depth = 0;
  let start = 0;
  let at = opening.index + opening[0].length;
  for (; at < text.length; at++) {
    const char = text[at];
    if (char === '[' && depth++ === 0) start = at + 1;
    else if (char === ']' && depth > 0 && --depth === 0) mirrors.push(text.slice(start, at));
    else if (char === ')' && depth === 0) break;
  }
  if (depth > 0) mirrors.push(text.slice(start));
  const rest = text.slice(at + 1).replace(/^\s*:\s*/, '');
  const before = text.slice(0, opening.index);
  const upstreamSpoke = rest !== '';
  return { main: before + (upstreamSpoke ? rest : mirrors.join(' ')), mirrors, upstreamSpoke };
}

/** What programs put behind an error. */
const tails: readonly RegExp[] = [/: (?:ErrImagePull|ImagePullBackOff)"?$/, /, error: exit status \d+$/, /"\}$/, /"$/];

/** Takes wrappers off both ends until none fits. */
function peel(text: string): string {
  let inner = text;
  for (let rounds = 0; rounds < 64; rounds++) {
    const before = inner;
    inner = inner.replace(/^["\s]+(?=\S)/, '');
    for (const wrapper of wrappers) {
      const rest = inner.replace(wrapper, '');
      if (rest !== inner && rest.trim() !== '') inner = rest;
    }
    for (const tail of tails) {
      // A quotation mark that closes one inside the text belongs to it.
      if (tail.source === '"$' && (inner.match(/"/g)?.length ?? 0) % 2 === 0) continue;
      inner = inner.replace(tail, '');
    }
    if (inner === before) break;
  }
  return inner.trim();
}

/** `[rpc error: …, rpc error: …]`: the kubelet's aggregate, one error for each credential that it tried. */
function splitAttempts(text: string): readonly string[] {
  if (!text.startsWith('[')) return [];
  const body = text.slice(1).replace(/\]$/, '');
  const parts = body.split(
    /, (?=rpc error: |failed to |unable to |Error |Error response|initializing |pinging |reading |Get |Head |pull |\w+: )/,
  );
  return parts.length > 1 ? parts : [];
}
