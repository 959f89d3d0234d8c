import { probesOf } from '../evidence/view.ts';
import { kubeletImage } from '../image/reference.ts';
import { explainMessage } from '../messages/explain.ts';
import type { PullFacts } from '../model/facts.ts';
import type { Probe, ProbeInput } from './probe.ts';

const nothing: PullFacts = {
  imageRef: null,
  runtimeError: null,
  cause: null,
  causeConfidence: null,
  alternatives: [],
  host: null,
};

/** A real pull over CRI: the second witness beside the probes of the way. Runs only when it was asked for. */
export const pullProbe: Probe<'pull', ProbeInput & { readonly image: string }> = {
  kind: 'pull',
  title: 'Real pull by the runtime',
  cost: 'pull',
  // The pull has a deadline of its own (--pull-deadline), which the engine hands in.
  budgetMs: Number.POSITIVE_INFINITY,
  proves: { ok: 'the runtime pulls this image', failed: "the runtime's own words about why it cannot" },
  inputs: (view) => {
    const served = probesOf(view, 'runtime').some((probe) => probe.status === 'ok');
    const handed = kubeletImage(view.plan.image.input);
    const image = handed.ok ? handed.value : null;
    if (!view.pullAsked || !served || image === null) return [];
    // Never over a policy that forbids it, and never before the presence check, which the pull would answer for.
    if (view.plan.pullPolicy.policy === 'Never' || probesOf(view, 'image').length === 0) return [];
    return [{ key: 'pull', target: image, hop: 'runtime', endpoint: null, counterfactual: false, image }];
  },
  run: async ({ image }, context, signal) => {
    const opened = await context.cri?.();
    if (opened === undefined || !opened.ok) return { status: 'skipped', message: 'The runtime does not answer.' };
    // The runtime's own it knows itself: handed over with the pull it would offer them to every host that asks.
    const kubelets = context.credentials.filter(({ sentTo }) => sentTo === null);
    const credentials = kubelets.length === 0 ? [undefined] : kubelets;
    let failure: { code: string | null; message: string } | null = null;
    // The kubelet tries every matching credential in turn, one PullImage each (kuberuntime_image.go).
    for (const credential of credentials) {
      const result = await opened.value.pullImage(image, {
        signal,
        deadlineMs: context.pullDeadlineMs,
        ...(credential === undefined
          ? {}
          : {
              auth: { username: credential.username, password: credential.password },
            }),
      });
      if (result.ok) return { status: 'ok', error: null, facts: { ...nothing, imageRef: result.value.imageRef } };
      failure = result.error;
      if (signal.aborted) break;
    }
    // The runtime then only says that it was told to stop.
    if (signal.aborted) return { status: 'skipped', message: 'The pull was ended before the runtime could say.' };
    const message = failure?.message ?? 'the runtime gave no reason';
    const explanation = explainMessage(message);
    return {
      status: 'failed',
      error: { code: failure?.code === 'DeadlineExceeded' ? 'timeout' : 'rpc', message },
      facts: {
        imageRef: null,
        runtimeError: message,
        cause: explanation?.cause ?? null,
        causeConfidence: explanation?.confidence ?? null,
        alternatives: explanation?.alternatives ?? [],
        host: explanation?.registry ?? null,
      },
    };
  },
};
