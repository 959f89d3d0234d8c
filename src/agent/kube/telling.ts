import type { RegistryRow } from '../../api/node.ts';
import type { Log } from '../../lib/log.ts';
import { ok } from '../../lib/result.ts';
import type { KubeAccess } from '../../wire/kube-access.ts';
import type { KubeFailure } from '../../wire/kube-failure.ts';
import type { NodeHealth } from '../health/health.ts';
import type { Incident, IncidentChange, SourceState } from '../parts.ts';
import { type ApiPlace, apiAccess } from './api-access.ts';
import type { ConditionWriter } from './condition-writer.ts';
import type { EventSender, NoticeEnd } from './event-sender.ts';
import type { PodDirectory } from './known-pods.ts';
import type { PodNotices } from './pod-notices.ts';

/** What telling Kubernetes needs. */
export interface TellingNeeds extends Omit<ApiPlace, 'enabled'> {
  readonly log: Log;
  readonly node: string;
  readonly settings: {
    readonly enabled: 'auto' | 'on' | 'off';
    readonly events: boolean;
    readonly nodeCondition: boolean;
  };
  readonly directory: Pick<PodDirectory, 'get'>;
  readonly incidents: () => readonly Incident[];
  readonly registries: () => readonly RegistryRow[];
  readonly health: () => NodeHealth;
  /** What became of one Event, for the metrics. */
  readonly noticeEnded: (end: NoticeEnd) => void;
  /** For tests: the way to the API server instead of the one that the variables tell. */
  readonly access?: KubeAccess;
}

/** Tells Kubernetes what the agent found: Events on pods, and the node's condition. Nothing waits for it. */
export interface Telling {
  /** One entry for each of the two that is set. `following`: what is to be told can be. */
  readonly states: () => readonly SourceState[];
  /** A change of the book. */
  readonly changed: (incident: Incident, change: IncidentChange) => void;
  readonly tick: () => void;
  /** The node condition as it stands; null: not known, or not ours to keep. */
  readonly condition: () => 'True' | 'False' | null;
  /** Events that wait. */
  readonly waiting: () => number;
  readonly stop: () => Promise<void>;
}

/** Between two looks at what is due besides changes. */
const lookMs = 2000;

type Part = 'events' | 'condition';

const settingOf: Readonly<Record<Part, string>> = {
  events: 'kubernetes.events',
  condition: 'kubernetes.nodeCondition',
};

