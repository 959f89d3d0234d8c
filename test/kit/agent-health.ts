import type { NodeHealth } from '../../src/agent/health/health.ts';
import type { Incident, WaitingPod } from '../../src/agent/parts.ts';
import type { ReportInput } from '../../src/agent/report/node-report.ts';
import type { PodRow, RegistryRow } from '../../src/api/node.ts';
import { registryHost } from '../../src/signals/image-match.ts';

/** When everything of these tests happens. */
export const at = Date.parse('2026-11-22T10:46:40Z');
export const minuteMs = 60_000;

/** An incident of one pod, open, with what `more` says. */
export function incidentOf(image: string, more: Partial<Incident> = {}): Incident {
  return {
    id: `incident-${image}`,
    image,
    key: image,
    registry: registryHost(image),
    state: 'open',
    firstSeenAt: at - 30 * minuteMs,
    lastSeenAt: at - 10_000,
    saidCause: null,
    pods: [waitingPod('web-0')],
    morePods: 0,
    conclusion: null,
    pulledAt: null,
    endedAt: null,
    endedBy: null,
    secondsGained: null,
    ...more,
  };
}

/** A conclusion that names a cause. */
export function concluded(
  cause: NonNullable<Incident['conclusion']>['cause'],
  more: Partial<NonNullable<Incident['conclusion']>> = {},
): Incident['conclusion'] {
  return {
    investigation: '0mhab12cd3ef4g',
    at: at - 20 * minuteMs,
    verdict: 'faulty',
    cause,
    confidence: 'proven',
    underlying: null,
    layer: null,
    host: null,
    summary: `It is ${cause}.`,
    remedies: [{ text: 'Repair it.', command: 'repair --now' }],
    notBefore: null,
    ...more,
  };
}

/** A container that waits. */
export function waitingPod(pod: string, more: Partial<WaitingPod> = {}): WaitingPod {
  return {
    namespace: 'shop',
    pod,
    container: 'main',
    reason: 'ImagePullBackOff',
    policy: 'IfNotPresent',
    firstSeenAt: at - 30 * minuteMs,
    lastSeenAt: at - 10_000,
    attempts: 7,
    lastTryAt: at - 60_000,
    backOffMs: 300_000,
    nextTryAt: at + 240_000,
    message: 'Back-off pulling image',
    ...more,
  };
}

/** A registry that was checked and is well, but for what `more` says. */
export function registryRow(registry: string, more: Partial<RegistryRow> = {}): RegistryRow {
  return {
    registry,
    usedBy: ['images'],
    images: 12,
    verdict: 'healthy',
    cause: null,
    summary: `${registry} answers.`,
    checkedAt: new Date(at - 20_000).toISOString(),
    nextCheckAt: new Date(at + 40_000).toISOString(),
    since: new Date(at - 3_600_000).toISOString(),
    hops: [],
    latencyMs: { dns: 1.9, tcp: 1.1, tls: 8.7, registry: 12.4 },
    certificate: { notAfter: new Date(at + 60 * 86_400_000).toISOString(), subject: `CN=${registry}`, daysLeft: 60 },
    rateLimit: null,
    mirrors: [],
    findings: [],
    ...more,
  };
}

/** A row of `GET /v1/pods`. */
export function podRow(pod: string, image: string, more: Partial<PodRow> = {}): PodRow {
  return {
    namespace: 'shop',
    pod,
    container: 'main',
    image,
    normalized: image,
    reason: 'ImagePullBackOff',
    cause: null,
    confidence: null,
    layer: null,
    underlying: null,
    host: null,
    summary: '',
    message: '',
    firstSeenAt: new Date(at - 30 * minuteMs).toISOString(),
    lastSeenAt: new Date(at).toISOString(),
    attempts: 7,
    nextTryAt: new Date(at + 240_000).toISOString(),
    nextTryInSeconds: 240,
    backOffSeconds: 300,
    incident: 'i',
    investigation: null,
    investigating: false,
    retry: { state: 'waiting', nextCheckAt: null, note: '' },
    ...more,
  };
}

/** A node that was looked at and is well. */
export function nodeHealth(more: Partial<NodeHealth> = {}): NodeHealth {
  return {
    nameservers: [
      { nameserver: '10.0.0.2', state: 'answering', failures: 0, names: 0, since: at, checkedAt: at, latencyMs: 1.2 },
      { nameserver: '10.0.0.3', state: 'answering', failures: 0, names: 0, since: at, checkedAt: at, latencyMs: 1.4 },
    ],
    clock: { offsetMs: 21, registries: 3 },
    disks: [
      {
        path: '/var/lib/containerd',
        totalBytes: 200e9,
        freeBytes: 78e9,
        totalInodes: 12_000_000,
        freeInodes: 9_000_000,
        readOnly: false,
        checkedAt: at,
      },
    ],
    runtime: {
      name: 'containerd',
      version: '2.1.9',
      endpoint: 'unix:///run/containerd/containerd.sock',
      ready: true,
      failure: null,
      checkedAt: at,
    },
    findings: new Map(),
    leftOut: 0,
    intervalMs: 60_000,
    ...more,
  };
}

/** What a report of a node without any trouble is made of. */
export function reportInput(more: Partial<ReportInput> = {}): ReportInput {
  return {
    node: 'worker-3',
    now: at,
    from: at - 86_400_000,
    version: '0.1.0',
    startedAt: at - 3 * 86_400_000,
    incidents: [],
    past: [],
    rows: [],
    registries: [registryRow('docker.io'), registryRow('registry.corp.example')],
    health: nodeHealth(),
    sources: [
      { source: 'journal', state: 'following', note: 'Units kubelet and containerd.', since: at, lastEventAt: at },
      {
        source: 'cri',
        state: 'following',
        note: 'Images are listed when containers are created.',
        since: at,
        lastEventAt: at,
      },
    ],
    stateTrouble: null,
    reportTrouble: null,
    ...more,
  };
}
