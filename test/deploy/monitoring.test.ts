import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { PullRecord } from '../../src/api/investigation.ts';
import { root } from '../arch/sources.ts';
import { run } from '../lab/commands.ts';
import { labCache } from '../lab/containerd-versions.ts';
import { unpackedPackage } from '../lab/debian-package.ts';
import { at, listAt } from './kustomize.ts';

const folder = join(root, 'deploy/components/monitoring');

/** A question to Prometheus, and where it is. */
interface Question {
  readonly where: string;
  readonly expr: string;
}

/** What Prometheus itself adds: the target's labels, one of a histogram's buckets. */
const addedLabels = ['node', 'job', 'instance', 'namespace', 'pod', 'le'];

describe('deploy: monitoring', function () {
  this.timeout(120_000);
  const rules: unknown = parse(readFileSync(join(folder, 'prometheus-rule.yaml'), 'utf8'));
  const dashboard: unknown = JSON.parse(readFileSync(join(folder, 'dashboard.json'), 'utf8'));
  const alerts = listAt(rules, 'spec.groups').flatMap((group) => listAt(group, 'rules'));
  const panels = listAt(dashboard, 'panels');
  const questions: readonly Question[] = [
    ...alerts.map(({ alert, expr }) => ({ where: `alert ${String(alert)}`, expr: String(expr) })),
    ...panels.flatMap((panel) =>
      listAt(panel, 'targets').map(({ expr }) => ({ where: `panel ${String(panel.title)}`, expr: String(expr) })),
    ),
    ...listAt(dashboard, 'templating.list').flatMap((variable) => {
      const [, expr] = /^label_values\((.*)\)$/.exec(String(variable.definition ?? '')) ?? [];
      const [metric = '', label = ''] = (expr ?? '').split(', ');
      return expr === undefined ? [] : [{ where: `variable ${label}`, expr: `sum by (${label}) (${metric})` }];
    }),
  ];
  const metrics = metricsOf();

  it('asks for metrics and labels that the agent has', () => {
    const problems: string[] = [];
    for (const { where, expr } of questions) {
      const names = [...expr.matchAll(/\bpullwhy_\w+/g)].map(([name]) => name);
      const bare = names.map((name) => name.replace(/_bucket$/, ''));
      for (const name of bare) if (!metrics.has(name)) problems.push(`${where}: there is no ${name}`);
      const known = [...addedLabels, ...bare.flatMap((name) => metrics.get(name) ?? [])];
      const named = [
        ...[...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(',')),
        ...[...expr.matchAll(/\{([^}]*)\}/g)].flatMap(([, list = '']) =>
          list.split(',').map((matcher) => matcher.split(/[=!]/)[0] ?? ''),
        ),
      ];
      for (const label of named.map((one) => one.trim())) {
        if (!known.includes(label)) problems.push(`${where}: ${bare.join(' and ')} has no label ${label}`);
      }
    }
    assert.deepEqual(problems, []);
    assert.ok(questions.length > 30 && metrics.size > 20, `${questions.length} questions, ${metrics.size} metrics`);
    assert.deepEqual(metrics.get('pullwhy_incidents'), ['cause', 'layer', 'confidence', 'registry']);
  });

  it('asks for values that the labels can have', () => {
    const { reason, state } = PullRecord.properties;
    const values = [...reason.enum, ...state.enum, 'proven', 'unknown'];
    const asked = questions.flatMap(({ expr }) =>
      [...expr.matchAll(/\b(?:reason|result|confidence|cause)="([^"]*)"/g)].map(([, value = '']) => value),
    );
    assert.deepEqual(
      asked.filter((value) => !values.includes(value)),
      [],
    );
    assert.ok(asked.length > 0);
  });

  it('shows every metric of the agent but those of its own HTTP', () => {
    const shown = questions.map(({ expr }) => expr).join(' ');
    const missing = [...metrics.keys()].filter((name) => !new RegExp(`\\b${name}(_bucket)?\\b`).test(shown));
    assert.deepEqual(missing, [
      'pullwhy_pull_duration_seconds',
      'pullwhy_http_requests_total',
      'pullwhy_http_request_duration_seconds',
    ]);
  });

  it('the panels lie beside each other, within the page', () => {
    const seen = new Set<string>();
    for (const panel of panels) {
      const [x, y, w, h] = ['x', 'y', 'w', 'h'].map((key) => Number(at(panel, `gridPos.${key}`)));
      assert.ok(x !== undefined && y !== undefined && w !== undefined && h !== undefined && x + w <= 24);
      for (let row = y; row < y + h; row++) {
        for (let column = x; column < x + w; column++) {
          assert.ok(!seen.has(`${row} ${column}`), `${String(panel.title)} lies on another`);
          seen.add(`${row} ${column}`);
        }
      }
    }
    const ids = panels.map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length);
  });

  it('Prometheus takes the rules, and they fire when they should', async function () {
    const promtool = await findPromtool();
    if ('why' in promtool) {
      process.stdout.write(`    left out: Prometheus' own check of the rules: ${promtool.why}\n`);
      return this.skip();
    }
    const own = await mkdtemp(join(tmpdir(), 'pullwhy-rules-'));
    try {
      await writeFile(join(own, 'rules.yaml'), JSON.stringify(at(rules, 'spec')));
      const checked = await run(promtool.program, ['check', 'rules', 'rules.yaml'], { cwd: own });
      assert.equal(checked.code, 0, checked.stdout + checked.stderr);
      await writeFile(join(own, 'tests.yaml'), JSON.stringify(firing));
      const tested = await run(promtool.program, ['test', 'rules', 'tests.yaml'], { cwd: own });
      assert.equal(tested.code, 0, tested.stdout + tested.stderr);
      const tried = new Set(firing.tests.flatMap(({ alert_rule_test }) => alert_rule_test.map((one) => one.alertname)));
      assert.deepEqual(
        alerts.map(({ alert }) => String(alert)).filter((name) => !tried.has(name)),
        [],
      );
    } finally {
      await rm(own, { recursive: true });
    }
  });
});

