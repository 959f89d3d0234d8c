/**
 * Query keys whose values may be shown: they name what is asked, or tell the times and rules of a signed URL, and give
 * nobody access. Every other value of a query may be a signature or a key and is masked. (Signed URLs of S3, GCS,
 * Azure blob storage and CloudFront; `ns`, `n`, `last`, `scope`, `service` of the registry protocol.)
 */
const harmlessQueryKeys: ReadonlySet<string> = new Set([
  'ns',
  'n',
  'last',
  'scope',
  'service',
  'digest',
  'mount',
  'from',
  'expires',
  'x-amz-algorithm',
  'x-amz-date',
  'x-amz-expires',
  'x-amz-signedheaders',
  'x-goog-algorithm',
  'x-goog-date',
  'x-goog-expires',
  'x-goog-signedheaders',
  // Azure's shared access signature: its times, version, resource and permissions.
  'se',
  'st',
  'sv',
  'sr',
  'sp',
  'spr',
]);

const mask = '[secret]';

/**
 * `url` as it may be shown: no userinfo, no fragment, and only harmless query values. A text that is no URL comes back
 * with everything behind its first `?` masked.
 */
export function redactUrl(url: string | URL): string {
  const parsed = typeof url === 'string' ? parseUrl(url) : url;
  if (parsed === null) return redactLoose(String(url));
  const query = redactQuery(parsed.search);
  const port = parsed.port === '' ? '' : `:${parsed.port}`;
  return `${parsed.protocol}//${parsed.hostname}${port}${redactPath(parsed.pathname)}${query}`;
}

/**
 * `text` with every URL in it redacted and with everything that looks like a credential of the HTTP world masked: the
 * value behind `Bearer` or `Basic`, and JSON web tokens wherever they stand.
 */
export function redactText(text: string): string {
  let shown = text;
  const hasAt = shown.includes('@');
  if (hasAt && shown.includes('://')) shown = shown.replace(quotedUrl, `$1${mask}@`);
  // A search for a few letters costs much less than a pattern that does not fit; most texts have none of these.
  if (shown.includes('://')) {
    shown = shown.replace(/\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s"'<>\\^`{|}]+/giu, (url) => {
      // Punctuation behind a URL in a sentence belongs to the sentence. Counted from the end: a pattern that looks for
      // it from every place takes minutes for a hostile megabyte.
      let end = url.length;
      while (end > 0 && '.,;:!?)]'.includes(url[end - 1] ?? ' ')) end--;
      return redactUrl(url.slice(0, end)) + url.slice(end);
    });
  }
  if (hasAt) shown = maskPairs(shown);
  if (shown.includes('eyJ')) {
    shown = shown.replace(/(?<![\w-])[\w-]+(?:\.[\w-]*)+/gu, (token) => {
      // Found by index, not by the pattern: a run of beginnings without an end would be looked through from each.
      const at = token.indexOf('eyJ');
      return at === -1 || token.indexOf('.', at + 11) === -1 ? token : token.slice(0, at) + mask;
    });
  }
  // containerd shows what a pull secret's entry decodes to when it has no colon (image_pull.go, ParseAuth): a password, or a token.
  if (shown.includes('decoded auth')) shown = shown.replace(/(decoded auth: \\*")[^"]*/gu, `$1${mask}`);
  return shown.replace(/\b(Bearer|Basic)\s+(?!realm\b|auth|token)[\w+/.~=-]{8,}/giu, `$1 ${mask}`);
}

function parseUrl(text: string): URL | null {
  // URL.parse accepts `host:port` as a scheme; only what has an authority is a URL here.
  return /^[a-z][a-z0-9+.-]*:\/\//iu.test(text) ? URL.parse(text) : null;
}

function redactLoose(text: string): string {
  // What is no URL may be none because of its password: `http://app:pa#ss@proxy`. It ends at the last at sign.
  const withoutUserinfo = text.replace(/^([a-z][a-z0-9+.-]*:\/\/).*@/isu, '$1');
  const at = withoutUserinfo.indexOf('?');
  return at === -1 ? withoutUserinfo : withoutUserinfo.slice(0, at) + redactQuery(withoutUserinfo.slice(at));
}

