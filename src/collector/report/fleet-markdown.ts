import type { FleetIncident } from '../../api/fleet.ts';
import type { FleetReport, FleetSoonItem } from '../../api/fleet-report.ts';
import type { Frozen } from '../../api/schema.ts';
import { table } from '../../lib/markdown.ts';
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
import { age, between, daysWords, firstOf } from '../../lib/report/words.ts';
import { count, duration, listed, moment } from '../../lib/words.ts';
import {
  attributionWords,
  budgetWords,
  clockWords,
  headline,
  nodeNames,
  podWords,
  reachWords,
  registryVerdict,
  scopeWords,
  subjectWords,
  timeWords,
} from './fleet-words.ts';

/** Items that are shown of a long list; the JSON document has them all. */
const mostRows = 50;
const mostNames = 8;

type Report = Frozen<FleetReport>;
type Incident = Frozen<FleetIncident>;

/** The report to paste into a ticket or a chat. Pure; foreign text in it is never markup. */
export function fleetMarkdown(report: Report): string {
  const { at, from, collector, verdict, summary, incidents, workloads, soon, recovered, registries } = report;
  const running = between(collector.startedAt, at);
  return joined([
    `# ${marks[verdict]} ${inline(headline(report))}`,
    text(summary),
    `${moment(at)} · covers ${between(from, at)} · pullwhy ${inline(collector.version)}, running for ${running}`,
    ...section('What fails now', items(incidents, at)),
    ...section('What only the owners of workloads can mend', items(workloads, at)),
    ...section('What will fail soon', soon.slice(0, mostRows).map(soonMarkdown)),
    ...section('What recovered', recovered.incidents.length === 0 ? [] : [recoveredTable(recovered.incidents, at)]),
    ...section('Nodes', [list(nodeLines(report))]),
    ...section('Registries', registries.length === 0 ? [] : [registryTable(registries, at)]),
    ...section('Not known', [notKnownList(report.notKnown)]),
  ]);
}

function items(incidents: readonly Incident[], at: string): string[] {
  const rest = incidents.length - mostRows;
  return [
    ...incidents.slice(0, mostRows).map((incident) => itemMarkdown(incident, at)),
    ...(rest > 0 ? [`${rest} more are in the JSON document.`] : []),
  ];
}

function itemMarkdown(incident: Incident, at: string): string {
  const { id, cause, confidence, underlying, subject, summary, remedies, images, investigations } = incident;
  const waits = podWords(incident);
  const names = incident.scope === 'node' && incident.nodes.failing === 1 ? [] : nodeNames(incident, mostNames);
  const others = images.filter((image) => image !== subject.name);
  const proven = investigations.length === 0 ? '' : `, proven by ${investigations.slice(0, 3).map(span).join(', ')}`;
  return [
    `### ${span(subjectWords(incident))}`,
    `**${inline(scopeWords(incident))}**${waits === '' ? '' : ` · ${waits}`}`,
    text(summary),
    ...attributionWords(incident).map((words) => `> ${text(words)}`),
    `${cause}${underlying === null ? '' : `, beneath it ${underlying}`} · ${confidence} · ${timeWords(incident, at)}`,
    ...(remedies.length === 0 ? [] : [remedyList(remedies)]),
    ...(names.length === 0 ? [] : [`Nodes: ${names.map(inline).join(', ')}`]),
    ...(others.length === 0 ? [] : [`Images: ${firstOf(others.map(span), mostNames)}`]),
    `Incident ${span(id)}${proven}`,
  ].join('\n\n');
}

function soonMarkdown({ subject, cause, summary, nodes, remedies, incident }: Frozen<FleetSoonItem>): string {
  const tags = [
    ...(cause === null ? [] : [cause]),
    ...(nodes === null ? [] : [count(nodes, 'node')]),
    ...(incident === null ? [] : [`incident ${span(incident)}`]),
  ];
  return [
    `### ${span(subject)}`,
    text(summary),
    ...(tags.length === 0 ? [] : [tags.join(' · ')]),
    ...(remedies.length === 0 ? [] : [remedyList(remedies)]),
  ].join('\n\n');
}

function recoveredTable(incidents: readonly Incident[], at: string): string {
  const rows = incidents
    .slice(0, mostRows)
    .map((incident) => [
      span(subjectWords(incident)),
      incident.cause,
      inline(scopeWords(incident)),
      incident.closedAt === null ? '' : moment(incident.closedAt),
      between(incident.openedAt, incident.closedAt ?? at),
    ]);
  return more(table(['subject', 'cause', 'where', 'ended', 'lasted'], rows), incidents.length, mostRows);
}

const states = ['healthy', 'degraded', 'faulty', 'silent', 'unknown'] as const;

function nodeLines({ nodes, collector, recovered, at }: Report): string[] {
  if (nodes.total === 0) return [];
  const { silentNodes, versions, clocks } = nodes;
  const silent = silentNodes.map(({ node, lastSeenAt }) => `${node} (${between(lastSeenAt, at)})`);
  const old = versions.filter(({ version }) => version !== collector.version);
  const { totals } = recovered;
  return [
    `${count(nodes.total, 'node')}: ${states
      .filter((state) => nodes[state] > 0)
      .map((state) => `${nodes[state]} ${state}`)
      .join(', ')}`,
    ...(silent.length === 0
      ? []
      : [`Silent, so nothing is known of them: ${inline(listed(withRest(silent, nodes.silent), mostRows))}`]),
    ...old.map(
      ({ version, nodes: having }) =>
        `${count(having, 'agent')} of ${version === null ? 'a version that is not known' : `version ${inline(version)}`}, the collector of ${inline(collector.version)}`,
    ),
    ...(clocks.length === 0
      ? []
      : [
          `Clocks that are off: ${inline(
            listed(
              clocks.map(({ node, offsetSeconds }) => `${node} ${clockWords(offsetSeconds)}`),
              mostNames,
            ),
          )}`,
        ]),
    ...(totals === null || totals.images === 0
      ? []
      : [
          `${count(totals.images, 'image')} came after all: ${totals.byAgent} pulled by agents, ${totals.byKubelet} by kubelets, ${totals.gone} not wanted any more${totals.secondsGained > 0 ? `; ${age(totals.secondsGained * 1000)} sooner than by the kubelets alone, together` : ''}`,
        ]),
  ];
}

function withRest(names: readonly string[], all: number): readonly string[] {
  return all > names.length ? [...names, `${all - names.length} more`] : names;
}

function registryTable(registries: Report['registries'], at: string): string {
  const rows = registries.slice(0, mostRows).map((row) => {
    const left = row.certificateNotAfter === null ? null : Date.parse(row.certificateNotAfter) - Date.parse(at);
    const { median, p95 } = row.latencyMs;
    return [
      marks[registryVerdict(row)],
      span(row.registry),
      reachWords(row),
      median === null ? '' : `${duration(median)}${p95 === null ? '' : `, 95 % ${duration(p95)}`}`,
      left === null ? '' : daysWords(left / 86_400_000),
      inline(budgetWords(row) ?? ''),
    ];
  });
  const head = ['', 'registry', 'nodes', 'answer', 'certificate', 'rate limit'];
  return more(table(head, rows), registries.length, mostRows);
}
