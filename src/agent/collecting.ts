import type { RegistryRow } from '../api/node.ts';
import type { AgentMetrics } from './agent-metrics.ts';
import type { AgentNeeds } from './agent-needs.ts';
import { collectorUrl } from './collector/collector-url.ts';
import type { CollectorReporter } from './collector/reporter.ts';
import type { NodeHealth } from './health/health.ts';
import type { PodDirectory } from './kube/known-pods.ts';
import type { NodeEngine } from './node-engine.ts';
import type { Incident } from './parts.ts';
import type { AgentSettings } from './settings.ts';

/** What reporting takes of the agent. */
export interface CollectingNeeds extends Pick<AgentNeeds, 'env' | 'log' | 'node' | 'version' | 'variables'> {
  readonly startedAt: number;
  readonly incidents: () => readonly Incident[];
  readonly registries: () => readonly RegistryRow[];
  readonly health: () => NodeHealth;
  readonly directory: Pick<PodDirectory, 'get'>;
  readonly engine: Pick<NodeEngine, 'readNode'>;
  readonly metrics: Pick<AgentMetrics, 'dropped' | 'reported'>;
}

/**
 * What starts to report to the collector that is set; null, and nothing of it is loaded, when none is. To be called before
 * anything is watched: what loads takes a moment.
 */
export async function loadCollecting(
  settings: AgentSettings,
): Promise<((needs: CollectingNeeds) => CollectorReporter) | null> {
  const url = settings.collector.url === null ? null : collectorUrl(settings.collector.url);
  if (url === null) return null;
  const { openCollectorReporter } = await import('./collector/reporter.ts');
  const { enabled } = settings.kubernetes;
  return ({ env, directory, engine, metrics, variables, ...rest }) => {
    const told = enabled === 'on' || [variables.KUBERNETES_SERVICE_HOST, variables.KUBECONFIG].some(Boolean);
    return openCollectorReporter({
      ...rest,
      env,
      settings,
      url,
      ownerOf(namespace, name) {
        const pod = directory.get(namespace, name);
        if (pod === null) return null;
        // A pod that nobody made, or a file on the node, is its own workload.
        const { owner } = pod;
        return owner === null || owner.kind === 'Node' ? `Pod/${pod.name}` : `${owner.kind}/${owner.name}`;
      },
      readNode: engine.readNode,
      api: enabled === 'off' || !told ? null : { env, enabled, variables },
      onDropped: metrics.dropped,
      onBatch: metrics.reported,
    });
  };
}
