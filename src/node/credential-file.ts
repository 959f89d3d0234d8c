import { isRecord, type JsonRecord } from '../lib/json.ts';
import { clip } from '../lib/limits.ts';
import { fail, ok, type Result } from '../lib/result.ts';
import { Secret } from '../lib/secret.ts';
import { keyScope } from './credential-scope.ts';

/** The two forms of a credentials file: Docker's config.json with its `auths`, and the older file that is only the map. */
export type CredentialFormat = 'dockerconfigjson' | 'dockercfg';

/** Why a file gives no credentials at all. */
export type CredentialFailureKind =
  | 'absent'
  | 'denied'
  | 'too-large'
  | 'unreadable' // not a regular file, or an I/O error
  | 'not-json'
  | 'double-base64' // the JSON is still base64: it was encoded by hand and by the API once more
  | 'secret-manifest' // the Secret object itself, not the text that it holds
  | 'wrong-type' // JSON, and not of the form that the kubelet decodes
  | 'bad-auth'; // one entry's `auth` does not decode; the kubelet then drops the whole file

/** A file that cannot be used. The message never repeats anything that could be a secret. */
export interface CredentialFailure {
  readonly kind: CredentialFailureKind;
  /** One sentence: what is wrong, where, and what the kubelet does because of it. */
  readonly message: string;
  /** The file or secret, as the caller named it. */
  readonly source: string;
}

/** Something in a usable file that does not do what its author expects. */
export type CredentialNoticeKind =
  | 'unusable' // this file of the node is skipped; the kubelet goes on to the next
  | 'shadowed' // the kubelet found an earlier file and does not read this one
  | 'not-read' // a file where people expect the kubelet to look, and it does not
  | 'no-auths' // a config.json without entries
  | 'legacy-format' // the older form under a name of the newer one, or the other way round
  | 'helper-ignored' // `credsStore` or `credHelpers`: the kubelet runs no helpers
  | 'token-ignored' // `identitytoken` or `registrytoken`: the kubelet does not read them
  | 'empty-entry' // an entry with neither user name nor password: a match all the same
  | 'bad-key'; // a key that is no registry address: the kubelet ignores it

/** One notice; no secret in its message. */
export interface CredentialNotice {
  readonly kind: CredentialNoticeKind;
  readonly message: string;
}

/** One entry of a file. */
export interface CredentialEntry {
  /** As the file spells it, without a user name in it: `https://index.docker.io/v1/`. */
  readonly key: string;
  /** Host and path that the kubelet matches with (`index.docker.io`, `reg.corp/team`); null when the key is no address. */
  readonly scope: string | null;
  readonly username: string;
  readonly password: Secret;
  /** Beside them in the entry; empty without one. No registry is told. */
  readonly email: string;
  /** An OAuth refresh token that Docker keeps; the kubelet does not read it. */
  readonly identityToken: Secret | null;
  /** A bearer token; the kubelet does not read it from a file. */
  readonly registryToken: Secret | null;
}

/** The credentials of one file or one secret. */
export interface CredentialFile {
  readonly source: string;
  readonly format: CredentialFormat;
  /** In file order. */
  readonly entries: readonly CredentialEntry[];
  /** The keys in file order, for remedies ("it has entries for …"). */
  readonly hosts: readonly string[];
  readonly notices: readonly CredentialNotice[];
}

/**
 * Parses a file as the kubelet does (Kubernetes, pkg/credentialprovider/config.go; Go's encoding/json takes keys of any
 * letter case). One wrong type or one undecodable `auth` makes all of it unusable, for every registry in it.
 */
export function parseCredentials(
  text: string,
  source: string,
  format: CredentialFormat,
): Result<CredentialFile, CredentialFailure> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return fail(notJson(text, source, error));
  }
  if (json !== null && !isRecord(json)) {
    return fail({
      kind: 'wrong-type',
      source,
      message: `${source} holds ${typeName(json)} where an object is wanted.`,
    });
  }
  const notices: CredentialNotice[] = [];
  const top = json ?? {};
  const manifest = secretManifest(top, source);
  if (manifest !== null) return fail(manifest);
  if (format === 'dockerconfigjson') {
    const headers = field(top, 'HttpHeaders');
    if (headers !== undefined && headers !== null && !isStringMap(headers)) {
      return fail({ kind: 'wrong-type', source, message: `${source}: HttpHeaders must be an object of texts.` });
    }
    noticeHelpers(top, source, notices);
  }
  const auths = format === 'dockercfg' ? top : (field(top, 'auths') ?? {});
  if (!isRecord(auths)) {
    const message = `${source}: auths is ${typeName(auths)} and must be an object with one member for each registry.`;
    return fail({ kind: 'wrong-type', source, message });
  }
  noticeForm(top, auths, source, format, notices);
  const entries: CredentialEntry[] = [];
  for (const [key, value] of Object.entries(auths)) {
    const entry = parseEntry(key, value, source, notices);
    if (!entry.ok) return entry;
    entries.push(entry.value);
  }
  return ok({ source, format, entries, hosts: entries.map((entry) => entry.key), notices });
}

