import type { Env } from '../lib/env.ts';
import type { Investigation } from '../model/investigation.ts';
import { imageKey } from '../signals/image-match.ts';
import { conclusionFor, effectivePolicyOf, podOf, policyOf } from './incident-pod.ts';
import type {
  Book,
  Conclusion,
  Incident,
  InvestigationOrder,
  InvestigationReason,
  Investigator,
  PodName,
} from './parts.ts';

/** What the diagnoser needs. */
export interface DiagnoserNeeds {
  readonly env: Env;
  readonly book: Book;
  readonly investigator: Investigator;
  readonly conclusionOf: (document: Investigation) => Conclusion;
  /** The API server tells of the pod and that it names this image. Absent: there is none. */
  readonly knowsPod?: (pod: PodName, key: string) => boolean;
}

/** Has each incident investigated: once, and again when that is due. */
export interface Diagnoser {
  readonly order: (incident: Incident, reason: InvestigationReason) => void;
  /** Queued or under way for this image. */
  readonly busy: (key: string) => boolean;
  readonly tick: () => void;
}

/** An incident that lasts is looked at again after this long: what stops it may have become something else. */
const againMs = 600_000;

/** One that came to nothing sooner, for a node that was busy may be idle then. */
const inconclusiveAgainMs = 30_000;

/** Makes it. It listens to the book from then on. */
export function openDiagnoser({ env, book, investigator, conclusionOf, knowsPod }: DiagnoserNeeds): Diagnoser {
  /** What waits for a registry's budget, or for its turn: the time from which it may be asked. */
  const waiting = new Map<string, { readonly reason: InvestigationReason; readonly from: number }>();

  /** By what policy each image was investigated last: the journal may name a pod before the API server tells its policy. */
  const policies = new Map<string, ReturnType<typeof effectivePolicyOf>>();

  /**
   * Words that an image was investigated anew for since its last turn: two pods that fail in two ways say theirs in turn, and
   * each would be news.
   */
  const heard = new Map<string, Set<string>>();
  const isNews = ({ key, saidCause }: Incident): boolean => {
    const words = heard.get(key) ?? new Set();
    heard.set(key, words);
    if (saidCause === null || words.has(saidCause)) return false;
    words.add(saidCause);
    return true;
  };

  const start = (incident: Incident, reason: InvestigationReason): void => {
    waiting.delete(incident.key);
    policies.set(incident.key, effectivePolicyOf(incident));
    // Later looks wait as long as they would for anybody: what was silent then may be slow now.
    const said = reason === 'noticed' || reason === 'changed' ? { said: incident.saidCause } : {};
    const pod = knowsPod === undefined ? undefined : podOf(incident);
    const whose = pod === undefined ? {} : { pod };
    const pullPolicy = policyOf(incident);
    const policy = pullPolicy === null ? {} : { pullPolicy };
    void investigator.investigate({ image: incident.image, reason, ...said, ...whose, ...policy }).then((result) => {
      if (result.ok || result.error.reason === 'stopping' || book.get(incident.key) === null) return;
      waiting.set(incident.key, { reason, from: env.monotonic() + (result.error.retryAfterMs ?? againMs) });
    });
  };

  const knownPod = (incident: Incident): PodName | undefined => {
    const pod = podOf(incident);
    return pod !== undefined && knowsPod?.(pod, incident.key) === true ? pod : undefined;
  };

  book.onChange((incident, change) => {
    if (change === 'opened') start(incident, 'noticed');
    else if (change === 'signal' && contradicts(incident) && isNews(incident)) start(incident, 'changed');
    else if (change === 'ended') {
      heard.delete(incident.key);
      waiting.delete(incident.key);
      policies.delete(incident.key);
    }
  });

  investigator.onDone((document, order) => {
    const incident = book.get(imageKey(document.image.input));
    // A caller's own secret or platform says nothing of what this node's pods are given.
    if (incident === null || order.credentials !== undefined || order.platform !== undefined) return;
    if (order.reason === 'asked' && !isUnderOwnPolicy(order, incident)) return;
    if (order.guarded === true && document.verdict === 'inconclusive') return;
    const conclusion = conclusionFor(incident, conclusionOf(document));
    if (order.reason === 'asked' && isOfOthers(order, conclusion, knownPod(incident))) return;
    book.conclude(incident.key, conclusion);
  });

  return {
    order: start,
    busy: (key) => waiting.has(key) || investigator.busy(key),
    tick() {
      const now = env.monotonic();
      for (const [key, { reason, from }] of [...waiting]) {
        if (from > now) continue;
        const incident = book.get(key);
        if (incident === null) waiting.delete(key);
        else start(incident, reason);
      }
      for (const incident of book.open()) {
        const { conclusion, key } = incident;
        if (incident.pulledAt !== null || waiting.has(key) || investigator.busy(key)) continue;
        if (conclusion === null) {
          // The agent that had begun to investigate it was ended.
          start(incident, 'noticed');
          continue;
        }
        const age = env.now() - conclusion.at;
        // Concluded without a pod's credentials, before the API server told of the pod.
        const late = conclusion.pod === undefined && isOfCredentials(conclusion) && age > lateMs;
        const policy = policies.get(key);
        const gone = conclusion.pod !== undefined && !isAmong(incident, conclusion.pod);
        const otherPolicy = policy !== undefined && policy !== effectivePolicyOf(incident);
        if (otherPolicy || gone || (late && knownPod(incident) !== undefined)) start(incident, 'changed');
        else if (age > (conclusion.verdict === 'inconclusive' ? inconclusiveAgainMs : againMs)) {
          heard.delete(key);
          start(incident, 'again');
        }
      }
    },
  };
}

/** The pod that a conclusion was about still waits. */
function isAmong({ pods }: Incident, { namespace, name }: PodName): boolean {
  return pods.some((one) => one.namespace === namespace && one.pod === name);
}

/** What is true under another pull policy than that of those who wait is not what keeps them waiting. */
function isUnderOwnPolicy({ pullPolicy }: InvestigationOrder, incident: Incident): boolean {
  return pullPolicy === undefined || pullPolicy === effectivePolicyOf(incident);
}

/**
 * What a caller asked about credentials is about others than the incident's own pod: another's secrets, or nobody's where the
 * pod may have some.
 */
function isOfOthers(
  { pod: asked }: InvestigationOrder,
  { pod, layer, cause }: Conclusion,
  own: PodName | undefined,
): boolean {
  if (asked !== undefined && own !== undefined)
    return pod !== undefined && (pod.namespace !== own?.namespace || pod.name !== own.name);
  return own !== undefined && isOfCredentials({ layer, cause });
}

/** What a pod's own secrets may change. */
function isOfCredentials({ layer, cause }: Pick<Conclusion, 'layer' | 'cause'>): boolean {
  return layer === 'auth' || cause === 'repository-not-found-or-private';
}

/** One that was told of at once needs no second look. */
const lateMs = 3000;

/** The words of a new failure name another cause than the one that was found. */
function contradicts({ saidCause, conclusion }: Incident): boolean {
  if (saidCause === null || saidCause === 'unknown') return false;
  return conclusion === null || (saidCause !== conclusion.cause && saidCause !== conclusion.underlying);
}
