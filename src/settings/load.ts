import { checkAgainst, type Static, type TSchema } from '../api/schema.ts';
import { isRecord } from '../lib/json.ts';
import { nearest } from '../lib/nearest.ts';
import { fail, ok, type Result } from '../lib/result.ts';
import { parseYaml, type YamlDocument } from '../lib/yaml.ts';
import { entrySettings, readEntries } from './entries.ts';
import { type Setting, sectionNames, settingsOf } from './shape.ts';

/** Where values come from, weakest first: the default, the file, the environment, flags (contract.md, section 7). */
export interface SettingSources {
  /** The text of `--config FILE`; null without one. */
  readonly file: { readonly path: string; readonly text: string } | null;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** By the setting's name; `flag` is how it was written: `--listen`. */
  readonly flags: ReadonlyMap<string, { readonly flag: string; readonly value: unknown }>;
  /** Variables that begin with PULLWHY_ and are no settings. */
  readonly otherVariables?: ReadonlySet<string>;
}

/** What is wrong, where, and what to do. */
export interface SettingProblem {
  /** `agent.yaml:4`, `PULLWHY_HTTP_LISTEN`, `--listen`. */
  readonly place: string;
  readonly message: string;
}

/** One setting as it is in force. */
export interface SettingInForce {
  readonly setting: Setting;
  readonly value: unknown;
  /** `default`, or the place. */
  readonly source: string;
}

/** Settings that are in force, all of them. */
export interface LoadedSettings<S extends TSchema> {
  readonly value: Static<S>;
  readonly inForce: readonly SettingInForce[];
}

/** Merges all sources and checks every value; every problem is told, not only the first. */
export function loadSettings<S extends TSchema>(
  schema: S,
  sources: SettingSources,
): Result<LoadedSettings<S>, readonly SettingProblem[]> {
  const settings = settingsOf(schema);
  const problems: SettingProblem[] = [];
  const file = readFile(sources.file, settings, problems);
  unknownVariables(sources, settings, problems);
  for (const [name, { flag }] of sources.flags) {
    if (settings.some((setting) => setting.name === name)) continue;
    const known = settings.map((setting) => setting.name);
    problems.push({ place: flag, message: `${name} is no setting.${suggestion(name, known)}` });
  }
  const inForce = settings.map((setting) => settingInForce(setting, sources, file, problems));
  const whole: Record<string, unknown> = {};
  for (const { setting, value } of inForce) place(whole, setting.path, value);
  if (problems.length > 0) return fail(problems);
  const checked = checkAgainst(schema, whole);
  // Every value was checked by itself, so this cannot fail but for a default that does not fit its own schema.
  if (!checked.ok)
    return fail(checked.error.map(({ pointer, message }) => ({ place: 'default', message: `${pointer} ${message}` })));
  return ok({ value: checked.value, inForce });
}

/** The file's document with its name; null when there is none or it does not parse. */
interface ReadFile {
  readonly path: string;
  readonly document: YamlDocument;
}

function readFile(
  file: SettingSources['file'],
  settings: readonly Setting[],
  problems: SettingProblem[],
): ReadFile | null {
  if (file === null) return null;
  const parsed = parseYaml(file.text, file.path);
  if (!parsed.ok) {
    problems.push({ place: parsed.error.source, message: `It is not YAML: ${parsed.error.message}.` });
    return null;
  }
  const read = { path: file.path, document: parsed.value };
  const { value } = parsed.value;
  if (value === null || value === undefined) return read;
  if (!isRecord(value)) {
    problems.push({
      place: `${file.path}:1`,
      message: 'It is no mapping of settings: write `http:` and its settings below.',
    });
    return null;
  }
  unknownKeys(read, value, [], settings, sectionNames(settings), problems);
  return read;
}

function unknownKeys(
  file: ReadFile,
  mapping: Readonly<Record<string, unknown>>,
  above: readonly string[],
  settings: readonly Setting[],
  sections: ReadonlySet<string>,
  problems: SettingProblem[],
): void {
  for (const [key, value] of Object.entries(mapping)) {
    const path = [...above, key];
    const name = path.join('.');
    const place = placeIn(file, path);
    if (settings.some((setting) => setting.name === name)) continue;
    if (!sections.has(name)) {
      const known = [...settings.map((setting) => setting.name), ...sections];
      problems.push({ place, message: `${name} is no setting.${suggestion(name, known)}` });
    } else if (isRecord(value)) {
      unknownKeys(file, value, path, settings, sections, problems);
    } else if (value !== null) {
      problems.push({ place, message: `${name} is a section: its settings stand below it, indented.` });
    }
  }
}

