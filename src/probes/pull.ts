import { setTimeout as sleep } from 'node:timers/promises';
import { awaitsPlugins } from '../evidence/credential-matches.ts';
import { probesOf } from '../evidence/view.ts';
import { kubeletImage } from '../image/reference.ts';
import { explainMessage } from '../messages/explain.ts';
import type { CauseId } from '../model/cause-id.ts';
import type { PullFacts, PullProgress } from '../model/facts.ts';
import type { CriClient, CriFailure } from '../wire/cri.ts';
import { handedOver } from './authorization.ts';
import { ingestFolderOf } from './ingest.ts';
import type { Probe, ProbeInput } from './probe.ts';
import { watchTransfers } from './transfer-watch.ts';

const nothing: PullFacts = {
  imageRef: null,
  runtimeError: null,
  cause: null,
  causeConfidence: null,
  alternatives: [],
  host: null,
};

/** A real pull over CRI: the second witness beside the probes of the way. Runs only when it was asked for. */
export const pullProbe: Probe<'pull', ProbeInput & { readonly image: string; readonly folder: string | null }> = {
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
    if (awaitsPlugins(view)) return [];
    return [
      {
        key: 'pull',
        target: image,
        hop: 'runtime',
        endpoint: null,
        counterfactual: false,
        image,
        folder: ingestFolderOf(view),
      },
    ];
  },
  run: async ({ image, folder }, context, signal) => {
    const opened = await context.cri?.();
    if (opened === undefined || !opened.ok) return { status: 'skipped', message: 'The runtime does not answer.' };
    if (context.credentials.some(({ probeOnly }) => probeOnly === true)) {
      const message =
        "A pull with the pod's own secret would open the image to every pod of this node (retry.withPodCredentials allows it).";
      return { status: 'skipped', message };
    }
    const kubelets = handedOver(context);
    const credentials = kubelets.length === 0 ? [undefined] : kubelets;
    let failure: CriFailure | null = null;
    const watch = folder === null ? null : watchTransfers(() => context.lookAtTransfers(folder), context.env);
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
      if (result.ok) {
        await watch?.end();
        return { status: 'ok', error: null, facts: { ...nothing, imageRef: result.value.imageRef } };
      }
      failure = result.error;
      if (signal.aborted) break;
    }
    const seen = (await watch?.end()) ?? { watchedMs: 0, transfers: [], movedBytes: 0, quietMs: null, exact: false };
    // The runtime then only says that it was told to stop.
    if (signal.aborted) return { status: 'skipped', message: 'The pull was ended before the runtime could say.' };
    const ended = failure === null ? 'runtime' : await endOf(failure, opened.value, context.env, signal);
    const message = `${failure?.message ?? 'the runtime gave no reason'}${endWords[ended]}`;
    const explanation = explainMessage(message);
    const known = endCauses[ended] ?? null;
    return {
      status: 'failed',
      error: { code: failure?.code === 'DeadlineExceeded' ? 'timeout' : 'rpc', message },
      facts: {
        imageRef: null,
        runtimeError: message,
        cause: known ?? explanation?.cause ?? null,
        causeConfidence: known === null ? (explanation?.confidence ?? null) : 'proven',
        alternatives: known === null ? (explanation?.alternatives ?? []) : [],
        host: explanation?.registry ?? null,
        progress: { ended, ...seen },
      },
    };
  },
};

/** One that is restarted serves again after a second or two, one that crashed after systemd's pause (containerd.service: RestartSec=5). */
const comeBackMs = 10_000;
const againMs = 250;

/** What gRPC's client says when the other side goes away in the middle of a call. */
const lostWords = /^(?:Connection dropped|Stream removed|.{0,40}\b(?:ECONNRESET|ECONNREFUSED|EPIPE|ENOENT)\b)/;

/** How a failed pull ended: a runtime that stops says nothing, or that it was told to. */
async function endOf(
  failure: CriFailure,
  client: CriClient,
  { monotonic }: { readonly monotonic: () => number },
  signal: AbortSignal,
): Promise<PullProgress['ended']> {
  if (failure.kind === 'silent') return 'deadline';
  // containerd's own word for what it cannot pull (Docker's schema 1) has the code of a service that is not there.
  if (failure.code === 'Unimplemented' && failure.message.startsWith('failed to pull')) return 'runtime';
  const lost = failure.kind !== 'rpc' || (failure.code === 'Unavailable' && lostWords.test(failure.message));
  const stopping = failure.code === 'Canceled' && !(await client.version(signal)).ok;
  if (!lost && !stopping) return 'runtime';
  const begun = monotonic();
  while (monotonic() - begun < comeBackMs && !signal.aborted) {
    await sleep(againMs, undefined, { signal }).catch(() => undefined);
    if ((await client.version(signal)).ok) return 'runtime-restarted';
  }
  return 'runtime-gone';
}

const endWords: Readonly<Record<PullProgress['ended'], string>> = {
  runtime: '',
  deadline: '',
  'runtime-restarted': ': the runtime ended in the middle of the pull, and serves again',
  'runtime-gone': ': the runtime ended in the middle of the pull, and does not serve since',
};

const endCauses: Readonly<Partial<Record<PullProgress['ended'], CauseId>>> = {
  'runtime-restarted': 'pull-canceled',
  'runtime-gone': 'runtime-unreachable',
};
