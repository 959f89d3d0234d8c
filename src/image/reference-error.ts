import { clip, limits } from '../lib/limits.ts';
import { withoutTrailing } from '../lib/trailing.ts';
import { error, type InvalidReference, nameOf, offer, shown, type Valid, where } from './reference-error-words.ts';
import {
  domainPattern,
  identifierPattern,
  isDomainText,
  maxPathLength,
  pathComponentPattern,
  splitDomain,
} from './reference-grammar.ts';

import { digestError, tagError } from './reference-suffix-error.ts';

/**
 * Says why `input`, which does not parse, does not. `valid` tells whether a repaired text would parse, so that only
 * repairs that work are offered.
 */
export function explainReference(input: string, valid: Valid): InvalidReference {
  return (
    wholeError(input, valid) ??
    headError(input, valid) ??
    digestError(input, valid) ?? {
      kind: 'bad-character',
      message: 'The image name does not follow the grammar host/path:tag@digest; write it as the registry shows it.',
      at: null,
      character: null,
    }
  );
}

/** What is wrong with the text as a whole, before its parts are looked at. */
function wholeError(input: string, valid: Valid): InvalidReference | null {
  if (input.trim() === '') {
    const message = 'The image name is empty; give one such as "nginx:1.27" or "registry.example.com/team/app:1.0".';
    return { kind: 'empty', message, at: null, character: null };
  }
  if (input.length > limits.referenceChars) {
    const message = `The image name has ${input.length} characters; no reference is longer than ${limits.referenceChars}, so another text stands in its place.`;
    return { kind: 'too-long', message, at: null, character: null };
  }
  const placeholder = /\$\{[^}]*\}?|\$\([^)]*\)?|\{\{.*?(?:\}\}|$)|<[^>]*>?|\$[A-Za-z_]\w*|%[A-Z_]+%/s.exec(input);
  if (placeholder !== null) {
    const text = clip(placeholder[0], 60);
    return error(input, 'placeholder', placeholder.index, `has the placeholder ${text} ${where(placeholder.index)}`, [
      'whatever should have filled it in did not run; put the real value there',
    ]);
  }
  // What Python and Go templates print for a value that is not set.
  const unset = /(?<![^/:])(?:None|Null|NULL|NaN)(?![^/:@])/.exec(input);
  if (unset !== null) {
    return error(input, 'placeholder', unset.index, `has "${unset[0]}" ${where(unset.index)}`, [
      'a template was filled in without a value; set it',
    ]);
  }
  const quote = /["'`\u2018\u2019\u201c\u201d\u00ab\u00bb]/.exec(input);
  if (quote !== null) {
    const bare = input.replaceAll(/["'`\u2018\u2019\u201c\u201d\u00ab\u00bb]/g, '').trim();
    const fixes = ['remove the quotation marks', ...offer(bare, valid)];
    return error(input, 'quote', quote.index, `has a quotation mark ${where(quote.index)}`, fixes);
  }
  const blank = /[\s\p{Cc}\p{Cf}]/u.exec(input);
  if (blank !== null) {
    const bare = input.replaceAll(/[\s\p{Cc}\p{Cf}]/gu, '');
    const edge =
      blank.index === 0 ? ' before its first letter' : input.trimEnd().length === blank.index ? ' at its end' : '';
    const what = `has ${nameOf(blank[0])}${edge} (character ${blank.index + 1})`;
    return error(input, 'whitespace', blank.index, what, ['remove it', ...offer(bare, valid)]);
  }
  const scheme = /^[A-Za-z][A-Za-z0-9+.-]*:\/\//.exec(input);
  if (scheme !== null) {
    // Behind a scheme people also write a user name and a password: never repeat those.
    const written = input.slice(scheme[0].length);
    const slash = written.indexOf('/');
    const named = slash === -1 ? written : written.slice(written.lastIndexOf('@', slash) + 1);
    const rest = withoutTrailing(named, '/');
    const fixes = ['leave the scheme out, the runtime chooses it', ...offer(rest, valid)];
    return error(input, 'scheme', scheme[0].length - 3, `starts with the URL scheme "${scheme[0]}"`, fixes);
  }
  if (input.startsWith('/')) {
    const fixes = ['remove it', ...offer(input.replace(/^\/+/, ''), valid)];
    return error(input, 'leading-slash', 0, 'starts with a slash, so the registry or the first part is missing', fixes);
  }
  if (identifierPattern.test(input)) {
    const message =
      'The image name is 64 hexadecimal digits, which is an image id and no name; write the repository before it, as in "registry.example.com/team/app@sha256:…".';
    return { kind: 'hex-identifier', message, at: null, character: null };
  }
  return null;
}

/** What is wrong before the `@`: domain, path, tag, from left to right. */
function headError(input: string, valid: Valid): InvalidReference | null {
  const end = input.indexOf('@');
  const head = end < 0 ? input : input.slice(0, end);
  const slash = head.indexOf('/');
  const first = head.slice(0, Math.max(slash, 0));
  // A first part such as `my_host.corp` is no valid host and a valid path component: the grammar takes it for the latter.
  const validHost = domainPattern.test(first);
  if (slash < 0 && head.startsWith('[')) {
    const what = 'is an IPv6 address with no repository behind it';
    return error(input, 'no-name', 0, what, ['write "[2001:db8::1]:5000/team/app"']);
  }
  const isHost = slash >= 0 && isDomainText(first) && (validHost || !pathComponentPattern.test(first));
  const broken = isHost && !validHost ? domainError(input, first, valid) : null;
  if (broken !== null) return broken;
  const start = isHost ? slash + 1 : 0;
  const colon = head.indexOf(':', start);
  const name = head.slice(start, colon < 0 ? undefined : colon);
  if (name === '') return noName(input, start);
  const wrong = pathError(input, name, start, valid) ?? lengthError(input);
  if (wrong !== null || colon < 0) return wrong;
  return tagError(input, head.slice(colon + 1), colon + 1, valid);
}

function noName(input: string, at: number): InvalidReference {
  if (at >= input.length) {
    const message = `The image name ends after its registry host, at character ${at}; write the repository behind the slash.`;
    return { kind: 'no-name', message, at: at - 1, character: '/' };
  }
  return error(input, 'no-name', at, `has no repository before the "${input[at]}" ${where(at)}`, [
    'write one there, as in "nginx:1.27"',
  ]);
}

function domainError(input: string, text: string, valid: Valid): InvalidReference {
  const bad = (at: number, what: string, fix: string): InvalidReference =>
    error(input, 'bad-domain', at, `has ${what} ${where(at)}`, [fix]);
  const upper = /[A-Z]/.exec(text);
  if (upper !== null && !/[.:]/.test(text)) return upperCase(input, upper.index, valid);
  if (text.startsWith('[')) {
    const close = text.indexOf(']');
    if (close < 0)
      return bad(0, 'an opening "[" without the closing "]" of an IPv6 address', 'write "[2001:db8::1]:5000/…"');
    const odd = /[^0-9A-Fa-f:]/.exec(text.slice(1, close));
    if (odd !== null) {
      const why = odd[0] === '%' ? 'zones are not possible there' : 'it may have hexadecimal digits and colons only';
      return bad(1 + odd.index, `the character ${shown(odd[0])} in its IPv6 address`, why);
    }
    if (close === 1)
      return bad(0, 'empty brackets where its IPv6 address should stand', 'write the address between them');
    if (text[close + 1] !== ':')
      return bad(close + 1, 'more than a port behind its IPv6 address', 'write "[address]:port/…"');
    return portError(input, text, close + 1);
  }
  if (/^(?=[^:]*:[^:]*:)[0-9A-Fa-f:]+$/.test(text)) {
    return bad(text.indexOf(':'), 'an IPv6 address without brackets as its registry', 'write "[2001:db8::1]:5000/…"');
  }
  const colon = text.indexOf(':');
  const hostText = colon < 0 ? text : text.slice(0, colon);
  if (hostText === '') return bad(0, 'nothing before the colon where its registry host should stand', 'write the host');
  const odd = /[^A-Za-z0-9.-]/u.exec(hostText);
  if (odd !== null) {
    const fix = 'a host may have letters, digits, dots and dashes only';
    return bad(odd.index, `the character ${shown(odd[0])} in its registry host`, fix);
  }
  let at = 0;
  for (const label of hostText.split('.')) {
    const edge = label.startsWith('-') ? at : label.endsWith('-') ? at + label.length - 1 : -1;
    if (label === '') {
      const dot = Math.min(at, hostText.length - 1);
      return bad(dot, 'a dot with nothing beside it in its registry host', 'remove the dot');
    }
    if (edge >= 0) return bad(edge, 'a dash at the edge of a part of its registry host', 'remove it');
    at += label.length + 1;
  }
  return portError(input, text, colon);
}

function portError(input: string, text: string, colon: number): InvalidReference {
  const port = text.slice(colon + 1);
  const odd = /[^0-9]/u.exec(port);
  if (odd === null) {
    return error(input, 'bad-port', colon, `has a colon and no port behind its registry host ${where(colon)}`, [
      'write the port, or remove the colon',
    ]);
  }
  const at = colon + 1 + odd.index;
  const fixes = ['a port is a number; if this is the tag, it stands at the very end'];
  if (input.startsWith(text, text.length + 1)) {
    const what = `holds one reference twice: behind "${clip(text, 60)}" it starts again ${where(text.length + 1)}`;
    return error(input, 'doubled-reference', text.length, what, ['write it once']);
  }
  return error(input, 'bad-port', at, `has ${shown(odd[0])} in the port of its registry host ${where(at)}`, fixes);
}

function pathError(input: string, name: string, start: number, valid: Valid): InvalidReference | null {
  const odd = /[^a-z0-9._/-]/u.exec(name);
  if (odd !== null) {
    const at = start + odd.index;
    if (/[A-Z]/.test(odd[0])) return upperCase(input, at, valid);
    const fix =
      odd[0] === '\\'
        ? ['write a slash instead', ...offer(input.replaceAll('\\', '/'), valid)]
        : ['it may have lower-case letters, digits and the separators ".", "_" and "-" only'];
    return error(input, 'bad-character', at, `has the character ${shown(odd[0])} ${where(at)} in its repository`, fix);
  }
  const gap = /^\/|\/\/|\/$/.exec(name);
  if (gap !== null) {
    const at = start + gap.index + gap[0].length - 1;
    const fixed =
      input.slice(0, start) +
      name.replaceAll(/\/{2,}/g, '/').replace(/^\/|\/$/g, '') +
      input.slice(start + name.length);
    const last = gap.index + gap[0].length === name.length;
    const what = last ? `has a slash ${where(at)} with no name behind it` : `has two slashes in a row ${where(at)}`;
    return error(input, 'empty-component', at, what, [last ? 'remove it' : 'remove one', ...offer(fixed, valid)]);
  }
  const bad = firstBadRun(name);
  if (bad === null) return null;
  const at = start + bad.at;
  const text = bad.text;
  const what = bad.edge
    ? `has "${clip(text, 20)}" at the edge of a part of its repository ${where(at)}`
    : `has the separators "${clip(text, 20)}" in a row ${where(at)}`;
  const fix = bad.edge
    ? 'a part starts and ends with a lower-case letter or a digit'
    : 'allowed are one dot, one or two underscores, or dashes';
  return error(input, 'bad-separator', at, what, [fix]);
}

/** The first run of separators that the grammar does not allow. */
function firstBadRun(name: string): { readonly at: number; readonly text: string; readonly edge: boolean } | null {
  for (const run of name.matchAll(/[._-]+/g)) {
    const text = run[0];
    const before = name[run.index - 1];
    const after = name[run.index + text.length];
    const edge = before === undefined || before === '/' || after === undefined || after === '/';
    if (edge || !/^(?:[._]|__|-+)$/.test(text)) return { at: run.index, text, edge };
  }
  return null;
}

function lengthError(input: string): InvalidReference | null {
  const remainder = splitDomain(input.split('@', 1)[0] ?? '').remainder;
  const length = (remainder.split(':', 1)[0] ?? '').length;
  if (length <= maxPathLength) return null;
  const message = `The image name has a repository path of ${length} characters (without the registry host); registries allow ${maxPathLength}, so shorten it by ${length - maxPathLength}.`;
  return { kind: 'name-too-long', message, at: null, character: null };
}

function upperCase(input: string, at: number, valid: Valid): InvalidReference {
  const end = /[:@]/.exec(input.slice(input.lastIndexOf('/') + 1));
  const stop = end === null ? input.length : input.lastIndexOf('/') + 1 + end.index;
  const lower = input.slice(0, stop).toLowerCase() + input.slice(stop);
  const fixes = ['repositories are lower case', ...offer(lower, valid)];
  return error(input, 'upper-case', at, `has the upper-case letter ${shown(input[at] ?? '')} ${where(at)}`, fixes);
}