/**
 * The form of a file by its name (`.dockercfg` is the older one) or else by its content: a map of registries without
 * `auths` is the older one too.
 */
export function formatOf(name: string, text: string): CredentialFormat {
  if (/(?:^|[./])dockercfg$/.test(name)) return 'dockercfg';
  try {
    const json: unknown = JSON.parse(text);
    return isRecord(json) && looksLegacy(json) ? 'dockercfg' : 'dockerconfigjson';
  } catch {
    return 'dockerconfigjson';
  }
}

function parseEntry(
  key: string,
  value: unknown,
  source: string,
  notices: CredentialNotice[],
): Result<CredentialEntry, CredentialFailure> {
  const shown = withoutUser(key);
  if (value !== null && !isRecord(value)) {
    const message = `${source}: the entry of ${shown} is ${typeName(value)} and must be an object, so the kubelet uses nothing of this file.`;
    return fail({ kind: 'wrong-type', source, message });
  }
  const fields = value ?? {};
  for (const name of ['username', 'password', 'email', 'auth']) {
    const part = field(fields, name);
    if (part !== undefined && part !== null && typeof part !== 'string') {
      const message = `${source}: ${name} in the entry of ${shown} is ${typeName(part)} and must be a text, so the kubelet uses nothing of this file.`;
      return fail({ kind: 'wrong-type', source, message });
    }
  }
  let username = textField(fields, 'username');
  let password = textField(fields, 'password');
  const auth = textField(fields, 'auth');
  if (auth !== '') {
    const decoded = decodeAuth(auth);
    if (typeof decoded === 'string') {
      const message = `${source}: auth in the entry of ${shown} ${decoded}, so the kubelet uses nothing of this file, for no registry in it; write base64 of "user:password".`;
      return fail({ kind: 'bad-auth', source, message });
    }
    username = decoded.username;
    password = decoded.password;
  }
  const identityToken = secretField(fields, 'identitytoken');
  const registryToken = secretField(fields, 'registrytoken');
  const scope = keyScope(key);
  if (identityToken !== null || registryToken !== null) {
    const name = identityToken === null ? 'registrytoken' : 'identitytoken';
    const message = `${source}: the kubelet does not read the ${name} of ${shown}, only its user name and password.`;
    notices.push({ kind: 'token-ignored', message });
  }
  if (scope === null) {
    notices.push({
      kind: 'bad-key',
      message: `${source}: the key ${shown} is no registry address; the kubelet ignores it.`,
    });
  } else if (username === '' && password === '') {
    const message = `${source}: the entry of ${shown} has neither user name nor password; the kubelet pulls with it all the same, anonymously.`;
    notices.push({ kind: 'empty-entry', message });
  }
  const email = textField(fields, 'email');
  return ok({ key: shown, scope, username, password: new Secret(password), email, identityToken, registryToken });
}

/**
 * User name and password of an `auth`, or what is wrong with it. As Go: line breaks are skipped, other blanks are not;
 * with padding when it ends in `=`, else without; the password may hold colons.
 */
function decodeAuth(auth: string): { readonly username: string; readonly password: string } | string {
  const padded = auth.trim().endsWith('=');
  const text = auth.replaceAll(/[\r\n]/g, '');
  const form = padded
    ? /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)$/
    : /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2,3})?$/;
  if (!form.test(text)) return 'is not base64';
  const decoded = Buffer.from(text, 'base64').toString('utf8');
  const colon = decoded.indexOf(':');
  if (colon < 0) return 'has no colon between user name and password once decoded';
  return { username: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
}

/** A key as it may be shown: some people put `user:password@` before the host. */
function withoutUser(key: string): string {
  return clip(key.replace(/^([a-z]*:\/\/)?[^/]*@/i, '$1'), 300);
}

function noticeHelpers(top: JsonRecord, source: string, notices: CredentialNotice[]): void {
  const store = field(top, 'credsStore');
  const helpers = field(top, 'credHelpers');
  if (typeof store === 'string' && store !== '') {
    const message = `${source} leaves its credentials to the helper docker-credential-${store} (credsStore); the kubelet runs no such helper, so write the credentials into auths.`;
    notices.push({ kind: 'helper-ignored', message });
  }
  if (isRecord(helpers) && Object.keys(helpers).length > 0) {
    const message = `${source} names credential helpers for ${Object.keys(helpers).map(withoutUser).slice(0, 10).join(', ')} (credHelpers); the kubelet runs no such helper, so write the credentials into auths.`;
    notices.push({ kind: 'helper-ignored', message });
  }
}

