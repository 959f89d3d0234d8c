import { causeOf } from '../causes/index.ts';
import { remediesOf } from '../causes/remedies.ts';
import { kubeletImage } from '../image/reference.ts';
import type { Env } from '../lib/env.ts';
import { explainMessage } from '../messages/explain.ts';
import type { PullDocument } from '../model/investigation.ts';
import type { ProbeCredential } from '../probes/context.ts';
import { askPlugins } from '../probes/credentials.ts';
import { problemFinding } from './findings.ts';
import { maskerOf } from './known-secrets.ts';
import type { PullPlan } from './plan.ts';

/** How a pull is carried out. */
export interface PullNowOptions {
  readonly env: Env;
  readonly node: string;
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
  /** An image that the runtime has already is not pulled again (false). */
  readonly unlessPresent?: boolean;
}

/** One real pull by the runtime, with each matching credential in turn, as the kubelet does; and what its words mean. */
export async function pullNow(
  plan: PullPlan,
  { env, node, deadlineMs, signal, unlessPresent = false }: PullNowOptions,
): Promise<PullDocument> {
  const base = {
    apiVersion: 'pullwhy/v1' as const,
    kind: 'Pull' as const,
    node,
    startedAt: new Date(env.now()).toISOString(),
    image: plan.body.image,
    runtime: plan.runtime,
  };
  const notAttempted = (error: string, cause: PullDocument['pull']['cause']): PullDocument => ({
    ...base,
    pull: { attempted: false, ok: null, durationMs: null, error, cause },
    imageRef: null,
    summary: error,
    remedies: cause === null ? [] : remediesOf(causeOf(cause), { image: plan.body.image.input }),
  });
  const handed = kubeletImage(plan.body.image.input);
  const invalid = plan.body.problems.find(
    ({ cause, severity }) => severity === 'error' && cause === 'invalid-image-name',
  );
  if (!handed.ok || invalid !== undefined) {
    return notAttempted(
      invalid === undefined ? 'The image name does not parse.' : problemFinding(invalid).summary,
      'invalid-image-name',
    );
  }
  if (plan.cri === null)
    return notAttempted(
      'No container runtime was found here; name its socket with -r unix:///PATH.',
      'runtime-unreachable',
    );
  if (!plan.cri.ok) {
    const cause = plan.cri.error.kind === 'not-served' ? 'runtime-misconfigured' : 'runtime-unreachable';
    return notAttempted(plan.cri.error.message, cause);
  }
  const client = plan.cri.value;
  const begun = env.monotonic();
  let error = 'the runtime gave no reason';
  try {
    const held = unlessPresent ? await client.imageStatus(handed.value, signal) : null;
    if (held?.ok === true && held.value.present) {
      return {
        ...base,
        pull: { attempted: false, ok: true, durationMs: null, error: null, cause: null },
        imageRef: held.value.id,
        summary: `${plan.body.image.input} is on the node already.`,
        remedies: [],
      };
    }
    const kubelets = await handedOver(plan, signal);
    const mask = maskerOf(plan, { plugins: [...kubelets], tokens: new Map(), urls: new Map() });
    for (const credential of kubelets.length === 0 ? [null] : kubelets) {
      const auth =
        credential === null ? {} : { auth: { username: credential.username, password: credential.password } };
      const result = await client.pullImage(handed.value, { ...auth, signal, deadlineMs });
      const durationMs = Math.round(env.monotonic() - begun);
      if (result.ok) {
        return {
          ...base,
          pull: { attempted: true, ok: true, durationMs, error: null, cause: null },
          imageRef: result.value.imageRef,
          summary: `${plan.body.image.input} was pulled in ${(durationMs / 1000).toFixed(1)} s.`,
          remedies: [],
        };
      }
      error = mask(result.error.message);
      if (signal.aborted) break;
    }
  } finally {
    client.close();
  }
  const meaning = explainMessage(error);
  const cause = causeOf(meaning?.cause ?? 'unknown');
  const args = {
    image: plan.body.image.input,
    detail: error,
    ...(meaning?.registry == null ? {} : { host: meaning.registry }),
  };
  return {
    ...base,
    pull: { attempted: true, ok: false, durationMs: Math.round(env.monotonic() - begun), error, cause: cause.id },
    imageRef: null,
    summary: `The runtime could not pull ${plan.body.image.input}: ${cause.title}.`,
    remedies: remediesOf(cause, args),
  };
}

/** A pull waits for a plugin as long as the kubelet does (plugin.go, ExecPlugin). */
const pluginMs = 60_000;

/**
 * What the kubelet hands over with the pull, in its order. What the runtime has itself it knows: handed over it would offer
 * that to every host that asks.
 */
async function handedOver(plan: PullPlan, signal: AbortSignal): Promise<readonly ProbeCredential[]> {
  const own = plan.credentials.filter(({ sentTo, probeOnly }) => sentTo === null && probeOnly !== true);
  const { registry, repository } = plan.body.image;
  const asked = (plan.body.kubelet.credentialProviders?.providers ?? []).filter(
    ({ pattern, problem }) => pattern !== null && problem === null,
  );
  if (!plan.askProvider.ok || asked.length === 0 || registry === null || repository === null) return own;
  const image = { domain: registry, path: repository };
  const given = await askPlugins(plan.askProvider.value, asked, image, { timeoutMs: pluginMs, signal });
  return [...own, ...given.credentials];
}
