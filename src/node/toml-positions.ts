/** Where something stands in a document: keys, and indexes of array elements. */
export type TomlPath = readonly (string | number)[];

/** A `[table]` or `[[array of tables]]` line. */
export interface TomlHeader {
  /** The names as written, without the index of an array's element. */
  readonly names: readonly string[];
  readonly line: number;
  /** True for `[[…]]`. */
  readonly array: boolean;
}

/** A use of TOML 1.1 that parsers of TOML 1.0 refuse. */
export interface TomlNovelty {
  readonly kind: 'newline-in-inline-table' | 'trailing-comma-in-inline-table' | 'escape';
  /** From 1. */
  readonly line: number;
}

/** What `positionsOf` finds. `lines` is keyed by the JSON of a `TomlPath`. */
export interface TomlPositions {
  readonly lines: ReadonlyMap<string, number>;
  readonly headers: readonly TomlHeader[];
  readonly novelties: readonly TomlNovelty[];
}

/** Steps of a path that are remembered; containerd's deepest setting has nine. */
const maxDepth = 32;

/**
 * The lines of all keys and tables of a document **that is known to parse**: it checks nothing, and only never loops.
 * `unquote` gives the meaning of a quoted key, quotes included.
 */
export function positionsOf(text: string, unquote: (quoted: string) => string): TomlPositions {
  const lines = new Map<string, number>();
  const headers: TomlHeader[] = [];
  const novelties: TomlNovelty[] = [];
  /** How many elements each array of tables has so far. */
  const counts = new Map<string, number>();
  let current: TomlPath = [];
  let pos = 0;
  let line = 1;

  const note = (path: TomlPath, where: number): void => {
    // Nothing that is looked for stands so deep; keys of a hundred thousand dots would fill the memory with paths.
    if (path.length > maxDepth) return;
    const key = JSON.stringify(path);
    if (!lines.has(key)) lines.set(key, where);
  };
  const peek = (): string => text.charAt(pos);
  const step = (count = 1): void => {
    for (let n = 0; n < count && pos < text.length; n++) if (text.charCodeAt(pos++) === 10) line++;
  };
  const skipBlanks = (): void => {
    while (peek() === ' ' || peek() === '\t') step();
  };
  /** Blanks, line ends and comments; true when a line ended. */
  const skipLines = (): boolean => {
    const before = line;
    for (;;) {
      if (peek() === '#') while (pos < text.length && peek() !== '\n') step();
      else if (peek() !== '' && ' \t\r\n'.includes(peek())) step();
      else return line !== before;
    }
  };

  function skipString(): void {
    const quote = peek();
    const triple = text.startsWith(quote.repeat(3), pos);
    const end = triple ? quote.repeat(3) : quote;
    step(end.length);
    while (pos < text.length && !text.startsWith(end, pos)) {
      if (quote === '"' && peek() === '\\') {
        const escaped = text.charAt(pos + 1);
        if (escaped === 'e' || escaped === 'x') novelties.push({ kind: 'escape', line });
        step();
      }
      step();
    }
    step(end.length);
    // `""""` ends a multi-line string whose last characters are quotes themselves.
    if (triple) while (peek() === quote) step();
  }

  /** One or more names joined by dots. */
  function readKey(): string[] {
    const names: string[] = [];
    for (;;) {
      skipBlanks();
      const start = pos;
      if (peek() === '"' || peek() === "'") {
        skipString();
        const quoted = text.slice(start, pos);
        names.push(quoted.includes('\\') ? unquote(quoted) : quoted.slice(1, -1));
      } else {
        while (/[A-Za-z0-9_-]/.test(peek())) step();
        names.push(text.slice(start, pos));
      }
      skipBlanks();
      if (peek() !== '.') return names;
      step();
    }
  }

  function readPair(table: TomlPath): void {
    const where = line;
    const names = readKey();
    const path = [...table];
    for (const name of names) {
      path.push(name);
      note(path, where);
    }
    if (peek() === '=') step();
    readValue(path);
  }

  function readValue(path: TomlPath): void {
    skipBlanks();
    const first = peek();
    if (first === '"' || first === "'") skipString();
    else if (first === '[') readArray(path);
    else if (first === '{') readInline(path);
    else while (pos < text.length && !',]}#\r\n'.includes(peek())) step();
  }

  function readArray(path: TomlPath): void {
    step();
    for (let index = 0; ; index++) {
      skipLines();
      if (peek() === ']' || peek() === '') break;
      note([...path, index], line);
      const start = pos;
      readValue([...path, index]);
      skipLines();
      if (peek() === ',') step();
      else if (pos === start) step();
    }
    step();
  }

  function readInline(path: TomlPath): void {
    step();
    let comma = false;
    for (;;) {
      const from = line;
      let broken = skipLines();
      if (peek() === '}' || peek() === '') {
        if (broken) novelties.push({ kind: 'newline-in-inline-table', line: from });
        if (comma) novelties.push({ kind: 'trailing-comma-in-inline-table', line });
        break;
      }
      const start = pos;
      readPair(path);
      broken = skipLines() || broken;
      if (broken) novelties.push({ kind: 'newline-in-inline-table', line: from });
      comma = peek() === ',';
      if (comma || pos === start) step();
    }
    step();
  }

  function readHeader(): void {
    const where = line;
    const array = text.startsWith('[[', pos);
    step(array ? 2 : 1);
    const names = readKey();
    step(array ? 2 : 1);
    headers.push({ names, line: where, array });
    const path: (string | number)[] = [];
    if (names.length > maxDepth) return;
    for (const [index, name] of names.entries()) {
      path.push(name);
      const last = index === names.length - 1;
      const key = JSON.stringify(path);
      const count = counts.get(key);
      if (last && array) {
        counts.set(key, (count ?? 0) + 1);
        note(path, where);
        path.push(count ?? 0);
      } else if (count !== undefined) path.push(count - 1);
      // A table that was only implied before (`[a.b.c]`) is found at its own header (`[a.b]`).
      if (last) lines.set(JSON.stringify(path), where);
      else note(path, where);
    }
    current = path;
  }

  for (;;) {
    skipLines();
    if (pos >= text.length) return { lines, headers, novelties };
    const start = pos;
    if (peek() === '[') readHeader();
    else readPair(current);
    if (pos === start) step();
  }
}
