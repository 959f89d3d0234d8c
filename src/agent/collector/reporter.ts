import { randomUUID } from 'node:crypto';
import type { RegistryRow } from '../../api/node.ts';
import type { RecordKind } from '../../api/records.ts';
import type { ReadNode } from '../../engine/plan-node.ts';
import type { Env } from '../../lib/env.ts';
import type { Log } from '../../lib/log.ts';
import type { Investigation } from '../../model/investigation.ts';
import { byteCount, durationMs } from '../../settings/values.ts';
import type { NodeHealth } from '../health/health.ts';
import type { ApiPlace } from '../kube/api-access.ts';
import type { Incident, IncidentChange, SourceState } from '../parts.ts';
import type { AgentSettings } from '../settings.ts';
import { type CollectorClient, openCollectorClient } from './collector-client.ts';
import type { CollectorUrl } from './collector-url.ts';
import { type NodeFacts, openNodeFacts } from './node-facts.ts';
import { askNode } from './node-labels.ts';
import {
  type Attributes,
  checkMark,
  checksOf,
  healthEntry,
  heartbeatEntry,
  incidentEntry,
  investigationEntry,
  nodeEntry,
  type OwnerOf,
} from './records.ts';
import { type Haste, openSender, type SenderNeeds } from './sender.ts';
import { openSpool, type Spool } from './spool.ts';

/** What reporting to the collector needs. */
export interface CollectorReporterNeeds {
  readonly env: Env;
  readonly log: Log;
  readonly node: string;
  readonly version: string;
  readonly startedAt: number;
  /** `collector.url`, read. */
  readonly url: CollectorUrl;
  readonly settings: Pick<AgentSettings, 'collector' | 'state'> & {
    readonly node: Pick<AgentSettings['node'], 'hostRoot' | 'labels'>;
  };
  readonly incidents: () => readonly Incident[];
  readonly registries: () => readonly RegistryRow[];
  readonly health: () => NodeHealth;
  readonly ownerOf: OwnerOf;
  readonly readNode: () => Promise<ReadNode | null>;
  /** Where the API server is, for the node's labels; null: nobody is asked. */
  readonly api: ApiPlace | null;
  readonly onDropped: (kind: RecordKind, count: number) => void;
  readonly onBatch: SenderNeeds['ended'];
  /** For tests: a collector without a network. */
  readonly client?: Pick<CollectorClient, 'server' | 'post' | 'close'>;
}

/** Tells the collector what this node sees. Nothing waits for it. */
export interface CollectorReporter {
  readonly changed: (incident: Incident, change: IncidentChange) => void;
  readonly investigated: (document: Investigation) => void;
  /** Does what is due; to be called some times a second. */
  readonly tick: () => void;
  /** `following`: the collector takes reports. */
  readonly state: () => SourceState;
  readonly waiting: () => ReturnType<Spool['size']>;
  /** A batch, or a look at the node, is under way. */
  readonly busy: () => boolean;
  /** Lets a batch that is under way end for a moment; what waits stays on the disk. */
  readonly stop: () => Promise<void>;
}

/** A heartbeat comes once a minute, with the checks that were made since; a tenth of it by chance. */
const beatMs = 60_000;
const jitterShare = 0.1;

/** Between two looks whether a check says something else. */
const lookMs = 2000;

/** What the node is is looked at again after this, and told again after that: a collector may have lost it. */
const factsMs = 120_000;
const factsAgainMs = 1_800_000;

/** Labels of a node hardly change; an API server that is away is asked again sooner. */
const labelsMs = 1_800_000;
const labelsFirstAgainMs = 60_000;

/** The rest of a change can wait: a storm brings many of them for one image. */
const hasteOf: Readonly<Record<IncidentChange, Haste>> = {
  opened: 'now',
  concluded: 'now',
  ended: 'now',
  signal: 'soon',
  pods: 'soon',
};

