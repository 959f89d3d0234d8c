import { isRecord } from '../lib/json.ts';
import type { Problem } from '../model/problem.ts';
import { hitsRuntime, listCertificates, loadAuthorities } from './certs-directory.ts';
import { defaultHost, endpointUrl, isLocalhost } from './containerd-address.ts';
import type { ImageTarget } from './containerd-endpoints.ts';
import { harmless, keepsFromStarting } from './containerd-problem.ts';
import { failureWords } from './file-failure.ts';
import { parseGoUrl } from './go-url.ts';
import { type HostFiles, sourceName } from './host-files.ts';
import type { RuntimeEndpoint, RuntimePlan } from './runtime-plan.ts';

const daemonFile = '/etc/docker/daemon.json';

/**
 * What Docker, behind cri-dockerd, does for one image as far as its own file says: `registry-mirrors`, which serve
 * Docker Hub alone, then the registry; `insecure-registries` by name, and loopback addresses, without verification and
 * with plain HTTP after HTTPS (moby registry/config.go and service_v2.go). Flags of dockerd's command line and address
 * ranges in `insecure-registries` are not known here.
 */
export async function planDocker(host: HostFiles, image: ImageTarget): Promise<RuntimePlan> {
  const source = sourceName(daemonFile);
  const problems: Problem[] = [];
  const plan = { runtime: 'docker' as const, shortName: null, credentials: [], sandboxImage: null };
  const text = await host.readText(daemonFile);
  if (!text.ok && text.error.kind !== 'absent') {
    const words = `The file ${failureWords(text.error)}`;
    if (hitsRuntime(text.error)) {
      problems.push(keepsFromStarting(source, `${words}, so Docker does not start with it.`));
      return { ...plan, files: [], endpoints: [], problems };
    }
    problems.push(harmless(source, `${words}, so the plan leaves its settings out.`));
  }
  const content = text.ok ? text.value : '';
  const settings = parseSettings(content);
  if (settings === null) {
    problems.push(keepsFromStarting(source, 'It is not a JSON object, so Docker does not start with it.'));
    return { ...plan, files: [source], endpoints: [], problems };
  }
  const insecure = new Set(textsOf(settings['insecure-registries']));
  const mirrors = image.domain === 'docker.io' ? textsOf(settings['registry-mirrors']) : [];
  const endpoints: RuntimeEndpoint[] = [];
  for (const mirror of mirrors) {
    const url = parseGoUrl(mirror);
    if (!url.ok || !['http', 'https'].includes(url.value.scheme) || url.value.host === '') {
      const message = 'A registry mirror is no http:// or https:// address, so Docker does not start with this file.';
      problems.push(keepsFromStarting(placeOf(content, mirror), message));
      return { ...plan, files: [source], endpoints: [], problems };
    }
    const { scheme, host: address } = url.value;
    endpoints.push(await endpointAt(host, image, { scheme, address, source: placeOf(content, mirror) }, insecure));
  }
  const upstream = { scheme: 'https', address: defaultHost(image.domain), source: 'default' };
  endpoints.push(await endpointAt(host, image, upstream, insecure));
  return { ...plan, files: text.ok ? [source] : [], endpoints, problems };
}

async function endpointAt(
  host: HostFiles,
  image: ImageTarget,
  place: { readonly scheme: string; readonly address: string; readonly source: string },
  insecureNames: ReadonlySet<string>,
): Promise<RuntimeEndpoint> {
  const { scheme, address, source } = place;
  const insecure = scheme === 'https' && (insecureNames.has(address) || isLocalhost(address));
  const listed = await listCertificates(host, `/etc/docker/certs.d/${address}`);
  const ca = listed.ok ? listed.value.authorities : [];
  const loaded = await Promise.all(ca.map((path) => loadAuthorities(host, path)));
  return {
    info: {
      url: endpointUrl(scheme, address, '/v2'),
      reference: image.normalized,
      role: source === 'default' ? 'upstream' : 'mirror',
      source,
      capabilities: ['pull', 'resolve'],
      skipVerify: false,
      insecure,
      httpFallback: insecure,
      ca,
      client: [],
      dialTimeoutMs: null,
      headers: [],
      blocked: false,
    },
    caPem: loaded.flatMap((pem) => (pem.ok ? [pem.value] : [])),
    clientPairs: [],
    headerValues: {},
  };
}

/** An empty file is an empty object to Docker; null for what it does not take. */
function parseSettings(text: string): Readonly<Record<string, unknown>> | null {
  if (text.trim() === '') return {};
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : null;
  } catch {
    return null;
  }
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

function placeOf(text: string, value: string): string {
  const index = text.indexOf(JSON.stringify(value));
  const line = index < 0 ? '' : `:${text.slice(0, index).split('\n').length}`;
  return `${sourceName(daemonFile)}${line}`;
}
