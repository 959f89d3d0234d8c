import type { Problem } from '../model/problem.ts';
import {
  type CertificateFailure,
  certificateFailureWords,
  hitsRuntime,
  loadAuthorities,
  loadClientPair,
} from './certs-directory.ts';
import { cleanPath, defaultHost, endpointUrl, isLocalhost } from './containerd-address.ts';
import type { Named } from './containerd-config-file.ts';
import type { ConfiguredEndpoints, ImageTarget } from './containerd-endpoints.ts';
import { misconfigured } from './containerd-problem.ts';
import type { ContainerdSettings, RegistryTls } from './containerd-settings.ts';
import { parseGoUrl } from './go-url.ts';
import type { HostFiles } from './host-files.ts';
import type { RuntimeEndpoint } from './runtime-plan.ts';

/**
 * The endpoints of `registry.mirrors` and `registry.configs`, for when there is no `config_path` (registryHosts and
 * registryEndpoints in the CRI plugin's image_pull.go). Mirrors of the registry's own name, else those of `*`; then the
 * registry itself, unless an endpoint's host is its name. `/v2` is added only to an endpoint without any path.
 */
export async function configureMirrors(
  host: HostFiles,
  image: ImageTarget,
  settings: ContainerdSettings,
): Promise<ConfiguredEndpoints> {
  const problems: Problem[] = [];
  const endpoints: RuntimeEndpoint[] = [];
  let broken = false;
  const upstream = defaultHost(image.domain);
  const listed = settings.mirrors.get(image.domain) ?? settings.mirrors.get('*') ?? [];
  const known = listed.some((item) => hostOf(item.name) === image.domain);
  const all: readonly Named[] = known ? listed : [...listed, { name: upstream, source: 'default' }];

  for (const item of all) {
    const url = parseGoUrl(withScheme(item.name));
    if (!url.ok) {
      broken = true;
      const message = `This endpoint cannot be parsed (${url.error}), so containerd fails every pull from ${image.domain}.`;
      problems.push(misconfigured('error', item.source, message));
      continue;
    }
    const { scheme, host: address } = url.value;
    if (address === '' || !['http', 'https'].includes(scheme)) {
      const message =
        'This is not an http:// or https:// address with a host, so containerd cannot ask it and tries the next one.';
      problems.push(misconfigured('warning', item.source, message));
      continue;
    }
    const path = /^[?#]|^$/.test(url.value.rest) ? '/v2' : cleanPath(url.value.rest);
    const shown = endpointUrl(scheme, address, path);
    if (!`${path}/`.endsWith('/v2/')) {
      const message = `This endpoint has a path of its own, so containerd adds no /v2 to it and asks ${shown}/${image.path}/manifests/…`;
      problems.push(misconfigured('warning', item.source, message));
    }
    const tls = settings.configs.get(address)?.tls ?? null;
    const material = await loadTls(host, tls);
    for (const { failure, harmless } of material.failures) {
      const certain = !harmless && (failure.kind !== 'unreadable' || hitsRuntime(failure.file));
      if (certain) broken = true;
      const effect = certain
        ? `so containerd fails every pull from ${image.domain}`
        : harmless
          ? 'and containerd goes on without it'
          : 'so the plan leaves it out';
      const message = `In the TLS settings of ${address}, ${certificateFailureWords(failure)}, ${effect}.`;
      problems.push(misconfigured(certain ? 'error' : 'warning', tls?.source ?? item.source, message));
    }
    if (material.incomplete) {
      broken = true;
      const message = `The TLS settings of ${address} name only one of cert_file and key_file, so containerd fails every pull from ${image.domain}.`;
      problems.push(misconfigured('error', tls?.source ?? item.source, message));
    }
    const plainLocal = tls === null && scheme === 'http' && isLocalhost(image.domain);
    endpoints.push({
      info: {
        url: shown,
        reference: image.normalized,
        role: item.source === 'default' ? 'upstream' : 'mirror',
        source: item.source,
        capabilities: ['pull', 'resolve'],
        skipVerify: tls?.skipVerify ?? plainLocal,
        insecure: false,
        httpFallback: false,
        ca: tls === null || tls.caFile === '' ? [] : [tls.caFile],
        client: tls === null || tls.certFile === '' ? [] : [[tls.certFile, tls.keyFile]],
        dialTimeoutMs: null,
        headers: Object.keys(settings.headers),
        blocked: false,
      },
      caPem: material.caPem,
      clientPairs: material.clientPairs,
      headerValues: settings.headers,
    });
  }
  return { endpoints: broken ? [] : endpoints, problems };
}

/** addDefaultScheme: plain HTTP for localhost, HTTPS for everything else. */
function withScheme(endpoint: string): string {
  if (endpoint.includes('://')) return endpoint;
  const parsed = parseGoUrl(`dummy://${endpoint}`);
  return `${isLocalhost(parsed.ok ? parsed.value.host : endpoint) ? 'http' : 'https'}://${endpoint}`;
}

function hostOf(endpoint: string): string | null {
  const parsed = parseGoUrl(withScheme(endpoint));
  return parsed.ok ? parsed.value.host : null;
}

interface TlsMaterial extends Pick<RuntimeEndpoint, 'caPem' | 'clientPairs'> {
  /** `harmless`: containerd does not look at the result. */
  readonly failures: readonly { readonly failure: CertificateFailure; readonly harmless: boolean }[];
  readonly incomplete: boolean;
}

/** getTLSConfig of 1.x: a CA file without a certificate in it goes unnoticed there. */
async function loadTls(host: HostFiles, tls: RegistryTls | null): Promise<TlsMaterial> {
  const failures: { failure: CertificateFailure; harmless: boolean }[] = [];
  const incomplete = tls !== null && (tls.certFile === '') !== (tls.keyFile === '');
  const pair =
    tls === null || tls.certFile === '' || incomplete ? null : await loadClientPair(host, tls.certFile, tls.keyFile);
  if (pair !== null && !pair.ok) failures.push({ failure: pair.error, harmless: false });
  const ca = tls === null || tls.caFile === '' ? null : await loadAuthorities(host, tls.caFile);
  if (ca !== null && !ca.ok) failures.push({ failure: ca.error, harmless: ca.error.kind === 'no-certificate' });
  return { caPem: ca?.ok ? [ca.value] : [], clientPairs: pair?.ok ? [pair.value] : [], failures, incomplete };
}
