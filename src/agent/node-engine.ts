import { createHash, randomBytes } from 'node:crypto';
import type { ProbeRequest, ProbesDocument } from '../api/probes.ts';
import { withCredentials, withoutCredentials } from '../engine/given-credentials.ts';
import { investigate } from '../engine/investigate.ts';
import { look } from '../engine/look.ts';
import { type GoodLook, goodLook, lookAgain } from '../engine/look-again.ts';
import type { PullPlan } from '../engine/plan.ts';
import type { ReadNode } from '../engine/plan-node.ts';
import { withPodCredentials } from '../engine/pod-credentials.ts';
import { pullNow } from '../engine/pull.ts';
import { parsePlatform } from '../image/platform.ts';
import { limits } from '../lib/limits.ts';
import type { Log } from '../lib/log.ts';
import { fail, ok, type Result } from '../lib/result.ts';
import type { Layer } from '../model/cause-id.ts';
import type { Investigation } from '../model/investigation.ts';
import { imageKey } from '../signals/image-match.ts';
import { conclusionOf, needsPod } from './engine/conclusion.ts';
import { guardOf, refusedByLookup, refusedByPlan, refuseInputs, unseenByLookup } from './engine/guarded.ts';
import { openPlanner, type PlannerNeeds } from './engine/planner.ts';
import { firstPatience, recheckOf, recheckPlan } from './engine/recheck.ts';
import {
  hubQuotaImage,
  kindsOfHub,
  kindsOfParties,
  kindsOfProbe,
  kindsOfRegistry,
  probesDocument,
  targetImage,
} from './engine/single-probe.ts';
import { type Allowed, type Guard, readAllowed } from './guard.ts';
import { podOf } from './incident-pod.ts';
import type { ReadPodSecrets } from './kube/pod-secrets.ts';
import type { PullSettings } from './kube/pull-queue.ts';
import type { Conclusion, Declined, Incident, InvestigationOrder, PodName, Recheck } from './parts.ts';
import type { PullOrder, PullOutcome } from './puller.ts';
import { readsSecrets } from './retry-rules.ts';

/** What binds the agent to the engine. The settings may change while it works. */
export interface NodeEngineNeeds extends Omit<PlannerNeeds, 'nameservers'> {
  /** The node's name. */
  readonly node: string;
  readonly settings: () => NodeEngineSettings;
  readonly log: Log;
  /** The pull secrets of a pod; null: no such pod of this node is known. Absent: there is no API server to ask. */
  readonly podSecrets?: ReadPodSecrets;
  /** In the place of resolv.conf's, for a node that is made up. */
  readonly nameservers?: PlannerNeeds['nameservers'];
}

/** Times in milliseconds; `allowTargets` as `http.allowTargets`. */
export interface NodeEngineSettings {
  readonly deadlineMs: number;
  readonly pullDeadlineMs: number;
  readonly allowTargets: readonly string[];
  /** The runtime may be handed a pod's own secrets. */
  readonly withPodCredentials?: boolean;
}

/** The engine, as the agent's parts use it. Nothing throws; all ends soon after its signal. */
export interface NodeEngine {
  /** A whole investigation. */
  readonly investigate: (order: InvestigationOrder, signal: AbortSignal) => Promise<Result<Investigation, Declined>>;
  /** The hop that failed, again, and nothing beyond `upTo`. */
  readonly recheck: (incident: Incident, upTo: Layer, signal: AbortSignal) => Promise<Recheck>;
  readonly conclusionOf: (investigation: Investigation) => Conclusion;
  /** How many images the kubelet pulls at a time; null: the node cannot be read. */
  readonly pullSettings: () => Promise<PullSettings | null>;
  /** The node's own part of every plan: another object as soon as something of it has changed; null: it cannot be read. */
  readonly readNode: () => Promise<ReadNode | null>;
  /** Changes when what the node's files have for the image changes; tells nothing else. */
  readonly credentialsMark: (image: string) => Promise<string>;
  /**
   * The way to an image's registry, as far as the registry's own answer; at Docker Hub as far as its quota, without
   * credentials and at no cost. For the agent's own checks: nothing is asked about the image, no runtime is asked anything, and no target is refused.
   */
  readonly checkRegistry: (image: string, signal: AbortSignal) => Promise<Result<Investigation, Declined>>;
  /** One real pull by the runtime. */
  readonly pull: (order: PullOrder, signal: AbortSignal) => Promise<PullOutcome>;
  /** One kind of probe toward a registry that a caller names. */
  readonly probe: (request: ProbeRequest, signal: AbortSignal) => Promise<Result<ProbesDocument, Declined>>;
}

/** For a look that is no whole investigation, milliseconds. */
const lookMs = 6000;

