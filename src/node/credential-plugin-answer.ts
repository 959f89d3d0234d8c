import { isRecord, parseJson, recordMember, stringMember } from '../lib/json.ts';
import { clip } from '../lib/limits.ts';
import { fail, ok, type Result } from '../lib/result.ts';
import { Secret } from '../lib/secret.ts';
import type { CredentialEntry } from './credential-file.ts';
import { keyScope } from './credential-scope.ts';
import { parseGoDuration } from './go-duration.ts';

/** For what else a plugin's answer holds, besides the image that it was asked for. */
export const cacheKeyTypes = ['Image', 'Registry', 'Global'] as const;

/** One of `cacheKeyTypes`. */
export type CacheKeyType = (typeof cacheKeyTypes)[number];

/** What a plugin answered. */
export interface PluginAnswer {
  readonly cacheKeyType: CacheKeyType;
  /** How long it may be kept, milliseconds; 0: not at all; null: as long as its configuration says. */
  readonly cacheMs: number | null;
  readonly entries: readonly CredentialEntry[];
}

/** Entries of one answer; a cloud's plugin gives one for each registry that it knows, at most some tens. */
const maxEntries = 1024;

/**
 * What the kubelet writes to a plugin's standard input (kubelet/pkg/apis/credentialprovider, CredentialProviderRequest).
 * `image` is the name without tag and digest, its registry completed: `docker.io/library/nginx`.
 */
export function pluginRequest(apiVersion: string, image: string): string {
  return `${JSON.stringify({ kind: 'CredentialProviderRequest', apiVersion, image })}\n`;
}

/**
 * Reads a CredentialProviderResponse as the kubelet does (Kubernetes, pkg/credentialprovider/plugin/plugin.go: ExecPlugin
 * and provide). The failure is a clause whose subject is the plugin; nothing of the answer is in it, for it may be secret.
 */
export function readPluginAnswer(text: string, apiVersion: string): Result<PluginAnswer, string> {
  const answer: unknown = parseJson(text);
  if (!isRecord(answer))
    return fail(text.trim() === '' ? 'writes nothing to its standard output' : 'writes something else than JSON');
  const version = stringMember(answer, 'apiVersion');
  if (version !== apiVersion)
    return fail(
      `answers with ${version === null ? 'no apiVersion' : 'another apiVersion'}, where ${apiVersion} is set`,
    );
  if (answer.kind !== 'CredentialProviderResponse') return fail('answers with no CredentialProviderResponse');
  const type = cacheKeyTypes.find((one) => one === answer.cacheKeyType);
  if (type === undefined) return fail(`answers without a cacheKeyType of ${cacheKeyTypes.join(', ')}`);
  const duration = answer.cacheDuration ?? null;
  const cacheMs = typeof duration === 'string' ? parseGoDuration(duration) : null;
  if (duration !== null && cacheMs === null) return fail('answers with a cacheDuration that is none');
  const auth = answer.auth ?? null;
  if (auth !== null && !isRecord(auth)) return fail('answers with an auth that is no object');
  const entries: CredentialEntry[] = [];
  for (const [key, value] of Object.entries(recordMember(answer, 'auth') ?? {}).slice(0, maxEntries)) {
    const fields = value ?? {};
    if (!isRecord(fields)) return fail('answers with an entry of auth that is no object');
    const { username = '', password = '' } = fields;
    if (typeof username !== 'string' || typeof password !== 'string')
      return fail('answers with a username or password that is no text');
    entries.push({
      // As of a file's keys, a user name before the host is nobody's business.
      key: clip(key.replace(/^([a-z]*:\/\/)?[^/]*@/i, '$1'), 300),
      scope: keyScope(key),
      username,
      password: new Secret(password),
      email: '',
      identityToken: null,
      registryToken: null,
    });
  }
  return ok({ cacheKeyType: type, cacheMs, entries });
}
