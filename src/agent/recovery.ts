import type { Env } from '../lib/env.ts';
import type { Layer } from '../model/cause-id.ts';
import { imageKey } from '../signals/image-match.ts';
import { goneAfterMs } from './book.ts';
import { podOf } from './incident-pod.ts';
import type { Book, Conclusion, Incident, Puller, Recheck, Recovery } from './parts.ts';
import { failedPullDelay, pullDelay, type RecheckRule, recheckDelay, recheckRule, uselessFor } from './retry-rules.ts';
import { openSharedLooks, sharedHop } from './shared-looks.ts';

/** What recovery needs. The settings may change while it works. */
export interface RecoveryNeeds {
  readonly env: Env;
  readonly book: Book;
  readonly puller: Puller;
  /** Looks at the failed hop again, no further than `upTo`. It ends soon after the signal, and never throws. */
  readonly recheck: (incident: Incident, upTo: Layer, signal: AbortSignal) => Promise<Recheck>;
  /** A mark of the credentials that the node's files have for an image: other credentials, another mark. */
  readonly credentialsMark: (image: string) => Promise<string>;
  /** A whole investigation, because the hop passes and something else fails. */
  readonly investigate: (incident: Incident) => void;
  /** The pull secrets of pods may be read. */
  readonly podSecrets?: boolean;
  readonly settings: () => {
    readonly mode: 'off' | 'on-recovery' | 'eager';
    readonly concurrency: number;
    /** The runtime may be handed a pod's own secrets. */
    readonly withPodCredentials?: boolean;
  };
}

/** How often the node's files are looked at for other credentials. */
const credentialsLookMs = 2000;

/** Times are monotonic: a clock that is set back must not have anything wait for it. */
interface Watched {
  readonly key: string;
  rule: RecheckRule;
  /** When the cause was first concluded. */
  readonly since: number;
  /** The cause that the rule is for. */
  cause: string | null;
  /** What other images wait for, too; null: it is this image's own. */
  readonly hop: string | null;
  nextAt: number;
  checking: boolean;
  /** The hop passes: the image is pulled at this time. */
  pullAt: number | null;
  /** Nobody can explain it: while the mode is `eager` the image is pulled at this time, whatever a look says. */
  eagerAt: number | null;
  pulling: boolean;
  pulled: boolean;
  /** Pulls by the agent that failed although the hop passed: what the probes do not see stops them. */
  failedPulls: number;
  /** No pull before this time. */
  pullFrom: number;
  mark: string | null;
  markAt: number;
}

