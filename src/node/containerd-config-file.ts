import { fail, ok, type Result } from '../lib/result.ts';
import type { ContainerdRules } from './containerd-rules.ts';
import { emptyTable, type SourcedTable, sourceAt, sourcedTable } from './containerd-sourced.ts';
import { asStrings, asTable, at, parseToml, type TomlDocument, type TomlNovelty } from './toml.ts';

/** A name or path that a file gives, and where. */
export interface Named {
  readonly name: string;
  /** `etc/containerd/config.toml:4`. */
  readonly source: string;
}

/** What one config.toml says, before it is merged with others. */
export interface ConfigFile {
  /** The file, with the line of `version` when there is one. */
  readonly source: string;
  /** Something in its syntax that releases of containerd refuse and other builds take; null when there is none. */
  readonly oddity: Refusal | null;
  /** 0 when the file gives none. */
  readonly version: number;
  /** `root`, where it keeps images; null: not set here. */
  readonly root: Named | null;
  readonly plugins: SourcedTable;
  readonly disabled: readonly Named[];
  readonly required: readonly Named[];
  readonly imports: readonly Named[];
}

/** Why containerd does not take a file; `why` is a clause without a full stop. */
export interface Refusal {
  readonly source: string;
  readonly why: string;
}

/** Reads one config.toml; a refusal is one that keeps containerd from starting. `name` is the file below the host root. */
export function readConfigFile(text: string, name: string, rules: ContainerdRules): Result<ConfigFile, Refusal> {
  const parsed = parseToml(text, name);
  if (!parsed.ok) {
    const { line, column, message } = parsed.error;
    return fail({ source: `${name}:${line}`, why: `It is not valid TOML (column ${column}: ${message})` });
  }
  const document = parsed.value;
  const oddity = oddityOf(document, rules);
  if (oddity?.refused) return fail({ source: `${name}:${oddity.line}`, why: oddity.why });

  const source = sourceAt(document, name, ['version']);
  const version = at(document.value, 'version') ?? 0;
  if (typeof version !== 'number' || !Number.isInteger(version)) {
    return fail({ source, why: 'Its version is not a whole number' });
  }
  const lists: Record<'disabled_plugins' | 'required_plugins' | 'imports', readonly Named[]> = {
    disabled_plugins: [],
    required_plugins: [],
    imports: [],
  };
  for (const key of ['disabled_plugins', 'required_plugins', 'imports'] as const) {
    const value = at(document.value, key);
    if (value === undefined) continue;
    const names = asStrings(value);
    if (names === null)
      return fail({ source: sourceAt(document, name, [key]), why: `Its ${key} is not a list of strings` });
    lists[key] = names.map((item, index) => ({ name: item, source: sourceAt(document, name, [key, index]) }));
  }
  const root = at(document.value, 'root');
  const plugins = at(document.value, 'plugins');
  const table = plugins === undefined ? {} : asTable(plugins);
  if (table === null) return fail({ source: sourceAt(document, name, ['plugins']), why: 'Its plugins is not a table' });
  const sourced = plugins === undefined ? emptyTable(name) : sourcedTable(document, name, ['plugins'], table);
  for (const [key, value] of sourced.entries) {
    if (value.kind !== 'table') return fail({ source: value.source, why: `Its plugins."${key}" is not a table` });
  }
  return ok({
    source,
    oddity: oddity === null ? null : { source: `${name}:${oddity.line}`, why: oddity.why },
    version,
    root: typeof root === 'string' && root !== '' ? { name: root, source: sourceAt(document, name, ['root']) } : null,
    plugins: sourced,
    disabled: lists.disabled_plugins,
    required: lists.required_plugins,
    imports: lists.imports,
  });
}

/** Something in the syntax of a file that not every TOML reader takes. */
export interface Oddity {
  readonly line: number;
  /** A clause without a full stop. */
  readonly why: string;
  /** True: this containerd refuses the file. False: it depends on how it was built. */
  readonly refused: boolean;
}

/**
 * The first thing that the go-toml of this version may not take. Releases of 2.x are built with a go-toml that knows
 * TOML 1.0 only, Debian's with one that knows 1.1, and the version does not tell.
 */
export function oddityOf(document: TomlDocument, rules: ContainerdRules): Oddity | null {
  if (document.byteOrderMark && rules.tomlV2)
    return { line: 1, why: 'It begins with a byte order mark', refused: true };
  const words: Readonly<Record<TomlNovelty['kind'], string>> = {
    'newline-in-inline-table': 'It has a line break inside an inline table',
    'trailing-comma-in-inline-table': 'It has a comma before the closing brace of an inline table',
    escape: 'It has an escape (\\e or \\x) that came with TOML 1.1',
  };
  const novelty = document.novelties.find((item) => rules.tomlV2 || item.kind !== 'newline-in-inline-table');
  return novelty === undefined ? null : { line: novelty.line, why: words[novelty.kind], refused: !rules.tomlV2 };
}
