import { parseGoUrl } from './go-url.ts';

/**
 * Host and path that the kubelet makes of a key (keyring.go, Add): scheme dropped, `/v1/` or `/v2/` at the path's start
 * taken for the host alone; null when it ignores the key. Note that `https://index.docker.io/v1` without the last slash
 * keeps its `/v1`, and so serves nothing.
 */
export function keyScope(key: string): string | null {
  const address = parseAddress(/^https?:\/\//.test(key) ? key.slice(key.indexOf('//') + 2) : key);
  if (address === null) return null;
  const path = /^\/v[12]\//.test(address.path) ? address.path.slice(3) : address.path;
  return path === '' || path === '/' ? address.host : address.host + path;
}

/** True when the entry with this host and path serves the image named `domain/path` (keyring.go, URLsMatch). */
export function scopeServes(scope: string, name: string): boolean {
  const glob = parseAddress(scope);
  const target = parseAddress(name);
  if (glob === null || target === null) return false;
  const [globHost, globPort] = splitPort(glob.host);
  const [host, port] = splitPort(target.host);
  const globLabels = globHost.split('.');
  const labels = host.split('.');
  if (globPort !== port || globLabels.length !== labels.length || !target.path.startsWith(glob.path)) return false;
  return globLabels.every((label, index) => labelMatches(label, labels[index] ?? ''));
}

/** Host with its port, and decoded path, of an address without scheme; null when Go refuses it. */
function parseAddress(address: string): { readonly host: string; readonly path: string } | null {
  const url = parseGoUrl(`https://${address}`);
  if (!url.ok) return null;
  const path = /^[^?#]*/.exec(url.value.rest)?.[0] ?? '';
  const pieces = path.split(/(%[0-9A-Fa-f]{2})/);
  const bytes = pieces.map((piece, index) =>
    Buffer.from(index % 2 === 1 ? piece.slice(1) : piece, index % 2 === 1 ? 'hex' : 'utf8'),
  );
  return { host: url.value.host, path: Buffer.concat(bytes).toString('utf8') };
}

/** Host and port as net.SplitHostPort: brackets go only when a port follows. */
function splitPort(host: string): [string, string] {
  const match = /^(?:\[([^\]]*)\]|([^:]*)):([^:]*)$/.exec(host);
  return match === null ? [host, ''] : [match[1] ?? match[2] ?? '', match[3] ?? ''];
}

/** filepath.Match for one host label. Of its signs only `*`, any run, gets through Go's URL parser. */
function labelMatches(glob: string, label: string): boolean {
  let at = 0;
  let sign = 0;
  let star = -1;
  let from = 0;
  while (at < label.length) {
    if (glob[sign] === '*') {
      star = sign++;
      from = at;
    } else if (glob[sign] === label[at]) {
      sign++;
      at++;
    } else if (star >= 0) {
      // Let the last star take one character more.
      sign = star + 1;
      at = ++from;
    } else return false;
  }
  return /^\**$/.test(glob.slice(sign));
}
