import { checkAgainst, type TSchema } from '../api/schema.ts';
import { nearest } from '../lib/nearest.ts';
import { fail, ok, type Result } from '../lib/result.ts';
import { type Setting, settingsOf } from './shape.ts';

/** What is wrong with one entry of a list, and at which part of the setting's value. */
export interface EntryProblem {
  /** From the setting's value on: `[2, 'url']`. */
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** What the entries of a list may have, for a setting that `objects()` made; null for any other. */
export function entrySettings({ schema }: Pick<Setting, 'schema'>): readonly Setting[] | null {
  const items: unknown = Reflect.get(schema, 'items');
  return Reflect.get(schema, 'entries') === true && isSchema(items) ? settingsOf(items) : null;
}

/** Checks each value of each entry by itself, and fills in the defaults. `null` in an entry's key is one that is not set. */
export function readEntries(
  name: string,
  keys: readonly Setting[],
  value: unknown,
): Result<readonly unknown[], readonly EntryProblem[]> {
  if (!Array.isArray(value)) return fail([{ path: [], message: `${name} must be a list, each entry with a dash.` }]);
  const problems: EntryProblem[] = [];
  if (value.length > mostEntries) problems.push({ path: [], message: `${name} has more than ${mostEntries} entries.` });
  const entries = value.slice(0, mostEntries).map((entry: unknown, at) => {
    const full = `${name}[${at}]`;
    if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) {
      const known = keys.map((key) => key.name).join(', ');
      problems.push({ path: [at], message: `${full} must be a mapping; it may have ${known}.` });
      return null;
    }
    return readEntry(full, at, keys, new Map(Object.entries(entry)), problems);
  });
  return problems.length > 0 ? fail(problems) : ok(entries);
}

/** Entries of one list; nobody writes that many by hand. */
const mostEntries = 256;

function readEntry(
  full: string,
  at: number,
  keys: readonly Setting[],
  entry: ReadonlyMap<string, unknown>,
  problems: EntryProblem[],
): unknown {
  const known = keys.map((key) => key.name);
  for (const key of entry.keys()) {
    if (known.includes(key)) continue;
    const [best] = nearest(key, known);
    const advice = best === undefined ? ` It may have ${known.join(', ')}.` : ` Did you mean ${best}?`;
    problems.push({ path: [at, key], message: `${full}.${key} is no setting.${advice}` });
  }
  const pairs = keys.map((key) => {
    const given = entry.get(key.name) ?? undefined;
    if (given === undefined && key.default === undefined) {
      problems.push({ path: [at], message: `${full} needs ${key.name}: ${key.expects}.` });
    } else if (given !== undefined && !checkAgainst(key.schema, given).ok) {
      problems.push({ path: [at, key.name], message: `${full}.${key.name} must be ${key.expects}.` });
    }
    return [key.name, given === undefined ? key.default : given] as const;
  });
  return Object.fromEntries(pairs);
}

function isSchema(value: unknown): value is TSchema {
  return typeof value === 'object' && value !== null && 'properties' in value;
}
