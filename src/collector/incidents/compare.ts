import type { DifferenceShape } from '../../api/fleet.ts';
import { attributeNames } from '../../api/records.ts';
import { causeOf } from '../../causes/index.ts';
import { spanWords } from '../../lib/sizes.ts';
import { listed, visible } from '../../lib/words.ts';
import type { Compare, KnownNode, Observation } from '../parts.ts';
import { fleetRules } from '../rules.ts';
import { attributeNoun } from './attribute-words.ts';
import { relevantTo } from './relevance.ts';

/** One of the two nodes. */
type Side = Parameters<Compare>[0];

/** A difference, and how well it explains what only one of the nodes fails at: 0 is best. */
interface Found {
  readonly difference: DifferenceShape;
  readonly rank: number;
}

/** What the parts of a comparison come to. */
interface Part {
  readonly found: readonly Found[];
  readonly same: readonly string[];
  readonly unknown: readonly string[];
}

/** Names of values in a sentence; the document has them all. */
const shownValues = 4;

/** What comes after every attribute that could be the reason. */
const unexplaining = 1000;

/**
 * What differs between two nodes: what they are and use, what they trust, what they find. What explains a failure that only
 * one of them has comes first, then the results that differ, then the rest. Pure.
 */
export const compare: Compare = (a, b, now) => {
  const results = compareResults(a, b);
  const reasons = reasonsOf(results.failures);
  const rankOf = (attribute: string): number => {
    const rank = reasons.indexOf(attribute);
    return rank < 0 ? unexplaining : rank;
  };
  const attributes = compareAttributes(a.known, b.known, rankOf);
  const authorities = compareAuthorities(a, b, Math.min(rankOf('authorities'), rankOf('trust-store')));
  // Of trust stores that differ the names of who is trusted say more than a digest.
  const found = [...authorities.found, ...attributes.found].sort((x, y) => x.rank - y.rank);
  const explaining = found.filter(({ rank }) => rank < unexplaining).map(({ difference }) => difference);
  const others = found.filter(({ rank }) => rank >= unexplaining).map(({ difference }) => difference);
  const differing = results.found.map(({ difference }) => difference);
  const parts: readonly Part[] = [attributes, authorities, results];
  return {
    apiVersion: 'pullwhy/v1',
    kind: 'Comparison',
    at: new Date(now).toISOString(),
    a: a.known.node,
    b: b.known.node,
    differences: [...explaining, ...differing, ...others],
    same: parts.flatMap(({ same }) => same),
    unknown: parts.flatMap(({ unknown }) => unknown),
    summary: summaryOf(a.known, b.known, explaining, differing, others, now),
  };
};

/** Attributes by how well they explain the failures that only one of the nodes has, of the first failure first. */
function reasonsOf(failures: readonly Observation[]): string[] {
  const all = failures.flatMap(({ cause, underlying }) =>
    [underlying, cause].flatMap((one) => (one === null ? [] : relevantTo(causeOf(one).layer))),
  );
  return [...new Set(all)];
}

function compareAttributes(a: KnownNode, b: KnownNode, rankOf: (attribute: string) => number): Part {
  const found: Found[] = [];
  const same: string[] = [];
  const unknown: string[] = [];
  const names = new Set<string>([...attributeNames, ...Object.keys(a.attributes), ...Object.keys(b.attributes)]);
  for (const name of names) {
    const [x, y] = [a, b].map(({ attributes }) => (Object.hasOwn(attributes, name) ? attributes[name] : undefined));
    if (x === undefined || y === undefined) unknown.push(name);
    else if (x.length === y.length && x.every((value, place) => value === y[place])) same.push(name);
    else {
      const sentence = attributeSentence(name, a.node, x, b.node, y);
      found.push({ difference: { what: name, a: [...x], b: [...y], sentence }, rank: rankOf(name) });
    }
  }
  return { found, same, unknown };
}

function attributeSentence(name: string, a: string, x: readonly string[], b: string, y: readonly string[]): string {
  const noun = attributeNoun(name);
  const [onlyX, onlyY] = [without(x, y), without(y, x)];
  if (onlyX.length === 0 && onlyY.length === 0) {
    return `${a} and ${b} have the same ${noun} values in another order: ${shown(x)} on ${a}, ${shown(y)} on ${b}.`;
  }
  if (x.length <= 1 && y.length <= 1) {
    return `${a} has ${x.length === 0 ? `no ${noun}` : `${noun} ${shown(x)}`}, ${b} has ${y.length === 0 ? 'none' : shown(y)}.`;
  }
  const sides = [
    ...(onlyX.length > 0 ? [`only ${a} has ${shown(onlyX)}`] : []),
    ...(onlyY.length > 0 ? [`only ${b} has ${shown(onlyY)}`] : []),
  ];
  return `Of ${noun} values ${sides.join(', ')}.`;
}