/** The agent's metrics with their labels, as its code makes them: what it exposes has labels only where it has values. */
function metricsOf(): ReadonlyMap<string, readonly string[]> {
  const code = readFileSync(join(root, 'src/agent/agent-metrics.ts'), 'utf8');
  const made = code.split(/\bmetrics\s*\.(?:gauge|counter|histogram)\(/).slice(1);
  return new Map(
    made.map((rest) => {
      const call = rest.slice(0, rest.indexOf(');'));
      const [, name = ''] = /^\s*'(\w+)'/.exec(call) ?? [];
      const [, list = ''] = /\[([^\]]*)\][,\s]*$/.exec(call) ?? [];
      return [name, [...list.matchAll(/'(\w+)'/g)].map(([, label = '']) => label)] as const;
    }),
  );
}

async function findPromtool(): Promise<{ readonly program: string } | { readonly why: string }> {
  if (!existsSync('/usr/bin/apt-get')) return { why: 'this is not Debian' };
  const unpacked = await unpackedPackage(labCache(), 'sid', 'promtool');
  return 'why' in unpacked ? unpacked : { program: `${unpacked.folder}/usr/bin/promtool` };
}

/** Series by the minute, and the alerts that have to fire. */
const firing = {
  rule_files: ['rules.yaml'],
  evaluation_interval: '1m',
  tests: [
    quiet('nothing is wrong', [
      ['pullwhy_agent_info{node="a",version="1"}', '1x120'],
      ['up{job="pullwhy-system/pullwhy-agent",node="a"}', '1x120'],
      ['pullwhy_oldest_incident_age_seconds{node="a"}', '0x120'],
      ['pullwhy_registry_up{node="a",registry="r"}', '1x120'],
      ['pullwhy_registry_rate_limit_remaining{node="a",registry="r"}', '100x120'],
      ['pullwhy_registry_certificate_expiry_timestamp_seconds{node="a",registry="r"}', '9000000x120'],
      ['pullwhy_source_following{node="a",source="journal"}', '1x120'],
      ['pullwhy_source_following{node="a",source="cri-events"}', '0x120'],
      ['pullwhy_state_on_disk{node="a"}', '1x120'],
      ['pullwhy_image_filesystem_free_bytes{node="a",path="/var/lib/containerd"}', '20x120'],
      ['pullwhy_image_filesystem_size_bytes{node="a",path="/var/lib/containerd"}', '100x120'],
      ['pullwhy_nameserver_up{node="a",nameserver="10.0.0.2"}', '1x120'],
      ['pullwhy_clock_offset_seconds{node="a"}', '-2x120'],
      ['pullwhy_process_resident_memory_bytes{node="a"}', '80000000x120'],
      ['pullwhy_pulls_total{node="a",reason="recovery",result="failed"}', '0+0.1x120'],
    ]),
    fires('PullwhySameCauseOnManyNodes', ['a', 'b', 'c'].map(incident)),
    silent('PullwhySameCauseOnManyNodes', ['a', 'b'].map(incident)),
    fires('PullwhyImageDoesNotCome', [incident('a')]),
    fires('PullwhyImageLongMissing', [['pullwhy_oldest_incident_age_seconds{node="a"}', '0+60x120']]),
    fires('PullwhyCauseUnknown', [['pullwhy_incidents{node="a",cause="unknown",registry="r"}', '1x120']]),
    fires('PullwhyPullsFailAgain', [['pullwhy_pulls_total{node="a",reason="recovery",result="failed"}', '0+1x120']]),
    silent('PullwhyPullsFailAgain', [
      ['pullwhy_pulls_total{node="a",reason="recovery",result="failed"}', '0+1x120'],
      ['pullwhy_pulls_total{node="a",reason="recovery",result="done"}', '0+1x120'],
    ]),
    fires('PullwhyRegistryUnreachable', [['pullwhy_registry_up{node="a",registry="r"}', '0x120']]),
    fires('PullwhyRegistryDegraded', [['pullwhy_registry_up{node="a",registry="r"}', '0.5x120']]),
    fires('PullwhyCertificateEnds', [
      ['pullwhy_registry_certificate_expiry_timestamp_seconds{node="a",registry="r"}', '864000x120'],
    ]),
    fires('PullwhyRateLimitNearlyReached', [['pullwhy_registry_rate_limit_remaining{node="a",registry="r"}', '3x120']]),
    fires('PullwhyImageDiskNearlyFull', [
      ['pullwhy_image_filesystem_free_bytes{node="a",path="/var/lib/containerd"}', '5x120'],
      ['pullwhy_image_filesystem_size_bytes{node="a",path="/var/lib/containerd"}', '100x120'],
    ]),
    fires('PullwhyNameserverSilent', [['pullwhy_nameserver_up{node="a",nameserver="10.0.0.2"}', '0x120']]),
    fires('PullwhyClockOff', [['pullwhy_clock_offset_seconds{node="a"}', '-300x120']]),
    fires('PullwhyAgentDown', [['up{job="pullwhy-system/pullwhy-agent",node="a"}', '0x120']]),
    silent('PullwhyAgentDown', [['up{job="pullwhy-system/other",node="a"}', '0x120']]),
    fires('PullwhyNoAgents', [['up{job="other",node="a"}', '1x120']]),
    fires('PullwhyAgentBlind', [
      ['pullwhy_source_following{node="a",source="journal"}', '0x120'],
      ['pullwhy_source_following{node="a",source="cri-events"}', '0x120'],
    ]),
    fires('PullwhyStateNotOnDisk', [['pullwhy_state_on_disk{node="a"}', '0x120']]),
    fires('PullwhyAgentNearMemoryLimit', [['pullwhy_process_resident_memory_bytes{node="a"}', '160000000x120']]),
  ],
};

