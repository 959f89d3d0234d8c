import type { AnswerHeaders } from './exchange.ts';
import { headersOf } from './exchange.ts';

/** One challenge of a `WWW-Authenticate` or `Proxy-Authenticate` header. */
export interface Challenge {
  /** In lower case: `bearer`, `basic`, `negotiate`, … */
  readonly scheme: string;
  readonly realm: string | null;
  readonly service: string | null;
  /** As sent; several scopes are separated by spaces. */
  readonly scope: string | null;
  /** `invalid_token`, `insufficient_scope`, … (RFC 6750, section 3.1). */
  readonly error: string | null;
  readonly errorDescription: string | null;
  /** Every parameter, names in lower case; the first of a repeated name counts. */
  readonly parameters: ReadonlyMap<string, string>;
  /** The opaque value of schemes like Negotiate that have no parameters. */
  readonly token68: string | null;
}

/** Challenges kept of one answer; a real registry sends one or two. */
const maxChallenges = 16;
const maxParameters = 32;

/**
 * The challenges of one header value (RFC 9110, section 11.6.1: `1#challenge`, so one value may hold several, with
 * commas both between challenges and between their parameters). Never fails: what does not fit the grammar is skipped
 * up to the next comma.
 */
export function parseChallenges(value: string): readonly Challenge[] {
  const challenges: Challenge[] = [];
  const text = value;
  let at = 0;
  let scheme: string | null = null;
  let parameters = new Map<string, string>();
  let token68: string | null = null;

  const finish = () => {
    if (scheme !== null && challenges.length < maxChallenges) challenges.push(challengeOf(scheme, parameters, token68));
    scheme = null;
    parameters = new Map();
    token68 = null;
  };
  const skipSpace = () => {
    while (text[at] === ' ' || text[at] === '\t') at++;
  };
  const token = (): string => {
    const from = at;
    while (at < text.length && isTokenCode(text.charCodeAt(at))) at++;
    return text.slice(from, at);
  };
  const skipToComma = () => {
    while (at < text.length && text[at] !== ',') {
      if (text[at] === '"') quoted();
      else at++;
    }
  };
  /** A quoted string from its opening quote on; one that never ends gives all that is left. */
  const quoted = (): string => {
    let content = '';
    at++;
    while (at < text.length && text[at] !== '"') {
      if (text[at] === '\\' && at + 1 < text.length) at++;
      content += text[at] ?? '';
      at++;
    }
    at++;
    return content;
  };

  while (at < text.length) {
    skipSpace();
    if (text[at] === ',') {
      at++;
      continue;
    }
    const word = token();
    if (word === '') {
      skipToComma();
      continue;
    }
    const afterWord = at;
    skipSpace();
    // `name =value` with spaces around the sign is bad grammar that RFC 9110 wants accepted; a value is not `=…=`
    // padding of a token68, which only follows a scheme.
    if (text[at] === '=' && scheme !== null) {
      at++;
      skipSpace();
      const parameter = text[at] === '"' ? quoted() : bareValue();
      const name = word.toLowerCase();
      if (parameters.size < maxParameters && !parameters.has(name)) parameters.set(name, parameter);
      skipSpace();
      if (at < text.length && text[at] !== ',') skipMissingComma();
      continue;
    }
    if (text[at] === '=') {
      // A parameter with no scheme before it belongs to nothing.
      skipToComma();
      continue;
    }
    finish();
    scheme = word.toLowerCase();
    if (at > afterWord) {
      const opaque = /^[A-Za-z0-9._~+/-]+=*(?=[ \t]*(?:,|$))/u.exec(text.slice(at, at + 8192));
      if (opaque !== null) {
        token68 = opaque[0];
        at += opaque[0].length;
      }
    }
  }
  finish();
  return challenges;

  /** An unquoted value. Some registries send URLs bare, so anything up to a comma or a space counts. */
  function bareValue(): string {
    const from = at;
    while (at < text.length && text[at] !== ',' && text[at] !== ' ' && text[at] !== '\t') at++;
    return text.slice(from, at);
  }

  /** Parameters separated by spaces alone: go on if a parameter follows, else drop up to the comma. */
  function skipMissingComma(): void {
    if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+[ \t]*=/u.test(text.slice(at, at + 256))) skipToComma();
  }
}

/** All challenges of an answer's `WWW-Authenticate` (or another header's) lines, in order. */
export function challengesOf(headers: AnswerHeaders, name = 'www-authenticate'): readonly Challenge[] {
  return headersOf(headers, name).flatMap((line) => parseChallenges(line));
}

/**
 * The challenge that the runtimes answer: bearer before basic; null when there is neither
 * (containerd core/remotes/docker/auth/parse.go sorts so; other schemes end in "failed to find supported auth scheme").
 */
export function chosenChallenge(challenges: readonly Challenge[]): Challenge | null {
  return (
    challenges.find((challenge) => challenge.scheme === 'bearer') ??
    challenges.find((challenge) => challenge.scheme === 'basic') ??
    null
  );
}

function challengeOf(scheme: string, parameters: ReadonlyMap<string, string>, token68: string | null): Challenge {
  const get = (name: string) => parameters.get(name) ?? null;
  return {
    scheme,
    realm: get('realm'),
    service: get('service'),
    scope: get('scope'),
    error: get('error'),
    errorDescription: get('error_description'),
    parameters,
    token68,
  };
}

/** RFC 9110, section 5.6.2: tchar. */
function isTokenCode(code: number): boolean {
  if (code >= 0x30 && code <= 0x39) return true;
  if ((code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a)) return true;
  return "!#$%&'*+-.^_`|~".includes(String.fromCharCode(code));
}
