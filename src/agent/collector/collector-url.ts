import { withoutTrailing } from '../../lib/trailing.ts';
import { isLoopback } from '../../settings/values.ts';

/** Parts of a collector's URL. */
export interface CollectorUrl {
  readonly scheme: 'http' | 'https';
  readonly host: string;
  readonly port: number;
  /** What stands before `/v1/reports`, without a slash at its end. */
  readonly basePath: string;
}

/** Reads `collector.url`; null for what is no URL of http or https, or has more in it than a place. */
export function collectorUrl(text: string): CollectorUrl | null {
  const url = URL.parse(text);
  const scheme = url?.protocol === 'https:' ? 'https' : url?.protocol === 'http:' ? 'http' : null;
  if (url === null || scheme === null || url.username !== '' || url.password !== '') return null;
  if (url.search !== '' || url.hash !== '' || url.hostname === '') return null;
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = url.port === '' ? (scheme === 'https' ? 443 : 80) : Number(url.port);
  return { scheme, host, port, basePath: withoutTrailing(url.pathname, '/') };
}

/** Only what stays on this machine may go in clear: anything else is to be sent to a server whose certificate was checked. */
export function isClearRemote({ scheme, host }: CollectorUrl): boolean {
  return scheme === 'http' && host !== 'localhost' && !isLoopback({ host, port: 0 });
}