/** `http://app:8/ss@proxy` is a URL, of port 8 at `app`: before an at sign that no digest follows may be a password. */
function redactPath(path: string): string {
  const at = path.lastIndexOf('@');
  return at === -1 || isDigest(path.slice(at + 1)) ? path : `/${mask}${path.slice(at)}`;
}

/** What stands behind an at sign in the name of an image, as against a host with its port. */
function isDigest(text: string): boolean {
  return /^(?:sha(?:256|384|512):|[a-z0-9+._-]{1,32}(?::|%3a)[0-9a-f]{32})/iu.test(text);
}

/** Text in quotation marks that begins like a URL and has blanks before an at sign: Go quotes a password with a blank so. */
const quotedUrl = /("[a-z][a-z0-9+.-]{1,20}:\/\/)([^"\\\s]{0,256}[ \t][^"\\]{0,256}@)/giu;

/** Longest user and password without a scheme. */
const mostUserinfo = 512;

/** What ends a word: white space, quotation marks, brackets, backslashes. */
const delimiters: ReadonlySet<number> = new Set([...'\t\n\v\f\r "\'`<>\\'].map((char) => char.charCodeAt(0)));

/** `app:password@proxy:3128` without a scheme, as Go shows an address that it cannot parse. By index, for the same reason. */
function maskPairs(text: string): string {
  let shown = '';
  let done = 0;
  // Where the word begins that is looked at: each character is looked at once, however many at signs there are.
  let begun = 0;
  let scanned = 0;
  for (let at = text.indexOf('@'); at !== -1; at = text.indexOf('@', at + 1)) {
    for (; scanned < at; scanned++) if (delimiters.has(text.charCodeAt(scanned))) begun = scanned + 1;
    if (!/^[a-z0-9[]/iu.test(text.slice(at + 1, at + 2)) || isDigest(text.slice(at + 1, at + 80))) continue;
    let start = Math.max(begun, done, at - mostUserinfo);
    // A variable's name is no user's.
    start += /^\w{1,40}=/u.exec(text.slice(start, at))?.[0].length ?? 0;
    const word = text.slice(start, at);
    const colon = word.indexOf(':');
    if (colon <= 0 || colon === word.length - 1 || word.includes('://') || word.endsWith(mask)) continue;
    shown += text.slice(done, start) + mask;
    done = at;
  }
  return shown + text.slice(done);
}

function redactQuery(search: string): string {
  if (search === '' || search === '?') return '';
  const parts = search
    .slice(1)
    .split('&')
    .map((pair) => {
      const at = pair.indexOf('=');
      if (at === -1) return pair === '' ? '' : mask;
      const key = pair.slice(0, at);
      return harmlessQueryKeys.has(key.toLowerCase()) ? pair : `${key}=${mask}`;
    });
  return `?${parts.join('&')}`;
}

/** The values of a URL's query that `redactUrl` masks, as they are in the URL and decoded. */
export function secretQueryValues(url: URL): string[] {
  return [...url.searchParams].flatMap(([key, value]) => {
    if (harmlessQueryKeys.has(key.toLowerCase()) || value === '') return [];
    return [value, encodeURIComponent(value.toWellFormed())];
  });
}

/**
 * Foreign text as one line for a person: credentials masked, control characters (terminal escapes among them) and runs
 * of white space made single spaces, cut to `max` characters.
 */
export function safeLine(text: string, max: number): string {
  // What lies far beyond the cut is not worth the redaction; the slack keeps a URL at the edge whole.
  const near = text.slice(0, max * 2 + 1024);
  const line = redactText(
    near.replace(/[\u0000-\u0020\u007f-\u00a0\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]+/gu, ' ').trim(),
  );
  return line.length <= max ? line : `${line.slice(0, max)}…`;
}
