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
  /** 0 when the file gives none. */
  readonly version: number;
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
  const novelty = refusedNovelty(document, rules);
  if (novelty !== null) return fail({ source: `${name}:${novelty.line}`, why: novelty.why });

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
  const plugins = at(document.value, 'plugins');
  const table = plugins === undefined ? {} : asTable(plugins);
  if (table === null) return fail({ source: sourceAt(document, name, ['plugins']), why: 'Its plugins is not a table' });
  const sourced = plugins === undefined ? emptyTable(name) : sourcedTable(document, name, ['plugins'], table);
  for (const [key, value] of sourced.entries) {
    if (value.kind !== 'table') return fail({ source: value.source, why: `Its plugins."${key}" is not a table` });
  }
  return ok({
    source,
    version,
    plugins: sourced,
    disabled: lists.disabled_plugins,
    required: lists.required_plugins,
    imports: lists.imports,
  });
}

/** The first use of TOML 1.1 that the go-toml of this version refuses, in words. */
export function refusedNovelty(
  document: TomlDocument,
  rules: ContainerdRules,
): { readonly line: number; readonly why: string } | null {
  const words: Readonly<Record<TomlNovelty['kind'], string>> = {
    'newline-in-inline-table': 'It has a line break inside an inline table',
    'trailing-comma-in-inline-table': 'It has a comma before the closing brace of an inline table',
    escape: 'It has an escape (\\e or \\x) that TOML 1.0 does not have',
  };
  const novelty = document.novelties.find((item) => rules.tomlV2 || item.kind !== 'newline-in-inline-table');
  return novelty === undefined ? null : { line: novelty.line, why: words[novelty.kind] };
}
