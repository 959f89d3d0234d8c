import { fail, ok, type Result } from '../lib/result.ts';
import { isLoopback, listenAddress } from '../settings/values.ts';
import type { AgentNeeds } from './agent-needs.ts';
import { type GateSettings, openGate, readToken } from './http/auth.ts';
import { openServerTls } from './http/server-tls.ts';
import type { AgentSettings } from './settings.ts';

/** A setting that cannot be with the others, and what to do. */
export interface HttpProblem {
  /** `http.listen`. */
  readonly setting: string;
  readonly message: string;
}

/** What cannot be of the settings of `http`, each right by itself. Whoever sets up authentication must not find it off. */
export function httpProblems({ http: { listen: text, tls, auth } }: AgentSettings): readonly HttpProblem[] {
  const problems: HttpProblem[] = [];
  const say = (setting: string, message: string): void => void problems.push({ setting, message });
  const { mode } = auth;
  const listen = listenAddress(text);
  if (listen === null) say('http.listen', `${text} is no address with a port, such as 127.0.0.1:9440 or [::]:9440.`);
  else if (mode === 'none' && !isLoopback(listen)) {
    say(
      'http.listen',
      `Without authentication the agent listens on loopback only, and ${text} is not. Set http.auth.mode (token, kubernetes or mtls), or listen at 127.0.0.1:${listen.port}.`,
    );
  }
  if (tls.cert !== null && tls.key === null) say('http.tls.cert', 'It needs http.tls.key, the file of its key.');
  if (tls.cert === null && tls.key !== null)
    say('http.tls.key', 'It needs http.tls.cert, the file of the certificate.');
  if (mode === 'mtls') {
    const missing = Object.entries(tls).flatMap(([name, value]) => (value === null ? [`http.tls.${name}`] : []));
    if (missing.length > 0) say('http.auth.mode', `mtls needs ${missing.join(' and ')}.`);
  } else {
    if (tls.clientCa !== null) say('http.tls.clientCa', 'Nothing looks at it unless http.auth.mode is mtls: set that.');
    if (auth.clientNames.length > 0)
      say('http.auth.clientNames', 'Nothing looks at them unless http.auth.mode is mtls: set that.');
  }
  if (mode === 'token' && auth.tokenFile === null) say('http.auth.mode', 'token needs http.auth.tokenFile.');
  if (mode !== 'token' && auth.tokenFile !== null)
    say('http.auth.tokenFile', 'Nothing looks at it unless http.auth.mode is token: set that.');
  return problems;
}

/** How the server listens and who is let in; what cannot be is said with the setting's name first. */
export async function httpSettings(settings: AgentSettings, { env, log, variables }: AgentNeeds) {
  const [problem] = httpProblems(settings);
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
        import('./http/kubernetes-reviewer.ts'),
        import('../wire/kube-access.ts'),
      ]);
      const cluster = inCluster(variables);
      if (cluster === null) return notInCluster();
      return ok({ mode: 'kubernetes', reviewer: kubernetesReviewer(clusterAccess(cluster), { env }) });
    }
  }
}
