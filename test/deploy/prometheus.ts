import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { MetricInfo } from '../../src/lib/metrics.ts';
import { root } from '../arch/sources.ts';
import { run } from '../lab/commands.ts';
import { labCache } from '../lab/containerd-versions.ts';
import { unpackedPackage } from '../lab/debian-package.ts';
import { at, listAt } from './kustomize.ts';

/** A question to Prometheus, and where it is. */
export interface Question {
  readonly where: string;
  readonly expr: string;
}

/** What a folder of deploy/ has for Prometheus and Grafana. */
export interface Monitoring {
  /** The spec of the PrometheusRule, which is a file of rules of Prometheus. */
  readonly rules: unknown;
  readonly alerts: readonly string[];
  readonly panels: readonly Record<string, unknown>[];
  /** Of alerts, panels and variables. */
  readonly questions: readonly Question[];
}

/** Reads `prometheus-rule.yaml` and `dashboard.json`. */
export function readMonitoring(folder: string): Monitoring {
  const text = (name: string) => readFileSync(join(root, 'deploy', folder, name), 'utf8');
  const rule: unknown = parse(text('prometheus-rule.yaml'));
  const dashboard: unknown = JSON.parse(text('dashboard.json'));
  const alerts = listAt(rule, 'spec.groups').flatMap((group) => listAt(group, 'rules'));
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
  return { rules: at(rule, 'spec'), alerts: alerts.map(({ alert }) => String(alert)), panels, questions };
}

/** What Prometheus itself adds: the target's labels, one of a histogram's buckets. */
const addedLabels = ['node', 'job', 'instance', 'namespace', 'pod', 'le'];

/** Names of metrics in a question, a histogram's by its own name. */
function namesIn(expr: string): readonly string[] {
  return [...expr.matchAll(/\bpullwhy_\w+/g)].map(([name]) => name.replace(/_bucket$/, ''));
}

/** Metrics and labels that are asked for and that the code does not have. */
export function unknownNames(questions: readonly Question[], metrics: readonly MetricInfo[]): readonly string[] {
  const labelsOf = new Map(metrics.map(({ name, labels }) => [name, labels]));
  return questions.flatMap(({ where, expr }) => {
    const names = namesIn(expr);
    const known = [...addedLabels, ...names.flatMap((name) => labelsOf.get(name) ?? [])];
    const labels = [
      ...[...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(',')),
      ...[...expr.matchAll(/\{([^}]*)\}/g)].flatMap(([, list = '']) =>
        list.split(',').map((matcher) => matcher.split(/[=!]/)[0] ?? ''),
      ),
    ].map((label) => label.trim());
    return [
      ...names.filter((name) => !labelsOf.has(name)).map((name) => `${where}: there is no ${name}`),
      ...labels
        .filter((label) => !known.includes(label))
        .map((label) => `${where}: ${names.join(' and ')} has no label ${label}`),
    ];
  });
}

/** Metrics that nothing asks for. */
export function notAskedFor(questions: readonly Question[], metrics: readonly MetricInfo[]): readonly string[] {
  const asked = new Set(questions.flatMap(({ expr }) => namesIn(expr)));
  return metrics.map(({ name }) => name).filter((name) => !asked.has(name));
}

/** Values of these labels that are asked for, each of `a|b` by itself. */
export function valuesAskedFor(questions: readonly Question[], labels: string): readonly string[] {
  return questions.flatMap(({ expr }) =>
    [...expr.matchAll(new RegExp(`\\b(?:${labels})(?:=~?|!=)"([^"$]*)"`, 'g'))].flatMap(([, values = '']) =>
      values.split('|'),
    ),
  );
}