type Series = readonly [series: string, values: string];

function incident(node: string): Series {
  const labels = `node="${node}",cause="tcp-refused",layer="tcp",confidence="proven",registry="r"`;
  return [`pullwhy_incidents{${labels}}`, '1x120'];
}

function scenario(name: string, series: readonly Series[]) {
  return { name, interval: '1m', input_series: series.map(([one, values]) => ({ series: one, values })) };
}

/** By a question for the alert itself, so that the words of the annotations are not repeated here. */
function fires(alertname: string, series: readonly Series[]) {
  const expr = `count by (alertname) (ALERTS{alertname="${alertname}",alertstate="firing"}) > bool 0`;
  const exp_samples = [{ labels: `{alertname="${alertname}"}`, value: 1 }];
  return {
    ...scenario(`${alertname} fires`, series),
    alert_rule_test: [{ eval_time: '0m', alertname, exp_alerts: [] }],
    promql_expr_test: [{ expr, eval_time: '110m', exp_samples }],
  };
}

function silent(alertname: string, series: readonly Series[]) {
  return {
    ...scenario(`${alertname} does not fire`, series),
    alert_rule_test: [{ eval_time: '110m', alertname, exp_alerts: [] }],
    promql_expr_test: [],
  };
}

function quiet(name: string, series: readonly Series[]) {
  const expr = 'count(ALERTS{alertstate="firing"})';
  return {
    ...scenario(name, series),
    alert_rule_test: [],
    promql_expr_test: [{ expr, eval_time: '110m', exp_samples: [] }],
  };
}
