import type { PodRow, RegistryRow } from '../../api/node.ts';
import type { NodeReport, RecoveredItem, ReportItem } from '../../api/report.ts';
import { causeOf } from '../../causes/index.ts';
import {
  article,
  type Cell,
  causeTag,
  code,
  figures,
  folded,
  head,
  notKnownList,
  page,
  remedyList,
  section,
  table,
  tagLine,
  text,
  verdictWords,
} from '../../lib/report/page.ts';
import { age, between, firstOf } from '../../lib/report/words.ts';
import { duration, moment } from '../../lib/words.ts';
import {
  budgetWords,
  byUrgency,
  certificateWords,
  endWords,
  headline,
  latencyWords,
  waitWords,
} from './report-words.ts';

/** Rows that are shown of a long list; the JSON document has them all. */
const mostRows = 200;
const mostImages = 12;

/**
 * The report as one page that stands alone: no script, nothing that is loaded, and a policy in it that forbids both. Every
 * text passes through `text`, so nothing of a registry's or an image's name is markup. Pure.
 */
export function reportHtml(report: NodeReport): string {
  const { at, failing, soon, recovered, pods, registries } = report;
  return page(`${headline(report)} · ${moment(at)}`, [
    headOf(report),
    numbers(report),
    section(
      'What fails now',
      failing.map((item) => card(item, at, 'faulty')),
    ),
    section(
      'What will fail soon',
      soon.map((item) => card(item, at, 'degraded')),
    ),
    section('What recovered', recovered.length === 0 ? [] : [recoveredTable(recovered)]),
    section('Pods that wait', pods.length === 0 ? [] : [podTable(pods, at)]),
    section('Registries', registries.length === 0 ? [] : [registryTable(registries, at)]),
    coverage(report),
  ]);
}

function headOf(report: NodeReport): string {
  const { at, from, agent, runtime } = report;
  const name = runtime.name === null ? 'no runtime known' : `${runtime.name} ${runtime.version ?? ''}`.trim();
  const state = runtime.ready === false ? ', not ready' : '';
  const running = between(agent.startedAt, at);
  return head(
    report,
    headline(report),
    `${moment(at)}, covering the last ${between(from, at)} · ${text(name)}${state} · pullwhy ${text(agent.version)}, running for ${running}`,
  );
}

function numbers({ failing, soon, recovered, registries }: NodeReport): string {
  const pods = failing.reduce((sum, item) => sum + item.pods, 0);
  const good = registries.filter(({ verdict }) => verdict === 'healthy').length;
  const gained = recovered.reduce((sum, { secondsGained }) => sum + (secondsGained ?? 0), 0);
  const all: readonly (readonly [string, string, string])[] = [
    ['Pods that wait', String(pods), pods > 0 ? 'faulty' : ''],
    ['Failing now', String(failing.length), failing.length > 0 ? 'faulty' : ''],
    ['Failing soon', String(soon.length), soon.length > 0 ? 'degraded' : ''],
    ['Registries healthy', `${good} of ${registries.length}`, ''],
    ['Recovered', String(recovered.length), ''],
    ...(gained > 0 ? [['Time gained', age(gained * 1000), 'healthy'] as const] : []),
  ];
  return figures(all);
}

function card(item: ReportItem, at: string, tone: string): string {
  const { cause, confidence, underlying, subject, summary, remedies, images, pods, investigation } = item;
  const waits = waitWords(pods, item.since, at);
  const tags = [
    causeTag(causeOf(cause).title, cause, underlying),
    confidence,
    ...(waits === '' ? [] : [waits]),
    ...(investigation === null ? [] : [`investigation ${code(investigation)}`]),
  ];
  const others = images.filter((image) => image !== subject);
  return article(tone, subject, [
    `<p>${text(summary)}</p>`,
    tagLine(tags),
    others.length === 0 ? '' : `<p class="soft">Images: ${firstOf(others.map(code), mostImages)}</p>`,
    remedyList(remedies),
  ]);
}

