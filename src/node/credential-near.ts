import type { CredentialFile } from './credential-file.ts';
import { matchCredentials } from './credential-keyring.ts';

/** A key that looks as if it were for an image, and by which the kubelet does not find it. */
export interface NearKey {
  readonly key: string;
  /** Why, a clause whose subject is the key. */
  readonly why: string;
  /** It can only be meant for this registry, and is not written so that the kubelet would find it; else it may be another's. */
  readonly meant: boolean;
}

/** Hosts of Docker Hub, by which people name it (`docker info`, the browser's address, its API). */
const hubHosts = ['docker.io', 'index.docker.io', 'registry-1.docker.io', 'registry.hub.docker.com', 'hub.docker.com'];
const hubKey = 'https://index.docker.io/v1/';

/** The keys of a file that nearly fit an image; none where one fits. Pure. */
export function nearKeys(file: CredentialFile, image: { readonly domain: string; readonly path: string }): NearKey[] {
  if (matchCredentials(file, image).length > 0) return [];
  return file.entries.flatMap(({ key }) => {
    const why = whyNot(key, image);
    return why === null ? [] : [{ key, ...why }];
  });
}

function whyNot(
  key: string,
  { domain, path }: { readonly domain: string; readonly path: string },
): Omit<NearKey, 'key'> | null {
  const [, scheme = '', rest = ''] = /^(?:([A-Za-z][A-Za-z0-9+.-]*):\/\/)?(.*)$/s.exec(key.trim()) ?? [];
  const [, written = '', below = ''] = /^([^/]*)(.*)$/s.exec(rest) ?? [];
  const [host, port] = split(written);
  const [wantedHost, wantedPort] = split(domain);
  const isHub = domain === 'docker.io';
  if (isHub && hubHosts.includes(host.toLowerCase())) {
    // It serves Docker Hub as it is when nothing else does (keyring.go, defaultRegistryHost).
    if (host === 'index.docker.io' && port === '' && /^(?:\/|\/v[12]\/)?$/.test(below)) return null;
    const isPath =
      (host === 'docker.io' || host === 'index.docker.io') && !/^\/?v?[12]?\/?$/.test(below.replace(/^\//, ''));
    if (isPath) return { why: `is for the path ${below} of Docker Hub alone`, meant: false };
    return { why: `is none by which the kubelet finds Docker Hub; write ${hubKey}`, meant: true };
  }
  if (host.includes('*')) {
    const fits = new RegExp(`^${host.split('*').map(literal).join('.*')}$`, 'i').test(wantedHost);
    if (!fits || port !== wantedPort) return null;
    return { why: `does not fit ${wantedHost}: a * stands for one part between dots`, meant: false };
  }
  if (host.toLowerCase() !== wantedHost.toLowerCase()) return null;
  if (scheme !== '' && scheme !== 'http' && scheme !== 'https')
    return {
      why: `begins with ${scheme}://, of which the kubelet knows only http:// and https://; write ${domain}`,
      meant: true,
    };
  if (host !== wantedHost)
    return { why: `is not written as ${wantedHost}, in capitals and small letters`, meant: true };
  if (key !== key.trim()) return { why: 'has blanks around it', meant: true };
  if (port !== wantedPort) {
    const standard = [port, wantedPort].every((one) => one === '' || one === '443');
    return standard
      ? {
          why: `is not ${domain} to the kubelet, which takes port 443 and no port for two registries; write ${domain}`,
          meant: true,
        }
      : { why: `is for ${port === '' ? 'no port' : `port ${port}`}, and the image is at ${domain}`, meant: false };
  }
  if (/^\/v[12]$/.test(below))
    return { why: `names the path ${below}, which ends in no slash; write ${domain}`, meant: true };
  if (`/${path}`.startsWith(below.replace(/[:@][^/]*$/, '')))
    return { why: `names the tag or digest too; write ${domain}/${path}`, meant: true };
  return { why: `is for the path ${below} alone`, meant: false };
}

function split(authority: string): [string, string] {
  const [, host = '', port = ''] = /^(.*?)(?::(\d*))?$/s.exec(authority) ?? [];
  return [host, port];
}

function literal(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