/** What is wrong with where panels lie: on another, beyond the page, or without a number of their own. */
export function misplaced(panels: readonly Record<string, unknown>[]): readonly string[] {
  const problems: string[] = [];
  const seen = new Set<string>();
  const ids = new Set<unknown>();
  for (const panel of panels) {
    const title = String(panel.title);
    const [x = 0, y = 0, w = 0, h = 0] = ['x', 'y', 'w', 'h'].map((key) => Number(at(panel, `gridPos.${key}`)));
    if (!(x + w <= 24 && w > 0 && h > 0)) problems.push(`${title} is not on the page`);
    for (let cell = 0; cell < w * h; cell++) {
      const place = `${y + Math.floor(cell / w)} ${x + (cell % w)}`;
      if (seen.has(place)) problems.push(`${title} lies on another at ${place}`);
      seen.add(place);
    }
    if (ids.has(panel.id)) problems.push(`${title} has the id of another`);
    ids.add(panel.id);
  }
  return problems;
}

/** Series and what has to fire of them, for `promtool test rules`. */
export type Scenario = ReturnType<typeof fires> | ReturnType<typeof silent> | ReturnType<typeof quiet>;

/** Has Prometheus' own tool check the rules and try these; null: all is well, else its words. `why`: it is not to be had. */
export async function tryRules(
  rules: unknown,
  tests: readonly Scenario[],
): Promise<{ readonly why: string } | { readonly words: string | null }> {
  if (!existsSync('/usr/bin/apt-get')) return { why: 'this is not Debian' };
  const unpacked = await unpackedPackage(labCache(), 'sid', 'promtool');
  if ('why' in unpacked) return unpacked;
  const own = await mkdtemp(join(tmpdir(), 'pullwhy-rules-'));
  try {
    await writeFile(join(own, 'rules.yaml'), JSON.stringify(rules));
    await writeFile(
      join(own, 'tests.yaml'),
      JSON.stringify({ rule_files: ['rules.yaml'], evaluation_interval: '1m', tests }),
    );
    for (const what of [
      ['check', 'rules', 'rules.yaml'],
      ['test', 'rules', 'tests.yaml'],
    ]) {
      const done = await run(`${unpacked.folder}/usr/bin/promtool`, what, { cwd: own });
      if (done.code !== 0) return { words: done.stdout + done.stderr };
    }
    return { words: null };
  } finally {
    await rm(own, { recursive: true });
  }
}

/** Alerts that no scenario makes fire. */
export function untried(alerts: readonly string[], tests: readonly Scenario[]): readonly string[] {
  const fired = new Set(tests.filter(({ name }) => name.endsWith(' fires')).map(({ name }) => name.split(' ')[0]));
  return alerts.filter((name) => !fired.has(name));
}

/** One series with its values by the minute, in promtool's notation. */
export type Series = readonly [series: string, values: string];

function scenario(name: string, series: readonly Series[]) {
  return { name, interval: '1m', input_series: series.map(([one, values]) => ({ series: one, values })) };
}

/** By a question for the alert itself, so that the words of the annotations are not repeated here. */
export function fires(alertname: string, series: readonly Series[], eval_time = '110m') {
  const expr = `count by (alertname) (ALERTS{alertname="${alertname}",alertstate="firing"}) > bool 0`;
  const exp_samples = [{ labels: `{alertname="${alertname}"}`, value: 1 }];
  return {
    ...scenario(`${alertname} fires`, series),
    alert_rule_test: [{ eval_time: '0m', alertname, exp_alerts: [] }],
    promql_expr_test: [{ expr, eval_time, exp_samples }],
  };
}

/** It does not, with these. */
export function silent(alertname: string, series: readonly Series[]) {
  return {
    ...scenario(`${alertname} does not fire`, series),
    alert_rule_test: [{ eval_time: '110m', alertname, exp_alerts: [] }],
    promql_expr_test: [],
  };
}

/** No alert does. */
export function quiet(name: string, series: readonly Series[]) {
  const expr = 'count(ALERTS{alertstate="firing"})';
  return {
    ...scenario(name, series),
    alert_rule_test: [],
    promql_expr_test: [{ expr, eval_time: '110m', exp_samples: [] }],
  };
}
