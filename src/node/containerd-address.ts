import { posix } from 'node:path';
import { decoded } from '../lib/url-text.ts';
import { isLoopback, parseAddress } from './go-address.ts';

/** Host (without brackets) and port of `host:port`; null port when Go's `net.SplitHostPort` finds none. */
export function splitHostPort(text: string): { readonly host: string; readonly port: string | null } {
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*)):([^:]*)$/.exec(text);
  return match === null ? { host: text, port: null } : { host: match[1] ?? match[2] ?? '', port: match[3] ?? '' };
}

/** True for localhost and loopback addresses, with or without a port (remotes/docker/resolver.go, IsLocalhost). */
export function isLocalhost(hostPort: string): boolean {
  const { host } = splitHostPort(hostPort);
  const address = parseAddress(host);
  return host === 'localhost' || (address !== null && isLoopback(address.bytes));
}

/** The host at which a registry is asked when nothing else is set (DefaultHost): Docker Hub's differs from its name. */
export function defaultHost(registry: string): string {
  return registry === 'docker.io' ? 'registry-1.docker.io' : registry;
}

/** `scheme://host/path` without a default port, the path (decoded, as `cleanPath` gives it) encoded again. */
export function endpointUrl(scheme: string, host: string, path: string): string {
  const standard = scheme === 'http' ? /:(80)?$/ : /:(443)?$/;
  return `${scheme}://${host.replace(standard, '')}${encodeURI(path).replace(/[?#]/g, encodeURIComponent)}`;
}

/** The decoded and cleaned path of what follows the authority of a URL: empty, or beginning with `/` and not ending so. */
export function cleanPath(rest: string): string {
  const written = /^[^?#]*/.exec(rest)?.[0] ?? '';
  return posix.normalize(`/${decoded(written)}`).replace(/\/$/, '');
}
