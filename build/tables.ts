// Tables of settings, routes and metrics, from the code that has them.
import type { TSchema } from '../src/api/schema.ts';
import type { MetricInfo } from '../src/lib/metrics.ts';
import type { Route } from '../src/serve/route.ts';
import { entrySettings } from '../src/settings/entries.ts';
import { type Setting, settingsOf } from '../src/settings/shape.ts';
import { row } from './markdown.ts';

function table(head: readonly string[], rows: readonly string[]): string {
  return [row(head), row(head.map(() => '---')), ...rows].join('\n');
}

function defaultOf({ default: value }: Pick<Setting, 'default'>): string {
  return value === null || value === undefined
    ? '–'
    : `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
}

/** One row for each setting. */
export function settingsTableOf(schema: TSchema): string {
  const rows = settingsOf(schema).map((setting) =>
    row([
      `\`${setting.name}\``,
      `\`${setting.variable}\``,
      defaultOf(setting),
      `${setting.description} (${setting.expects})`,
      setting.live ? 'live' : 'restart',
    ]),
  );
  return table(['setting', 'variable', 'default', 'meaning', 'reload'], rows);
}

/** One row for each member of the entries of a setting that is a list of mappings. */
export function entriesTableOf(schema: TSchema): string {
  const members = entrySettings({ schema }) ?? [];
  const rows = members.map((setting) =>
    row([`\`${setting.name}\``, defaultOf(setting), `${setting.description} (${setting.expects})`]),
  );
  return table(['in an entry', 'default', 'meaning'], rows);
}

/** One row for each route. */
export function routesTableOf(routes: readonly Route[]): string {
  const rows = routes.map(({ method, path, access, summary }) => row([`\`${method} ${path}\``, access, summary]));
  return table(['route', 'who', 'does'], rows);
}

/** One row for each metric. */
export function metricsTableOf(metrics: readonly MetricInfo[]): string {
  const rows = metrics.map(({ name, type, labels, help }) =>
    row([`\`${name}\``, type, labels.length === 0 ? '–' : labels.map((label) => `\`${label}\``).join(', '), help]),
  );
  return table(['metric', 'type', 'labels', 'meaning'], rows);
}
