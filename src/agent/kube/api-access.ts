import type { Env } from '../../lib/env.ts';
import { fail, ok, type Result } from '../../lib/result.ts';
import type { KubeAccess } from '../../wire/kube-access.ts';

/** What tells where the API server is. */
export interface ApiPlace {
  readonly env: Env;
  /** `auto`: where this process is told of an API server; `on`: it is an error when it is not. */
  readonly enabled: 'auto' | 'on';
  readonly variables: Readonly<Record<string, string | undefined>>;
}

/** This process is told of an API server. */
export function hasServer(variables: ApiPlace['variables']): boolean {
  return (variables.KUBECONFIG ?? '') !== '' || (variables.KUBERNETES_SERVICE_HOST ?? '') !== '';
}

/**
 * The way to the API server: a pod's own, else that of a kubeconfig. Loads what speaks Kubernetes only when there is one.
 * The failure is a sentence.
 */
export async function apiAccess({ enabled, variables, env }: ApiPlace): Promise<Result<KubeAccess, string>> {
  if (enabled === 'auto' && !hasServer(variables)) return fail('There is no API server here.');
  const { clusterAccess, inCluster } = await import('../../wire/kube-access.ts');
  const cluster = inCluster(variables);
  if (cluster !== null) return ok(clusterAccess(cluster));
  const [{ kubeConfigFiles, readKubeConfig }, { kubeConfigAccess }] = await Promise.all([
    import('../../wire/kube-config.ts'),
    import('../../wire/kube-config-access.ts'),
  ]);
  const context = await readKubeConfig({ ...kubeConfigFiles(null, variables), context: null });
  const access = context.ok ? kubeConfigAccess(context.value, { env, runExec: null }) : context;
  return access.ok
    ? access
    : fail(`kubernetes.enabled is ${enabled}, and this process is in no pod of a cluster. ${access.error}`);
}
