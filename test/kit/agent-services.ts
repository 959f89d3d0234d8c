import type { Services } from '../../src/agent/http/services.ts';
import type { Declined, InvestigationOrder, Puller } from '../../src/agent/parts.ts';
import type { PullRecord } from '../../src/api/investigation.ts';
import type { NodeReport } from '../../src/api/report.ts';
import { fail, ok, type Result } from '../../src/lib/result.ts';
import type { Investigation } from '../../src/model/investigation.ts';
import type { PullEvent } from '../../src/signals/pull-event.ts';
import { investigationOf } from './agent.ts';

const at = '2026-11-22T10:00:00.000Z';

/** An agent that knows nothing, for tests of its HTTP side: what a test needs it hands in. */
export function servicesOf(more: Partial<Services> = {}): Services {
  const kept = new Map<string, Investigation>();
  return {
    node: 'node-1',
    notReady: () => null,
    states: () => Promise.resolve([]),
    metrics: () => '# nothing\n',
    pods: () => ({ apiVersion: 'pullwhy/v1', kind: 'Pods', node: 'node-1', at, pods: [] }),
    registries: () => ({ apiVersion: 'pullwhy/v1', kind: 'Registries', node: 'node-1', at, registries: [] }),
    runtime: async () => ({
      apiVersion: 'pullwhy/v1',
      kind: 'Runtime',
      node: 'node-1',
      at,
      endpoint: null,
      name: null,
      version: null,
      apiVersionOfRuntime: null,
      ready: null,
      conditions: [],
      imageFilesystem: null,
      images: null,
      error: 'none',
    }),
    report: () => emptyReport,
    reportMarkdown: () => '# report\n',
    reportHtml: () => '<!doctype html>',
    investigator: {
      async investigate(order: InvestigationOrder): Promise<Result<Investigation, Declined>> {
        if (order.image === 'busy') return fail({ reason: 'budget', message: 'often enough', retryAfterMs: 1500 });
        const document = investigationOf(order.image, { id: `i-${order.image}` });
        order.onEvent?.({ kind: 'started', id: 'p1', title: 'DNS', target: 'x' });
        order.onEvent?.({ kind: 'ended', probe: { ...skippedProbe, id: 'p1' } });
        kept.set(document.id, document);
        return ok(document);
      },
      busy: () => false,
      get: (id) => kept.get(id) ?? null,
      recent: ({ limit }) => [...kept.values()].reverse().slice(0, limit),
      onDone: () => undefined,
      stop: () => Promise.resolve(),
    },
    puller: pullerOf(),
    maxPerCaller: () => 2,
    probe: async () => fail({ reason: 'refused-target', message: 'not from here', retryAfterMs: null }),
    journal: async () => ok(noEvents()),
    now: () => Date.parse(at),
    ...more,
  };
}

const skippedProbe = {
  id: 'p1',
  kind: 'dns',
  target: 'x',
  hop: 'nameserver',
  endpoint: null,
  counterfactual: false,
  startedMs: 0,
  durationMs: 1,
  status: 'skipped',
  error: { code: 'not-checked', message: 'no' },
  facts: {},
} as const;

const emptyReport: NodeReport = {
  apiVersion: 'pullwhy/v1',
  kind: 'NodeReport',
  node: 'node-1',
  at,
  from: at,
  agent: { version: '0', startedAt: at },
  runtime: { name: null, version: null, ready: null, endpoint: null },
  verdict: 'healthy',
  summary: 'Every image comes.',
  failing: [],
  soon: [],
  recovered: [],
  pods: [],
  registries: [],
  checked: [],
  notChecked: [],
};

function pullerOf(): Puller {
  const records = new Map<string, PullRecord>();
  return {
    pull({ image, reason }) {
      const record: PullRecord = {
        apiVersion: 'pullwhy/v1',
        kind: 'Pull',
        id: `l-${records.size}`,
        node: 'node-1',
        image,
        state: 'queued',
        reason,
        requestedAt: at,
        startedAt: null,
        endedAt: null,
        durationMs: null,
        imageRef: null,
        error: null,
        cause: null,
        summary: '',
      };
      records.set(record.id, record);
      return ok(record);
    },
    get: (id) => records.get(id) ?? null,
    recent: () => [...records.values()],
    onEnd: () => undefined,
    stop: () => Promise.resolve(),
  };
}

async function* noEvents(): AsyncGenerator<PullEvent> {}
