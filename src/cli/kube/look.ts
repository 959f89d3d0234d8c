import { type Replayed, replay } from '../../engine/replay.ts';
import { type KubeEvent, readEvent } from '../../kube/event.ts';
import type { KubePod } from '../../kube/pod.ts';
import { ok, type Result } from '../../lib/result.ts';
import type { KubeClient } from '../../wire/kube-client.ts';
import type { ForwardNeeds } from './agent-by-port-forward.ts';
import { findAgents } from './agents.ts';
import { type Reached, reachAgent } from './reach.ts';
import type { KubeReport, PodReport, WaitingImage } from './report.ts';
import { rowOf, waitingOf, withAgent } from './waiting.ts';

/** What looking needs. */
export interface LookNeeds {
  readonly client: KubeClient;
  readonly now: number;
  /** Where events are listed; null: in all namespaces. */
  readonly namespace: string | null;
  readonly agentNamespace: string | null;
  readonly forward: ForwardNeeds;
  readonly scope: string;
  readonly onStep: (words: string) => void;
  readonly signal: AbortSignal;
}

/** Pods whose investigations are shown when several are meant: one for each image that does not come. */
const mostDetailed = 3;

/** Nodes whose agents are asked for a table of many pods. */
const mostNodes = 20;

/** Longest wait for an investigation: more than an agent lets it take. */
const investigationMs = 300_000;

/** Longest wait for one that is there. */
const answerMs = 15_000;

/** Looks at pods closely: an investigation for each image that does not come. */
export async function lookClosely(pods: readonly KubePod[], needs: LookNeeds): Promise<KubeReport> {
  const { reports, notes } = await fromStatus(pods, needs);
  const closer = new Set(onePerImage(reports).slice(0, mostDetailed));
  const done: PodReport[] = [];
  for (const report of reports) done.push(closer.has(report) ? await investigated(report, needs) : report);
  return { at: needs.now, scope: needs.scope, pods: done, notes };
}

/** Looks at many pods: a row for each that waits, with what agents know already where the API server reaches them. */
export async function lookWidely(pods: readonly KubePod[], needs: LookNeeds): Promise<KubeReport> {
  const { client, signal } = needs;
  const { reports, notes } = await fromStatus(pods, needs);
  const waiting = reports.filter(({ images }) => images.length > 0);
  const nodes = [...new Set(waiting.flatMap(({ pod }) => pod.node ?? []))].slice(0, mostNodes);
  const agents =
    nodes.length === 0
      ? ok(new Map())
      : await findAgents(client, { node: null, namespace: needs.agentNamespace, signal });
  if (!agents.ok)
    return {
      at: needs.now,
      scope: needs.scope,
      pods: waiting,
      notes: [...notes, `The agents were not asked: ${agents.error}.`],
    };
  const reached = new Map<string, Reached>();
  needs.onStep('asking the agents');
  // The first that is ready tells whether agents can be reached this way at all.
  for (const node of nodes) {
    const agent = agents.value.get(node);
    if (agent === undefined) continue;
    const one = await reachAgent(client, agent, null, signal);
    reached.set(node, one);
    if (agent.ready && [...reached.values()].every(({ client: answers }) => answers === null)) break;
  }
  const told = waiting.map((report): PodReport => {
    const one = reached.get(report.pod.node ?? '');
    if (one === undefined) return report;
    return { ...report, agent: one.agent, images: withAgent(report.pod, report.images, one.rows) };
  });
  return { at: needs.now, scope: needs.scope, pods: told, notes };
}

/** The pods by their status and events. */
async function fromStatus(
  pods: readonly KubePod[],
  needs: LookNeeds,
): Promise<{ readonly reports: readonly PodReport[]; readonly notes: readonly string[] }> {
  const { now } = needs;
  needs.onStep('reading the events');
  const events = pods.length === 0 ? ok([]) : await eventsOf(pods, needs);
  const known = events.ok ? events.value : [];
  const notes = events.ok ? [] : [`Events could not be read, so tries and sandboxes are not known: ${events.error}.`];
  const reports = pods.map((pod) => ({
    pod,
    images: waitingOf(pod, known, now),
    agent: null,
    investigations: [],
    notes: [],
  }));
  return { reports, notes };
}

