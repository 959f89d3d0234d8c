import { fail, ok, type Result } from '../lib/result.ts';
import { type GateSettings, openGate, readToken } from '../serve/auth.ts';
import { openServerTls } from '../serve/server-tls.ts';
import { isLoopback, listenAddress } from '../settings/values.ts';
import type { AgentNeeds } from './agent-needs.ts';
import { settingProblems } from './setting-problems.ts';
import type { AgentSettings } from './settings.ts';

/** How the server listens and who is let in; what cannot be is said with the setting's name first. */
export async function httpSettings(settings: AgentSettings, { env, log, variables }: AgentNeeds) {
  const [problem] = settingProblems(settings);
  const { tls: files, auth } = settings.http;
  const listen = listenAddress(settings.http.listen);
  if (problem !== undefined) return fail(`${problem.setting}: ${problem.message}`);
  if (listen === null) return fail('http.listen: It is no address with a port.');
  const gate = await gateSettings(settings, { env, variables });
  if (!gate.ok) return gate;
  const { cert, key, clientCa } = files;
  const tls = cert === null || key === null ? ok(null) : await openServerTls({ cert, key, clientCa }, { log, env });
  if (!tls.ok) return tls;
  if (tls.value === null && auth.mode !== 'none' && !isLoopback(listen)) {
    log.warn('tokens come over the network in clear: set http.tls.cert and http.tls.key', {
      listen: settings.http.listen,
    });
  }
  return ok({ listen, tls: tls.value, gate: openGate(gate.value, env) });
}

async function gateSettings(
  { http: { auth } }: AgentSettings,
  { env, variables }: Pick<AgentNeeds, 'env' | 'variables'>,
): Promise<Result<GateSettings, string>> {
  switch (auth.mode) {
    case 'none':
      return ok({ mode: 'none' });
    case 'token': {
      const tokenFile = auth.tokenFile ?? '';
      const token = await readToken(tokenFile);
      return token.ok ? ok({ mode: 'token', tokenFile }) : fail(`http.auth.tokenFile: ${token.error}`);
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
      return ok({ mode: 'kubernetes', reviewer: kubernetesReviewer(clusterAccess(cluster), { env }) });
    }
  }
}
