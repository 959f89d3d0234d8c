import assert from 'node:assert/strict';
import {
  type FleetEvent,
  type FleetIncident,
  FleetIncident as FleetIncidentSchema,
  type FleetNodeRow,
  type FleetRegistryRow,
} from '../../src/api/fleet.ts';
import { checkAgainst, type Frozen } from '../../src/api/schema.ts';
import { type FleetReportInput, fleetReport } from '../../src/collector/report/fleet-report.ts';

/** The time of everything here. */
export const fleetAt = Date.parse('2026-11-22T10:46:00Z');

const ago = (minutes: number): string => new Date(fleetAt - minutes * 60_000).toISOString();

/** An incident: half a zone's nodes do not resolve a registry's name. */
export function fleetIncident(id: string, changes: Partial<Frozen<FleetIncident>> = {}): FleetIncident {
  const incident: Frozen<FleetIncident> = {
    id,
    cause: 'dns-timeout',
    layer: 'dns',
    confidence: 'proven',
    underlying: null,
    subject: { kind: 'registry', name: 'registry.corp.example:5000' },
    severity: 'fault',
    fault: 'network',
    state: 'open',
    openedAt: ago(42),
    updatedAt: ago(1),
    closedAt: null,
    reopened: 0,
    scope: 'group',
    hosts: ['10.0.0.53'],
    nodes: { failing: 12, healthy: 188, unknown: 3, names: Array.from({ length: 12 }, (_, at) => `worker-${at + 1}`) },
    pods: 31,
    workloads: 4,
    images: ['registry.corp.example:5000/team/web:1.4', 'registry.corp.example:5000/team/api:2.0'],
    attribution: [
      {
        attribute: 'nameserver',
        value: '10.0.0.53',
        failingWith: 12,
        failing: 12,
        healthyWith: 0,
        healthy: 188,
        pValue: 1e-18,
        sameAs: [],
        sentence: '12 of 12 failing nodes use nameserver 10.0.0.53, none of the 188 healthy ones does.',
      },
    ],
    summary: 'No nameserver answers for registry.corp.example on 12 of 200 nodes.',
    remedies: [
      {
        text: 'Start the nameserver 10.0.0.53 again, or take it out of the nodes.',
        command: 'dig @10.0.0.53 registry.corp.example',
      },
    ],
    investigations: ['inv-1', 'inv-2'],
    related: [],
    ...changes,
  };
  const checked = checkAgainst(FleetIncidentSchema, JSON.parse(JSON.stringify(incident)));
  assert.ok(checked.ok, checked.ok ? '' : JSON.stringify(checked.error));
  return checked.value;
}

/** A node that is well. */
export function fleetNode(node: string, changes: Partial<Frozen<FleetNodeRow>> = {}): Frozen<FleetNodeRow> {
  return {
    node,
    state: 'healthy',
    lastSeenAt: ago(0.5),
    agentVersion: '0.1.0',
    agentStartedAt: ago(6000),
    clockOffsetSeconds: 0.1,
    openIncidents: 0,
    waitingPods: 0,
    attributes: { nameserver: ['10.0.0.2'], zone: ['eu-1'] },
    spool: { rows: 0, bytes: 0, dropped: {} },
    ...changes,
  };
}

/** A registry that every node reaches. */
export function fleetRegistry(registry: string, changes: Partial<FleetRegistryRow> = {}): FleetRegistryRow {
  return {
    registry,
    nodes: { healthy: 200, degraded: 0, faulty: 0, inconclusive: 0 },
    incidents: [],
    certificateNotAfter: new Date(fleetAt + 60 * 86_400_000).toISOString(),
    rateLimits: [],
    latencyMs: { median: 40, p95: 120 },
    ...changes,
  };
}

/** An event. */
export function fleetEvent(id: number, changes: Partial<FleetEvent> = {}): FleetEvent {
  return { id: String(id), at: ago(0), type: 'node-silent', incident: null, node: `worker-${id}`, ...changes };
}

/** What a report is made of: nothing, unless something is said. */
export function fleetInput(changes: Partial<FleetReportInput> = {}): FleetReportInput {
  return {
    now: fleetAt,
    from: fleetAt - 86_400_000,
    version: '0.1.0',
    startedAt: fleetAt - 7 * 86_400_000,
    open: [],
    closed: [],
    registries: [fleetRegistry('docker.io')],
    nodes: [fleetNode('worker-1')],
    totals: { images: 0, byAgent: 0, byKubelet: 0, gone: 0, secondsGained: 0 },
    cut: [],
    reportTrouble: null,
    ...changes,
  };
}

