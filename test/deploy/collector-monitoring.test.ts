import assert from 'node:assert/strict';
import { FleetIncident, FleetNodeRow } from '../../src/api/fleet.ts';
import { checkAgainst } from '../../src/api/schema.ts';
import type { Ingested } from '../../src/collector/intake/intake.ts';
import { settingProblems } from '../../src/collector/setting-problems.ts';
import { byteCount } from '../../src/settings/values.ts';
import { collectorMetrics } from '../kit/collector-metrics.ts';
import { readApiTypes } from './api-types.ts';
import { collectorSettings } from './collector-settings.ts';
import { customTypes } from './custom-types.ts';
import { at, type Built, build, findKubectl, listAt, only } from './kustomize.ts';
import {
  fires,
  notAskedFor,
  quiet,
  readMonitoring,
  type Series,
  silent,
  unknownNames,
  valuesAskedFor,
} from './prometheus.ts';
import { type RbacCluster, startRbacCluster } from './rbac-cluster.ts';
import { testRulesAndPanels } from './rules-and-panels.ts';

const container = 'spec.template.spec.containers.0';
const apiAudience = 'https://kubernetes.default.svc.cluster.local';

describe('deploy: monitoring of the collector', function () {
  this.timeout(120_000);
  const monitoring = readMonitoring('collector/monitoring');
  const { questions } = monitoring;
  const metrics = collectorMetrics();

  it('asks for metrics and labels that the collector has, and for all of them', () => {
    assert.deepEqual(unknownNames(questions, metrics), []);
    assert.deepEqual(notAskedFor(questions, metrics), []);
    assert.ok(metrics.length > 25, `${metrics.length} metrics`);
  });

  it('asks for values that the labels can have', () => {
    const results: Readonly<Record<Ingested['result'] | 'no-room', true>> = {
      taken: true,
      misfit: true,
      'foreign-node': true,
      'no-room': true,
      busy: true,
      full: true,
      gone: true,
      damaged: true,
      other: true,
    };
    const { scope, severity } = FleetIncident.properties;
    for (const [label, values] of [
      ['result', Object.keys(results)],
      ['state', FleetNodeRow.properties.state.enum],
      ['scope', scope.enum],
      ['severity', severity.enum],
    ] as const) {
      const asked = valuesAskedFor(questions, label);
      assert.ok(asked.length > 0, label);
      for (const one of asked)
        assert.ok(
          values.some((value) => value === one),
          `${label} ${one}`,
        );
    }
    // Whatever becomes of a report that is not taken, some alert tells of it.
    const told = valuesAskedFor(
      questions.filter(({ where }) => where.startsWith('alert')),
      'result',
    );
    assert.deepEqual(
      told.toSorted(),
      Object.keys(results)
        .filter((one) => one !== 'taken')
        .sort(),
    );
  });

  testRulesAndPanels(monitoring, () => scenarios);

  describe('in a cluster', () => {
    let plain: Built;
    let built: Built;
    let everything: Built;
    const clusters: RbacCluster[] = [];

    before(async function () {
      const found = await findKubectl();
      if ('why' in found) {
        process.stdout.write(`    left out: ${found.why}\n`);
        return this.skip();
      }
      const { kubectl } = found;
      plain = await build(kubectl, 'fleet');
      built = await build(kubectl, 'fleet', ['collector/monitoring']);
      everything = await build(kubectl, 'fleet', [
        'monitoring',
        'collector/monitoring',
        'pod-events',
        'node-condition',
      ]);
      return undefined;
    });
    afterEach(async () => {
      await Promise.all(clusters.splice(0).map((cluster) => cluster.stop()));
    });

    it('it goes with what the agents have, and every object is one that the API server takes', async function () {
      const names = everything.objects.map(({ kind, name, namespace }) => `${kind} ${namespace ?? ''}/${name}`);
      assert.equal(new Set(names).size, names.length);
      assert.equal(everything.objects.filter(({ kind }) => kind === 'PodMonitor').length, 2);
      const types = await readApiTypes();
      if ('why' in types) {
        process.stdout.write(`    left out: manifests against the types of Kubernetes: ${types.why}\n`);
        return this.skip();
      }
      const custom = Object.entries(customTypes);
      const problems = everything.objects.flatMap((one) => {
        const [, type] = custom.find(([key]) => key === `${one.apiVersion}/${one.kind}`) ?? [];
        if (type === undefined) return types.problems(one);
        const checked = checkAgainst(type, one.object);
        return checked.ok ? [] : checked.error.map(({ pointer, message }) => `${one.name}${pointer}: ${message}`);
      });
      assert.deepEqual(problems, []);
      return undefined;
    });

    it('Prometheus finds the pods, their port and their certificate', () => {
      const deployment = only(built, 'Deployment');
      const monitor = only(built, 'PodMonitor');
      const labels = Object(at(deployment, 'spec.template.metadata.labels'));
      const selector = Object.entries(Object(at(monitor, 'spec.selector.matchLabels')));
      assert.equal(selector.length, 2);
      for (const [key, value] of selector) assert.equal(labels[key], value);
      const endpoint = at(monitor, 'spec.podMetricsEndpoints.0');
      assert.equal(at(endpoint, 'port'), at(deployment, `${container}.ports.0.name`));
      const service = only(built, 'Service');
      const host = `${String(at(service, 'metadata.name'))}.${String(at(service, 'metadata.namespace'))}.svc`;
      assert.equal(at(endpoint, 'tlsConfig.serverName'), host);
      const tls = listAt(deployment, 'spec.template.spec.volumes').find(({ name }) => name === 'tls');
      assert.equal(at(endpoint, 'tlsConfig.ca.secret.name'), at(tls, 'secret.secretName'));
      const token = at(endpoint, 'authorization.credentials.name');
      const secret = built.objects.find((one) => one.kind === 'Secret' && one.name === token);
      const owner = Object(at(secret?.object, 'metadata.annotations'))['kubernetes.io/service-account.name'];
      assert.ok(built.objects.some(({ kind, name }) => kind === 'ServiceAccount' && name === owner));
      // The rules go by the job, which the operator makes of the PodMonitor's name.
      const job = `${String(at(monitor, 'metadata.namespace'))}/${String(at(monitor, 'metadata.name'))}`;
      const [, pattern = ''] = /job=~"([^"]+)"/.exec(questions.map(({ expr }) => expr).join('\n')) ?? [];
      assert.match(job, new RegExp(`^(?:${pattern})$`));
    });

    it('its settings still fit, and add one audience', () => {
      const settings = collectorSettings(built);
      assert.deepEqual(settingProblems(settings), []);
      const { audiences } = settings.http.auth;
      assert.deepEqual(audiences, [...collectorSettings(plain).http.auth.audiences, apiAudience]);
    });

    it('the alert of its memory goes by its limit', () => {
      const limit = byteCount(`${String(at(only(built, 'Deployment'), `${container}.resources.limits.memory`))}B`) ?? 0;
      const { expr = '' } = questions.find(({ where }) => where === 'alert PullwhyCollectorNearMemoryLimit') ?? {};
      const [, mebibytes = ''] = /> (\d+) \* 1024 \* 1024$/.exec(expr) ?? [];
      const share = (Number(mebibytes) * 1024 * 1024) / limit;
      assert.ok(share >= 0.85 && share <= 0.95, `${share}`);
    });

    it('who scrapes reads the metrics and nothing else; agents report as before', async () => {
      const cluster = await start(built);
      const scraper = { account: 'pullwhy-fleet-scraper', audiences: [apiAudience] };
      assert.equal(await cluster.ask('GET', '/metrics', scraper), 200);
      for (const path of ['/v1/nodes', '/v1/incidents', '/v1/report', '/metrics/x']) {
        assert.equal(await cluster.ask('GET', path, scraper), path === '/metrics/x' ? 404 : 403, path);
      }
      assert.equal(await cluster.ask('POST', '/v1/reports', scraper), 403);
      const agent = { account: 'pullwhy-agent', audiences: ['pullwhy-collector'], node: 'node-1' };
      assert.equal(await cluster.ask('POST', '/v1/reports', agent), 202);
      assert.equal(await cluster.ask('GET', '/metrics', agent), 403);
      assert.equal(await cluster.ask('GET', '/v1/nodes', agent), 403);
      const stranger = { account: 'default', audiences: [apiAudience] };
      assert.equal(await cluster.ask('GET', '/metrics', stranger), 403, 'a token of the API server is no right');
    });

    it('without it, no token for the API server opens the collector', async () => {
      // The rights are there all the same: it is the audience that shuts them out.
      const cluster = await start({ ...built, objects: withoutAudience(built) });
      const scraper = { account: 'pullwhy-fleet-scraper', audiences: [apiAudience] };
      assert.equal(await cluster.ask('GET', '/metrics', scraper), 401);
      assert.equal(await cluster.ask('GET', '/metrics', { ...scraper, audiences: ['pullwhy-collector'] }), 200);
    });

    async function start(of: Built): Promise<RbacCluster> {
      const cluster = await startRbacCluster(of.objects, collectorSettings(of).http.auth.audiences);
      clusters.push(cluster);
      return cluster;
    }

    function withoutAudience({ objects }: Built): Built['objects'] {
      const deployment = plain.objects.find(({ kind }) => kind === 'Deployment');
      assert.ok(deployment !== undefined);
      return objects.map((one) => (one.kind === 'Deployment' ? deployment : one));
    }
  });
});

