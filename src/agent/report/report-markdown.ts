import type { PodRow, RegistryRow } from '../../api/node.ts';
import type { NodeReport, RecoveredItem, ReportItem } from '../../api/report.ts';
import { code, codeBlock, details, escaped, table } from '../../lib/markdown.ts';
import { count } from '../../lib/words.ts';
import {
  age,
  budgetWords,
  byUrgency,
  certificateWords,
  endWords,
  headline,
  latencyWords,
  minute,
  shown,
  waitWords,
} from './report-words.ts';

const marks = { healthy: '✓', degraded: '!', faulty: '✗', inconclusive: '?' } as const;

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
    `${minute(at)} · covers ${age(Date.parse(at) - Date.parse(from))} · ${inline(name)} · pullwhy ${inline(agent.version)}, running for ${age(Date.parse(at) - Date.parse(agent.startedAt))}`,
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
    ...section(
      'Checked',
      [list(report.checked.map(text))].filter((part) => part !== ''),
    ),
    ...section(
      'Not checked',
      [
        list(
          report.notChecked.map(
            ({ what, why, fix }) => `**${inline(what)}**: ${inline(why)}${fix === null ? '' : ` → ${inline(fix)}`}`,
          ),
        ),
      ].filter((part) => part !== ''),
    ),
  ]);
}

function joined(parts: readonly string[]): string {
  return `${parts.join('\n\n')}\n`;
}

function section(title: string, parts: readonly string[]): string[] {
  return parts.length === 0 ? [] : [`## ${title}`, ...parts];
}

function list(lines: readonly string[]): string {
  return lines.map((line) => `- ${line}`).join('\n');
}

/** Within a line. */
function inline(foreign: string): string {
  return escaped(shown(foreign));
}

/** At a line's beginning a few more characters are markup. */
function text(foreign: string): string {
  return inline(foreign)
    .replace(/^(\d+)([.)])/u, '$1\\$2')
    .replace(/^([-+=])/u, '\\$1');
}

function span(foreign: string): string {
  return code(shown(foreign));
}

function itemMarkdown(item: ReportItem, at: string): string {
  const { cause, confidence, underlying, subject, summary, remedies, images, pods, investigation } = item;
  const waits = waitWords(pods, item.since, at);
  const others = images.filter((image) => image !== subject);
  const rest = others.length > mostImages ? ` and ${others.length - mostImages} more` : '';
  return [
    `### ${span(subject)}`,
    text(summary),
    `${cause}${underlying === null ? '' : `, beneath it ${underlying}`} · ${confidence}${waits === '' ? '' : ` · ${waits}`}${investigation === null ? '' : ` · investigation ${span(investigation)}`}`,
    ...(others.length === 0 ? [] : [`Images: ${others.slice(0, mostImages).map(span).join(', ')}${rest}`]),
    ...(remedies.length === 0 ? [] : [remedies.map(remedyMarkdown).join('\n').trimEnd()]),
  ].join('\n\n');
}

function remedyMarkdown({ text: words, command }: ReportItem['remedies'][number]): string {
  const block = command === null ? '' : `\n\n${codeBlock([shown(command)], 'sh').replace(/^/gmu, '  ')}\n`;
  return `- ${text(words)}${block}`;
}

function recoveredTable(recovered: readonly RecoveredItem[]): string {
  const rows = recovered
    .slice(0, mostRows)
    .map((item) => [
      span(item.image),
      minute(item.recoveredAt),
      age(Date.parse(item.recoveredAt) - Date.parse(item.failedAt)),
      inline(`${endWords(item)}${item.cause === null ? '' : `; it was ${item.cause}`}`),
    ]);
  return more(table(['image', 'ended', 'lasted', 'how'], rows), recovered.length);
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
      row.nextTryAt === null ? '' : minute(row.nextTryAt),
    ]);
  return more(table(['pod', 'image', 'state', 'cause', 'tries', 'next try'], rows), pods.length);
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
      row.checkedAt === null ? 'never' : minute(row.checkedAt),
    ]);
  return more(
    table(['', 'registry', 'way', 'certificate', 'rate limit', 'images', 'checked'], rows),
    registries.length,
  );
}

function more(shownTable: string, all: number): string {
  return all > mostRows ? `${shownTable}\n\n${all - mostRows} more are in the JSON document.` : shownTable;
}
