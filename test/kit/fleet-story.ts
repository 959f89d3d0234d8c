import type { SpoolEntry } from '../../src/agent/collector/spool.ts';
import type { CheckShape, IncidentRecord } from '../../src/api/records.ts';

/**
 * What the agents of a small fleet tell, in steps: the same in every run, and such that incidents end the same however far
 * the collector had come when it looked. So what fails goes on failing, and all that fail at one thing do so since the
 * same moment.
 *
 * - Eight nodes ask a dead nameserver: a group, with an attribution.
 * - A registry's certificate expires for everybody: the cluster.
 * - One disk is full: a node.
 * - Two nodes wait for an image whose tag is not there: the workload's own fault.
 * - Pulls that nobody has looked into come and go, which opens nothing.
 */
export const fleetStory = { nodes: 20, steps: 12, investigationsOfStep: 3 } as const;

/** The name of a node. */
export function storyNode(index: number): string {
  return `node-${String(index).padStart(2, '0')}`;
}

/** What node `index` tells at one step; `t0`: when it all began, milliseconds since the epoch. */
export function storyStep(index: number, step: number, t0: number): readonly SpoolEntry[] {
  const at = new Date(t0 + step * 1000).toISOString();
  const check = (more: Partial<CheckShape>): CheckShape => ({
    ...healthyCheck,
    checkedAt: at,
    since: since(t0),
    ...more,
  });
  const entries: SpoolEntry[] = [];
  if (step === 0 || step === 4) {
    const record = {
      kind: 'node',
      at,
      agent: { version: step === 0 ? '0.1.0' : '0.2.0', startedAt: since(t0) },
      attributes: {
        nameserver: [index < 8 ? '10.0.0.53' : '10.0.0.2'],
        zone: [`eu-${index % 3}`],
        'agent-version': [step === 0 ? '0.1.0' : '0.2.0'],
        kernel: [`6.1.${step}`],
      },
      authorities: [`Corp CA ${step}`],
    };
    entries.push({ kind: 'node', subject: null, record });
  }
  const dead = index < 8 && step >= 3;
  const expired = step >= 5 + (index % 4);
  const full = index === 9 && step >= 6;
  const checks = [
    check({ subject: 'quay.example', summary: `It answers, as in step ${step}.` }),
    check({ subject: 'dns.corp.example', ...(dead ? broken('dns-timeout', 'dns', '10.0.0.53') : {}) }),
    check({
      subject: 'registry.corp.example',
      ...(expired ? broken('tls-certificate-expired', 'tls', 'registry.corp.example') : {}),
    }),
    check({ of: 'node', subject: 'image-filesystem', ...(full ? broken('disk-full', 'node', null) : {}) }),
  ];
  entries.push({ kind: 'health', subject: null, record: { kind: 'health', at, checks } });
  const spool = { rows: 0, bytes: 0, dropped: {} };
  const beat = { at, runtimeReady: true, openIncidents: step % 3, waitingPods: step, spool };
  entries.push({ kind: 'heartbeat', subject: null, record: { kind: 'heartbeat', ...beat } });

  const pull = pullOf(index, step, t0);
  entries.push({ kind: 'incident', subject: null, record: { kind: 'incident', at, incident: pull } });
  if (index === 2 || index === 3) {
    const known = step >= 2;
    const incident: IncidentRecord['incident'] = {
      ...pull,
      ...{ id: `typo-${index}`, image: 'quay.example/team/web:1.55', normalized: 'quay.example/team/web:1.55' },
      ...{ state: 'open', endedAt: null, endedBy: null, secondsGained: null, pods: step + 1, owners: 1 },
      ...(known ? { cause: 'tag-not-found', confidence: 'proven', layer: 'manifest', host: 'quay.example' } : {}),
      ...{
        summary: known ? 'There is no tag 1.55.' : 'Nobody has looked yet.',
        investigation: known ? `i-${index}` : null,
      },
    };
    entries.push({ kind: 'incident', subject: null, record: { kind: 'incident', at, incident } });
  }
  for (let number = 0; number < fleetStory.investigationsOfStep; number++) {
    entries.push({ kind: 'investigation', subject: null, record: investigationOf(index, step, number, at) });
  }
  return entries;
}

const since = (t0: number): string => new Date(t0).toISOString();

const healthyCheck = {
  of: 'registry',
  subject: '',
  verdict: 'healthy',
  cause: null,
  confidence: null,
  layer: null,
  underlying: null,
  host: null,
  summary: 'It answers.',
} as const;

function broken(cause: string, layer: string, host: string | null): Partial<CheckShape> {
  return { verdict: 'faulty', cause, layer, host, confidence: 'proven', summary: `It fails: ${cause}.` };
}

/** A pull that waits for a step and has come in the next one. */
function pullOf(index: number, step: number, t0: number): IncidentRecord['incident'] {
  const over = step % 2 === 1;
  const image = `quay.example/team/app-${index % 5}:${step >> 1}`;
  return {
    id: `pull-${index}-${step >> 1}`,
    image,
    normalized: image,
    registry: 'quay.example',
    state: over ? 'over' : 'open',
    firstSeenAt: since(t0),
    lastSeenAt: since(t0 + step * 1000),
    endedAt: over ? since(t0 + step * 1000) : null,
    endedBy: over ? 'agent' : null,
    secondsGained: over ? step : null,
    cause: null,
    confidence: null,
    layer: null,
    underlying: null,
    host: null,
    summary: 'Nobody has looked yet.',
    remedies: [],
    investigation: null,
    pods: over ? 0 : 2,
    owners: over ? 0 : 1,
    examples: [],
  };
}

function investigationOf(index: number, step: number, number: number, at: string): object {
  const image = `quay.example/team/app-${index % 5}:${step >> 1}`;
  return {
    kind: 'investigation',
    at,
    investigation: {
      id: `inv-${index}-${step}-${number}`,
      node: storyNode(index),
      startedAt: at,
      image: { input: image, normalized: image, registry: 'quay.example' },
      verdict: 'inconclusive',
      cause: null,
      confidence: null,
      summary: `Look ${number} of step ${step}.`,
      filler: `${index} ${step} ${number} `.repeat(40),
    },
  };
}