const up: readonly Series[] = [
  ['up{job="pullwhy-system/pullwhy-collector",pod="c-0"}', '1x120'],
  ['pullwhy_collector_info{pod="c-0",version="1"}', '1x120'],
];

/** Series by the minute, and the alerts that have to fire. */
const scenarios = [
  quiet('nothing is wrong', [
    ...up,
    ['pullwhy_collector_leader{pod="c-0"}', '1x120'],
    ['pullwhy_collector_leader{pod="c-1"}', '0x120'],
    ['pullwhy_collector_store_up{pod="c-0"}', '1x120'],
    ['pullwhy_collector_reports_total{pod="c-0",result="taken"}', '0+1000x120'],
    ['pullwhy_collector_reports_total{pod="c-0",result="no-room"}', '0+10x120'],
    ['pullwhy_collector_refused_records_total{pod="c-0"}', '7x120'],
    ['pullwhy_collector_look_failures_total{pod="c-0",reason="busy"}', '2x120'],
    ['pullwhy_collector_look_seconds_bucket{pod="c-0",le="0.1"}', '0+60x120'],
    ['pullwhy_collector_look_seconds_bucket{pod="c-0",le="+Inf"}', '0+60x120'],
    ['pullwhy_collector_nodes{pod="c-0",state="healthy"}', '100x120'],
    // Left behind by an autoscaler, a few an hour.
    ['pullwhy_collector_nodes{pod="c-0",state="silent"}', '80+0.1x120'],
    [incidents('node', 'fault'), '1x120'],
    [incidents('cluster', 'degraded'), '1x120'],
    ['pullwhy_collector_notices_waiting{pod="c-0",target="a"}', '0x120'],
    ['pullwhy_collector_notify_failures_total{pod="c-0",target="a",reason="timeout"}', '0+1x120'],
    ['pullwhy_collector_store_bytes{pod="c-0"}', '800x120'],
    ['pullwhy_collector_store_limit_bytes{pod="c-0"}', '1000x120'],
    ['pullwhy_collector_process_resident_memory_bytes{pod="c-0"}', '550000000x120'],
  ]),
  fires('PullwhyClusterCannotPull', [[incidents('cluster', 'fault'), '1x120']]),
  silent('PullwhyClusterCannotPull', [[incidents('group', 'fault'), '1x120']]),
  fires('PullwhyNodesCannotPull', [[incidents('group', 'fault'), '1x120']]),
  fires(
    'PullwhyNodesFellSilent',
    [
      ['pullwhy_collector_nodes{pod="c-0",state="healthy"}', '100x60 80x60'],
      ['pullwhy_collector_nodes{pod="c-0",state="silent"}', '50x60 70x60'],
    ],
    '80m',
  ),
  silent('PullwhyNodesFellSilent', [
    ['pullwhy_collector_nodes{pod="c-0",state="healthy"}', '100x60 80x60'],
    ['pullwhy_collector_nodes{pod="c-0",state="silent"}', '50x60 70x60'],
  ]),
  fires('PullwhyCollectorDown', [['up{job="pullwhy-system/pullwhy-collector",pod="c-0"}', '0x120']]),
  silent('PullwhyCollectorDown', [['up{job="pullwhy-system/pullwhy-agent",pod="a"}', '0x120']]),
  fires('PullwhyNoCollector', [['up{job="other"}', '1x120']]),
  fires('PullwhyNoLeader', [
    ['pullwhy_collector_leader{pod="c-0"}', '0x120'],
    ['pullwhy_collector_leader{pod="c-1"}', '0x120'],
  ]),
  fires('PullwhyLooksFail', [['pullwhy_collector_look_failures_total{pod="c-0",reason="gone"}', '0+1x120']]),
  fires('PullwhyLooksSlow', [
    ['pullwhy_collector_look_seconds_bucket{pod="c-0",le="2.5"}', '0x120'],
    ['pullwhy_collector_look_seconds_bucket{pod="c-0",le="5"}', '0+60x120'],
    ['pullwhy_collector_look_seconds_bucket{pod="c-0",le="+Inf"}', '0+60x120'],
  ]),
  fires('PullwhyStoreDown', [
    ['pullwhy_collector_store_up{pod="c-0"}', '0x120'],
    ['pullwhy_collector_store_up{pod="c-1"}', '1x120'],
  ]),
  fires('PullwhyReportsNotStored', [['pullwhy_collector_reports_total{pod="c-0",result="full"}', '0+1x120']]),
  silent('PullwhyReportsNotStored', [['pullwhy_collector_reports_total{pod="c-0",result="misfit"}', '0+1x120']]),
  fires('PullwhyReportsTurnedAway', [
    ['pullwhy_collector_reports_total{pod="c-0",result="taken"}', '0+900x120'],
    ['pullwhy_collector_reports_total{pod="c-0",result="no-room"}', '0+100x120'],
  ]),
  fires('PullwhyReportsRefused', [['pullwhy_collector_reports_total{pod="c-0",result="foreign-node"}', '0+1x120']]),
  fires('PullwhyRecordsRefused', [['pullwhy_collector_refused_records_total{pod="c-0"}', '0+1x120']]),
  fires('PullwhyNoticesDoNotArrive', [
    ['pullwhy_collector_notices_waiting{pod="c-0",target="a"}', '2x120'],
    ['pullwhy_collector_notify_failures_total{pod="c-0",target="a",reason="timeout"}', '0+1x120'],
  ]),
  fires('PullwhyStoreNearLimit', store(950)),
  silent('PullwhyStoreOverLimit', store(950)),
  fires('PullwhyStoreOverLimit', store(1300)),
  fires('PullwhyCollectorNearMemoryLimit', [
    ['pullwhy_collector_process_resident_memory_bytes{pod="c-0"}', '1000000000x120'],
  ]),
];

function incidents(scope: string, severity: string): string {
  return `pullwhy_collector_incidents{pod="c-0",cause="dns-timeout",scope="${scope}",severity="${severity}"}`;
}

function store(bytes: number): readonly Series[] {
  return [
    ['pullwhy_collector_store_bytes{pod="c-0"}', `${bytes}x120`],
    ['pullwhy_collector_store_limit_bytes{pod="c-0"}', '1000x120'],
  ];
}