function unknownVariables(
  { environment, otherVariables }: SettingSources,
  settings: readonly Setting[],
  problems: SettingProblem[],
): void {
  const known = new Set([...settings.map(({ variable }) => variable), ...(otherVariables ?? [])]);
  for (const name of Object.keys(environment)) {
    // Kubernetes gives every pod variables of its services: pullwhy-agent's are PULLWHY_AGENT_SERVICE_HOST and PULLWHY_AGENT_PORT….
    if (
      !name.startsWith('PULLWHY_') ||
      known.has(name) ||
      /_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_\w+)?)$/.test(name)
    )
      continue;
    problems.push({ place: name, message: `It is no setting.${suggestion(name, [...known])}` });
  }
}

function suggestion(wrong: string, known: readonly string[]): string {
  const [best] = nearest(wrong, known);
  return best === undefined ? '' : ` Did you mean ${best}?`;
}

function settingInForce(
  setting: Setting,
  sources: SettingSources,
  file: ReadFile | null,
  problems: SettingProblem[],
): SettingInForce {
  const given = givenValue(setting, sources, file);
  if (given === null) return { setting, value: setting.default, source: 'default' };
  const keys = entrySettings(setting);
  if (keys !== null) {
    const entries = readEntries(setting.name, keys, given.value);
    if (entries.ok) return { setting, value: entries.value, source: given.source };
    for (const { path, message } of entries.error) problems.push({ place: given.placeOf(path), message });
    return { setting, value: setting.default, source: given.source };
  }
  const checked = checkAgainst(setting.schema, given.value);
  if (checked.ok) return { setting, value: checked.value, source: given.source };
  const inner = checked.error.find(({ pointer }) => pointer !== '');
  const at = inner === undefined ? '' : ` (at ${inner.pointer.slice(1).replaceAll('/', '.')}: ${inner.message})`;
  problems.push({
    place: given.place(inner?.pointer ?? ''),
    message: `${setting.name} must be ${setting.expects}${at}.`,
  });
  return { setting, value: setting.default, source: given.source };
}

interface GivenValue {
  readonly value: unknown;
  readonly source: string;
  /** The place of a part of the value, by its pointer. */
  readonly place: (pointer: string) => string;
  /** The same by the steps into it. */
  readonly placeOf: (steps: readonly (string | number)[]) => string;
}

function givenValue(
  setting: Setting,
  { flags, environment }: SettingSources,
  file: ReadFile | null,
): GivenValue | null {
  const flag = flags.get(setting.name);
  if (flag !== undefined) return { value: fromText(setting, flag.value), ...at(flag.flag) };
  const variable = environment[setting.variable];
  // An empty variable is one that is not set: that is how manifests leave one out.
  if (variable !== undefined && variable !== '') {
    return { value: fromText(setting, variable), ...at(setting.variable) };
  }
  if (file === null) return null;
  const value = lookUp(file.document.value, setting.path);
  if (value === undefined) return null;
  const placeOf = (steps: readonly (string | number)[]): string => placeIn(file, [...setting.path, ...steps]);
  return { value, source: placeOf([]), place: (pointer) => placeOf(stepsOf(pointer)), placeOf };
}

/** A value that has one place, whatever part of it is meant. */
function at(source: string): Omit<GivenValue, 'value'> {
  return { source, place: () => source, placeOf: () => source };
}

/** A value as the environment and flags write it: as YAML where the setting is no text, lists with commas. */
function fromText(setting: Setting, value: unknown): unknown {
  if (typeof value !== 'string') return value;
  const type: unknown = Reflect.get(setting.schema, 'type');
  if (type === 'string' || 'enum' in setting.schema || 'anyOf' in setting.schema) return value;
  if (type === 'array' && !/^\s*\[/.test(value)) return value.split(',').map((part) => part.trim());
  const parsed = parseYaml(value, setting.variable);
  return parsed.ok ? parsed.value.value : value;
}

function placeIn({ path, document }: ReadFile, keys: readonly (string | number)[]): string {
  for (let length = keys.length; length > 0; length--) {
    const line = document.lineOf(keys.slice(0, length));
    if (line !== null) return `${path}:${line}`;
  }
  return path;
}

function stepsOf(pointer: string): (string | number)[] {
  return pointer
    .split('/')
    .slice(1)
    .map((step) => (/^\d+$/.test(step) ? Number(step) : step.replaceAll('~1', '/').replaceAll('~0', '~')));
}

function lookUp(value: unknown, path: readonly string[]): unknown {
  let at = value;
  for (const key of path) {
    if (!isRecord(at) || !Object.hasOwn(at, key)) return undefined;
    at = at[key];
  }
  return at;
}

function place(into: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [key = '', ...rest] = path;
  if (rest.length === 0) {
    into[key] = value;
    return;
  }
  const below = into[key];
  const section: Record<string, unknown> = isRecord(below) ? below : {};
  into[key] = section;
  place(section, rest, value);
}
