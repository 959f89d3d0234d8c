import type { View } from '../evidence/view.ts';
import type { Investigation } from '../model/investigation.ts';

/**
 * What was known when a saved investigation was concluded, from its document alone: concluding that again gives the same
 * findings, or those that a later version knows better.
 */
export function viewOf(investigation: Investigation): View {
  const { endpoints, runtime, probes, startedAt, pull, ...rest } = investigation;
  const startedAtMs = Date.parse(startedAt);
  return {
    plan: {
      image: rest.image,
      platform: rest.platform,
      shortName: rest.shortName,
      pullPolicy: rest.pullPolicy,
      kubelet: rest.kubelet,
      endpoints: endpoints.map(({ verdict: _, ...endpoint }) => endpoint),
      hosts: rest.hosts,
      nameservers: rest.nameservers,
      searchDomains: rest.searchDomains,
      resolver: rest.resolver,
      trustStore: rest.trustStore,
      credentials: rest.credentials,
      credentialHosts: rest.credentialHosts,
      knownProxies: rest.knownProxies,
      problems: rest.problems,
    },
    // A socket that was given or found is named, whatever it answers.
    runtime: { name: runtime.name, asked: runtime.endpoint !== null },
    startedAtMs: Number.isNaN(startedAtMs) ? null : startedAtMs,
    pullAsked: pull.attempted || probes.some(({ kind }) => kind === 'pull'),
    probes,
  };
}
