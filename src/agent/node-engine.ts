import { createHash, randomBytes } from 'node:crypto';
import { machine } from 'node:os';
import type { ProbeRequest, ProbesDocument } from '../api/probes.ts';
import { withCredentials } from '../engine/given-credentials.ts';
import { investigate } from '../engine/investigate.ts';
import { look } from '../engine/look.ts';
import { type PullPlan, planPull } from '../engine/plan.ts';
import { pullNow } from '../engine/pull.ts';
import type { PlanRequest } from '../engine/request.ts';
import { parsePlatform } from '../image/platform.ts';
import type { Env } from '../lib/env.ts';
import type { Log } from '../lib/log.ts';
import { fail, ok, type Result } from '../lib/result.ts';
import type { Layer } from '../model/cause-id.ts';
import type { Investigation } from '../model/investigation.ts';
import { conclusionOf } from './engine/conclusion.ts';
import { recheckOf, recheckPlan } from './engine/recheck.ts';
import { kindsOfProbe, probesDocument, targetImage } from './engine/single-probe.ts';
import type { Conclusion, Declined, Incident, InvestigationOrder, Recheck } from './parts.ts';
import type { PullOrder, PullOutcome } from './puller.ts';

/** What binds the agent to the engine. The settings may change while it works. */
export interface NodeEngineNeeds {
  readonly env: Env;
  /** The node's name. */
  readonly node: string;
  readonly hostRoot: string;
  /** `unix:///…`; null: the socket that is found. */
  readonly runtimeEndpoint: string | null;
  /** Of this process: only PULLWHY_RUNTIME_ENDPOINT is read. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly settings: () => NodeEngineSettings;
  readonly log: Log;
}

/** Times in milliseconds; `allowTargets` as `http.allowTargets`. */
export interface NodeEngineSettings {
  readonly deadlineMs: number;
  readonly pullDeadlineMs: number;
  readonly allowTargets: readonly string[];
}

/** The engine, as the agent's parts use it. Nothing throws; all ends soon after its signal. */
export interface NodeEngine {
  /** A whole investigation. */
  readonly investigate: (order: InvestigationOrder, signal: AbortSignal) => Promise<Result<Investigation, Declined>>;
  /** The hop that failed, again, and nothing beyond `upTo`. */
  readonly recheck: (incident: Incident, upTo: Layer, signal: AbortSignal) => Promise<Recheck>;
  readonly conclusionOf: (investigation: Investigation) => Conclusion;
  /** Changes when what the node's files have for the image changes; tells nothing else. */
  readonly credentialsMark: (image: string) => Promise<string>;
  /** One real pull by the runtime. */
  readonly pull: (order: PullOrder, signal: AbortSignal) => Promise<PullOutcome>;
  /** One kind of probe toward a registry; `guarded` false for the agent's own looks, which no caller aims. */
  readonly probe: (
    request: ProbeRequest,
    signal: AbortSignal,
    guarded?: boolean,
  ) => Promise<Result<ProbesDocument, Declined>>;
}

/** For a re-check or a single probe, milliseconds. */
const lookMs = 6000;

/** Opens it. Nothing is read or connected to before it is asked something. */
export function openNodeEngine(needs: NodeEngineNeeds): NodeEngine {
  const { env, node, hostRoot, runtimeEndpoint, variables, settings } = needs;
  const salt = randomBytes(16);

  const planOf = async (
    image: string,
    signal: AbortSignal,
    more: { readonly platform?: string; readonly pullPolicy?: PlanRequest['pullPolicy'] } = {},
  ): Promise<Result<PullPlan, Declined>> => {
    const planned = await planPull(
      {
        image,
        runtimeEndpoint,
        runtime: null,
        hostRoot,
        runtimeVersion: null,
        proxyEnvFile: null,
        nameservers: [],
        authFile: null,
        pullPolicy: more.pullPolicy ?? null,
        platform: more.platform ?? null,
      },
      { env, variables, arch: process.arch, platform: process.platform, machine: machine(), signal },
    );
    if (planned.ok) return planned;
    needs.log.error(planned.error.message, { setting: 'runtime.endpoint' });
    return fail({ reason: 'misconfigured', message: planned.error.message, retryAfterMs: null });
  };

  return {
    async investigate(order, signal) {
      const begunAt = env.monotonic();
      const { image, platform, pullPolicy, credentials, onEvent } = order;
      const parsed = platform === undefined ? null : parsePlatform(platform);
      if (parsed?.ok === false) {
        return fail({ reason: 'bad-platform', message: parsed.error.message, retryAfterMs: null });
      }
      const planned = await planOf(image, signal, {
        ...(platform === undefined ? {} : { platform }),
        ...(pullPolicy === undefined ? {} : { pullPolicy }),
      });
      if (!planned.ok) return planned;
      const plan = credentials === undefined ? planned.value : withCredentials(planned.value, credentials);
      const { deadlineMs, pullDeadlineMs } = settings();
      const document = await investigate(plan, {
        env,
        node,
        pull: order.pull === true,
        deadlineMs,
        pullDeadlineMs,
        signal,
        begunAt,
        ...(onEvent === undefined ? {} : { onEvent }),
      });
      return ok(document);
    },

    async recheck(incident, upTo, signal) {
      const unknown: Recheck = { state: 'unknown', cause: null, notBefore: null };
      const { cause = null, underlying = null } = incident.conclusion ?? {};
      const planned = await planOf(incident.image, signal);
      if (!planned.ok) return unknown;
      const { kinds, patienceMs, upTo: until } = recheckPlan(cause, underlying, upTo);
      const deadlineMs = Math.min(lookMs, settings().deadlineMs);
      const looked = await look(planned.value, {
        env,
        node,
        kinds,
        counterfactuals: true,
        patienceMs,
        deadlineMs,
        signal,
      });
      return signal.aborted ? unknown : recheckOf(looked.view, looked.document, { cause, underlying }, until);
    },

    conclusionOf,

    async credentialsMark(image) {
      const planned = await planOf(image, AbortSignal.timeout(lookMs));
      const hash = createHash('sha256').update(salt);
      if (planned.ok) {
        for (const { key, source, username, password } of planned.value.credentials) {
          hash.update(JSON.stringify([key, source, username, password.reveal()]));
        }
        if (planned.value.cri?.ok === true) planned.value.cri.value.close();
      }
      return hash.digest('base64url');
    },

    async pull({ image, credentials }, signal) {
      const planned = await planOf(image, signal);
      if (!planned.ok) {
        const { message } = planned.error;
        const pull = { attempted: false, ok: null, durationMs: null, error: message, cause: null };
        return { pull, imageRef: null, summary: message };
      }
      const plan = credentials === undefined ? planned.value : withCredentials(planned.value, credentials);
      return pullNow(plan, { env, node, deadlineMs: settings().pullDeadlineMs, signal });
    },

    async probe({ probe, target }, signal) {
      const image = targetImage(target);
      if (!image.ok) return fail({ reason: 'bad-image', message: image.error, retryAfterMs: null });
      const planned = await planOf(image.value, signal);
      if (!planned.ok) return planned;
      const { document } = await look(planned.value, {
        env,
        node,
        kinds: kindsOfProbe(probe),
        counterfactuals: false,
        deadlineMs: Math.min(lookMs, settings().deadlineMs),
        signal,
      });
      return ok(probesDocument(probe, target, document, env.now()));
    },
  };
}