/** Makes it; null when neither is set. What speaks Kubernetes is loaded only when there is a server to tell. */
export function openTelling(needs: TellingNeeds): Telling | null {
  const { env, log, node, settings, variables, directory } = needs;
  const { enabled } = settings;
  const parts: readonly Part[] = [
    ...(settings.events ? (['events'] as const) : []),
    ...(settings.nodeCondition ? (['condition'] as const) : []),
  ];
  if (parts.length === 0) return null;
  const states = new Map<Part, SourceState>();
  const become = (part: Part, state: SourceState['state'], note: string): void => {
    const before = states.get(part);
    if (before?.state === state && before.note === note) return;
    const lastEventAt = before?.lastEventAt ?? null;
    states.set(part, { source: `kubernetes-${part}`, state, note, since: env.now(), lastEventAt });
  };
  const stopping = new AbortController();
  const { signal } = stopping;
  let notices: PodNotices | null = null;
  let sender: EventSender | null = null;
  let writer: ConditionWriter | null = null;
  let lookedAt = Number.NEGATIVE_INFINITY;
  let close = async (): Promise<void> => undefined;
  // What the book knew from before the start has been told already.
  const before = needs.incidents();

  const open = async (): Promise<void> => {
    const way =
      needs.access !== undefined
        ? ok(needs.access)
        : enabled === 'off'
          ? null
          : await apiAccess({ env, enabled, variables });
    if (way === null || !way.ok) {
      const why = way === null ? 'kubernetes.enabled is off.' : way.error;
      for (const part of parts) become(part, 'absent', `${settingOf[part]} is on and nobody is told: ${why}`);
      for (const state of states.values()) log.error('Kubernetes is not told', { note: state.note });
      return;
    }
    for (const part of parts) become(part, 'waiting', 'The API server is about to be told.');
    const [{ openKubeClient }, { openPodNotices }, { openEventSender }, { openConditionWriter }, { nodeProblem }] =
      await Promise.all([
        import('../../wire/kube-client.ts'),
        import('./pod-notices.ts'),
        import('./event-sender.ts'),
        import('./condition-writer.ts'),
        import('./node-problem.ts'),
      ]);
    if (signal.aborted) return;
    const client = openKubeClient(way.value, env);
    close = client.close;
    const stands =
      (part: Part) =>
      (failure: KubeFailure | null): void => {
        if (failure === null) {
          become(part, 'following', `${toldWords(part, node)} at ${client.server}.`);
          const state = states.get(part);
          if (state !== undefined) states.set(part, { ...state, lastEventAt: env.now() });
        } else become(part, wordOf(failure), failingNote(part, failure));
      };
    if (settings.events) {
      const uidOf = (namespace: string, name: string): string | null => {
        const pod = directory.get(namespace, name);
        return pod?.mirrorOf ?? pod?.uid ?? null;
      };
      notices = openPodNotices({ env, uidOf, secretsOf: (namespace, name) => directory.get(namespace, name), before });
      const ended = needs.noticeEnded;
      sender = openEventSender({ env, log, client, node, ended, stands: stands('events'), signal });
      become('events', 'following', `${toldWords('events', node)} at ${client.server}.`);
    }
    if (settings.nodeCondition) {
      const problem = () =>
        nodeProblem({
          incidents: needs.incidents(),
          registries: needs.registries(),
          health: needs.health(),
          node,
          ownerOf: (namespace, pod) => ownerWord(directory.get(namespace, pod)),
        });
      writer = openConditionWriter({ env, log, client, node, problem, stands: stands('condition'), signal });
    }
  };
  const opened = open();

  return {
    states: () => [...states.values()],
    changed(incident, change) {
      if (notices !== null && sender !== null) sender.push(notices.changed(incident, change));
    },
    tick() {
      const now = env.monotonic();
      if (notices !== null && sender !== null && now - lookedAt >= lookMs) {
        lookedAt = now;
        sender.push(notices.due(needs.incidents()));
      }
      sender?.tick();
      writer?.tick();
    },
    condition: () => writer?.status() ?? null,
    waiting: () => sender?.waiting() ?? 0,
    async stop() {
      stopping.abort();
      await opened;
      await Promise.all([sender?.stop(), writer?.stop()]);
      await close();
    },
  };
}

/** A pod that nobody made, or a file on the node, is its own workload; null: the API server has not told of it. */
function ownerWord(pod: ReturnType<PodDirectory['get']>): string | null {
  if (pod === null) return null;
  return pod.owner === null || pod.owner.kind === 'Node' ? `Pod/${pod.name}` : `${pod.owner.kind}/${pod.owner.name}`;
}

function toldWords(part: Part, node: string): string {
  return part === 'events'
    ? `Causes are written as Events on the pods of the node ${node}`
    : `The condition ImagePullProblem of the node ${node} is kept`;
}

function wordOf({ kind }: KubeFailure): SourceState['state'] {
  const ours = kind === 'forbidden' || kind === 'unauthorized' || kind === 'credentials' || kind === 'not-found';
  return ours ? 'unreadable' : 'waiting';
}

function failingNote(part: Part, { kind, message }: KubeFailure): string {
  const text = `${message.slice(0, 1).toUpperCase()}${message.slice(1)}${message.endsWith('.') ? '' : '.'}`;
  if (kind === 'forbidden') {
    const right = part === 'events' ? 'create and patch events' : 'patch nodes/status';
    return `${text} Let the agent's service account ${right}.`;
  }
  return kind === 'not-found' ? `${text} Is node.name the name that kubectl get nodes has?` : text;
}
