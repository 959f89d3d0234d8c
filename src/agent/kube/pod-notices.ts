import { causeOf } from '../../causes/index.ts';
import type { Env } from '../../lib/env.ts';
import { limits } from '../../lib/limits.ts';
import { safeLine } from '../../lib/redact.ts';
import { withoutTrailing } from '../../lib/trailing.ts';
import type { CauseId } from '../../model/cause-id.ts';
import { concernOf, type SecretsOf, underNever } from '../incident-pod.ts';
import type { Conclusion, Incident, IncidentChange, WaitingPod } from '../parts.ts';

/** What a pod is told, before it is an object of the API. */
export interface PodNotice {
  /**
   * `new`: an Event of its own; `again`: the Event of this name is still true, or true once more. Where the server has
   * forgotten it, it is written anew.
   */
  readonly kind: 'new' | 'again';
  /** metadata.name of the Event: a try that is repeated makes no second one. */
  readonly name: string;
  readonly namespace: string;
  readonly pod: string;
  /** Without it `kubectl describe pod` does not show the Event, `kubectl get events` does. */
  readonly uid: string | null;
  readonly type: 'Warning' | 'Normal';
  readonly reason: string;
  /** One line without secrets, at most 1024 bytes. */
  readonly message: string;
  readonly firstAt: number;
  readonly lastAt: number;
  readonly count: number;
}

/** Reasons of our Events; they are for filters (`kubectl get events --field-selector reason=…`), so they never change. */
export const causeReason = 'ImagePullCauseFound';
export const soonerReason = 'ImagePulledSooner';

/**
 * What is still so is said again before the server forgets it: it keeps Events for an hour (kube-apiserver, --event-ttl)
 * from when they were last written.
 */
export const repeatMs = 55 * 60_000;

/** Of one pod: so many notices at once, and one in five minutes after that (as client-go bounds a source's own events). */
const podBurst = 6;
const podRefillMs = 300_000;

/** A pod that the directory does not know yet is waited for: the log is ahead of the API server. */
const uidPatienceMs = 5000;

/** A note of an Event has at most 1024 bytes (kubernetes, pkg/apis/core/validation/events.go, NoteLengthLimit). */
const messageBytes = 1024;

/** Ends by itself, or is no finding: nobody is told. */
const untold: ReadonlySet<CauseId> = new Set<CauseId>(['unknown', 'back-off-only', 'pull-canceled']);

/** What was said of one cause. */
interface Said {
  name: string;
  readonly firstAt: number;
  lastAt: number;
  count: number;
}

interface PodMemory {
  /** By cause: one that comes back is the same Event once more. */
  readonly said: Map<string, Said>;
  /** The cause that was said last. */
  now: string | null;
  /** First seen with something to say and no uid. */
  waitingSince: number | null;
}

/** Decides what is told to which pod and when: no I/O, and bounded by what the book holds. */
export interface PodNotices {
  /** A change of the book. */
  readonly changed: (incident: Incident, change: IncidentChange) => readonly PodNotice[];
  /** What is due: repeats, and pods whose uid was waited for. About each second. */
  readonly due: (open: readonly Incident[]) => readonly PodNotice[];
}

/**
 * Makes it. `before`: what the book remembered over a restart, which has been told already. `uidOf`: null while the API
 * server has not told of the pod.
 */
export function openPodNotices(needs: {
  readonly env: Env;
  readonly uidOf: (namespace: string, pod: string) => string | null;
  /** Null: nothing is known of the pod. */
  readonly secretsOf: SecretsOf;
  readonly before: readonly Incident[];
}): PodNotices {
  const { env, uidOf, secretsOf } = needs;
  const incidents = new Map<string, Map<string, PodMemory>>();
  /** Of each pod: how much of its burst is used, as of a time. */
  const used = new Map<string, { level: number; at: number }>();
  let serial = 0;

  for (const incident of needs.before) {
    const toldTo = tellingOf(incident, secretsOf);
    for (const pod of podsOf(incident)) {
      const told = toldTo(pod);
      if (told === null) continue;
      const { at } = told;
      // Its name is not known any more: when it is due again, it is written anew.
      const said = new Map([[keyOf(told), { name: '', firstAt: at, lastAt: at, count: 1 }]]);
      memoryOf(incident.id).set(pod.id, { said, now: keyOf(told), waitingSince: null });
    }
  }

  function memoryOf(incident: string): Map<string, PodMemory> {
    const known = incidents.get(incident) ?? new Map<string, PodMemory>();
    incidents.set(incident, known);
    return known;
  }

  /** One more notice to this pod, if its burst has room. */
  const take = (id: string, now: number): boolean => {
    const { level, at } = used.get(id) ?? { level: 0, at: now };
    const left = Math.max(0, level - Math.max(0, now - at) / podRefillMs);
    if (left + 1 > podBurst) return false;
    used.delete(id);
    if (used.size >= limits.agentPods) used.delete(used.keys().next().value ?? '');
    used.set(id, { level: left + 1, at: now });
    return true;
  };

  const nameOf = (pod: string, now: number): string => {
    serial = (serial + 1) % 4096;
    const mark = `${Math.floor(now).toString(16)}${serial.toString(16).padStart(3, '0')}`;
    // A DNS subdomain: at most 253 characters, and none of its parts ends with a hyphen.
    return `${withoutTrailing(pod.slice(0, 253 - mark.length - 1), '-.')}.${mark}`;
  };

  const causeNotices = (incident: Incident): PodNotice[] => {
    const now = env.now();
    const toldTo = tellingOf(incident, secretsOf);
    const memories = memoryOf(incident.id);
    const pods = podsOf(incident);
    const there = new Set(pods.map(({ id }) => id));
    for (const id of memories.keys()) if (!there.has(id)) memories.delete(id);
    return pods.flatMap((one) => {
      const { id, namespace, pod } = one;
      const told = toldTo(one);
      if (told === null) return [];
      const key = keyOf(told);
      const memory = memories.get(id) ?? { said: new Map<string, Said>(), now: null, waitingSince: null };
      memories.set(id, memory);
      const said = memory.said.get(key);
      if (memory.now === key && said !== undefined && now - said.lastAt < repeatMs) return [];
      const uid = uidOf(namespace, pod);
      if (uid === null) {
        memory.waitingSince ??= now;
        if (now - memory.waitingSince < uidPatienceMs) return [];
      }
      if (!take(id, now)) return [];
      memory.waitingSince = null;
      memory.now = key;
      const again = said !== undefined && said.name !== '';
      const entry: Said = said ?? { name: '', firstAt: now, lastAt: now, count: 0 };
      if (entry.name === '') entry.name = nameOf(pod, now);
      entry.lastAt = now;
      entry.count++;
      memory.said.set(key, entry);
      const { name, firstAt, lastAt, count } = entry;
      const message = causeMessage(told);
      const type = 'Warning' as const;
      const kind = again ? ('again' as const) : ('new' as const);
      return [{ kind, name, namespace, pod, uid, type, reason: causeReason, message, firstAt, lastAt, count }];
    });
  };

  return {
    changed(incident, change) {
      if (change !== 'ended') return causeNotices(incident);
      incidents.delete(incident.id);
      if (incident.endedBy !== 'agent') return [];
      const at = env.now();
      return podsOf(incident).flatMap(({ id, namespace, pod }) => {
        if (!take(id, at)) return [];
        const uid = uidOf(namespace, pod);
        const name = nameOf(pod, at);
        const message = soonerMessage(incident);
        const times = { firstAt: at, lastAt: at, count: 1 };
        return [{ kind: 'new', name, namespace, pod, uid, type: 'Normal', reason: soonerReason, message, ...times }];
      });
    },
    due: (open) => open.flatMap(causeNotices),
  };
}

