import type { CredentialProvidersInfo } from '../model/plan.ts';
import type { View } from './view.ts';

/** One credential provider of the kubelet's. */
export type PluginInfo = CredentialProvidersInfo['providers'][number];

/** The kubelet's plugins for this image: those that it is known not to be able to run, and those of which nothing is known. */
export interface Plugins {
  /** Why it takes none at all, a sentence with its place; null: it does, or there are none. */
  readonly refused: { readonly source: string; readonly problem: string } | null;
  readonly broken: readonly (PluginInfo & { readonly problem: string })[];
  readonly unknown: readonly PluginInfo[];
  /** None of these is asked for this image. */
  readonly others: readonly PluginInfo[];
}

/** What the kubelet's credential providers amount to for the image of the plan. */
export function pluginsFor(view: View): Plugins {
  const info = view.plan.kubelet.credentialProviders;
  const all = info?.providers ?? [];
  const asked = all.filter(({ pattern }) => pattern !== null);
  return {
    refused: info?.problem == null ? null : { source: info.source, problem: info.problem },
    broken: asked.flatMap((one) => (one.problem === null ? [] : [{ ...one, problem: one.problem }])),
    unknown: asked.filter(({ problem }) => problem === null),
    others: all.filter(({ pattern }) => pattern === null),
  };
}

/** A plugin that the kubelet would ask for credentials, and that is not run here; null: there is none. */
export function unaskedPlugin(view: View): PluginInfo | null {
  return pluginsFor(view).unknown[0] ?? null;
}
