/** Every way in which a reference can break. */
export const referenceErrorKinds = [
  'empty', // nothing, or nothing but white space
  'too-long', // longer than any reference that can work
  'placeholder', // what a template should have replaced: `<image>`, `${TAG}`, `{{ .Values.image }}`
  'quote', // a quotation mark that was meant for a shell or for YAML
  'whitespace', // a blank, a tab, a line break, or an invisible character
  'scheme', // `https://…`, `docker://…`
  'leading-slash',
  'hex-identifier', // 64 hexadecimal digits and nothing else
  'no-name', // a tag or a digest without a repository before it
  'bad-domain', // the registry host cannot be one
  'bad-port', // what stands behind the host's colon is no number
  'upper-case', // in the repository
  'bad-character', // in the repository
  'bad-separator', // `..`, `___`, `-.`, or a separator at an edge of a component
  'empty-component', // `//`, or a slash at the end
  'name-too-long', // the path has more than 255 characters
  'empty-tag',
  'bad-tag',
  'tag-too-long', // more than 128 characters
  'doubled-reference', // a second tag, digest or repository behind the first
  'empty-digest',
  'bad-digest', // not `algorithm:hex`
  'digest-algorithm', // not sha256, sha384 or sha512
  'digest-length', // too few or too many digits for the algorithm
  'digest-hex', // a digit that is not one of 0-9 and a-f
] as const;

/** One word of `referenceErrorKinds`. */
export type ReferenceErrorKind = (typeof referenceErrorKinds)[number];

/** Why a reference does not parse. */
export interface InvalidReference {
  readonly kind: ReferenceErrorKind;
  /** One sentence for a person: what is wrong, at which character (counted from 1), and how to put it right. */
  readonly message: string;
  /** Index of the breaking character in the input (UTF-16 units, from 0); null when something is missing or too long. */
  readonly at: number | null;
  /** The character that breaks it; null when something is missing or too long. */
  readonly character: string | null;
}

/** Tells whether a repaired text would parse. */
export type Valid = (candidate: string) => boolean;

/** A failure at one character: `The image name ${what}; ${fixes}.` */
export function error(
  input: string,
  kind: ReferenceErrorKind,
  at: number,
  what: string,
  fixes: readonly string[],
): InvalidReference {
  return { kind, message: `The image name ${what}; ${fixes.join(': ')}.`, at, character: characterAt(input, at) };
}

/**
 * The character at an index, whole where it is a pair of surrogates. Not by `codePointAt`: of a string that was sliced from
 * a longer one in the middle of a pair, V8 of Node 24.21 reads the other half behind the end once the code is optimised.
 */
function characterAt(text: string, at: number): string | null {
  const first = text.charAt(at);
  if (first === '') return null;
  const pair = first + text.charAt(at + 1);
  return /^[\ud800-\udbff][\udc00-\udfff]$/.test(pair) ? pair : first;
}

/** The repaired text, as the last piece of a sentence, when it parses. */
export function offer(candidate: string, valid: Valid): string[] {
  return candidate.length <= 300 && valid(candidate) ? [`"${candidate}"`] : [];
}

/** `at character 7`. */
export function where(at: number): string {
  return `at character ${at + 1}`;
}

/** A character as a sentence can show it. */
export function shown(character: string): string {
  return /[\p{L}\p{N}\p{P}\p{S}]/u.test(character) ? `"${character}"` : codePoint(character);
}

/** An invisible character in words. */
export function nameOf(blank: string): string {
  const names: Readonly<Record<string, string>> = {
    ' ': 'a blank',
    '\t': 'a tab',
    '\n': 'a line break',
    '\r': 'a carriage return',
    '\u00a0': 'a no-break space',
    '\u200b': 'an invisible zero-width space',
    '\ufeff': 'an invisible byte order mark',
  };
  return names[blank] ?? `the invisible character ${codePoint(blank)}`;
}

function codePoint(character: string): string {
  return `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;
}
