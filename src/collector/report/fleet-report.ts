import type { FleetIncident, FleetNodeRow, FleetRegistryRow } from '../../api/fleet.ts';
import type { FleetReport, FleetSoonItem, RecoveredTotals } from '../../api/fleet-report.ts';
import type { Frozen } from '../../api/schema.ts';
import { count, listed } from '../../lib/words.ts';
import { soonItems } from './soon.ts';

/** Everything that a report is made of. Times are milliseconds since the epoch. */
export interface FleetReportInput {
  readonly now: number;
  /** What it covers. */
  readonly from: number;
  /** Of the collector. */
  readonly version: string;
  readonly startedAt: number;
  readonly open: readonly Frozen<FleetIncident>[];
  /** Closed since `from`. */
  readonly closed: readonly Frozen<FleetIncident>[];
  readonly registries: readonly Frozen<FleetRegistryRow>[];
  readonly nodes: readonly Frozen<FleetNodeRow>[];
  readonly totals: Frozen<RecoveredTotals> | null;
  /** Lists that are longer than a report takes: `open incidents`. */
  readonly cut: readonly string[];
  /** Why scheduled reports are not written; null: they are, or none is wanted. */
  readonly reportTrouble: string | null;
}

/** Longest lists of one report. */
const most = { silent: 200, clocks: 100, dropped: 100, versions: 50 } as const;

/** Reports take milliseconds on the way; tokens and certificates bear a minute. */
const clockToleranceSeconds = 5;

/** The fleet-health report. Pure. */
export function fleetReport(input: FleetReportInput): Frozen<FleetReport> {
  const { now, from, version, startedAt, totals } = input;
  const open = input.open.filter(({ state }) => state === 'open').toSorted(worstFirst);
  const faults = open.filter(({ severity, fault }) => severity === 'fault' && fault !== 'workload');
  const workloads = open.filter(({ fault }) => fault === 'workload');
  const soon = soonItems(open, input.registries, now);
  const nodes = nodesOf(input.nodes);
  const recovered = input.closed.toSorted((a, b) => ((a.closedAt ?? '') < (b.closedAt ?? '') ? 1 : -1));
  const parts = { faults, workloads, soon, nodes };
  const verdict = verdictOf(parts);
  return {
    apiVersion: 'pullwhy/v1',
    kind: 'FleetReport',
    at: new Date(now).toISOString(),
    from: new Date(from).toISOString(),
    collector: { version, startedAt: new Date(startedAt).toISOString() },
    verdict,
    summary: summaryOf(verdict, parts, input),
    incidents: faults,
    workloads,
    soon,
    recovered: { incidents: recovered, totals },
    registries: input.registries.toSorted(registriesWorstFirst),
    nodes,
    notKnown: notKnown(nodes, input),
  };
}

const scopes = ['cluster', 'group', 'node'];

/** What hits most comes first; of two alike, what lasts longest. */
export function worstFirst(a: Frozen<FleetIncident>, b: Frozen<FleetIncident>): number {
  return (
    Number(a.fault === 'workload') - Number(b.fault === 'workload') ||
    Number(b.severity === 'fault') - Number(a.severity === 'fault') ||
    scopes.indexOf(a.scope) - scopes.indexOf(b.scope) ||
    b.nodes.failing - a.nodes.failing ||
    b.pods - a.pods ||
    (a.openedAt < b.openedAt ? -1 : 1)
  );
}

function registriesWorstFirst(a: Frozen<FleetRegistryRow>, b: Frozen<FleetRegistryRow>): number {
  const used = ({ nodes }: Frozen<FleetRegistryRow>): number =>
    nodes.healthy + nodes.degraded + nodes.faulty + nodes.inconclusive;
  return (
    b.nodes.faulty - a.nodes.faulty ||
    b.nodes.degraded - a.nodes.degraded ||
    b.nodes.inconclusive - a.nodes.inconclusive ||
    used(b) - used(a) ||
    (a.registry < b.registry ? -1 : 1)
  );
}

