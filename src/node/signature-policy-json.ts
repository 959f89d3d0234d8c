import { fail, ok, type Result } from '../lib/result.ts';

/** A JSON value that remembers where it stands and which keys it repeats, which `JSON.parse` does not tell. */
export type JsonNode =
  | { readonly kind: 'object'; readonly line: number; readonly column: number; readonly members: readonly JsonMember[] }
  | { readonly kind: 'array'; readonly line: number; readonly column: number; readonly items: readonly JsonNode[] }
  | { readonly kind: 'string'; readonly line: number; readonly column: number; readonly value: string }
  | { readonly kind: 'other'; readonly line: number; readonly column: number; readonly value: number | boolean | null };

/** One key of an object with its place. */
export interface JsonMember {
  readonly key: string;
  readonly line: number;
  readonly column: number;
  readonly value: JsonNode;
}

/** What is wrong, and where: line and column from 1. */
export interface JsonFailure {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** Deeper than any policy.json can be; bounds the recursion. */
const maxDepth = 100;

/** Parses strict JSON (RFC 8259), keeping repeated keys and the place of everything. */
export function parseJsonNodes(text: string): Result<JsonNode, JsonFailure> {
  let pos = 0;
  let line = 1;
  let lineStart = 0;

  let failure: JsonFailure | null = null;
  const wordPattern = /[-+.\w]*/y;

  /** Keeps the first failure and moves to the end, so that everything under way ends. */
  const stop = (message: string): void => {
    failure ??= { line, column: pos - lineStart + 1, message };
    pos = text.length;
  };
  const seen = () => (pos >= text.length ? 'the end of the file' : JSON.stringify(text[pos]));
  const skip = () => {
    for (; pos < text.length; pos++) {
      const char = text[pos];
      if (char === '\n') {
        line++;
        lineStart = pos + 1;
      } else if (char !== ' ' && char !== '\t' && char !== '\r') return;
    }
  };
  const string = (): string => {
    const start = pos;
    if (text[pos] !== '"') {
      stop(`a string in double quotes is expected, not ${seen()}`);
      return '';
    }
    for (pos++; text[pos] !== '"'; pos++) {
      if (pos >= text.length || (text[pos] ?? '') < ' ') {
        stop('a string is not closed on its line');
        return '';
      }
      if (text[pos] === '\\') pos++;
    }
    pos++;
    const value = parsed(text.slice(start, pos));
    if (typeof value === 'string') return value;
    pos = start;
    stop('a string has an invalid escape');
    return '';
  };
  const value = (depth: number): JsonNode => {
    if (depth > maxDepth) stop(`more than ${maxDepth} levels of nesting`);
    const place = { line, column: pos - lineStart + 1 };
    const char = text[pos];
    if (char === '"') return { kind: 'string', ...place, value: string() };
    if (char === '{') return { kind: 'object', ...place, members: list('}', () => member(depth)) };
    if (char === '[') return { kind: 'array', ...place, items: list(']', () => value(depth + 1)) };
    wordPattern.lastIndex = pos;
    const word = wordPattern.exec(text)?.[0] ?? '';
    const literal = word === '' ? undefined : parsed(word);
    if (literal !== null && typeof literal !== 'number' && typeof literal !== 'boolean') {
      stop(`a value is expected, not ${word === '' ? seen() : JSON.stringify(word)}`);
      return { kind: 'other', ...place, value: null };
    }
    pos += word.length;
    return { kind: 'other', ...place, value: literal };
  };
  const member = (depth: number): JsonMember => {
    const place = { line, column: pos - lineStart + 1 };
    const key = string();
    skip();
    if (text[pos] !== ':') stop(`":" is expected behind the key ${JSON.stringify(key)}, not ${seen()}`);
    pos++;
    skip();
    return { key, ...place, value: value(depth + 1) };
  };
  const list = <T>(close: string, item: () => T): T[] => {
    const items: T[] = [];
    pos++;
    skip();
    if (text[pos] === close) {
      pos++;
      return items;
    }
    for (;;) {
      items.push(item());
      skip();
      if (text[pos] === close) {
        pos++;
        return items;
      }
      if (text[pos] !== ',') {
        stop(`"," or "${close}" is expected, not ${seen()}`);
        return items;
      }
      pos++;
      skip();
    }
  };

  skip();
  const node = value(0);
  skip();
  if (pos < text.length) stop(`nothing may follow the value, but ${seen()} does`);
  return failure === null ? ok(node) : fail(failure);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
