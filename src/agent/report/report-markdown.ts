import type { PodRow, RegistryRow } from '../../api/node.ts';
import type { NodeReport, RecoveredItem, ReportItem } from '../../api/report.ts';
import { details, table } from '../../lib/markdown.ts';
import {
  inline,
  joined,
  list,
  marks,
  more,
  notKnownList,
  remedyList,
  section,
  span,
  text,
} from '../../lib/report/markdown.ts';
import { between, firstOf } from '../../lib/report/words.ts';
import { count, moment } from '../../lib/words.ts';
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
const mostRows = 50;
const mostImages = 8;

/** The report to paste into a ticket or a chat. Pure; foreign text in it is never markup. */
export function reportMarkdown(report: NodeReport): string {
  const { at, from, agent, runtime, verdict, summary, failing, soon, recovered, pods, registries } = report;
  const name = runtime.name === null ? 'no runtime known' : `${runtime.name} ${runtime.version ?? ''}`.trim();
  return joined([
    `# ${marks[verdict]} ${inline(headline(report))}`,
    text(summary),
    `${moment(at)} · covers ${between(from, at)} · ${inline(name)} · pullwhy ${inline(agent.version)}, running for ${between(agent.startedAt, at)}`,
    ...section(
      'What fails now',
      failing.map((item) => itemMarkdown(item, at)),
    ),
    ...section(
      'What will fail soon',
      soon.map((item) => itemMarkdown(item, at)),
    ),
    ...section('What recovered', recovered.length === 0 ? [] : [recoveredTable(recovered)]),
    ...section('Pods that wait', pods.length === 0 ? [] : [details(count(pods.length, 'container'), podTable(pods))]),
    ...section('Registries', registries.length === 0 ? [] : [registryTable(byUrgency(registries))]),
    ...section('Checked', [list(report.checked.map(text))]),
    ...section('Not checked', [notKnownList(report.notChecked)]),
  ]);
}

function itemMarkdown(item: ReportItem, at: string): string {
  const { cause, confidence, underlying, subject, summary, remedies, images, pods, investigation } = item;
  const waits = waitWords(pods, item.since, at);
  const others = images.filter((image) => image !== subject);
  return [
    `### ${span(subject)}`,
    text(summary),
    `${cause}${underlying === null ? '' : `, beneath it ${underlying}`} · ${confidence}${waits === '' ? '' : ` · ${waits}`}${investigation === null ? '' : ` · investigation ${span(investigation)}`}`,
    ...(others.length === 0 ? [] : [`Images: ${firstOf(others.map(span), mostImages)}`]),
    ...(remedies.length === 0 ? [] : [remedyList(remedies)]),
  ].join('\n\n');
}

function recoveredTable(recovered: readonly RecoveredItem[]): string {
  const rows = recovered
    .slice(0, mostRows)
    .map((item) => [
      span(item.image),
      moment(item.recoveredAt),
      between(item.failedAt, item.recoveredAt),
      inline(`${endWords(item)}${item.cause === null ? '' : `; it was ${item.cause}`}`),
    ]);
  return more(table(['image', 'ended', 'lasted', 'how'], rows), recovered.length, mostRows);
}

function podTable(pods: readonly PodRow[]): string {
  const rows = pods
    .slice(0, mostRows)
    .map((row) => [
      span(`${row.namespace ?? '?'}/${row.pod ?? 'pulled by hand'}`),
      span(row.image),
      inline(row.reason),
      row.cause ?? '',
      String(row.attempts),
      row.nextTryAt === null ? '' : moment(row.nextTryAt),
    ]);
  return more(table(['pod', 'image', 'state', 'cause', 'tries', 'next try'], rows), pods.length, mostRows);
}

function registryTable(registries: readonly RegistryRow[]): string {
  const rows = registries
    .slice(0, mostRows)
    .map((row) => [
      marks[row.verdict],
      span(row.registry),
      row.verdict === 'healthy' ? latencyWords(row) : inline(row.summary),
      certificateWords(row) ?? '',
      budgetWords(row) ?? '',
      String(row.images),
      row.checkedAt === null ? 'never' : moment(row.checkedAt),
    ]);
  return more(
    table(['', 'registry', 'way', 'certificate', 'rate limit', 'images', 'checked'], rows),
    registries.length,
    mostRows,
  );
}
