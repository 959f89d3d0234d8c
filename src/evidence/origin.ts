import { bracketed } from '../lib/url-text.ts';
/** A way's name. */
export function wayId(scheme: string, host: string, port: number, proxy: string | null): string {
  return `${scheme}://${bracketed(host)}:${port} ${proxy === null ? 'direct' : `by ${proxy}`}`;
}

/** A URL's host without brackets, and its port with the scheme's default filled in. */
export function originOf(url: string): { scheme: 'http' | 'https'; host: string; port: number } | null {
  if (!URL.canParse(url)) return null;
  const { protocol, hostname, port } = new URL(url);
  if (protocol !== 'http:' && protocol !== 'https:') return null;
  const scheme = protocol === 'https:' ? 'https' : 'http';
  return {
    scheme,
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? (scheme === 'https' ? 443 : 80) : Number(port),
  };
}

/** A party as a person writes it: the host, with its port where that is not the scheme's own. */
export function partyName(party: {
  readonly scheme: 'http' | 'https';
  readonly host: string;
  readonly port: number;
}): string {
  const usual = party.port === (party.scheme === 'https' ? 443 : 80);
  return usual ? bracketed(party.host) : `${bracketed(party.host)}:${party.port}`;
}