function recoveredTable(recovered: readonly RecoveredItem[]): string {
  const rows = recovered
    .slice(0, mostRows)
    .map((item): Cell[] => [
      { html: code(item.image), heading: true },
      { html: moment(item.recoveredAt), class: 'num' },
      { html: between(item.failedAt, item.recoveredAt), class: 'num' },
      { html: text(endWords(item)) },
      { html: text(item.summary) },
    ]);
  const body = table(['Image', 'Ended', 'Lasted', 'How', 'What it was'], rows, recovered.length);
  return folded(`${recovered.length} images`, recovered.length, body);
}

function podTable(pods: readonly PodRow[], at: string): string {
  const rows = pods.slice(0, mostRows).map((row): Cell[] => {
    const due = row.nextTryAt === null ? null : Date.parse(row.nextTryAt) - Date.parse(at);
    return [
      { html: `${text(row.namespace ?? '?')}/${text(row.pod ?? 'pulled by hand')}`, heading: true },
      { html: code(row.image) },
      { html: text(row.reason), class: 'num' },
      { html: row.cause === null ? '' : `<code>${row.cause}</code>` },
      { html: String(row.attempts), class: 'num' },
      { html: due === null ? '' : due <= 0 ? 'due' : `in ${age(due)}`, class: 'num' },
    ];
  });
  const body = table(['Pod', 'Image', 'State', 'Cause', 'Tries', 'Next try'], rows, pods.length);
  return folded(`${pods.length} containers`, pods.length, body);
}

function registryTable(registries: readonly RegistryRow[], at: string): string {
  const rows = byUrgency(registries)
    .slice(0, mostRows)
    .map((row): Cell[] => [
      {
        html: `${text(row.registry)}<br><span class="soft">${images(row.images)}</span>`,
        heading: true,
      },
      { html: verdictWords[row.verdict], class: `state ${row.verdict}` },
      { html: way(row), class: 'way' },
      { html: certificateWords(row) ?? '', class: 'num' },
      { html: budgetWords(row) ?? '', class: 'num' },
      {
        html: row.checkedAt === null ? 'never' : `${between(row.checkedAt, at)} ago`,
        class: 'num',
      },
    ]);
  const key = `<p class="soft key">Time to an answer:<i class="a"></i>dns<i class="b"></i>tcp<i class="c"></i>tls<i class="d"></i>answer</p>`;
  const columns = ['Registry', 'State', 'Way', 'Certificate', 'Rate limit', 'Checked'];
  return table(columns, rows, registries.length) + key;
}

function images(count: number): string {
  return count === 0 ? 'no image here' : count === 1 ? '1 image here' : `${count} images here`;
}

/** The way's times as a bar, or what is wrong with it; its mirrors. */
function way(row: RegistryRow): string {
  const words = row.verdict === 'healthy' ? '' : `<p>${text(row.summary)}</p>`;
  const mirrors = row.mirrors.map(({ url, verdict }) => `<br>mirror ${code(url)} ${verdict}`).join('');
  const { dns, tcp, tls, registry } = row.latencyMs;
  const parts = [
    ['a', dns],
    ['b', tcp],
    ['c', tls],
    ['d', registry],
  ] as const;
  const sum = parts.reduce((total, [, ms]) => total + (ms ?? 0), 0);
  if (sum <= 0) return `${words}${mirrors === '' ? '' : `<span class="soft">${mirrors.slice('<br>'.length)}</span>`}`;
  const bar = parts
    .filter(([, ms]) => ms !== null && ms > 0)
    .map(([name, ms]) => `<i class="${name}" style="width:${(((ms ?? 0) / sum) * 100).toFixed(1)}%"></i>`)
    .join('');
  return `${words}<div class="bar">${bar}</div><span class="soft">${latencyWords(row)} · together ${duration(sum)}${mirrors}</span>`;
}

function coverage({ checked, notChecked }: NodeReport): string {
  const seen = checked.map((words) => `<li>${text(words)}</li>`).join('');
  const unseen = notKnownList(notChecked);
  return [
    '<div class="cover">',
    section('Checked', seen === '' ? [] : [`<ul>${seen}</ul>`]),
    section('Not checked', unseen === '' ? [] : [unseen]),
    '</div>',
  ].join('');
}