/** A registry that stays well is looked at wholly after this: with HTTP/2, and with a connection for each step. */
const wholeLookMs = 600_000;

/** Opens it. Nothing is read or connected to before it is asked something. */
export function openNodeEngine(needs: NodeEngineNeeds): NodeEngine {
  const { env, node, settings, log, nameservers = [] } = needs;
  const planner = openPlanner({ ...needs, nameservers });
  const salt = randomBytes(16);
  const good = new Map<string, { readonly look: GoodLook; readonly until: number }>();
  let allowed: { readonly text: string; readonly value: Allowed } | null = null;

  /** What callers may have this node talk to although it is special; read anew when the setting changes. */
  const allowedNow = (): Allowed => {
    const { allowTargets } = settings();
    const text = JSON.stringify(allowTargets);
    if (allowed?.text === text) return allowed.value;
    const value = readAllowed(allowTargets);
    allowed = { text, value };
    for (const entry of value.unusable) {
      log.warn('An entry of http.allowTargets is no address, no network and no host name: it allows nothing.', {
        entry,
      });
    }
    return value;
  };

  /** The guard of all that a plan leads to; refused is at once what the plan itself shows. */
  const guardFor = (plan: PullPlan): Result<Guard, Declined> => {
    const guard = guardOf(plan, allowedNow());
    const message = refusedByPlan(plan, guard);
    return message === null ? ok(guard) : fail(refused(message));
  };

  /**
   * Why a caller's pull is not made. The runtime looks names up and follows realms and redirects by itself: where they lead
   * now is all that can be judged before it pulls. `unseen`: that is not known either.
   */
  const againstPull = async (
    plan: PullPlan,
    guard: Guard,
    signal: AbortSignal,
  ): Promise<{ readonly why: 'refused' | 'unseen'; readonly message: string } | null> => {
    const judge = refuseInputs(guard);
    let met: string | null = null;
    const refuse = (input: Parameters<typeof judge>[0]): string | null => {
      const message = judge(input);
      met ??= message;
      return message;
    };
    const { view } = await look(plan, { ...base(), kinds: kindsOfParties, counterfactuals: false, refuse, signal });
    const message = met ?? refusedByLookup(view, guard);
    if (message !== null) return { why: 'refused', message };
    const unseen = unseenByLookup(view, guard);
    return unseen === null ? null : { why: 'unseen', message: unseen };
  };

  /** The plan with the pod's own pull secrets, where they may be read. They live as long as it does. */
  const ofPod = async (plan: PullPlan, pod: PodName | undefined, signal: AbortSignal): Promise<PullPlan> => {
    if (pod === undefined || needs.podSecrets === undefined) return plan;
    const secrets = await needs.podSecrets(pod, plan.body.image.input, signal);
    const use = settings().withPodCredentials === true ? 'pull' : 'probe';
    return secrets === null ? plan : withPodCredentials(plan, secrets, use);
  };

  const keepGood = (image: string, look: { readonly look: GoodLook; readonly until: number }): void => {
    good.set(image, look);
    const [oldest] = good.keys();
    if (good.size > limits.agentRegistries && oldest !== undefined) good.delete(oldest);
  };

  const base = () => ({ env, node, deadlineMs: Math.min(lookMs, settings().deadlineMs) });

  return {
    async investigate(order, signal) {
      const begunAt = env.monotonic();
      const { image, platform, pullPolicy, credentials, onEvent } = order;
      const parsed = platform === undefined ? null : parsePlatform(platform);
      if (parsed?.ok === false) {
        return fail({ reason: 'bad-platform', message: parsed.error.message, retryAfterMs: null });
      }
      const choice = {
        ...(platform === undefined ? {} : { platform }),
        ...(pullPolicy === undefined ? {} : { pullPolicy }),
      };
      const planned = await planner.plan(image, choice);
      if (!planned.ok) return planned;
      const guard = order.guarded === true ? guardFor(planned.value) : null;
      if (guard?.ok === false) return guard;
      const own = credentials === undefined ? await ofPod(planned.value, order.pod, signal) : planned.value;
      const all = given(own, credentials);
      const against = guard !== null && order.pull === true ? await againstPull(all, guard.value, signal) : null;
      if (against?.why === 'refused') return fail(refused(against.message));
      const plan = await planner.withRuntime(all, signal);
      const { deadlineMs, pullDeadlineMs } = settings();
      const patienceMs = firstPatience(order.said);
      const document = await investigate(plan, {
        env,
        node,
        // What nobody can look up is found out about, and not pulled.
        pull: order.pull === true && against === null,
        deadlineMs,
        pullDeadlineMs,
        signal,
        begunAt,
        ...(onEvent === undefined ? {} : { onEvent }),
        ...(guard === null ? {} : { refuse: refuseInputs(guard.value) }),
        ...(patienceMs === undefined ? {} : { patienceMs }),
      });
      return ok(document);
    },

    async recheck(incident, upTo, signal) {
      const { image, conclusion } = incident;
      const unknown: Recheck = { state: 'unknown', cause: null, notBefore: null };
      const { cause = null, underlying = null } = conclusion ?? {};
      const planned = await planner.plan(image, {});
      if (!planned.ok) return unknown;
      const { asksRuntime, upTo: until, ...which } = recheckPlan(cause, underlying, upTo);
      const before = { cause, underlying };
      const limits = { upTo: until, headOnly: which.headOnly };
      const own = readsSecrets(cause) ? await ofPod(planned.value, podOf(incident), signal) : planned.value;
      const plan = asksRuntime ? await planner.withRuntime(own, signal) : own;
      const looked = await look(plan, { ...base(), ...which, counterfactuals: true, signal });
      if (signal.aborted) return unknown;
      const outcome = recheckOf(looked.view, looked.document, before, limits);
      return outcome.state === 'clear' && needsPod(looked.document) ? { ...outcome, needsPod: true } : outcome;
    },

    conclusionOf,

    async pullSettings() {
      // Any image: the settings are the node's.
      const planned = await planner.plan('localhost/any', {});
      return planned.ok ? planned.value.body.kubelet : null;
    },

    readNode: planner.node,

    async credentialsMark(image) {
      const planned = await planner.plan(image, {});
      const hash = createHash('sha256').update(salt);
      for (const { key, source, username, password } of planned.ok ? planned.value.credentials : []) {
        hash.update(JSON.stringify([key, source, username, password.reveal()]));
      }
      return hash.digest('base64url');
    },

    async checkRegistry(image, signal) {
      const hub = imageKey(image).startsWith('docker.io/');
      const planned = await planner.plan(hub ? hubQuotaImage : image, {});
      if (!planned.ok) return planned;
      // Without credentials: a check each minute must not offer what may be wrong.
      const plan = hub ? withoutCredentials(planned.value) : planned.value;
      const kinds = hub ? kindsOfHub : kindsOfRegistry;
      const known = good.get(image);
      good.delete(image);
      if (known !== undefined && env.monotonic() < known.until) {
        const again = await lookAgain(plan, known.look, { ...base(), kinds, signal });
        if (again !== null) {
          keepGood(image, known);
          return ok(again);
        }
      }
      const looked = await look(plan, { ...base(), kinds, headOnly: true, counterfactuals: true, signal });
      // At Docker Hub each answer is needed for the next question.
      const found = hub ? null : goodLook(looked);
      if (found !== null) keepGood(image, { look: found, until: env.monotonic() + wholeLookMs });
      return ok(looked.document);
    },

    async pull({ image, reason, credentials, pod }, signal) {
      const planned = await planner.plan(image, {});
      if (!planned.ok) return notPulled(planned.error.message);
      const own = credentials === undefined ? await ofPod(planned.value, pod, signal) : planned.value;
      const all = given(own, credentials);
      if (reason === 'asked') {
        const guard = guardFor(planned.value);
        const message = guard.ok ? (await againstPull(all, guard.value, signal))?.message : guard.error.message;
        if (message !== undefined) return notPulled(message);
      }
      const plan = await planner.withRuntime(all, signal);
      // Somebody may have pulled it since: the kubelet, or this agent before it was killed.
      const unlessPresent = reason !== 'asked';
      return pullNow(plan, { env, node, deadlineMs: settings().pullDeadlineMs, signal, unlessPresent });
    },

    async probe({ probe, target }, signal) {
      const image = targetImage(target);
      if (!image.ok) return fail({ reason: 'bad-image', message: image.error, retryAfterMs: null });
      const planned = await planner.plan(image.value, {});
      if (!planned.ok) return planned;
      const guard = guardFor(planned.value);
      if (!guard.ok) return guard;
      const { document } = await look(planned.value, {
        ...base(),
        kinds: kindsOfProbe(probe),
        counterfactuals: false,
        refuse: refuseInputs(guard.value),
        signal,
      });
      return ok(probesDocument(probe, target, document, env.now()));
    },
  };
}

function given(plan: PullPlan, credentials: InvestigationOrder['credentials']): PullPlan {
  return credentials === undefined ? plan : withCredentials(plan, credentials);
}

function refused(message: string): Declined {
  return { reason: 'refused-target', message, retryAfterMs: null };
}

function notPulled(message: string): PullOutcome {
  const pull = { attempted: false, ok: null, durationMs: null, error: message, cause: null };
  return { pull, imageRef: null, summary: message };
}
