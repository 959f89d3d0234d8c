import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { limits } from './limits.ts';
import { fail, ok, type Result } from './result.ts';

/** A step into a document: a key of a mapping, or an index of a list. */
export type YamlPath = readonly (string | number)[];

/** A document that parses. */
export interface YamlDocument {
  /** Foreign data, unknown until checked; null for an empty document. */
  readonly value: unknown;
  /** The line (from 1) of the key or list item at `path`; null when there is none. */
  lineOf(path: YamlPath): number | null;
}

/** Why and where a document does not parse. The message holds no text of the file, which may carry passwords. */
export interface YamlFailure {
  /** From 1; null when the failure has no place. */
  readonly line: number | null;
  readonly message: string;
  /** `etc/pullwhy/agent.yaml:3`. */
  readonly source: string;
}

/** Aliases that one document may expand to; a node's configuration has none, a bomb has thousands. */
const maxAliases = 100;

const words: Readonly<Record<string, string>> = {
  ALIAS_PROPS: 'an alias has an anchor or a tag',
  BAD_ALIAS: 'an alias is not written as one',
  BAD_INDENT: 'the indentation does not fit',
  BLOCK_AS_IMPLICIT_KEY: 'a mapping stands on the same line as its key',
  BAD_SCALAR_START: 'a plain value starts with a reserved character; put it in quotation marks',
  DUPLICATE_KEY: 'a key stands twice in one mapping',
  MISSING_CHAR: 'a character such as a closing quotation mark, a bracket, or the blank behind a colon is missing',
  MULTILINE_IMPLICIT_KEY: 'a key goes over more than one line; a colon may be missing',
  MULTIPLE_DOCS: 'there is more than one document',
  TAB_AS_INDENT: 'a tab is used for indentation; use blanks',
  TAG_RESOLVE_FAILED: 'a tag is unknown',
};

/**
 * Parses one YAML document and remembers where each key stands. `source` is the file's name for messages.
 * Version 1.1, in which `yes`, `no`, `on` and `off` are true and false, is what Kubernetes reads.
 */
export function parseYaml(
  text: string,
  source: string,
  version: '1.1' | '1.2' = '1.2',
): Result<YamlDocument, YamlFailure> {
  const broken = (line: number | null, message: string) =>
    fail({ line, message, source: line === null ? source : `${source}:${line}` });
  if (text.length > limits.configFileBytes)
    return broken(null, `it is longer than ${limits.configFileBytes} characters`);
  const counter = new LineCounter();
  try {
    const document = parseDocument(text, { version, lineCounter: counter, prettyErrors: false, logLevel: 'error' });
    const error = document.errors[0];
    if (error !== undefined) {
      return broken(counter.linePos(error.pos[0]).line, words[error.code] ?? 'it is not valid YAML here');
    }
    const value: unknown = document.toJS({ maxAliasCount: maxAliases });
    const lineOf = (path: YamlPath): number | null => {
      const offset = offsetOf(document.contents, path, (node) => (isAlias(node) ? node.resolve(document) : node));
      return offset === null ? null : counter.linePos(offset).line;
    };
    return ok({ value, lineOf });
  } catch {
    // The library throws for aliases past the limit or without an anchor, and the engine for nesting beyond its stack.
    return broken(null, 'it has an alias without an anchor, too many aliases, or too deep nesting');
  }
}

function offsetOf(root: Node | null, path: YamlPath, resolve: (node: unknown) => unknown): number | null {
  let node: unknown = root;
  let offset = root?.range?.[0] ?? null;
  for (const step of path) {
    node = resolve(node);
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step));
      if (pair === undefined || !isScalar(pair.key)) return null;
      offset = pair.key.range?.[0] ?? null;
      node = pair.value;
    } else if (isSeq(node) && typeof step === 'number') {
      const item = node.items[step];
      if (!isScalar(item) && !isMap(item) && !isSeq(item) && !isAlias(item)) return null;
      offset = item.range?.[0] ?? null;
      node = item;
    } else return null;
  }
  return offset;
}
