import { limits } from '../lib/limits.ts';
import { readLoadedSettings } from '../node/loaded-settings.ts';
import { readProcessState } from '../node/process-state.ts';
import type { RuntimePlan } from '../node/runtime-plan.ts';
import type { ProbeContext } from '../probes/context.ts';
import type { PullPlan } from './plan.ts';

/**
 * Looks at the runtime as it runs: its process by /proc, and the settings that it has loaded by CRI's verbose Status.
 * Null when the process that listens at its socket is not known.
 */
export function loadedReader(plan: PullPlan): ProbeContext['readLoaded'] {
  const { proxies, cri, host } = plan;
  const { process } = proxies;
  if (process === null) return null;
  return async (signal) => {
    const state = await readProcessState(host, process, {
      settings: plan.files.startFiles ?? [],
      trust: plan.trust.files,
    });
    const status = cri?.ok === true ? await cri.value.status(signal) : null;
    const told = status?.ok === true ? readLoadedSettings(status.value.info) : null;
    const asLoaded = told === null ? null : await plan.planLoaded(told);
    const differs = asLoaded !== null && waysOf(asLoaded) !== waysOf(plan.files);
    return {
      ...state,
      unit: proxies.service?.replace(/\.service$/, '') ?? null,
      environment: proxies.differences,
      settings: asLoaded?.differences?.slice(0, limits.startFiles) ?? null,
      endpoints: differs ? asLoaded.endpoints.map(({ info }) => info.url) : null,
    };
  };
}

/** Where a plan leads and how it identifies itself there, in one text: two plans with the same text pull alike. */
function waysOf({ endpoints, credentials }: RuntimePlan): string {
  const ways = endpoints.map(({ info }) => {
    const { url, capabilities, skipVerify, insecure, ca, client } = info;
    return [url, capabilities, skipVerify, insecure, ca, client];
  });
  return JSON.stringify([ways, credentials.map(({ host }) => host)]);
}
