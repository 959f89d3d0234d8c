/** The grammar of image references: what it makes, and a scanner written from it. */
import fc from 'fast-check';

const lower = fc.constantFrom(...'abcxyz0159');
const alnum = fc.string({ unit: lower, minLength: 1, maxLength: 5 });
const separator = fc.constantFrom('.', '_', '__', '-', '--', '---');
const component = fc
  .tuple(alnum, fc.array(fc.tuple(separator, alnum), { maxLength: 2 }))
  .map(([head, rest]) => head + rest.map((pair) => pair.join('')).join(''));
const path = fc.array(component, { minLength: 2, maxLength: 4 }).map((parts) => parts.join('/'));
const label = fc
  .tuple(
    fc.constantFrom(...'abZ9'),
    fc.string({ unit: fc.constantFrom(...'abZ9-'), maxLength: 4 }),
    fc.constantFrom(...'aZ0'),
  )
  .map((parts) => parts.join(''));
const port = fc.oneof(
  fc.constant(''),
  fc.nat(99999).map((number) => `:${number}`),
);
const domain = fc.oneof(
  fc
    .tuple(
      fc.array(label, { minLength: 2, maxLength: 3 }).map((labels) => labels.join('.')),
      port,
    )
    .map((parts) => parts.join('')),
  fc.tuple(label, fc.nat(65535)).map(([host, number]) => `${host}:${number}`),
  fc.constantFrom('localhost', '[2001:db8::1]:5000', '[::1]', '10.0.0.1'),
);
const tag = fc
  .tuple(fc.constantFrom(...'aZ9_'), fc.string({ unit: fc.constantFrom(...'aZ9_.-'), maxLength: 12 }))
  .map((parts) => parts.join(''));
const digest = fc.oneof(
  fc
    .string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 64, maxLength: 64 })
    .map((hex) => `sha256:${hex}`),
  fc
    .string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 128, maxLength: 128 })
    .map((hex) => `sha512:${hex}`),
);
/** Parts of a whole reference that the grammar makes. */
export const reference = fc.record({
  domain,
  path,
  tag: fc.option(tag),
  digest: fc.option(digest),
});

const whole = fc.oneof(
  reference.map(
    (parts) =>
      `${parts.domain}/${parts.path}${parts.tag === null ? '' : `:${parts.tag}`}${parts.digest === null ? '' : `@${parts.digest}`}`,
  ),
  fc.tuple(component, fc.option(tag)).map(([name, version]) => (version === null ? name : `${name}:${version}`)),
  path,
);
const piece = fc.oneof(
  fc.constantFrom(...'/:@.-_[]AZaz09 +%$<\\"\n'),
  fc.constantFrom(
    '//',
    '..',
    '___',
    '-.',
    '::',
    '://',
    'localhost/',
    'docker.io/',
    '@sha256:',
    '\u00e9',
    '\u00c9',
    '\u{1f433}',
    '\ud800',
  ),
);
/** References with one to three edits, of which some still fit. */
export const mutated = fc
  .tuple(whole, fc.array(fc.tuple(fc.nat(200), fc.nat(3), piece), { minLength: 1, maxLength: 3 }))
  .map(([text, edits]) =>
    edits.reduce((now, [at, drop, insert]) => {
      const where = at % (now.length + 1);
      return now.slice(0, where) + (drop === 3 ? '' : insert) + now.slice(where + drop);
    }, text),
  );

/** The grammar once more, character by character and without regular expressions on whole references. */
export function scan(input: string): boolean {
  const isHex = (text: string) => [...text].every((c) => '0123456789abcdef'.includes(c));
  if (input.length === 64 && isHex(input)) return false;
  const slash = input.indexOf('/');
  const first = slash < 0 ? '' : input.slice(0, slash);
  const upper = first.toLowerCase() !== first;
  const explicit = slash >= 0 && (first === 'localhost' || first.includes('.') || first.includes(':') || upper);
  let host = explicit ? first : 'docker.io';
  let rest = explicit ? input.slice(slash + 1) : input;
  if (host === 'index.docker.io') host = 'docker.io';
  if (host === 'docker.io' && !rest.includes('/')) rest = `library/${rest}`;
  const mark = rest.indexOf('@');
  if (mark >= 0) {
    const [algorithm, hex, more] = rest.slice(mark + 1).split(':');
    const lengths: Record<string, number> = { sha256: 64, sha384: 96, sha512: 128 };
    if (algorithm === undefined || hex === undefined || more !== undefined) return false;
    if (!Object.hasOwn(lengths, algorithm) || hex.length !== lengths[algorithm] || !isHex(hex)) return false;
    rest = rest.slice(0, mark);
  }
  const colon = rest.indexOf(':');
  if (colon >= 0) {
    const version = [...rest.slice(colon + 1)];
    if (version.length === 0 || version.length > 128 || '.-'.includes(version[0] ?? '')) return false;
    if (!version.every((c) => isAlnum(c) || '_.-'.includes(c))) return false;
    rest = rest.slice(0, colon);
  }
  if (!rest.split('/').every(scanComponent)) return false;
  const hostFits = scanHost(host);
  return hostFits ? rest.length <= 255 : scanComponent(host) && host.length + 1 + rest.length <= 255;
}

function isAlnum(c: string): boolean {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

function scanComponent(text: string): boolean {
  let run = '';
  let any = false;
  for (const c of text) {
    if (isAlnum(c) && c === c.toLowerCase()) {
      if (run !== '' && (!any || !(run === '.' || run === '_' || run === '__' || /^-+$/.test(run)))) return false;
      run = '';
      any = true;
    } else if ('._-'.includes(c)) run += c;
    else return false;
  }
  return any && run === '';
}

function scanHost(text: string): boolean {
  const close = text.indexOf(']');
  const end = text.startsWith('[') ? close + 1 : text.includes(':') ? text.indexOf(':') : text.length;
  const behind = text.slice(end);
  if (
    behind !== '' &&
    !(behind.length > 1 && behind[0] === ':' && [...behind.slice(1)].every((c) => c >= '0' && c <= '9'))
  )
    return false;
  const name = text.slice(0, end);
  if (name.startsWith('['))
    return name.length > 2 && [...name.slice(1, -1)].every((c) => c === ':' || (isAlnum(c) && c.toLowerCase() <= 'f'));
  return name.split('.').every((part) => {
    const inner = [...part];
    return (
      inner.length > 0 && inner.every((c) => isAlnum(c) || c === '-') && !part.startsWith('-') && !part.endsWith('-')
    );
  });
}
