import assert from 'node:assert/strict';
import {
  CompareDocument,
  FleetIncidentDocument,
  FleetIncidentsDocument,
  FleetInvestigationsDocument,
  FleetNodeDocument,
  FleetNodesDocument,
  FleetRegistriesDocument,
} from '../../../src/api/fleet.ts';
import { FleetReport } from '../../../src/api/fleet-report.ts';
import { collectorRoutes } from '../../../src/collector/http/routes/index.ts';
import { openApi } from '../../../src/serve/openapi.ts';
import { fleetIncident } from '../../kit/fleet-documents.ts';
import { openApiMistakes } from '../../kit/openapi.ts';
import { healthRecord, nodeRecord, type QueryCollector, startQueryCollector } from '../../kit/query-collector.ts';
import { document, problem } from './answers.ts';

describe('collector: what is asked of it', () => {
  let collector: QueryCollector;

  before(async () => {
    collector = await startQueryCollector();
    await collector.heard('worker-1', [
      nodeRecord({ nameserver: ['10.0.0.53', '10.0.0.54'], zone: ['eu=1'] }),
      healthRecord(
        {
          subject: 'registry.corp.example',
          verdict: 'faulty',
          cause: 'dns-timeout',
          confidence: 'proven',
          layer: 'dns',
          summary: 'No nameserver answers.',
        },
        { latencyMs: { dns: 1, tcp: 2, tls: 3, registry: 4 } },
      ),
    ]);
    await collector.heard('worker-2', [nodeRecord(), healthRecord({})]);
    await collector.heard('worker-3', [nodeRecord(), healthRecord({})], 60);
    await collector.decided([
      fleetIncident('inc-1', { nodes: { failing: 1, healthy: 1, unknown: 1, names: ['worker-1'] }, scope: 'node' }),
      fleetIncident('inc-2', {
        cause: 'rate-limited',
        layer: 'registry',
        scope: 'cluster',
        subject: { kind: 'registry', name: 'docker.io' },
      }),
      fleetIncident('inc-0', {
        cause: 'registry-error',
        layer: 'registry',
        state: 'closed',
        closedAt: '2026-11-22T10:30:00.000Z',
        openedAt: '2026-11-22T10:00:00.000Z',
      }),
    ]);
  });

  after(() => collector.close());

  it('lists nodes with their states: silent is not healthy', async () => {
    const { items, next } = await document(await collector.get('/v1/nodes'), FleetNodesDocument);
    assert.deepEqual(
      items.map(({ node, state }) => [node, state]),
      [
        ['worker-1', 'faulty'],
        ['worker-2', 'healthy'],
        ['worker-3', 'silent'],
      ],
    );
    assert.equal(next, null);
  });

  for (const [query, names] of [
    ['state=silent', ['worker-3']],
    ['attribute=nameserver%3D10.0.0.54', ['worker-1']],
    ['attribute=zone%3Deu%3D1', ['worker-1']],
    ['attribute=zone%3Deu', []],
    ['cause=dns-timeout', ['worker-1']],
    ['sort=last-seen', ['worker-1', 'worker-2', 'worker-3']],
  ] as const) {
    it(`filters and sorts nodes by ${query}`, async () => {
      const { items } = await document(await collector.get(`/v1/nodes?${query}`), FleetNodesDocument);
      assert.deepEqual(
        items.map(({ node }) => node),
        names,
      );
    });
  }

  it('gives one node with what it found, the worst first, and the incidents that hit it', async () => {
    const node = await document(await collector.get('/v1/nodes/worker-1'), FleetNodeDocument);
    assert.equal(node.state, 'faulty');
    assert.deepEqual(node.authorities, ['Corp CA']);
    assert.deepEqual(
      node.results.map(({ subject, cause }) => [subject.name, cause]),
      [
        ['registry.corp.example', 'dns-timeout'],
        ['docker.io', null],
      ],
    );
    assert.deepEqual(node.incidents.map(({ id }) => id).sort(), ['inc-1', 'inc-2']);
  });

  for (const [query, ids] of [
    ['', ['inc-1', 'inc-2', 'inc-0']],
    ['?state=open&cause=rate-limited', ['inc-2']],
    ['?scope=node', ['inc-1']],
    ['?state=closed', ['inc-0']],
    ['?subject=docker.io', ['inc-2']],
    ['?node=nobody', []],
  ] as const) {
    it(`lists incidents${query === '' ? ', open ones first' : ` by ${query}`}`, async () => {
      const { items } = await document(await collector.get(`/v1/incidents${query}`), FleetIncidentsDocument);
      assert.deepEqual(items.map(({ id }) => id).sort(), [...ids].sort());
      if (query === '') assert.equal(items.at(-1)?.id, 'inc-0');
    });
  }

  it('gives one incident', async () => {
    const incident = await document(await collector.get('/v1/incidents/inc-2'), FleetIncidentDocument);
    assert.equal(incident.kind, 'Incident');
    assert.equal(incident.cause, 'rate-limited');
  });

  it('lists registries over all nodes', async () => {
    const { items } = await document(await collector.get('/v1/registries'), FleetRegistriesDocument);
    assert.deepEqual(items.map(({ registry }) => registry).sort(), ['docker.io', 'registry.corp.example']);
    assert.equal(items.find(({ registry }) => registry === 'registry.corp.example')?.nodes.faulty, 1);
  });

  it('lists investigations and gives each as it came', async () => {
    const investigation = {
      id: 'inv-1',
      node: 'worker-1',
      startedAt: '2026-11-22T10:45:00.000Z',
      image: { input: 'nginx', normalized: 'docker.io/library/nginx:latest', registry: 'docker.io', tag: 'latest' },
      verdict: 'faulty',
      cause: 'tag-not-found',
      confidence: 'proven',
      summary: 'There is no such tag.',
      probes: [{ id: 'p1', of: 'a later version' }],
    } as const;
    const at = '2026-11-22T10:45:01.000Z';
    await collector.heard('worker-1', [
      {
        seq: 1,
        kind: 'investigation',
        at: Date.parse(at),
        record: { seq: 1, kind: 'investigation', at, investigation },
      },
    ]);
    const list = await document(
      await collector.get('/v1/investigations?node=worker-1&cause=tag-not-found&since=1h'),
      FleetInvestigationsDocument,
    );
    assert.deepEqual(
      list.items.map(({ id }) => id),
      ['inv-1'],
    );
    const whole: unknown = await (await collector.get('/v1/investigations/inv-1')).json();
    assert.deepEqual(whole, investigation);
  });

  it('compares two nodes', async () => {
    const { a, b } = await document(await collector.get('/v1/compare?a=worker-1&b=worker-2'), CompareDocument);
    assert.deepEqual([a, b], ['worker-1', 'worker-2']);
  });

  for (const [path, name] of [
    ['/v1/nodes/worker-9', /worker-9.*GET \/v1\/nodes/],
    ['/v1/compare?a=worker-1&b=worker-9', /worker-9/],
    ['/v1/compare?a=worker-8&b=worker-1', /worker-8/],
    ['/v1/incidents/inc-9', /GET \/v1\/incidents/],
    ['/v1/investigations/inv-9', /GET \/v1\/investigations/],
  ] as const) {
    it(`says that there is nothing at ${path}, and what to do`, async () => {
      assert.match((await problem(await collector.get(path), 404)).detail, name);
    });
  }

  for (const [path, pointer] of [
    ['/v1/nodes?state=sick', '/state'],
    ['/v1/nodes?attribute=zone', '/attribute'],
    ['/v1/nodes?limit=0', '/limit'],
    ['/v1/nodes?limit=501', '/limit'],
    ['/v1/nodes?stat=silent', '/stat'],
    ['/v1/nodes?cursor=nonsense', '/cursor'],
    ['/v1/incidents?cause=nonsense', '/cause'],
    ['/v1/incidents?scope=world', '/scope'],
    ['/v1/incidents?since=tomorrow', '/since'],
    ['/v1/registries?cursor=WyJub2RlcyJd.abc', '/cursor'],
    ['/v1/investigations?verdict=bad', '/verdict'],
    ['/v1/investigations?since=-5m', '/since'],
    ['/v1/compare?a=worker-1', '/b'],
    ['/v1/compare?a=worker-1&b=worker-1', '/b'],
    ['/v1/events?after=x', '/after'],
    ['/v1/report?format=html', '/format'],
  ] as const) {
    it(`refuses ${path}, naming the parameter`, async () => {
      const { errors, detail } = await problem(await collector.get(path), 400);
      assert.ok(
        errors?.some((one) => one.pointer === pointer) || detail.includes(pointer.slice(1)),
        JSON.stringify({ errors, detail }),
      );
    });
  }

  it('takes a cursor for the same list and filters alone', async () => {
    const first = await document(await collector.get('/v1/nodes?limit=1'), FleetNodesDocument);
    assert.ok(first.next !== null);
    const next = encodeURIComponent(first.next);
    // The order of the address and the size of the page do not matter.
    const second = await document(await collector.get(`/v1/nodes?cursor=${next}&limit=2`), FleetNodesDocument);
    assert.deepEqual(
      second.items.map(({ node }) => node),
      ['worker-2', 'worker-3'],
    );
    for (const path of [
      `/v1/nodes?state=silent&cursor=${next}`,
      `/v1/registries?cursor=${next}`,
      `/v1/nodes?sort=last-seen&cursor=${next}`,
    ]) {
      assert.match((await problem(await collector.get(path), 400)).detail, /cursor/);
    }
  });

  it('reports as JSON, Markdown and a page, by what is accepted', async () => {
    const json = await document(await collector.get('/v1/report'), FleetReport);
    assert.equal(json.verdict, 'faulty');
    assert.deepEqual(
      json.nodes.silentNodes.map(({ node }) => node),
      ['worker-3'],
    );
    const markdown = await collector.get('/v1/report', { accept: 'text/markdown' });
    assert.match(markdown.headers.get('content-type') ?? '', /^text\/markdown/);
    assert.match(await markdown.text(), /^# ✗ /);
    const page = await collector.get('/v1/report', { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' });
    assert.match(page.headers.get('content-security-policy') ?? '', /default-src 'none'/);
    assert.match(await page.text(), /^<!doctype html>/);
  });

  it('is described by an OpenAPI document without mistakes', () => {
    const routes = collectorRoutes({
      store: collector.store,
      feed: collector.feed,
      compare: () => assert.fail(),
      report: () => assert.fail(),
      now: () => 0,
    });
    const api = openApi(routes, { title: 'Pullwhy collector', version: '0.1.0', description: 'All nodes.' });
    assert.deepEqual(openApiMistakes(JSON.parse(JSON.stringify(api))), []);
    assert.deepEqual(routes.map(({ path }) => path).sort(), [
      '/v1/compare',
      '/v1/events',
      '/v1/incidents',
      '/v1/incidents/{id}',
      '/v1/investigations',
      '/v1/investigations/{id}',
      '/v1/nodes',
      '/v1/nodes/{node}',
      '/v1/registries',
      '/v1/report',
    ]);
    for (const one of routes) assert.equal(one.access, 'read', one.path);
  });
});

describe('collector: what is asked of it, when the store fails', () => {
  it('answers 503 with the time to ask again, and no more than the store said', async () => {
    const collector = await startQueryCollector();
    try {
      await collector.store.close();
      for (const path of [
        '/v1/nodes',
        '/v1/nodes/a',
        '/v1/incidents',
        '/v1/incidents/a',
        '/v1/registries',
        '/v1/investigations',
        '/v1/investigations/a',
        '/v1/compare?a=a&b=b',
        '/v1/report',
      ]) {
        const response = await collector.get(path);
        assert.ok(Number(response.headers.get('retry-after')) > 0, path);
        assert.match((await problem(response, 503)).detail, /^The store cannot be read now: /);
      }
    } finally {
      await collector.close();
    }
  });
});