async function eventsOf(
  pods: readonly KubePod[],
  { client, namespace, signal }: LookNeeds,
): Promise<Result<readonly KubeEvent[], string>> {
  const uids = new Set(pods.flatMap(({ uid, mirrorOf }) => (mirrorOf === null ? [uid] : [uid, mirrorOf])));
  const [only] = pods;
  const place = only !== undefined && pods.length === 1 ? only.namespace : namespace;
  const which = pods.length === 1 ? `involvedObject.uid=${only?.mirrorOf ?? only?.uid}` : 'involvedObject.kind=Pod';
  const base = place === null ? '/api/v1/events' : `/api/v1/namespaces/${place}/events`;
  const listed = await client.list(
    {
      path: `${base}?fieldSelector=${encodeURIComponent(which)}`,
      pageItems: 500,
      read(object) {
        const event = readEvent(object);
        return event.ok ? ok(uids.has(event.value.podUid) ? event.value : null) : event;
      },
    },
    { signal },
  );
  if (!listed.ok) return { ok: false, error: listed.error.message };
  return ok(listed.value.items.filter((event) => event !== null));
}

/** The first pod of each image that does not come; a single pod in any case, for its agent may know more. */
function onePerImage(reports: readonly PodReport[]): readonly PodReport[] {
  if (reports.length === 1) return reports;
  const seen = new Set<string>();
  return reports.filter(({ images }) => {
    const fresh = images.some(({ image }) => !seen.has(image));
    for (const { image } of images) seen.add(image);
    return fresh;
  });
}

async function investigated(report: PodReport, needs: LookNeeds): Promise<PodReport> {
  const { client, signal, onStep } = needs;
  const { pod } = report;
  const settled = report.images.length === 0 && pod.phase !== 'Pending';
  if (pod.node === null || settled) return report;
  const { node } = pod;
  const agents = await findAgents(client, { node, namespace: needs.agentNamespace, signal });
  if (!agents.ok) return { ...report, agent: { pod: null, by: null, why: agents.error } };
  const agent = agents.value.get(node);
  if (agent === undefined) return { ...report, agent: { pod: null, by: null, why: null } };
  onStep(`asking the agent of ${node}`);
  const reached = await reachAgent(client, agent, needs.forward, signal);
  if (reached.client === null) return { ...report, agent: reached.agent };
  try {
    const images = withAgent(pod, report.images, reached.rows);
    const investigations: Replayed['document'][] = [];
    const notes: string[] = [];
    const done = new Set<string>();
    for (const image of images) {
      if (done.has(image.image)) continue;
      done.add(image.image);
      onStep(`asking the agent of ${node} about ${image.image}`);
      const one = await investigation(pod, image, reached, notes);
      if (one !== null) investigations.push(one);
    }
    return { ...report, agent: reached.agent, images, investigations, notes };
  } finally {
    await reached.close();
  }
}

/** The newest investigation that the agent has of the image, else one that it makes now. */
async function investigation(
  pod: KubePod,
  image: WaitingImage,
  { client, rows }: Reached,
  notes: string[],
): Promise<Replayed['document'] | null> {
  if (client === null || image.image === '') return null;
  const own = rows.filter((row) => row.namespace === pod.namespace && row.pod === pod.name);
  const id = rowOf(image, own)?.investigation ?? null;
  const json = ['application/json'];
  const kept =
    id === null
      ? null
      : await client.ask({ path: `/v1/investigations/${encodeURIComponent(id)}`, timeoutMs: answerMs }, json);
  const made =
    kept?.ok === true
      ? kept
      : await client.ask(
          {
            method: 'POST',
            path: '/v1/investigations',
            body: {
              image: image.image,
              pod: { namespace: pod.namespace, name: pod.name },
              ...(image.policy === null ? {} : { pullPolicy: image.policy }),
            },
            timeoutMs: investigationMs,
          },
          json,
        );
  if (!made.ok) {
    notes.push(`The agent of ${pod.node} gave no investigation of ${image.image}: ${made.error.replace(/\.$/, '')}.`);
    return null;
  }
  const read = replay(made.value.text);
  if (!read.ok) {
    notes.push(`The answer of the agent of ${pod.node} ${read.error}`);
    return null;
  }
  notes.push(...read.value.notes);
  return read.value.document;
}
