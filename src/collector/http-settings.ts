import type { Env } from '../lib/env.ts';
import type { Log } from '../lib/log.ts';
import { fail, ok, type Result } from '../lib/result.ts';
import { openServerTls } from '../serve/server-tls.ts';
import { isLoopback, listenAddress } from '../settings/values.ts';
import { type CollectorGateSettings, openCollectorGate, readTokens } from './http/gates.ts';
import { settingProblems } from './setting-problems.ts';
import type { CollectorSettings } from './settings.ts';

/** What they are made with. */
export interface HttpSettingsNeeds {
  readonly env: Env;
  readonly log: Log;
  readonly variables: Readonly<Record<string, string | undefined>>;
}

/** How the server listens and who is let in; what cannot be is said with the setting's name first. */
export async function httpSettings(settings: CollectorSettings, needs: HttpSettingsNeeds) {
  const { env, log } = needs;
  const [problem] = settingProblems(settings);
  const { tls: files, auth } = settings.http;
  const listen = listenAddress(settings.http.listen);
  if (problem !== undefined) return fail(`${problem.setting}: ${problem.message}`);
  if (listen === null) return fail('http.listen: It is no address with a port.');
  const gate = await gateSettings(settings, needs);
  if (!gate.ok) return gate;
  const { cert, key, clientCa } = files;
  const tls = cert === null || key === null ? ok(null) : await openServerTls({ cert, key, clientCa }, { log, env });
  if (!tls.ok) return tls;
  if (tls.value === null && auth.mode !== 'none' && !isLoopback(listen)) {
    log.warn('tokens come over the network in clear: set http.tls.cert and http.tls.key', {
      listen: settings.http.listen,
    });
  }
  return ok({ listen, tls: tls.value, gate: openCollectorGate(gate.value, { env, log }) });
}

async function gateSettings(
  { http: { auth } }: CollectorSettings,
  { env, variables }: HttpSettingsNeeds,
): Promise<Result<CollectorGateSettings, string>> {
  switch (auth.mode) {
    case 'none':
      return ok({ mode: 'none' });
    case 'token': {
      const tokenFile = auth.tokenFile ?? '';
      const tokens = await readTokens(tokenFile);
      return tokens.ok ? ok({ mode: 'token', tokenFile }) : fail(`http.auth.tokenFile: ${tokens.error}`);
    }
    case 'mtls':
      return ok({ mode: 'mtls', clientNames: auth.clientNames });
    case 'kubernetes': {
      // Loaded only where it is used.
      const [{ kubernetesReviewer, notInCluster }, { clusterAccess, inCluster }] = await Promise.all([
        import('../serve/kubernetes-reviewer.ts'),
        import('../wire/kube-access.ts'),
      ]);
      const cluster = inCluster(variables);
      if (cluster === null) return notInCluster();
      const { audiences, anyNode } = auth;
      return ok({
        mode: 'kubernetes',
        reviewer: kubernetesReviewer(clusterAccess(cluster), { env, audiences }),
        anyNode,
      });
    }
  }
}
