import { systemEnv } from '../../lib/env.ts';
import { ok, type Result } from '../../lib/result.ts';
import { proxyForUrl, proxySettings } from '../../node/go-proxy.ts';
import { clusterAccess, inCluster } from '../../wire/kube-access.ts';
import { type KubeClient, openKubeClient } from '../../wire/kube-client.ts';
import { kubeConfigFiles, readKubeConfig } from '../../wire/kube-config.ts';
import { kubeConfigAccess } from '../../wire/kube-config-access.ts';
import { execRunner } from '../../wire/kube-exec.ts';

/** Which API server is meant. */
export interface ClusterChoice {
  readonly kubeconfig: string | null;
  readonly context: string | null;
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** A person sits at the terminal, whom a credential plugin may ask. */
  readonly terminal: boolean;
}

/** The client to the cluster that kubectl would mean; the failure is a sentence that says what to do. Opens nothing yet. */
export async function openCluster(choice: ClusterChoice): Promise<Result<KubeClient, string>> {
  const { kubeconfig, context, variables, terminal } = choice;
  const files = kubeConfigFiles(kubeconfig, variables);
  const config = await readKubeConfig({ ...files, context });
  if (!config.ok) {
    const own = inCluster(variables);
    const asked = files.named || context !== null;
    if (!asked && own !== null && config.error.startsWith('There is no kubeconfig'))
      return ok(openKubeClient(clusterAccess(own), systemEnv));
    return { ok: false, error: `${config.error} (--kubeconfig FILE and KUBECONFIG name one, --context a context)` };
  }
  const access = kubeConfigAccess(config.value, {
    env: systemEnv,
    runExec: execRunner({ variables, terminal }),
    proxyOf: (url) => proxyOf(url, variables),
  });
  return access.ok ? ok(openKubeClient(access.value, systemEnv)) : access;
}

/** The proxy of the environment, as kubectl takes it: Go's rules. */
function proxyOf(url: URL, variables: ClusterChoice['variables']): string | null {
  const settings = proxySettings(variables, 'the environment');
  const scheme = url.protocol === 'https:' ? 'https' : 'http';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const { proxy } = proxyForUrl(settings, { scheme, host, port: url.port === '' ? null : Number(url.port) });
  const value = settings[scheme]?.value.reveal() ?? '';
  if (proxy === null) return null;
  return value.includes('://') ? value : `http://${value}`;
}