function compareAuthorities(a: Side, b: Side, rank: number): Part {
  const what = 'authorities';
  if (a.authorities.length === 0 || b.authorities.length === 0) return { found: [], same: [], unknown: [what] };
  const [onlyA, onlyB] = [without(a.authorities, b.authorities), without(b.authorities, a.authorities)];
  if (onlyA.length === 0 && onlyB.length === 0) return { found: [], same: [what], unknown: [] };
  const sides = [
    ...(onlyA.length > 0 ? [`only ${a.known.node} trusts ${shown(onlyA)}`] : []),
    ...(onlyB.length > 0 ? [`only ${b.known.node} trusts ${shown(onlyB)}`] : []),
  ];
  const sentence = `Of certificate authorities ${sides.join(', ')}.`;
  return { found: [{ difference: { what, a: onlyA, b: onlyB, sentence }, rank }], same: [], unknown: [] };
}

/** Results that differ, and the failures that only one of the nodes has, what stops pulls first. */
function compareResults(a: Side, b: Side): Part & { readonly failures: readonly Observation[] } {
  const found: Found[] = [];
  const same: string[] = [];
  const unknown: string[] = [];
  const failures: Observation[] = [];
  const [ofA, ofB] = [bySubject(a.observations), bySubject(b.observations)];
  for (const key of [...new Set([...ofA.keys(), ...ofB.keys()])].sort()) {
    const [x, y] = [ofA.get(key), ofB.get(key)];
    const one = x ?? y;
    if (one === undefined) continue;
    const what = `result of ${visible(one.subject)}`;
    if (x === undefined || y === undefined || x.verdict === 'inconclusive' || y.verdict === 'inconclusive') {
      unknown.push(what);
    } else if (x.verdict === y.verdict && x.cause === y.cause) same.push(what);
    else {
      const sentence = `${resultWords(a.known.node, x)}; ${resultWords(b.known.node, y)}.`;
      const difference = { what, a: valuesOf(x), b: valuesOf(y), sentence };
      found.push({ difference, rank: x.verdict === 'faulty' || y.verdict === 'faulty' ? 0 : 1 });
      failures.push(...[x, y].filter(({ verdict }) => verdict !== 'healthy'));
    }
  }
  found.sort((p, q) => p.rank - q.rank);
  failures.sort((p, q) => Number(q.verdict === 'faulty') - Number(p.verdict === 'faulty'));
  return { found, same, unknown, failures };
}

/** Registries before parts of the node before images. */
function bySubject(observations: readonly Observation[]): Map<string, Observation> {
  const order: Readonly<Record<Observation['kind'], number>> = { registry: 0, node: 1, image: 2 };
  return new Map(observations.map((one) => [`${order[one.kind]} ${one.subject}`, one]));
}

function valuesOf({ verdict, cause }: Observation): string[] {
  return cause === null ? [verdict] : [verdict, cause];
}

function resultWords(node: string, { verdict, cause, subject }: Observation): string {
  const name = visible(subject);
  return verdict === 'healthy'
    ? `${node} finds ${name} healthy`
    : `${node} finds ${name} ${verdict} (${cause ?? 'unknown'})`;
}

function summaryOf(
  a: KnownNode,
  b: KnownNode,
  explaining: readonly DifferenceShape[],
  differing: readonly DifferenceShape[],
  others: readonly DifferenceShape[],
  now: number,
): string {
  const sentences: string[] = [];
  const [reason, result] = [explaining[0], differing[0]];
  if (result !== undefined) sentences.push(result.sentence);
  if (reason !== undefined) sentences.push(`What may explain it: ${uncapital(reason.sentence, a.node, b.node)}`);
  else if (result !== undefined) {
    sentences.push(
      others.length === 0
        ? 'Nothing else that is known of them differs.'
        : `What else differs does not explain it by itself: ${listed(
            others.map(({ what }) => what),
            shownValues,
          )}.`,
    );
  } else if (others.length > 0) {
    sentences.push(
      `${a.node} and ${b.node} find the same, and differ in ${listed(
        others.map(({ what }) => what),
        shownValues,
      )}.`,
    );
  } else sentences.push(`${a.node} and ${b.node} do not differ in anything that is known of both.`);
  for (const { node, lastSeenAt } of [a, b]) {
    if (now - lastSeenAt <= fleetRules.silentAfterMs) continue;
    sentences.push(`${node} has been silent for ${spanWords(now - lastSeenAt)}: what is told of it is as old.`);
  }
  return sentences.join(' ');
}

function without(values: readonly string[], others: readonly string[]): string[] {
  const known = new Set(others);
  return values.filter((value) => !known.has(value));
}

function shown(values: readonly string[]): string {
  return listed(values.map(visible), shownValues);
}

/** A node's name stays as it is. */
function uncapital(sentence: string, a: string, b: string): string {
  return sentence.startsWith(a) || sentence.startsWith(b)
    ? sentence
    : sentence.charAt(0).toLowerCase() + sentence.slice(1);
}
