/** What a request's first line asks for. */
export interface Target {
  /** As it was sent: nothing is decoded and no `..` is followed, so that what is let in is what is served. */
  readonly path: string;
  /** Behind the question mark; empty without. */
  readonly query: string;
  /** Host and port that are meant: of the line itself where it names them, else of the Host header (RFC 9112, section 3.2.2). */
  readonly authority: string;
}

/**
 * Reads the target of a request, in origin-form (`/v1/pods`) or absolute-form (`http://node:9440/v1/pods`); null for
 * anything else: `*`, a path that does not begin with a slash, characters that no path has.
 */
export function targetOf(target: string, hostHeader: string | undefined): Target | null {
  const found = /^(?:https?:\/\/([^/?#@\\\s]+))?(\/[^?#\\\s]*)(?:\?([^#\s]*))?$/i.exec(target);
  if (found === null) return null;
  const [, authority, path = '/', query = ''] = found;
  return { path, query, authority: authority ?? hostHeader ?? '' };
}

/** The host of an authority, without its port and brackets; empty when it is none. */
export function hostOf(authority: string): string {
  if (authority === '' || /[/?#@\\\s]/.test(authority)) return '';
  return URL.parse(`http://${authority}`)?.hostname.replace(/^\[|\]$/g, '') ?? '';
}

/** Parameters of the address, or null when one stands there twice: nobody knows which is meant. */
export function queryOf(query: string): Readonly<Record<string, string>> | null {
  const parameters = new URLSearchParams(query);
  const names = [...parameters.keys()];
  if (new Set(names).size !== names.length) return null;
  return Object.fromEntries(parameters);
}

/** Media types of an Accept header, best first; those of quality 0 are left out (RFC 9110, section 12.5.1). */
export function acceptsOf(header: string | undefined): readonly string[] {
  return (header ?? '')
    .split(',')
    .map((part) => {
      const [type = '', ...parameters] = part.trim().toLowerCase().split(';');
      const quality = parameters.map((one) => /^\s*q=([\d.]+)/.exec(one)?.[1]).find((one) => one !== undefined);
      return { type: type.trim(), quality: quality === undefined ? 1 : Number(quality) };
    })
    .filter(({ type, quality }) => type !== '' && quality > 0)
    .sort((a, b) => b.quality - a.quality)
    .map(({ type }) => type);
}
