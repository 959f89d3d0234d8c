import { Secret } from '../lib/secret.ts';
import type { Problem } from '../model/problem.ts';
import { defaultHost } from './containerd-address.ts';
import { misconfigured } from './containerd-problem.ts';
import type { ContainerdSettings, RegistryAuth } from './containerd-settings.ts';
import type { RuntimeCredential, RuntimeEndpoint } from './runtime-plan.ts';

/**
 * The credentials of `registry.configs`. containerd uses them only for a pull that brings none of its own over CRI,
 * and only for a host whose name, with its port, is the key itself (ParseAuth in the CRI plugin's image_pull.go).
 */
export function credentialsOf(
  settings: ContainerdSettings,
  registry: string,
  endpoints: readonly RuntimeEndpoint[],
): { readonly credentials: readonly RuntimeCredential[]; readonly problems: readonly Problem[] } {
  const credentials: RuntimeCredential[] = [];
  const problems: Problem[] = [];
  const asked = new Set(endpoints.map((endpoint) => /^[a-z]+:\/\/([^/]*)/.exec(endpoint.info.url)?.[1] ?? ''));
  for (const [host, { auth }] of settings.configs) {
    if (auth === null) continue;
    const used = asked.has(host) || asked.has(host.replace(/:(80|443)$/, ''));
    const pair = pairOf(auth);
    if (pair === null) {
      const effect = used ? `containerd fails a pull when ${host} asks for credentials` : 'it cannot be used';
      const message = `The auth of ${host} is not base64 of "user:password", so ${effect}.`;
      problems.push(misconfigured(used ? 'error' : 'warning', auth.source, message));
    } else if (pair.username !== '' || pair.password.reveal() !== '') {
      credentials.push({ host, source: auth.source, ...pair });
    }
    if (host === registry && defaultHost(registry) !== host) {
      const message = `containerd looks for these credentials under ${defaultHost(registry)}, the host that it asks, so those for ${host} are never sent.`;
      problems.push(misconfigured('warning', auth.source, message));
    }
  }
  return { credentials, problems };
}

/** The user name or, for an identity token, an empty one; null when `auth` cannot be decoded. */
function pairOf(auth: RegistryAuth): { readonly username: string; readonly password: Secret } | null {
  if (auth.username !== '') return { username: auth.username, password: auth.password };
  if (auth.identityToken.reveal() !== '') return { username: '', password: auth.identityToken };
  const encoded = auth.auth.reveal().replace(/[\r\n]/g, '');
  if (encoded === '') return { username: '', password: new Secret('') };
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(encoded)) return null;
  const decoded = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = decoded.indexOf(':');
  if (colon < 0) return null;
  return {
    username: decoded.slice(0, colon),
    password: new Secret(decoded.slice(colon + 1).replace(/^\u0000+|\u0000+$/g, '')),
  };
}
