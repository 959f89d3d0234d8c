import { attributeNames } from '../../api/records.ts';

/** One thing that nodes may have: a value of an attribute, or what follows from it. */
export interface Trait {
  /** An attribute's name, or `first-nameserver`: the one that is asked before all others. */
  readonly attribute: string;
  /** `none` of an attribute that a node is known not to have; `older than 6.1.0` and `6.1.0 or newer` of versions. */
  readonly value: string;
  /** It follows from values: where it says no more than one of them, it is not told. */
  readonly derived: boolean;
}

/**
 * Who has what, in numbers. Nodes share most of their values, so each list of values is one number, and what is counted
 * is counted by list and only then by trait: a NO_PROXY of two hundred entries costs as little as a zone.
 */
export interface AttributeIndex {
  readonly traits: readonly Trait[];
  /** Names of attributes; a list's and a trait's attribute is a place in it. */
  readonly attributes: readonly string[];
  readonly traitAttribute: readonly number[];
  readonly listAttribute: readonly number[];
  /** The traits of each list. */
  readonly listTraits: readonly (readonly number[])[];
  /** The lists of node `i` are those from `starts[i]` up to `starts[i + 1]`. */
  readonly starts: Int32Array;
  readonly lists: Int32Array;
}

/** Attributes whose values have an order that matters to what works. */
const versions: ReadonlySet<string> = new Set(['runtime-version', 'kubelet-version', 'kernel', 'agent-version']);

/** More versions than that of one thing are not set in order: each boundary is two traits more. */
const mostVersions = 64;

/** Indexes nodes by their attributes; null for a node of which none is known. */
export function indexAttributes(
  nodes: readonly (Readonly<Record<string, readonly string[]>> | null)[],
): AttributeIndex {
  const attributes: string[] = [...attributeNames];
  const places = new Map<string, number>(attributes.map((name, place) => [name, place]));
  const traits: Trait[] = [];
  const traitAttribute: number[] = [];
  const listAttribute: number[] = [];
  const listTraits: number[][] = [];
  const listsOf: Map<string, number>[] = attributes.map(() => new Map());
  const traitsOf: Map<string, number>[] = attributes.map(() => new Map());
  const versionLists: Map<string, number>[] = attributes.map(() => new Map());

  const placeOf = (name: string): number => {
    const known = places.get(name);
    if (known !== undefined) return known;
    places.set(name, attributes.length);
    listsOf.push(new Map());
    traitsOf.push(new Map());
    versionLists.push(new Map());
    return attributes.push(name) - 1;
  };
  const addTrait = (place: number, attribute: string, value: string, derived: boolean): number => {
    const known = traitsOf[place]?.get(`${attribute} ${value}`);
    if (known !== undefined) return known;
    traitsOf[place]?.set(`${attribute} ${value}`, traits.length);
    traitAttribute.push(place);
    return traits.push({ attribute, value, derived }) - 1;
  };
  const addList = (name: string, place: number, values: readonly string[]): number => {
    const own = values.length === 0 ? ['none'] : [...new Set(values)];
    const has = own.map((value) => addTrait(place, name, value, false));
    if (name === 'nameserver' && values[0] !== undefined)
      has.push(addTrait(place, 'first-nameserver', values[0], true));
    const [only] = values;
    if (versions.has(name) && values.length === 1 && only !== undefined && /^v?\d+(\.\d+)+/.test(only)) {
      versionLists[place]?.set(only, listTraits.length);
    }
    listAttribute.push(place);
    return listTraits.push(has) - 1;
  };

  const starts = new Int32Array(nodes.length + 1);
  const lists: number[] = [];
  for (let node = 0; node < nodes.length; node++) {
    const has = nodes[node];
    for (const name in has) {
      const values = has[name];
      if (values === undefined) continue;
      const place = placeOf(name);
      const only = values[0];
      const key = values.length === 1 && only !== undefined ? only : `${values.length}\n${values.join('\n')}`;
      let list = listsOf[place]?.get(key);
      if (list === undefined) {
        list = addList(name, place, values);
        listsOf[place]?.set(key, list);
      }
      lists.push(list);
    }
    starts[node + 1] = lists.length;
  }

  for (const [place, byVersion] of versionLists.entries()) {
    if (byVersion.size < 3 || byVersion.size > mostVersions) continue;
    const name = attributes[place] ?? '';
    const sorted = [...byVersion].sort(([a], [b]) => compareVersions(a, b));
    for (const [boundary, [version]] of sorted.entries()) {
      if (boundary === 0) continue;
      const older = addTrait(place, name, `older than ${version}`, true);
      const newer = addTrait(place, name, `${version} or newer`, true);
      for (const [rank, [, list]] of sorted.entries()) listTraits[list]?.push(rank < boundary ? older : newer);
    }
  }
  return { traits, attributes, traitAttribute, listAttribute, listTraits, starts, lists: Int32Array.from(lists) };
}

/** By numbers where both have one, else by letters: 1.7.9 before 1.7.24, 6.1.0-9 before 6.1.0-21. */
export function compareVersions(a: string, b: string): number {
  const [as, bs] = [a, b].map((text) => text.replace(/^v/, '').match(/\d+|[^\d]+/g) ?? []);
  for (let part = 0; part < Math.max(as?.length ?? 0, bs?.length ?? 0); part++) {
    const [x, y] = [as?.[part], bs?.[part]];
    if (x === undefined || y === undefined) return x === undefined ? -1 : 1;
    const difference = Number(x) - Number(y);
    if (difference !== 0 && !Number.isNaN(difference)) return difference;
    if (Number.isNaN(difference) && x !== y) return x < y ? -1 : 1;
  }
  return a < b ? -1 : a > b ? 1 : 0;
}
