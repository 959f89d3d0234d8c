import { clip } from '../lib/limits.ts';
import { error, type InvalidReference, offer, shown, type Valid, where } from './reference-error-words.ts';
import { algorithmPattern, digestLengths, maxTagLength } from './reference-grammar.ts';

/** What is wrong with the tag, which starts at index `start`. */
export function tagError(input: string, tag: string, start: number, valid: Valid): InvalidReference | null {
  if (tag === '') {
    const fixes = [
      'write the tag, or remove the colon',
      ...offer(input.slice(0, start - 1) + input.slice(start), valid),
    ];
    return error(input, 'empty-tag', start - 1, `has a colon ${where(start - 1)} and no tag behind it`, fixes);
  }
  const second = /[:/]/.exec(tag);
  if (second !== null && !/[^A-Za-z0-9_.:/-]/.test(tag.slice(0, second.index))) {
    const at = start + second.index;
    const what =
      second[0] === ':'
        ? `has a second tag: another colon stands ${where(at)}`
        : `goes on behind its tag: a slash stands ${where(at)}`;
    const fix =
      second[0] === ':' ? 'keep one tag' : 'the tag ends a reference, so write one reference and its tag last';
    return error(input, 'doubled-reference', at, what, [fix]);
  }
  const odd = /^[.-]|[^A-Za-z0-9_.-]/u.exec(tag);
  if (odd !== null) {
    const at = start + odd.index;
    const first = odd.index === 0 && /[.-]/.test(odd[0]);
    const plus =
      odd[0] === '+'
        ? offer(input.slice(0, start) + tag.replaceAll('+', '_') + input.slice(start + tag.length), valid)
        : [];
    const fix = first
      ? 'a tag starts with a letter, a digit or an underscore'
      : 'a tag has letters, digits, underscores, dots and dashes only';
    return error(input, 'bad-tag', at, `has ${shown(odd[0])} ${where(at)} in its tag`, [fix, ...plus]);
  }
  if (tag.length > maxTagLength) {
    const message = `The image name has a tag of ${tag.length} characters; a tag has at most ${maxTagLength}, so shorten it by ${tag.length - maxTagLength}.`;
    return { kind: 'tag-too-long', message, at: start + maxTagLength, character: tag[maxTagLength] ?? null };
  }
  return null;
}

/** What is wrong behind the `@`. */
export function digestError(input: string, valid: Valid): InvalidReference | null {
  const mark = input.indexOf('@');
  if (mark < 0) return null;
  const start = mark + 1;
  const digest = input.slice(start);
  if (digest === '') {
    const fixes = ['write the digest, or remove the "@"', ...offer(input.slice(0, mark), valid)];
    return error(input, 'empty-digest', mark, `ends with an "@" ${where(mark)} and no digest behind it`, fixes);
  }
  const second = digest.indexOf('@');
  if (second >= 0) {
    const at = start + second;
    return error(input, 'doubled-reference', at, `has a second "@" ${where(at)}`, ['keep one digest']);
  }
  const colon = digest.indexOf(':');
  const form = 'behind the "@" stands a digest such as "sha256:" and 64 hexadecimal digits';
  if (colon < 0) {
    const bare = /^[a-f0-9]{64}$/.test(digest) ? offer(`${input.slice(0, start)}sha256:${digest}`, valid) : [];
    return error(input, 'bad-digest', start, `has no digest algorithm behind the "@" ${where(mark)}`, [form, ...bare]);
  }
  const algorithm = digest.slice(0, colon);
  const length = digestLengths.get(algorithm);
  if (length === undefined) {
    const kind = algorithmPattern.test(algorithm) ? 'digest-algorithm' : 'bad-digest';
    const lower = offer(input.slice(0, start) + digest.toLowerCase(), valid);
    const what = `has the unknown digest algorithm "${clip(algorithm, 40)}" ${where(start)}`;
    return error(input, kind, start, what, ['runtimes know sha256, sha384 and sha512', ...lower]);
  }
  const hex = digest.slice(colon + 1);
  const odd = /[^0-9a-f]/u.exec(hex);
  if (odd !== null) {
    const at = start + colon + 1 + odd.index;
    const lower = offer(input.slice(0, start) + digest.toLowerCase(), valid);
    const kind = odd[0] === ':' || odd[0] === '/' ? 'doubled-reference' : 'digest-hex';
    const fix =
      kind === 'digest-hex'
        ? 'its digits are 0-9 and a-f in lower case'
        : 'the digest ends a reference; a tag stands before the "@"';
    return error(input, kind, at, `has ${shown(odd[0])} ${where(at)} in its digest`, [fix, ...lower]);
  }
  if (hex.length !== length) {
    const message = `The image name has a ${algorithm} digest of ${hex.length} digits, and ${algorithm} has ${length}; copy the whole digest.`;
    const at = hex.length > length ? start + colon + 1 + length : null;
    return { kind: 'digest-length', message, at, character: at === null ? null : (input[at] ?? null) };
  }
  return null;
}