function nodesOf(rows: FleetReportInput['nodes']): Frozen<FleetReport>['nodes'] {
  const in_ = (state: FleetNodeRow['state']): number => rows.filter((row) => row.state === state).length;
  const versions = new Map<string | null, number>();
  for (const { agentVersion } of rows) versions.set(agentVersion, (versions.get(agentVersion) ?? 0) + 1);
  return {
    total: rows.length,
    healthy: in_('healthy'),
    degraded: in_('degraded'),
    faulty: in_('faulty'),
    silent: in_('silent'),
    unknown: in_('unknown'),
    silentNodes: rows
      .filter(({ state }) => state === 'silent')
      .toSorted((a, b) =>
        a.lastSeenAt < b.lastSeenAt ? 1 : a.lastSeenAt > b.lastSeenAt ? -1 : a.node < b.node ? -1 : 1,
      )
      .slice(0, most.silent)
      .map(({ node, lastSeenAt }) => ({ node, lastSeenAt })),
    versions: [...versions]
      .map(([version, nodes]) => ({ version, nodes }))
      .sort((a, b) => b.nodes - a.nodes || ((a.version ?? '') < (b.version ?? '') ? 1 : -1))
      .slice(0, most.versions),
    clocks: rows
      .flatMap(({ node, state, clockOffsetSeconds: offset }) =>
        state === 'silent' || offset === null || Math.abs(offset) <= clockToleranceSeconds
          ? []
          : [{ node, offsetSeconds: offset }],
      )
      .sort((a, b) => Math.abs(b.offsetSeconds) - Math.abs(a.offsetSeconds))
      .slice(0, most.clocks),
    dropped: rows
      .flatMap(({ node, spool }) => {
        const records = Object.values(spool?.dropped ?? {}).reduce((sum, one) => sum + one, 0);
        return records === 0 ? [] : [{ node, records }];
      })
      .sort((a, b) => b.records - a.records)
      .slice(0, most.dropped),
  };
}

interface Parts {
  readonly faults: readonly Frozen<FleetIncident>[];
  readonly workloads: readonly Frozen<FleetIncident>[];
  readonly soon: readonly Frozen<FleetSoonItem>[];
  readonly nodes: Frozen<FleetReport>['nodes'];
}

/**
 * `faulty`: a fault of nodes, network or registries that fails somewhere. `degraded`: images come, and something is wrong or
 * will be, or was until a moment ago, so that its incident is still open, or some nodes are silent: a node that says nothing is not healthy. `inconclusive`: no node is heard of.
 */
function verdictOf({ faults, workloads, soon, nodes }: Parts): FleetReport['verdict'] {
  if (faults.some((one) => one.nodes.failing > 0)) return 'faulty';
  if (nodes.total === nodes.silent + nodes.unknown) return 'inconclusive';
  const well =
    faults.length === 0 && workloads.length === 0 && soon.length === 0 && nodes.silent === 0 && nodes.unknown === 0;
  return well && nodes.faulty === 0 && nodes.degraded === 0 ? 'healthy' : 'degraded';
}

