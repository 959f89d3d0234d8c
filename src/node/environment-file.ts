import { Secret } from '../lib/secret.ts';
import { withoutTrailing } from '../lib/trailing.ts';

/** One variable as a file sets it. Any value may be a secret (a proxy's password, a token). */
export interface EnvironmentEntry {
  readonly name: string;
  readonly value: Secret;
  /** The line on which the variable's name stands, counted from 1 in the text that was parsed. */
  readonly line: number;
}

/** Something that stands where a variable should and sets none. */
export interface IgnoredEntry {
  /** The text itself, which may hold a password. */
  readonly text: Secret;
  readonly line: number;
  /** Why nothing is set, as the end of a sentence ("… is ignored: …"). */
  readonly why: string;
}

/** What a parser of this file makes of a text. The same name may come more than once: the last one counts. */
export interface ParsedEnvironment {
  readonly entries: readonly EnvironmentEntry[];
  readonly ignored: readonly IgnoredEntry[];
}

/** What systemd takes for a variable's name (env_name_is_valid); so do shells. */
const validName = /^[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * A file that systemd's `EnvironmentFile=` names (systemd src/basic/env-file.c): quotes are removed, a backslash
 * escapes and joins lines, `#` and `;` begin a comment at a line's start only, white space around is cut off.
 * `allowExport`: for files that a shell or PAM reads too (/etc/environment, /etc/default, /etc/sysconfig), where
 * systemd itself would ignore a line with `export`.
 */
export function parseEnvironmentFile(text: string, allowExport = false): ParsedEnvironment {
  const entries: EnvironmentEntry[] = [];
  const ignored: IgnoredEntry[] = [];
  const reader = new FileReader(text.replace(/^\ufeff/, ''));
  for (let item = reader.next(); item !== null; item = reader.next()) {
    const name = allowExport ? item.name.replace(/^export\s+/, '') : item.name;
    if (item.value !== null && validName.test(name)) {
      entries.push({ name, value: new Secret(item.value), line: item.line });
    } else {
      const text = item.value === null ? item.name : `${item.name}=${item.value}`;
      ignored.push({ text: new Secret(text), line: item.line, why: whyIgnored(item.name, item.value) });
    }
  }
  return { entries, ignored };
}

/**
 * The value of systemd's `Environment=`: words cut at white space, with quotes anywhere and C escapes (systemd
 * src/basic/extract-word.c), then `%` specifiers (src/shared/specifier.c). A word with an unknown specifier, as the
 * `%4` of an undoubled `%40`, is ignored as a whole by current versions. `lineAt` gives the line of an offset.
 */
export function parseAssignments(value: string, lineAt: (offset: number) => number = () => 1): ParsedEnvironment {
  const entries: EnvironmentEntry[] = [];
  const ignored: IgnoredEntry[] = [];
  for (const word of splitWords(value)) {
    const line = lineAt(word.offset);
    if (word.text === null) {
      const why = 'its quotes or backslashes do not match, and systemd reads no further on this line';
      ignored.push({ text: new Secret(value.slice(word.offset)), line, why });
      break;
    }
    const expanded = word.text.replace(/%([A-Za-z0-9%])/g, (all, letter: string) => (letter === '%' ? '%' : all));
    const equals = expanded.indexOf('=');
    const name = equals < 0 ? '' : expanded.slice(0, equals);
    const specifier = /(?:^|[^%])(?:%%)*%([A-Za-z0-9])/.exec(word.text)?.[1];
    if (specifier !== undefined) {
      const why = `"%${specifier}" is taken for a specifier; a percent sign is written %% in a unit`;
      ignored.push({ text: new Secret(word.text), line, why });
    } else if (validName.test(name)) {
      entries.push({ name, value: new Secret(expanded.slice(equals + 1)), line });
    } else {
      ignored.push({
        text: new Secret(word.text),
        line,
        why: whyIgnored(name === '' ? expanded : name, equals < 0 ? null : ''),
      });
    }
  }
  return { entries, ignored };
}

/** Literal `KEY=value` lines (`--proxy-env`): no quotes are removed, `#` begins a comment only as a line's first character. */
export function parseLiteralEnvironment(text: string): ParsedEnvironment {
  const entries: EnvironmentEntry[] = [];
  const ignored: IgnoredEntry[] = [];
  for (const [index, raw] of text
    .replace(/^\ufeff/, '')
    .split('\n')
    .entries()) {
    const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
    if (line.startsWith('#') || line.trim() === '') continue;
    const equals = line.indexOf('=');
    const name = equals < 0 ? line : line.slice(0, equals);
    if (equals > 0 && validName.test(name)) {
      entries.push({ name, value: new Secret(line.slice(equals + 1)), line: index + 1 });
    } else {
      ignored.push({ text: new Secret(line), line: index + 1, why: whyIgnored(name, equals < 0 ? null : '') });
    }
  }
  return { entries, ignored };
}

/**
 * The environment of a process as the kernel shows it (`/proc/PID/environ`): NUL between the variables. The first of
 * two equal names counts, as in Go's runtime; only that one is returned.
 */
export function parseProcessEnvironment(text: string): readonly EnvironmentEntry[] {
  const seen = new Map<string, EnvironmentEntry>();
  for (const item of text.split('\0')) {
    const equals = item.indexOf('=');
    if (equals <= 0) continue;
    const name = item.slice(0, equals);
    if (!seen.has(name)) seen.set(name, { name, value: new Secret(item.slice(equals + 1)), line: 1 });
  }
  return [...seen.values()];
}

/**
 * The proxy that an ignored text was meant to set, for `proxy-required`: what stands behind a proxy variable's name
 * and `=`, without quotes of any kind. Null when the text is not about a proxy.
 */
export function intendedVariable(text: string): { readonly name: string; readonly value: string } | null {
  const match = /\b([A-Za-z_]*_proxy)\s*=\s*(.*)$/is.exec(text);
  if (match === null) return null;
  const value = (match[2] ?? '').replace(/^["'\u2018-\u201f\s]+|["'\u2018-\u201f\s]+$/g, '');
  return { name: match[1] ?? '', value: value.replace(/%%/g, '%') };
}

function whyIgnored(name: string, value: string | null): string {
  if (/[\u2018-\u201f]/.test(name)) return 'it has typographic quotes, which are not quotes but part of the name';
  if (/^export\s/.test(name)) return '"export" belongs to shells; only NAME=value is read here';
  if (value === null) return 'it has no "="';
  if (/\s/.test(name)) return 'its name has white space';
  return 'its name is not made of letters, digits and "_"';
}

interface RawEntry {
  readonly name: string;
  /** Null: the line ended without a `=`. */
  readonly value: string | null;
  readonly line: number;
}

/** Walks an environment file entry by entry. */
class FileReader {
  readonly #text: string;
  #at = 0;
  #line = 1;

  constructor(text: string) {
    this.#text = text;
  }

  next(): RawEntry | null {
    for (;;) {
      this.#skip(/\s/);
      const first = this.#peek();
      if (first === '') return null;
      if (first !== '#' && first !== ';') break;
      this.#skip(/[^\n]/);
    }
    const line = this.#line;
    const start = this.#at;
    while (!['=', '\n', '\r', ''].includes(this.#peek())) this.#take();
    const name = withoutTrailing(this.#text.slice(start, this.#at), ' \t');
    if (this.#peek() !== '=') return { name, value: null, line };
    this.#take();
    return { name, value: this.#value(), line };
  }

  /** A value is made of quoted pieces; the first bare character begins the last piece, in which quotes are literal. */
  #value(): string {
    let value = '';
    for (;;) {
      this.#skip(/[ \t]/);
      const next = this.#peek();
      if (next === "'") value += this.#quoted("'");
      else if (next === '"') value += this.#quoted('"');
      else if (next === '' || next === '\n' || next === '\r') return value;
      else return value + this.#bare();
    }
  }

  #quoted(quote: string): string {
    this.#take();
    let value = '';
    for (let next = this.#take(); next !== '' && next !== quote; next = this.#take()) {
      if (next !== '\\' || quote === "'") {
        value += next;
        continue;
      }
      const escaped = this.#take();
      if ('"\\`$'.includes(escaped)) value += escaped;
      else if (escaped !== '\n') value += `\\${escaped}`;
    }
    return value;
  }

  #bare(): string {
    let value = '';
    let kept = 0;
    for (;;) {
      const next = this.#peek();
      if (next === '' || next === '\n' || next === '\r') return value.slice(0, kept);
      this.#take();
      if (next === '\\') {
        const escaped = this.#take();
        if (escaped !== '\n' && escaped !== '\r') value += escaped;
        kept = value.length;
      } else {
        value += next;
        if (next !== ' ' && next !== '\t') kept = value.length;
      }
    }
  }

  #peek(): string {
    return this.#text.charAt(this.#at);
  }

  #take(): string {
    const next = this.#text.charAt(this.#at);
    if (next === '') return next;
    this.#at++;
    if (next === '\n') this.#line++;
    return next;
  }

  #skip(what: RegExp): void {
    while (this.#peek() !== '' && what.test(this.#peek())) this.#take();
  }
}

interface Word {
  readonly offset: number;
  /** Unquoted; null when quotes or escapes do not match up. */
  readonly text: string | null;
}

const simpleEscapes: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  s: ' ',
  '\\': '\\',
  '"': '"',
  "'": "'",
};

function* splitWords(text: string): Generator<Word> {
  let at = 0;
  while (at < text.length) {
    if (/\s/.test(text.charAt(at))) {
      at++;
      continue;
    }
    const offset = at;
    let word = '';
    let quote = '';
    for (; at < text.length; at++) {
      const next = text.charAt(at);
      if (next === '\\') {
        const sequence =
          /^\\(?:([abfnrtvs\\"'])|x([0-9A-Fa-f]{2})|([0-7]{3})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8}))/.exec(
            text.slice(at, at + 10),
          );
        const code = Number.parseInt(sequence?.[2] ?? sequence?.[4] ?? sequence?.[5] ?? '', 16);
        const octal = Number.parseInt(sequence?.[3] ?? '', 8);
        const point = Number.isNaN(code) ? octal : code;
        if (sequence === null || point > 0x10ffff) return yield { offset, text: null };
        word += sequence[1] === undefined ? String.fromCodePoint(point) : (simpleEscapes[sequence[1]] ?? '');
        at += sequence[0].length - 1;
      } else if (quote !== '') {
        if (next === quote) quote = '';
        else word += next;
      } else if (next === '"' || next === "'") quote = next;
      else if (/\s/.test(next)) break;
      else word += next;
    }
    yield quote === '' ? { offset, text: word } : { offset, text: null };
    if (quote !== '') return;
  }
}
