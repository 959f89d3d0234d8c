import type { PluginFacts } from '../model/credentials-facts.ts';
import type { DoneProbe } from '../model/investigation.ts';
import type { CredentialProvidersInfo } from '../model/plan.ts';
import { probesOf, type View } from './view.ts';

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

/** A plugin that the kubelet asks for credentials, and of which it is not known what it gives; null: there is none. */
export function unaskedPlugin(view: View): (PluginInfo & { readonly why: string }) | null {
  const told = pluginAnswers(view)?.facts.plugins ?? [];
  for (const plugin of pluginsFor(view).unknown) {
    const answer = told.find(({ name }) => name === plugin.name);
    if (answer === undefined || answer.outcome === 'not-run')
      return { ...plugin, why: answer === undefined ? skippedBecause(view) : `it ${answer.why ?? 'was not run'}` };
  }
  return null;
}

/** The kubelet's plugins that were run; null: none was. */
export function pluginAnswers(view: View): DoneProbe<'credentials'> | null {
  return probesOf(view, 'credentials')[0] ?? null;
}

/** Those of them that failed when they were run as the kubelet runs them. */
export function failedPlugins(view: View): readonly PluginFacts[] {
  return (pluginAnswers(view)?.facts.plugins ?? []).filter(({ outcome }) => outcome === 'failed');
}

/** Why none was run, a clause. */
function skippedBecause(view: View): string {
  const skipped = view.probes.find(({ kind, status }) => kind === 'credentials' && status === 'skipped');
  const message = skipped?.error?.message ?? 'Pullwhy does not run it';
  return message.replace(/^Not tried: /, '').replace(/\.$/, '');
}