function summaryOf(
  verdict: FleetReport['verdict'],
  { faults, workloads, soon, nodes }: Parts,
  { totals, now, from }: FleetReportInput,
): string {
  if (nodes.total === 0) return 'No agent has reported here yet: nothing is known of any node.';
  const silent =
    nodes.silent === 0
      ? ''
      : ` Nothing is heard of ${nodes.silent} of ${count(nodes.total, 'node')}: whether ${nodes.silent === 1 ? 'it is' : 'they are'} well is not known.`;
  const ahead =
    soon.length === 0
      ? ''
      : ` ${count(soon.length, 'thing needs', 'things need')} care before ${soon.length === 1 ? 'it fails' : 'they fail'}.`;
  const [first] = faults;
  if (first !== undefined) {
    const pods = faults.reduce((sum, one) => sum + one.pods, 0);
    const keeps = faults.length === 1 ? 'keeps' : 'keep';
    const wait = pods === 0 ? '' : ` and ${keeps} ${count(pods, 'pod')} waiting`;
    const more = faults.length > 1 ? '; the worst' : '';
    return `${count(faults.length, 'incident is', 'incidents are')} open${wait}${more}: ${first.summary}${silent}`;
  }
  if (verdict === 'inconclusive') {
    return `Nothing is known now of ${nodes.total === 1 ? 'the one node' : `any of ${nodes.total} nodes`}: ${nodes.silent > 0 ? 'no agent reports any more' : 'no agent has found anything out yet'}.`;
  }
  const asked =
    workloads.length === 0 ? '' : ` ${count(workloads.length, 'workload names', 'workloads name')} what is not there.`;
  const heard = nodes.total - nodes.silent;
  const gained =
    totals === null || totals.images === 0
      ? ''
      : ` ${count(totals.images, 'image')} recovered in the last ${hours(now - from)}.`;
  return `No registry, network or node keeps images from ${heard === 1 ? 'the node that reports' : `the ${heard} nodes that report`}.${asked}${ahead}${silent}${gained}`;
}

function hours(ms: number): string {
  const whole = Math.round(ms / 3_600_000);
  return whole < 48 ? (whole === 1 ? 'hour' : `${whole} hours`) : `${Math.round(whole / 24)} days`;
}

function notKnown(nodes: Frozen<FleetReport>['nodes'], input: FleetReportInput): FleetReport['notKnown'] {
  const items: FleetReport['notKnown'] = [];
  if (nodes.total === 0) {
    const fix = "Set collector.url in the agents' settings to this collector's address.";
    items.push({ what: 'Every node', why: 'No agent has reported here.', fix });
  }
  if (nodes.silent > 0) {
    const names = listed(
      nodes.silentNodes.map(({ node }) => node),
      6,
    );
    const what = `${count(nodes.silent, 'silent node')}${nodes.silent > nodes.silentNodes.length ? '' : `: ${names}`}`;
    const why = 'Nothing was heard for three minutes: the node, its agent or the way to this collector is down.';
    const fix = 'Look whether the agent runs there, and what its log says of the collector.';
    items.push({ what, why, fix });
  }
  if (nodes.unknown > 0) {
    const why = 'They report, and have looked at no registry yet.';
    const fix = 'Give them a minute, or name registries in health.registries.';
    items.push({ what: count(nodes.unknown, 'node'), why, fix });
  }
  const unsure = input.registries.filter(({ nodes: of }) => of.inconclusive > 0);
  if (unsure.length > 0) {
    const what = listed(unsure.map(({ registry, nodes: of }) => `${registry} on ${count(of.inconclusive, 'node')}`));
    items.push({ what, why: 'The checks there came to no result.', fix: null });
  }
  if (nodes.dropped.length > 0) {
    const records = nodes.dropped.reduce((sum, one) => sum + one.records, 0);
    const what = `${count(records, 'record')} of ${listed(nodes.dropped.map(({ node }) => node))}`;
    const why = 'The agents could not send them for so long that they had to drop them, health checks first.';
    items.push({ what, why, fix: 'Raise collector.spool.maxBytes and maxAge of the agents, if that is too little.' });
  }
  if (input.totals === null) {
    const why = 'The store could not be asked for it.';
    items.push({ what: 'How many images recovered, and how much sooner', why, fix: null });
  }
  for (const list of input.cut) {
    const why = 'There are more than a report takes.';
    items.push({ what: `The rest of the ${list}`, why, fix: 'Ask for them page by page: GET /openapi.json.' });
  }
  if (input.reportTrouble !== null) {
    const fix = 'Set report.directory to a folder that exists, can be written and has room.';
    items.push({ what: 'Reports on a schedule', why: input.reportTrouble, fix });
  }
  return items;
}