/** A fleet of 212 nodes on a bad day: everything that a report can tell is in it. */
export function badDay(): ReturnType<typeof fleetReport> {
  const nodes = [
    ...Array.from({ length: 180 }, (_, at) => fleetNode(`worker-${at + 100}`)),
    ...Array.from({ length: 12 }, (_, at) => fleetNode(`worker-${at + 1}`, { state: 'faulty', openIncidents: 1 })),
    ...Array.from({ length: 8 }, (_, at) => fleetNode(`edge-${at + 1}`, { state: 'degraded', agentVersion: '0.0.9' })),
    ...Array.from({ length: 9 }, (_, at) =>
      fleetNode(`edge-${at + 20}`, { state: 'silent', lastSeenAt: ago(7 + at * 61), agentVersion: '0.0.9' }),
    ),
    fleetNode('edge-40', { clockOffsetSeconds: -340 }),
    fleetNode('edge-41', { clockOffsetSeconds: 12, spool: { rows: 4, bytes: 900, dropped: { health: 70 } } }),
    fleetNode('fresh-1', { state: 'unknown', agentVersion: null }),
  ];
  return fleetReport(
    fleetInput({
      nodes,
      open: [
        fleetIncident('inc-1'),
        fleetIncident('inc-2', {
          cause: 'rate-limited',
          layer: 'registry',
          subject: { kind: 'registry', name: 'docker.io' },
          scope: 'cluster',
          fault: 'registry',
          reopened: 2,
          nodes: {
            failing: 198,
            healthy: 2,
            unknown: 0,
            names: Array.from({ length: 100 }, (_, at) => `worker-${at + 1}`),
          },
          pods: 77,
          workloads: 21,
          images: ['docker.io/library/nginx:1.27', 'docker.io/library/redis:7'],
          attribution: [
            {
              attribute: 'egress-address',
              value: '203.0.113.7',
              failingWith: 198,
              failing: 198,
              healthyWith: 0,
              healthy: 2,
              pValue: 4e-5,
              sameAs: [{ attribute: 'zone', value: 'eu-1' }],
              sentence: 'All 198 failing nodes leave by 203.0.113.7, neither of the 2 healthy ones does.',
            },
          ],
          summary: 'docker.io refuses pulls of 198 of 200 nodes: the budget of 203.0.113.7 is spent.',
          remedies: [
            { text: 'Give the nodes credentials of a paid account, or a mirror of docker.io.', command: null },
          ],
        }),
        fleetIncident('inc-3', {
          cause: 'disk-full',
          layer: 'node',
          fault: 'node',
          scope: 'node',
          subject: { kind: 'node', name: 'image-filesystem' },
          nodes: { failing: 1, healthy: 211, unknown: 0, names: ['edge-3'] },
          pods: 1,
          workloads: 1,
          images: [],
          attribution: [],
          investigations: [],
          confidence: 'likely',
          summary: 'The image file system of edge-3 is full: 12 KiB are free.',
          remedies: [{ text: 'Remove images that nothing uses.', command: 'crictl rmi --prune' }],
        }),
        fleetIncident('inc-4', {
          cause: 'tag-not-found',
          layer: 'manifest',
          fault: 'workload',
          scope: 'group',
          subject: {
            kind: 'image',
            name: 'registry.corp.example:5000/team/very-long-service-name-of-a-team/with-a-path:2026.11.22-rc1-build-4711',
          },
          nodes: { failing: 3, healthy: 0, unknown: 0, names: ['worker-7', 'worker-8', 'worker-9'] },
          images: [
            'registry.corp.example:5000/team/very-long-service-name-of-a-team/with-a-path:2026.11.22-rc1-build-4711',
          ],
          pods: 3,
          workloads: 1,
          attribution: [],
          summary: 'The repository has no tag 2026.11.22-rc1-build-4711; near it is 2026.11.22-rc1.',
          remedies: [{ text: 'Name a tag that exists in the pod template.', command: null }],
        }),
        fleetIncident('inc-5', {
          cause: 'mirror-failed',
          layer: 'endpoint',
          severity: 'degraded',
          fault: 'node',
          underlying: 'tcp-refused',
          nodes: { failing: 8, healthy: 192, unknown: 0, names: ['edge-1'] },
          subject: { kind: 'registry', name: 'quay.io' },
          attribution: [],
          summary: 'The mirror mirror.corp.example refuses connections; quay.io itself serves the pulls of 8 nodes.',
          remedies: [{ text: 'Start the mirror again.', command: null }],
        }),
      ],
      closed: [
        fleetIncident('inc-0', {
          state: 'closed',
          openedAt: ago(900),
          closedAt: ago(700),
          scope: 'cluster',
          cause: 'registry-error',
          layer: 'registry',
        }),
      ],
      registries: [
        fleetRegistry('quay.io', { nodes: { healthy: 192, degraded: 8, faulty: 0, inconclusive: 0 } }),
        fleetRegistry('registry.corp.example:5000', {
          nodes: { healthy: 188, degraded: 0, faulty: 12, inconclusive: 0 },
          certificateNotAfter: new Date(fleetAt + 5.5 * 86_400_000).toISOString(),
        }),
        fleetRegistry('docker.io', {
          nodes: { healthy: 2, degraded: 0, faulty: 198, inconclusive: 1 },
          rateLimits: [{ source: '203.0.113.7', limit: 100, remaining: 0 }],
        }),
        fleetRegistry('ghcr.io', { rateLimits: [{ source: '203.0.113.9', limit: 100, remaining: 4 }] }),
        fleetRegistry('registry.k8s.io', { certificateNotAfter: null, latencyMs: { median: null, p95: null } }),
      ],
      totals: { images: 44, byAgent: 31, byKubelet: 9, gone: 4, secondsGained: 6120 },
    }),
  );
}
