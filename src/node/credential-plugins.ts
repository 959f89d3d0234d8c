import { secretMasker } from '../lib/known-secrets.ts';
import { fail, ok, type Result } from '../lib/result.ts';
import type { CredentialFile } from './credential-file.ts';
import { type CacheKeyType, type PluginAnswer, pluginRequest, readPluginAnswer } from './credential-plugin-answer.ts';
import { openPluginCache, type PluginCache } from './credential-plugin-cache.ts';
import { type PluginFailure, runPlugin } from './credential-plugin-run.ts';
import type { CredentialProvider } from './credential-provider.ts';
import type { HostFiles } from './host-files.ts';
import { findKubelet } from './kubelet-flags.ts';
import { readProcessEnvironment } from './runtime-process.ts';

/** What a plugin gave for an image. */
export interface PluginCredentials {
  readonly file: CredentialFile;
  readonly cacheKeyType: CacheKeyType;
  readonly cacheMs: number;
  /** It was kept from before: nothing was run. */
  readonly cached: boolean;
}

/** Runs the kubelet's plugins and keeps their answers by its rules. */
export interface CredentialPlugins {
  /** `image` is the name without tag and digest, its registry completed. */
  readonly ask: (
    provider: CredentialProvider,
    image: string,
    bounds: { readonly timeoutMs: number; readonly signal: AbortSignal },
  ) => Promise<Result<PluginCredentials, PluginFailure>>;
}

/** What systemd gives a service that sets nothing (systemd.exec(5)). */
const usualEnvironment = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8' };

/**
 * Makes it, with nothing kept. `now` in milliseconds. One for each process that asks again: what is kept holds credentials and
 * lives in its memory alone, as in the kubelet's.
 */
export function openCredentialPlugins(host: HostFiles, now: () => number): CredentialPlugins {
  const caches = new Map<string, PluginCache>();
  const asked = new Map<string, Promise<Result<PluginAnswer, PluginFailure>>>();

  const cacheOf = (provider: CredentialProvider): PluginCache => {
    // Another configuration is another plugin, for the kubelet reads it when it starts.
    const mark = markOf(provider);
    const known = caches.get(mark) ?? openPluginCache(provider.program.defaultCacheMs, now);
    caches.set(mark, known);
    return known;
  };

  return {
    async ask(provider, image, { timeoutMs, signal }) {
      const { program, name } = provider;
      if (program.wantsToken) {
        const what = "wants a token of the pod's service account, which the kubelet alone asks for";
        return fail({ kind: 'cut', what, exitCode: null, stderr: '' });
      }
      const cache = cacheOf(provider);
      const kept = cache.get(image);
      const given = (answer: PluginAnswer, cached: boolean): PluginCredentials => ({
        file: {
          source: `credential provider ${name}`,
          format: 'dockerconfigjson',
          entries: answer.entries,
          hosts: answer.entries.map(({ key }) => key),
          notices: [],
        },
        cacheKeyType: answer.cacheKeyType,
        cacheMs: answer.cacheMs ?? program.defaultCacheMs,
        cached,
      });
      if (kept !== null) return ok(given(kept, true));
      // Asked at once for one image it runs once (plugin.go, singleflight).
      const key = `${markOf(provider)} ${image}`;
      const running = asked.get(key) ?? runOnce(host, provider, image, timeoutMs, signal);
      asked.set(key, running);
      const answer = await running.finally(() => asked.delete(key));
      if (!answer.ok) return answer;
      cache.put(image, answer.value);
      return ok(given(answer.value, false));
    },
  };
}

function markOf({ name, program }: CredentialProvider): string {
  const env = program.env.map((one) => [one.name, one.value.reveal()]);
  return JSON.stringify([name, program.path, program.apiVersion, program.args, env, program.defaultCacheMs]);
}

async function runOnce(
  host: HostFiles,
  { program }: CredentialProvider,
  image: string,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Result<PluginAnswer, PluginFailure>> {
  const none = (what: string): PluginFailure => ({ kind: 'not-started', what, exitCode: null, stderr: '' });
  const path = await host.locate(program.path);
  if (path === null) return fail(none('cannot be found'));
  const own = Object.fromEntries(program.env.map((one) => [one.name, one.value.reveal()]));
  const output = await runPlugin({
    path,
    args: program.args,
    // The configuration's stand behind the kubelet's own, and the last one counts (plugin.go, mergeEnvVars).
    env: { ...(await kubeletEnvironment(host)), ...own },
    input: pluginRequest(program.apiVersion, image),
    timeoutMs,
    signal,
    mask: secretMasker(
      program.env.map(({ value }) => value.reveal()),
      JSON.stringify([path, image, program.args]),
    ),
  });
  if (!output.ok) return output;
  const answer = readPluginAnswer(output.value, program.apiVersion);
  return answer.ok ? answer : fail({ kind: 'exit', what: answer.error, exitCode: 0, stderr: '' });
}

/** The environment of the kubelet that runs, where it can be read: plugins have their roles and proxies from it. */
async function kubeletEnvironment(host: HostFiles): Promise<Readonly<Record<string, string>>> {
  const pid = await findKubelet(host);
  const read = pid === null ? null : await readProcessEnvironment(host, pid);
  return read?.ok === true
    ? Object.fromEntries(read.value.map(({ name, value }) => [name, value.reveal()]))
    : usualEnvironment;
}