function noticeForm(
  top: JsonRecord,
  auths: JsonRecord,
  source: string,
  format: CredentialFormat,
  notices: CredentialNotice[],
): void {
  if (format === 'dockercfg') {
    if (isRecord(field(top, 'auths'))) {
      const message = `${source} is read as the older .dockercfg form and has a member "auths", which belongs to config.json: the kubelet takes it for a registry of that name.`;
      notices.push({ kind: 'legacy-format', message });
    }
    return;
  }
  if (Object.keys(auths).length > 0) return;
  if (looksLegacy(top)) {
    const message = `${source} has no "auths" and looks like the older .dockercfg form: as .dockerconfigjson the kubelet finds no credentials in it.`;
    notices.push({ kind: 'legacy-format', message });
  } else {
    notices.push({ kind: 'no-auths', message: `${source} has no entry under "auths", so it gives no credentials.` });
  }
}

/** What a Secret object is told by, as JSON or as YAML. */
const secretWords = /^\s*kind:\s*["']?Secret["']?\s*$/m;

/** The types of secrets that the kubelet reads for pulls, with the key that each must have (secrets.go, MakeDockerKeyring). */
const secretKeys: ReadonlyMap<string, string> = new Map([
  ['kubernetes.io/dockerconfigjson', '.dockerconfigjson'],
  ['kubernetes.io/dockercfg', '.dockercfg'],
]);

/** A Secret object in the place of what it holds: what is wrong with it as a pull secret, and how to get at its text. */
function secretManifest(top: JsonRecord, source: string): CredentialFailure | null {
  const isList = top.kind === 'List' && Array.isArray(top.items);
  if (top.kind !== 'Secret' && !isList) return null;
  const type = typeof top.type === 'string' ? top.type : 'Opaque';
  const key = secretKeys.get(type);
  if (key === undefined && !isList) {
    const known = [...secretKeys.keys()].join(' or ');
    const message = `${source} is a Kubernetes Secret of type ${clip(type, 100)}, which the kubelet does not use for pulls: it must be of type ${known}.`;
    return { kind: 'secret-manifest', source, message };
  }
  if (key !== undefined && (!isRecord(top.data) || typeof top.data[key] !== 'string') && !isRecord(top.stringData)) {
    const message = `${source} is a Kubernetes Secret of type ${type} without data[${JSON.stringify(key)}], so the kubelet finds no credentials in it.`;
    return { kind: 'secret-manifest', source, message };
  }
  return manifestFailure(source, key ?? '.dockerconfigjson');
}

function manifestFailure(source: string, key: string): CredentialFailure {
  const path = `{.data.${key.replaceAll('.', '\\.')}}`;
  const message = `${source} is a Kubernetes Secret itself; what is wanted is the text that it holds: kubectl get secret NAME -o jsonpath='${path}' | base64 -d.`;
  return { kind: 'secret-manifest', source, message };
}

function looksLegacy(top: JsonRecord): boolean {
  const values = Object.values(top);
  const entry = (value: unknown) =>
    isRecord(value) && ['auth', 'username', 'password'].some((name) => typeof field(value, name) === 'string');
  return field(top, 'auths') === undefined && values.length > 0 && values.every(entry);
}

function notJson(text: string, source: string, error: unknown): CredentialFailure {
  const decoded = /^[A-Za-z0-9+/=\s]{8,}$/.test(text) ? Buffer.from(text, 'base64').toString('utf8').trimStart() : '';
  if (decoded.startsWith('{')) {
    const message = `${source} is base64 once more than it should be; decode it once, the kubelet wants JSON there.`;
    return { kind: 'double-base64', source, message };
  }
  if (secretWords.test(text)) return manifestFailure(source, '.dockerconfigjson');
  if (text.trim() === '') return { kind: 'not-json', source, message: `${source} is empty; it must hold JSON.` };
  // The engine's own message quotes the text around the place, which may be a password: only the place is kept.
  const place = error instanceof Error ? /at position (\d+)/.exec(error.message)?.[1] : undefined;
  const line = place === undefined ? '' : ` (line ${text.slice(0, Number(place)).split('\n').length})`;
  return {
    kind: 'not-json',
    source,
    message: `${source} is not valid JSON${line}, so the kubelet uses nothing of it.`,
  };
}

/** A member by its name in any letter case, as Go's encoding/json finds it; the last one wins. */
function field(object: JsonRecord, name: string): unknown {
  const wanted = name.toLowerCase();
  return Object.entries(object).findLast(([key]) => key.toLowerCase() === wanted)?.[1];
}

function textField(object: JsonRecord, name: string): string {
  const value = field(object, name);
  return typeof value === 'string' ? value : '';
}

function secretField(object: JsonRecord, name: string): Secret | null {
  const value = textField(object, name);
  return value === '' ? null : new Secret(value);
}

function isStringMap(value: unknown): boolean {
  return isRecord(value) && Object.values(value).every((member) => typeof member === 'string' || member === null);
}

function typeName(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (value === null) return 'null';
  return typeof value === 'object' ? 'an object' : `a ${typeof value === 'string' ? 'text' : typeof value}`;
}