/** Makes it. What was open at the start is told, for what is over since may have been. */
export function openCollectorReporter(needs: CollectorReporterNeeds): CollectorReporter {
  const { env, log, node, version, startedAt, settings, incidents } = needs;
  const { spool: bounds, url: _, ...files } = settings.collector;
  const spool = openSpool({
    env,
    log,
    node,
    directory: settings.state.directory,
    maxBytes: byteCount(bounds.maxBytes) ?? 64 * 1024 * 1024,
    maxAgeMs: durationMs(bounds.maxAge) ?? 7 * 86_400_000,
    newId: randomUUID,
    onDropped: needs.onDropped,
  });
  const client = needs.client ?? openCollectorClient(files, needs.url, env);
  const sender = openSender({ env, log, node, spool, client, ended: needs.onBatch });
  const stopping = new AbortController();
  const running = new Set<Promise<void>>();
  let ofCluster: Attributes = {};
  const gather = openNodeFacts({
    now: env.now,
    hostRoot: settings.node.hostRoot,
    version,
    readNode: needs.readNode,
    registries: needs.registries,
    ofCluster: () => ofCluster,
    labels: settings.node.labels,
  });

  const start = env.monotonic();
  let beatAt = start + env.random() * 1000;
  let lookAt = start;
  let factsAt = start;
  let labelsAt = start;
  let labelsFailures = 0;
  let labelsTold = false;
  let gathering = false;
  let told: { readonly text: string; readonly at: number } | null = null;
  let allAt = '';
  const marks = new Map<string, string>();

  const jittered = (ms: number): number => ms * (1 + (env.random() * 2 - 1) * jitterShare);
  const background = (work: Promise<void>): void => {
    running.add(work);
    void work.finally(() => running.delete(work));
  };
  const looks = () => checksOf({ registries: needs.registries(), health: needs.health(), node });

  const beat = (now: number): void => {
    beatAt = now + jittered(beatMs);
    const health = needs.health();
    const runtimeReady =
      health.runtime === null ? null : health.runtime.failure === null && health.runtime.ready !== false;
    const beatEntry = heartbeatEntry({
      at: env.now(),
      runtimeReady,
      incidents: incidents(),
      spool: spool.size(),
      dropped: spool.dropped(),
    });
    spool.push(beatEntry);
    const checks = looks();
    const newest = checks.map(({ checkedAt }) => checkedAt).join();
    // What nobody looked at since is known.
    if (checks.length > 0 && newest !== allAt) spool.push(healthEntry(checks, env.now(), 'all'));
    allAt = newest;
    sender.wake('now');
  };

  const look = (now: number): void => {
    lookAt = now + lookMs;
    const checks = looks();
    const seen = new Set<string>();
    const changed = checks.filter((check) => {
      const name = `${check.of} ${check.subject}`;
      const mark = checkMark(check);
      seen.add(name);
      const before = marks.get(name);
      marks.set(name, mark);
      // A first look that finds nothing wrong is no news: it goes with the next heartbeat.
      return before === undefined ? check.verdict !== 'healthy' : before !== mark;
    });
    for (const name of marks.keys()) if (!seen.has(name)) marks.delete(name);
    if (changed.length === 0) return;
    spool.push(healthEntry(changed, env.now(), null));
    sender.wake('now');
  };

  const tellNode = (facts: NodeFacts): void => {
    const text = JSON.stringify(facts);
    const now = env.monotonic();
    if (told !== null && told.text === text && now - told.at < factsAgainMs) return;
    const changed = told?.text !== text;
    told = { text, at: now + env.random() * factsAgainMs * jitterShare };
    spool.push(nodeEntry({ at: env.now(), version, startedAt, ...facts }));
    sender.wake(changed ? 'now' : 'usual');
  };

  const gatherFacts = async (): Promise<void> => {
    const facts = await gather();
    gathering = false;
    factsAt = env.monotonic() + jittered(factsMs);
    if (facts !== null && !stopping.signal.aborted) tellNode(facts);
  };

  const askLabels = async (api: ApiPlace): Promise<void> => {
    const answer = await askNode({ ...api, node }, stopping.signal);
    if (stopping.signal.aborted) return;
    if (answer.ok) {
      ofCluster = answer.value;
      labelsFailures = 0;
      labelsAt = env.monotonic() + jittered(labelsMs);
      factsAt = env.monotonic();
      return;
    }
    labelsAt = env.monotonic() + jittered(Math.min(labelsMs, labelsFirstAgainMs * 2 ** Math.min(10, labelsFailures++)));
    if (labelsTold) return;
    labelsTold = true;
    log.warn("the collector is not told the node's zone and pool by its labels: set node.labels, or mend this", {
      note: answer.error,
    });
  };

  const open = incidents();
  if (open.length > 0) {
    spool.push(...open.map((incident) => incidentEntry(incident, env.now(), needs.ownerOf)));
    sender.wake('soon');
  }

  return {
    changed(incident, change) {
      spool.push(incidentEntry(incident, env.now(), needs.ownerOf));
      sender.wake(hasteOf[change]);
    },
    investigated(document) {
      spool.push(investigationEntry(document));
      sender.wake('usual');
    },
    tick() {
      if (stopping.signal.aborted) return;
      const now = env.monotonic();
      const { api } = needs;
      if (api !== null && now >= labelsAt) {
        labelsAt = Number.POSITIVE_INFINITY;
        background(askLabels(api));
      }
      if (!gathering && now >= factsAt) {
        gathering = true;
        background(gatherFacts());
      }
      if (now >= lookAt) look(now);
      if (now >= beatAt) beat(now);
      spool.tick();
      sender.tick();
    },
    state() {
      const state = sender.state();
      const trouble = spool.trouble();
      return trouble === null ? state : { ...state, note: `${state.note} ${trouble}` };
    },
    waiting: spool.size,
    busy: () => sender.busy() || running.size > 0,
    async stop() {
      stopping.abort();
      await sender.stop();
      await Promise.all(running);
      spool.close();
      await client.close();
    },
  };
}
