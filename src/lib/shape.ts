/** Where a check stands in a value, and the first thing that is not as it should be. */
export class Place {
  /** Names of members and numbers of elements, outermost first. */
  readonly path: (string | number)[] = [];
  /** What was expected where, one clause; null while all is well. */
  failure: string | null = null;

  /** Notes the first failure, with its place. Always false, so that a check can return it. */
  refuse(what: string): false {
    this.failure ??= `${this.name()} ${what}`;
    return false;
  }

  private name(): string {
    const steps = this.path.map((step, index) =>
      typeof step === 'number' ? `[${step}]` : index === 0 ? step : `.${step}`,
    );
    return steps.length === 0 ? 'the whole' : steps.join('');
  }
}

/** Checks a foreign value against a type, to its last member. Members that the type does not have are left as they are. */
export type Shape<T> = (value: unknown, at: Place) => value is T;

/** The members of a type that may be absent. */
type OptionalNames<T> = { [K in keyof T]-?: Record<never, never> extends Pick<T, K> ? K : never }[keyof T];

/** An object with these members of its own. `optional`: those that may be absent. */
export function object<T extends object>(
  members: { readonly [K in keyof T]-?: Shape<Exclude<T[K], undefined>> },
  optional: readonly (OptionalNames<T> & string)[] = [],
): Shape<T> {
  const checks: readonly (readonly [string, Shape<unknown>])[] = Object.entries<Shape<unknown>>(members);
  const absent: ReadonlySet<string> = new Set(optional);
  return (value, at): value is T => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      return at.refuse(`is ${kindOf(value)}, not an object`);
    }
    const own = new Map<string, unknown>(Object.entries(value));
    for (const [name, check] of checks) {
      const member = own.get(name);
      if (member === undefined && absent.has(name)) continue;
      at.path.push(name);
      if (member === undefined) return at.refuse('is missing');
      if (!check(member, at)) return false;
      at.path.pop();
    }
    return true;
  };
}

/** A list of at most `most` elements. */
export function list<T>(element: Shape<T>, most = 4096): Shape<readonly T[]> {
  return (value, at): value is readonly T[] => {
    if (!Array.isArray(value)) return at.refuse(`is ${kindOf(value)}, not a list`);
    if (value.length > most) return at.refuse(`has ${value.length} elements, more than ${most}`);
    for (const [index, one] of value.entries()) {
      at.path.push(index);
      if (!element(one, at)) return false;
      at.path.pop();
    }
    return true;
  };
}

/** An object whose members, whatever they are called, are all alike. */
export function dictionary<T>(member: Shape<T>): Shape<Readonly<Record<string, T>>> {
  return (value, at): value is Readonly<Record<string, T>> => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      return at.refuse(`is ${kindOf(value)}, not an object`);
    }
    for (const [name, one] of Object.entries(value)) {
      at.path.push(name);
      if (!member(one, at)) return false;
      at.path.pop();
    }
    return true;
  };
}

/** Exactly two elements. */
export function pair<A, B>(first: Shape<A>, second: Shape<B>): Shape<readonly [A, B]> {
  return (value, at): value is readonly [A, B] => {
    if (!Array.isArray(value) || value.length !== 2) return at.refuse('is not a list of two');
    return first(value[0], at) && second(value[1], at);
  };
}

/** This, or null. */
export function nullable<T>(shape: Shape<T>): Shape<T | null> {
  return (value, at): value is T | null => value === null || shape(value, at);
}

/** One of these values and no other. */
export function oneOf<const T extends string | number | boolean>(words: readonly T[]): Shape<T> {
  const known: ReadonlySet<unknown> = new Set(words);
  const named = words.length > 8 ? 'which is not known here' : `where ${words.map(shown).join(', ')} can stand`;
  return (value, at): value is T => known.has(value) || at.refuse(`is ${shown(value)}, ${named}`);
}

/** A text. */
export const text: Shape<string> = (value, at): value is string =>
  typeof value === 'string' || at.refuse(`is ${kindOf(value)}, not a text`);

/** True or false. */
export const flag: Shape<boolean> = (value, at): value is boolean =>
  typeof value === 'boolean' || at.refuse(`is ${kindOf(value)}, not true or false`);

/** Any finite number: JSON's own `1e999` is none. */
export const number: Shape<number> = (value, at): value is number =>
  (typeof value === 'number' && Number.isFinite(value)) || at.refuse(`is ${kindOf(value)}, not a number`);

/** A number that is not below 0 and that a calculation can be made with: a size, a count, a duration. */
export const amount: Shape<number> = (value, at): value is number =>
  (typeof value === 'number' && value >= 0 && value <= Number.MAX_SAFE_INTEGER) ||
  at.refuse(`is ${shown(value)}, not an amount from 0 on`);

/** A text that also passes `test`. */
export function textThat(test: (value: string) => boolean, what: string): Shape<string> {
  return (value, at): value is string =>
    text(value, at) && (test(value) || at.refuse(`is ${shown(value)}, not ${what}`));
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  if (typeof value === 'string') return 'a text';
  return typeof value === 'number' ? 'a number' : String(value);
}

/** A value in few words: long and structured ones only by their kind. */
function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
  return typeof value === 'number' || typeof value === 'boolean' ? `${value}` : kindOf(value);
}