/** Makes it. `tick` is called some times a second, and does what is due. */
export function openRecovery(needs: RecoveryNeeds): Recovery & { readonly tick: () => void } {
  const { env, book, puller } = needs;
  const watched = new Map<string, Watched>();
  const abort = new AbortController();
  const running = new Set<Promise<void>>();
  const shared = openSharedLooks(env);

  const mayUsePods = (): boolean => needs.podSecrets === true && needs.settings().withPodCredentials === true;

  const pullAtOf = (one: Watched): number | null =>
    one.pullAt ?? (needs.settings().mode === 'eager' ? one.eagerAt : null);

  const schedule = (one: Watched, notBefore: number | null): void => {
    if (one.rule.how === 'never') return;
    const now = env.monotonic();
    const delay = recheckDelay(one.rule.leastMs, now - one.since, env.random());
    // Everybody who was told the same moment would come at that moment.
    const after = notBefore === null ? 0 : notBefore - env.now() + env.random() * 1000;
    one.nextAt = now + Math.max(notBefore !== null && one.rule.how === 'at-reset' ? 0 : delay, after);
  };

  /** This image waits for its hop no more. `came`: because it has come, so the hop passed. */
  const leaveHop = ({ hop }: Watched, came: boolean): void => {
    if (hop === null) return;
    if (![...watched.values()].some((other) => other.hop === hop)) shared.over(hop);
    else if (came) shared.outdated(hop);
  };

  const watch = (incident: Incident, conclusion: Conclusion): void => {
    const rule = recheckRule(conclusion.cause, conclusion.layer, needs.podSecrets);
    const known = watched.get(incident.key);
    const one: Watched = {
      key: incident.key,
      rule,
      since:
        known !== undefined && known.cause === conclusion.cause
          ? known.since
          : env.monotonic() - Math.max(0, env.now() - conclusion.at),
      cause: conclusion.cause,
      hop: rule.how === 'never' ? null : sharedHop(conclusion.cause, conclusion.host, rule.upTo),
      nextAt: Number.POSITIVE_INFINITY,
      checking: false,
      pullAt: null,
      eagerAt: conclusion.cause === 'unknown' ? env.monotonic() : null,
      pulling: known?.pulling ?? false,
      pulled: known === undefined && incident.pulledAt !== null,
      failedPulls: known?.failedPulls ?? 0,
      pullFrom: known?.pullFrom ?? Number.NEGATIVE_INFINITY,
      mark: known?.mark ?? null,
      markAt: Number.NEGATIVE_INFINITY,
    };
    watched.set(incident.key, one);
    if (known !== undefined) leaveHop(known, false);
    if (conclusion.verdict === 'healthy' || conclusion.verdict === 'degraded') one.pullAt = env.monotonic();
    else schedule(one, conclusion.notBefore);
  };

  book.onChange((incident, change) => {
    if (change === 'ended') {
      const one = watched.get(incident.key);
      watched.delete(incident.key);
      if (one !== undefined) leaveHop(one, incident.endedBy !== 'gone');
      unheard.delete(incident.key);
    } else if (change === 'concluded' && incident.conclusion !== null) watch(incident, incident.conclusion);
  });
  /** Of an agent that ended long ago, by when it last heard of them: whether a pod still waits is not known until one is heard. */
  const unheard = new Map<string, number>();
  // What an agent before this one had found out: it is gone on with.
  for (const incident of book.open()) {
    if (incident.conclusion !== null) watch(incident, incident.conclusion);
    if (env.now() - incident.lastSeenAt > goneAfterMs) unheard.set(incident.key, incident.lastSeenAt);
  }

  puller.onEnd((record) => {
    // By what images are compared by: the pull may be one that somebody else had begun, by another spelling of the name.
    const one = watched.get(imageKey(record.image));
    if (one === undefined || !one.pulling) return;
    one.pulling = false;
    one.pullAt = null;
    one.eagerAt = null;
    if (record.state === 'done') {
      one.pulled = true;
      book.pulled(one.key, env.now());
      return;
    }
    const incident = book.get(one.key);
    one.failedPulls++;
    one.pullFrom = env.monotonic() + failedPullDelay(one.failedPulls, env.random());
    schedule(one, null);
    if (incident !== null) needs.investigate(incident);
  });

  const check = async (one: Watched, incident: Incident, upTo: Layer): Promise<void> => {
    if (one.hop !== null) shared.begun(one.hop);
    const outcome = await needs.recheck(incident, upTo, abort.signal);
    one.checking = false;
    const fails = outcome.state === 'same' || outcome.state === 'unknown';
    const isWatched = watched.get(one.key) === one && !abort.signal.aborted;
    if (isWatched && fails) schedule(one, outcome.notBefore);
    if (one.hop !== null) shared.ended(one.hop, fails ? one.nextAt : null);
    if (!isWatched || fails) return;
    // The others need not wait for their own time to find the same.
    if (outcome.state === 'clear' && one.hop !== null)
      for (const other of watched.values())
        if (other.hop === one.hop) other.nextAt = Math.min(other.nextAt, env.monotonic());
    if (outcome.state === 'clear' && outcome.needsPod === true && !mayUsePods()) {
      // The kubelet brings it with the pod's secret, which the agent must not: what stood in the way is told anew.
      schedule(one, outcome.notBefore);
      needs.investigate(incident);
      return;
    }
    if (outcome.state === 'clear') {
      one.pullAt = env.monotonic() + pullDelay(env.monotonic() - one.since, env.random());
      return;
    }
    schedule(one, outcome.notBefore);
    needs.investigate(incident);
  };

  const lookAtCredentials = async (one: Watched, incident: Incident): Promise<void> => {
    const mark = await needs.credentialsMark(incident.image);
    if (one.mark !== null && mark !== one.mark) one.nextAt = env.monotonic();
    one.mark = mark;
  };

  const background = (work: Promise<void>): void => {
    running.add(work);
    void work.finally(() => running.delete(work));
  };

  const pull = (one: Watched, incident: Incident): void => {
    const pod = mayUsePods() ? podOf(incident) : undefined;
    const ordered = puller.pull({
      image: incident.image,
      reason: one.cause === 'unknown' ? 'eager' : 'recovery',
      ...(pod === undefined ? {} : { pod }),
    });
    if (ordered.ok) one.pulling = true;
    else one[one.pullAt === null ? 'eagerAt' : 'pullAt'] = env.monotonic() + (ordered.error.retryAfterMs ?? 10_000);
  };

  /** Only the pod's own secret brings it, and the agent is not to pull with that. */
  const isForPods = ({ conclusion }: Incident): boolean => conclusion?.needsPod === true && !mayUsePods();

  const tick = (): void => {
    const { mode, concurrency } = needs.settings();
    if (mode === 'off' || abort.signal.aborted) return;
    const now = env.monotonic();
    let checking = [...watched.values()].filter((one) => one.checking).length;
    const due = [...watched.values()].sort((a, b) => a.nextAt - b.nextAt);
    for (const one of due) {
      const incident = book.get(one.key);
      if (incident === null || one.pulling || one.pulled || one.checking) continue;
      if (uselessFor(incident) !== null || isForPods(incident)) continue;
      if (unheard.get(one.key) === incident.lastSeenAt) continue;
      const pullAt = pullAtOf(one);
      if (pullAt !== null) {
        if (Math.max(pullAt, one.pullFrom) <= now) pull(one, incident);
        continue;
      }
      const { rule } = one;
      if (rule.how === 'never') continue;
      if (isAboutCredentials(one.cause) && now - one.markAt >= credentialsLookMs) {
        one.markAt = now;
        background(lookAtCredentials(one, incident));
      }
      if (one.nextAt > now || checking >= concurrency * 4) continue;
      if (one.hop !== null && shared.leaves(one.hop, one.nextAt)) continue;
      one.checking = true;
      checking++;
      background(check(one, incident, rule.upTo));
    }
  };

  return {
    tick,
    retryOf(incident) {
      const one = watched.get(incident.key);
      const state = (word: ReturnType<Recovery['retryOf']>['state'], note: string, nextAt: number | null = null) => ({
        state: word,
        note,
        nextCheckAt:
          nextAt === null || !Number.isFinite(nextAt)
            ? null
            : new Date(env.now() + nextAt - env.monotonic()).toISOString(),
      });
      if (needs.settings().mode === 'off') return state('off', 'The agent does not pull by itself (retry.mode: off).');
      if (incident.pulledAt !== null)
        return state('pulled', 'The image is on the node: the kubelet finds it at its next look, within 15 s.');
      const useless = uselessFor(incident);
      if (useless !== null) return state('not-possible', useless);
      if (isForPods(incident)) return state('not-possible', forPods);
      if (one === undefined) return state('waiting', 'The cause is not known yet.');
      if (one.pulling) return state('pulling', 'The runtime pulls the image now.');
      const pullAt = pullAtOf(one);
      if (pullAt !== null)
        return state(
          'waiting',
          'The failed hop passes again: the image is pulled next.',
          Math.max(pullAt, one.pullFrom),
        );
      if (one.rule.how === 'never') return state('not-possible', one.rule.why);
      return state(
        'waiting',
        `The failed hop (${one.rule.upTo}) is looked at again, and the image pulled when it passes.`,
        Math.max(one.nextAt, (one.hop === null ? null : shared.nextAt(one.hop)) ?? one.nextAt),
      );
    },
    async stop() {
      abort.abort();
      await Promise.all(running);
    },
  };
}

const forPods =
  "The registry gives it to the pod's own secret, with which the agent does not pull (retry.withPodCredentials): the kubelet's next try brings it.";

function isAboutCredentials(cause: string | null): boolean {
  return (
    cause !== null &&
    (cause.startsWith('credentials-') || cause.startsWith('pull-secret-') || cause === 'access-denied')
  );
}
