/**
 * Metrics in the Prometheus text format (prometheus.io/docs/instrumenting/exposition_formats, version 0.0.4). A library
 * of its own costs 20 MiB on every node; this is what of it is needed.
 */

/** What a metric means: for its HELP line and for the documented list. */
export interface MetricInfo {
  /** By the naming conventions: `pullwhy_…`, a unit at the end, `_total` for counters. */
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
}

/** Values of a metric's labels, in the order of its names. */
type Labels = readonly string[];

/** Counts up. */
export interface Counter {
  readonly add: (labels?: Labels, by?: number) => void;
}

/** Says how much there is now. */
export interface Gauge {
  readonly set: (value: number, labels?: Labels) => void;
  /** Forgets all values: before they are set anew from a list that may have become shorter. */
  readonly clear: () => void;
}

/** Counts how often values fall below bounds. */
export interface Histogram {
  readonly observe: (value: number, labels?: Labels) => void;
}

/** All metrics of a process. */
export interface Metrics {
  readonly counter: (name: string, help: string, labels?: Labels) => Counter;
  readonly gauge: (name: string, help: string, labels?: Labels) => Gauge;
  readonly histogram: (name: string, help: string, buckets: readonly number[], labels?: Labels) => Histogram;
  /** Called before each exposition: sets gauges of what is counted elsewhere. */
  readonly collect: (update: () => void) => void;
  readonly list: () => readonly MetricInfo[];
  /** The text that Prometheus reads. */
  readonly text: () => string;
}

/** The media type of `text()`. */
export const metricsType = 'text/plain; version=0.0.4; charset=utf-8';

/**
 * Series of one metric. A label whose values come from outside (a registry's name) must not grow without end; what comes
 * beyond is counted under `other`.
 */
const maxSeries = 1000;

interface Family {
  readonly info: MetricInfo;
  readonly series: Map<string, number>;
  readonly lines: () => Iterable<string>;
}

/** Makes an empty set. */
export function openMetrics(): Metrics {
  const families = new Map<string, Family>();
  const updates: (() => void)[] = [];

  const add = (info: MetricInfo, series: Map<string, number>, lines: () => Iterable<string>): void => {
    if (families.has(info.name)) throw new Error(`the metric ${info.name} is made twice`);
    families.set(info.name, { info, series, lines });
  };
  const plain = (info: MetricInfo): Map<string, number> => {
    const series = new Map<string, number>();
    add(info, series, function* () {
      for (const [labels, value] of series) yield `${info.name}${labels} ${number(value)}`;
    });
    return series;
  };

  return {
    counter(name, help, labels = []) {
      const series = plain({ name, help, type: 'counter', labels });
      if (labels.length === 0) series.set('', 0);
      return {
        add: (values = [], by = 1) => {
          const key = keyOf(series, labels, values);
          series.set(key, (series.get(key) ?? 0) + by);
        },
      };
    },
    gauge(name, help, labels = []) {
      const series = plain({ name, help, type: 'gauge', labels });
      return {
        set: (value, values = []) => void series.set(keyOf(series, labels, values), value),
        clear: () => series.clear(),
      };
    },
    histogram(name, help, buckets, labels = []) {
      const info: MetricInfo = { name, help, type: 'histogram', labels };
      const series = new Map<string, number>();
      const cells = new Map<
        string,
        { readonly counts: number[]; sum: number; count: number; readonly values: Labels }
      >();
      add(info, series, function* () {
        for (const { counts, sum, count, values } of cells.values()) {
          let below = 0;
          for (const [at, bound] of buckets.entries()) {
            below += counts[at] ?? 0;
            yield `${name}_bucket${textOf([...labels, 'le'], [...values, number(bound)])} ${below}`;
          }
          yield `${name}_bucket${textOf([...labels, 'le'], [...values, '+Inf'])} ${count}`;
          yield `${name}_sum${textOf(labels, values)} ${number(sum)}`;
          yield `${name}_count${textOf(labels, values)} ${count}`;
        }
      });
      return {
        observe: (value, values = []) => {
          const key = keyOf(series, labels, values);
          series.set(key, 0);
          let cell = cells.get(key);
          if (cell === undefined) {
            cell = {
              counts: buckets.map(() => 0),
              sum: 0,
              count: 0,
              values: key === textOf(labels, values) ? values : labels.map(() => 'other'),
            };
            cells.set(key, cell);
          }
          const at = buckets.findIndex((bound) => value <= bound);
          if (at >= 0) cell.counts[at] = (cell.counts[at] ?? 0) + 1;
          cell.sum += value;
          cell.count++;
        },
      };
    },
    collect: (update) => void updates.push(update),
    list: () => [...families.values()].map(({ info }) => info),
    text() {
      for (const update of updates) update();
      const parts: string[] = [];
      for (const { info, lines } of families.values()) {
        parts.push(`# HELP ${info.name} ${info.help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}`);
        parts.push(`# TYPE ${info.name} ${info.type}`);
        parts.push(...lines());
      }
      return `${parts.join('\n')}\n`;
    },
  };
}

function keyOf(series: ReadonlyMap<string, number>, labels: Labels, values: Labels): string {
  if (values.length !== labels.length) throw new Error(`${labels.length} labels, ${values.length} values`);
  const key = textOf(labels, values);
  if (series.has(key) || series.size < maxSeries) return key;
  return textOf(
    labels,
    labels.map(() => 'other'),
  );
}

function textOf(labels: Labels, values: Labels): string {
  if (labels.length === 0) return '';
  const pairs = labels.map((label, at) => `${label}="${escapeLabel(values[at] ?? '')}"`);
  return `{${pairs.join(',')}}`;
}

function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

function number(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  if (value === Number.NEGATIVE_INFINITY) return '-Inf';
  return String(value);
}
