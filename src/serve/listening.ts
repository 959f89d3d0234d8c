import type { Env } from '../lib/env.ts';
import type { Log } from '../lib/log.ts';
import { fail, ok, type Result } from '../lib/result.ts';
import { isLoopback, type ListenAddress, listenAddress } from '../settings/values.ts';
import type { Gate, GateSettings } from './auth.ts';
import type { HttpSettings, SettingProblem } from './http-problems.ts';
import { openServerTls, type ServerTls } from './server-tls.ts';

/** How a server listens and who is let in. */
export interface Listening {
  readonly listen: ListenAddress;
  readonly tls: ServerTls | null;
  readonly gate: Gate;
}

/** What its settings are made to work with. */
export interface ListeningNeeds {
  readonly env: Env;
  readonly log: Log;
  /** Of this process: what Kubernetes gives its pods. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** What cannot be of the settings. */
  readonly problems: readonly SettingProblem[];
  /** Reads the file of tokens as the gate will; the failure's text is for the operator. */
  readonly readTokens: (file: string) => Promise<Result<unknown, string>>;
  readonly openGate: (settings: GateSettings) => Gate;
}

/** Makes the settings of `http` work; what cannot be is said with the setting's name first. */
export async function openListening(http: HttpSettings, needs: ListeningNeeds): Promise<Result<Listening, string>> {
  const { env, log, problems, openGate } = needs;
  const { tls: files, auth } = http;
  const [problem] = problems;
  if (problem !== undefined) return fail(`${problem.setting}: ${problem.message}`);
  const listen = listenAddress(http.listen);
  if (listen === null) return fail('http.listen: It is no address with a port.');
  const gate = await gateSettings(auth, needs);
  if (!gate.ok) return gate;
  const { cert, key, clientCa } = files;
  const tls = cert === null || key === null ? ok(null) : await openServerTls({ cert, key, clientCa }, { log, env });
  if (!tls.ok) return tls;
  if (tls.value === null && auth.mode !== 'none' && !isLoopback(listen)) {
    log.warn('tokens come over the network in clear: set http.tls.cert and http.tls.key', { listen: http.listen });
  }
  return ok({ listen, tls: tls.value, gate: openGate(gate.value) });
}

async function gateSettings(
  auth: HttpSettings['auth'],
  { env, variables, readTokens }: ListeningNeeds,
): Promise<Result<GateSettings, string>> {
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
        import('./kubernetes-reviewer.ts'),
        import('../wire/kube-access.ts'),
      ]);
      const cluster = inCluster(variables);
      if (cluster === null) return notInCluster();
      const { audiences = [] } = auth;
      return ok({ mode: 'kubernetes', reviewer: kubernetesReviewer(clusterAccess(cluster), { env, audiences }) });
    }
  }
}
