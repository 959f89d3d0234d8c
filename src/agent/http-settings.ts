import { fail, ok, type Result } from '../lib/result.ts';
import { isLoopback, listenAddress } from '../settings/values.ts';
import type { AgentNeeds } from './agent-needs.ts';
import { type GateSettings, openGate } from './http/auth.ts';
import { openServerTls } from './http/server-tls.ts';
import type { AgentSettings } from './settings.ts';

/** How the server listens and who is let in; what cannot be is said with the setting's name. */
export async function httpSettings(settings: AgentSettings, { env, log, variables }: AgentNeeds) {
  const { listen: text, tls: files, auth } = settings.http;
  const listen = listenAddress(text);
  if (listen === null) return fail(`http.listen: ${text} is no address with a port, such as 127.0.0.1:9440.`);
  if (auth.mode === 'none' && !isLoopback(listen)) {
    return fail(
      `http.listen: without authentication the agent listens on loopback only, and ${text} is not. Set http.auth.mode (token, kubernetes or mtls), or listen at 127.0.0.1:${listen.port}.`,
    );
  }
  if ((files.cert === null) !== (files.key === null))
    return fail('http.tls.cert and http.tls.key belong together: set both.');
  if (auth.mode === 'mtls' && (files.cert === null || files.clientCa === null)) {
    return fail('http.auth.mode mtls needs http.tls.cert, http.tls.key and http.tls.clientCa.');
  }
  const { cert, key, clientCa } = files;
  const tls =
    cert === null || key === null
      ? ok(null)
      : await openServerTls({ cert, key, clientCa: auth.mode === 'mtls' ? clientCa : null }, log);
  if (!tls.ok) return tls;
  const gate = await gateSettings(settings, variables);
  if (!gate.ok) return gate;
  return ok({ listen, tls: tls.value, gate: openGate(gate.value, env) });
}

async function gateSettings(
  { http: { auth } }: AgentSettings,
  variables: AgentNeeds['variables'],
): Promise<Result<GateSettings, string>> {
  switch (auth.mode) {
    case 'none':
      return ok({ mode: 'none' });
    case 'token':
      if (auth.tokenFile === null) return fail('http.auth.mode token needs http.auth.tokenFile.');
      return ok({ mode: 'token', tokenFile: auth.tokenFile });
    case 'mtls':
      return ok({ mode: 'mtls', clientNames: auth.clientNames });
    case 'kubernetes': {
      // Loaded only where it is used.
      const [{ kubernetesReviewer, notInCluster }, { inCluster }] = await Promise.all([
        import('./http/kubernetes-reviewer.ts'),
        import('../wire/kube-post.ts'),
      ]);
      const cluster = inCluster(variables);
      return cluster === null ? notInCluster() : ok({ mode: 'kubernetes', reviewer: kubernetesReviewer(cluster) });
    }
  }
}
