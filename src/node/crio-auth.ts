import { type ImageReference, repositoryName } from '../image/reference.ts';
import { isRecord } from '../lib/json.ts';
import { Secret } from '../lib/secret.ts';
import type { Problem } from '../model/problem.ts';
import type { CrioConfig } from './crio-config.ts';
import { crioHome, misconfigured, suspicious, unread } from './crio-files.ts';
import { type HostFiles, sourceName } from './host-files.ts';
import type { RuntimeCredential } from './runtime-plan.ts';

/** The credentials of CRI-O's own files for a set of references. */
export interface CrioCredentials {
  /** One for each registry host that has any; `host` is the host of the reference they were found for. */
  readonly credentials: readonly RuntimeCredential[];
  readonly files: readonly string[];
  readonly problems: readonly Problem[];
}

interface AuthFile {
  readonly path: string;
  /** `.dockercfg`: the entries stand at the top, and only whole hosts match. */
  readonly legacy: boolean;
}

interface AuthEntries {
  readonly file: AuthFile;
  readonly entries: ReadonlyMap<string, string>;
}

/** Where credentials are looked for when crio.conf sets no global_auth_file, for root without XDG_RUNTIME_DIR. */
const defaultFiles: readonly AuthFile[] = [
  { path: '/run/containers/0/auth.json', legacy: false },
  { path: `${crioHome}/.config/containers/auth.json`, legacy: false },
  { path: `${crioHome}/.docker/config.json`, legacy: false },
  { path: `${crioHome}/.dockercfg`, legacy: true },
];

/**
 * Finds the credentials that CRI-O takes from its own files for each reference it asks for (containers/image
 * pkg/docker/config, findCredentialsInFile): those of the request over CRI come first, but they are for the image's own
 * host alone, so a mirror on another host is always asked with these. Credential helpers are not run.
 */
export async function readCrioCredentials(
  host: HostFiles,
  config: Pick<CrioConfig, 'globalAuthFile'>,
  references: readonly ImageReference[],
): Promise<CrioCredentials> {
  const set = config.globalAuthFile;
  const places = set === null ? defaultFiles : [{ path: set.value, legacy: false }];
  const problems: Problem[] = [];
  const files: string[] = [];
  const parsed: AuthEntries[] = [];
  for (const place of places) {
    const text = await host.readText(place.path);
    const source = sourceName(place.path);
    if (!text.ok) {
      if (text.error.kind !== 'absent') problems.push(unread(text.error));
      else if (set !== null) {
        const message = `global_auth_file names ${place.path}, which does not exist; CRI-O goes on without node credentials.`;
        problems.push(suspicious(set.source, message));
      }
      continue;
    }
    files.push(source);
    const entries = readEntries(text.value, place.legacy);
    if (entries === null) {
      const message = `${source} is no valid JSON auth file; every pull fails for which the kubelet sends no credentials.`;
      problems.push(misconfigured(source, message));
    } else parsed.push({ file: place, entries });
  }

  const credentials = new Map<string, RuntimeCredential>();
  for (const reference of references) {
    if (credentials.has(reference.domain)) continue;
    const found = find(parsed, reference, problems);
    if (found !== null) credentials.set(reference.domain, found);
  }
  return { credentials: [...credentials.values()], files, problems };
}

function find(files: readonly AuthEntries[], reference: ImageReference, problems: Problem[]): RuntimeCredential | null {
  for (const { file, entries } of files) {
    const key = lookupOrder(reference, file.legacy).find((name) => entries.has(name));
    const found = key ?? normalizedKey(entries, reference.domain, file.legacy) ?? '';
    const auth = entries.get(found);
    if (auth === undefined) continue;
    const decoded = decode(auth);
    if (decoded === 'invalid') {
      const source = sourceName(file.path);
      const message = `the entry of ${source} for ${reference.domain} is not base64; a pull from there fails when the kubelet sends no credentials.`;
      problems.push(misconfigured(source, message));
      return null;
    }
    if (decoded === null) continue;
    const named = found === reference.domain ? {} : { key: found };
    return { host: reference.domain, ...named, source: sourceName(file.path), ...decoded };
  }
  return null;
}

/** `quay.io/team/app`, `quay.io/team`, `quay.io`; a legacy file has hosts only. */
function lookupOrder(reference: ImageReference, legacy: boolean): readonly string[] {
  if (legacy) return [reference.domain];
  const keys: string[] = [];
  for (let key = repositoryName(reference); ; key = key.slice(0, key.lastIndexOf('/'))) {
    keys.push(key);
    if (!key.includes('/')) return keys;
  }
}

/** A key that is a URL, or another name of Docker Hub, as old `docker login` wrote it. */
function normalizedKey(entries: ReadonlyMap<string, string>, domain: string, legacy: boolean): string | null {
  for (const key of entries.keys()) {
    const stripped = key.replace(/^http:\/\//, '').replace(/^https:\/\//, '');
    const host = legacy || stripped !== key ? (stripped.split('/', 1)[0] ?? '') : stripped;
    if (dockerHub(host) === dockerHub(domain)) return key;
  }
  return null;
}

function dockerHub(host: string): string {
  return host === 'docker.io' || host === 'registry-1.docker.io' ? 'index.docker.io' : host;
}

/** Host or repository → the `auth` field; null when the text is not such a file. */
function readEntries(text: string, legacy: boolean): ReadonlyMap<string, string> | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (!isRecord(value)) return null;
  const auths = legacy ? value : (value.auths ?? {});
  if (!isRecord(auths)) return null;
  const entries = new Map<string, string>();
  for (const [key, entry] of Object.entries(auths)) {
    if (!isRecord(entry)) return null;
    const auth = entry.auth ?? '';
    if (typeof auth !== 'string') return null;
    entries.set(key, auth);
  }
  return entries;
}

/** Null: an empty entry, which a credential helper leaves; the next file is looked at. */
function decode(auth: string): { readonly username: string; readonly password: Secret } | 'invalid' | null {
  if (!/^[A-Za-z0-9+/\r\n]*={0,2}[\r\n]*$/.test(auth)) return 'invalid';
  const text = Buffer.from(auth, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  if (colon < 0) return null;
  return { username: text.slice(0, colon), password: new Secret(text.slice(colon + 1).replace(/^\0+|\0+$/g, '')) };
}