type Told = Conclusion & { readonly cause: CauseId };
type NamedPod = Pick<WaitingPod, 'reason'> & { readonly id: string; readonly namespace: string; readonly pod: string };

/**
 * What each pod of an incident is told: the conclusion that says why it waits. Words of the log alone are the kubelet's, which
 * has its own Event; so nothing is said to a pod with other secrets than those that were tried.
 */
function tellingOf(incident: Incident, secretsOf: SecretsOf): (pod: NamedPod) => Told | null {
  const { image, conclusion, pulledAt } = incident;
  if (conclusion === null || conclusion.verdict !== 'faulty' || pulledAt !== null) return () => null;
  const told = (of: Conclusion): Told | null =>
    of.cause === null || untold.has(of.cause) ? null : { ...of, cause: of.cause };
  const by = { own: told(conclusion), never: told(underNever(image, conclusion)), 'other-secrets': null };
  const concern = concernOf(incident, secretsOf);
  return (pod) => by[concern(pod)];
}

/** What makes two conclusions one cause. */
function keyOf({ cause, underlying, host }: Conclusion): string {
  return `${cause} ${underlying} ${host}`;
}

/** Each pod once, however many of its containers wait: one that is allowed to pull decides. */
function podsOf({ pods }: Incident): NamedPod[] {
  const found = new Map<string, NamedPod>();
  for (const { namespace, pod, reason } of pods) {
    if (namespace === null || pod === null) continue;
    const id = `${namespace}/${pod}`;
    if (found.has(id) && reason === 'ErrImageNeverPull') continue;
    // What comes from a log goes into a path: only names as Kubernetes has them.
    if (isName(namespace) && isName(pod)) found.set(id, { id, namespace, pod, reason });
  }
  return [...found.values()];
}

/** A DNS subdomain (RFC 1123), which every pod's name is. */
function isName(text: string): boolean {
  return text.length <= 253 && /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/.test(text);
}

function causeMessage({ cause, underlying, confidence, summary, remedies }: Conclusion & { cause: CauseId }): string {
  const [first] = remedies;
  const command = first === undefined || first.command === null ? '' : ` (${first.command})`;
  const advice = first === undefined ? '' : ` To do: ${first.text}${command}`;
  const beneath = underlying === null ? '' : ` by ${underlying}`;
  const tag = ` [${cause}${beneath}${confidence === null ? '' : `, ${confidence}`}]`;
  const words = summary === '' ? `${causeOf(cause).title}.` : summary;
  return `${cutBytes(safeLine(`${words}${advice}`, messageBytes), messageBytes - Buffer.byteLength(tag))}${tag}`;
}

function soonerMessage({ image, secondsGained }: Incident): string {
  const sooner =
    secondsGained === null || secondsGained <= 0
      ? 'The agent pulled it as soon as nothing stood in the way any more.'
      : `The agent pulled it as soon as nothing stood in the way any more, ${secondsGained} s before the kubelet's own next try.`;
  return cutBytes(safeLine(`The image ${image} is on the node. ${sooner}`, messageBytes), messageBytes);
}

/** A text of at most so many bytes of UTF-8; what is cut ends with a mark. */
function cutBytes(text: string, most: number): string {
  if (Buffer.byteLength(text) <= most) return text;
  let cut = text.slice(0, most);
  while (Buffer.byteLength(cut) > most - 3) cut = cut.slice(0, -1);
  return `${cut.toWellFormed().replace(/\ufffd$/u, '')}…`;
}
