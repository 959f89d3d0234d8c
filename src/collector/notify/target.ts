import type { Env } from '../../lib/env.ts';
import { fail, ok, type Result } from '../../lib/result.ts';
import { Secret } from '../../lib/secret.ts';
import { readSmallFile } from '../../lib/small-file.ts';
import { withoutTrailing } from '../../lib/trailing.ts';
import { durationMs } from '../../settings/values.ts';
import { basic, type PostFailure, post } from '../../wire/post.ts';
import type { TargetRules } from './decide.ts';
import { type NotifySetting, targetName } from './settings.ts';

/** Longest a message takes: well below the evaluator's lease, so that who begins one is still leader when it has arrived. */
export const sendMs = 5000;

/** Who is told, and how. */
export interface Target {
  readonly name: string;
  readonly type: NotifySetting['type'];
  readonly rules: TargetRules;
  /** How long due messages wait for others that belong to them. */
  readonly windowMs: number;
  /** Sends one body. Files are read for each: tokens and keys rotate. Never rejects. */
  readonly send: (
    body: string,
    headersOf: (key: Secret | null) => Readonly<Record<string, string>>,
    signal: AbortSignal,
  ) => Promise<Result<{ readonly status: number }, PostFailure>>;
}

/** A target of an entry that `notifyProblems` has nothing against. Opens nothing. */
export function openTarget(setting: NotifySetting, env: Env): Target {
  const { type, minScope, severities, causes, faults } = setting;
  return {
    name: targetName(setting),
    type,
    rules: {
      minScope,
      severities,
      causes,
      faults,
      delayMs: durationMs(setting.delay) ?? 0,
      degradedDelayMs: durationMs(setting.degradedDelay) ?? 0,
      repeatMs: durationMs(setting.repeat) ?? 0,
    },
    windowMs: durationMs(setting.window) ?? 0,
    async send(body, headersOf, signal) {
      const read = await readFiles(setting);
      if (!read.ok) return fail({ reason: 'unusable', status: null, message: read.error, retryAfterMs: null });
      const { url, ca, key, authorization } = read.value;
      const headers = { 'content-type': 'application/json', ...headersOf(key), ...authorization };
      const proxy = setting.proxy === null ? null : new Secret(setting.proxy);
      return post({ url, headers, body, ca, proxy, timeoutMs: sendMs, signal }, env);
    },
  };
}

interface ReadFiles {
  readonly url: Secret;
  readonly ca: string | null;
  readonly key: Secret | null;
  readonly authorization: Readonly<Record<string, Secret>>;
}

async function readFiles(setting: NotifySetting): Promise<Result<ReadFiles, string>> {
  const url = await wordOf(setting.urlFile, 'urlFile');
  if (!url.ok) return url;
  const key = await wordOf(setting.secretFile, 'secretFile');
  if (!key.ok) return key;
  const token = await wordOf(setting.tokenFile, 'tokenFile');
  if (!token.ok) return token;
  const password = await wordOf(setting.passwordFile, 'passwordFile');
  if (!password.ok) return password;
  const ca = setting.caFile === null ? ok(null) : await textOf(setting.caFile, 'caFile');
  if (!ca.ok) return ca;
  // An empty list of authorities would trust nobody, and its failure would blame the server.
  if (ca.value?.includes('-----BEGIN CERTIFICATE-----') === false)
    return fail(`the file of caFile, ${setting.caFile}, holds no certificate`);
  const authorization =
    token.value !== null
      ? { authorization: new Secret(`Bearer ${token.value}`) }
      : setting.username !== null && password.value !== null
        ? { authorization: basic(setting.username, password.value) }
        : {};
  const address = url.value ?? setting.url ?? '';
  return ok({
    url: new Secret(setting.type === 'alertmanager' ? alertsUrl(address) : address),
    ca: ca.value,
    key: key.value === null ? null : new Secret(key.value),
    authorization,
  });
}

/** Below a path of its own where a reverse proxy gives it one. */
function alertsUrl(base: string): string {
  const url = URL.parse(base);
  if (url === null) return base;
  url.pathname = `${withoutTrailing(url.pathname, '/')}/api/v2/alerts`;
  return url.href;
}

/** What a file of one secret holds; an empty one is a mistake, not an empty secret. */
async function wordOf(path: string | null, what: string): Promise<Result<string | null, string>> {
  if (path === null) return ok(null);
  const text = await textOf(path, what);
  if (!text.ok) return text;
  const word = text.value.trim();
  if (word === '') return fail(`the file of ${what}, ${path}, is empty`);
  return /^[\x21-\x7e ]+$/.test(word)
    ? ok(word)
    : fail(`the file of ${what}, ${path}, has more than one line of plain text`);
}

async function textOf(path: string, what: string): Promise<Result<string, string>> {
  const text = await readSmallFile(path, { regular: true });
  return text.ok ? text : fail(`the file of ${what}, ${path}, ${text.error.what}`);
}
