import type { FleetIncident } from '../../api/fleet.ts';
import type { FleetReport, FleetSoonItem } from '../../api/fleet-report.ts';
import type { Frozen } from '../../api/schema.ts';
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
import { age, between, daysWords, firstOf } from '../../lib/report/words.ts';
import { count, duration, moment } from '../../lib/words.ts';
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
const mostCards = 100;
const mostRows = 200;
const mostNames = 12;

type Report = Frozen<FleetReport>;
type Incident = Frozen<FleetIncident>;

/** The report as one page that stands alone. Every foreign text passes through `text`. Pure. */
export function fleetHtml(report: Report): string {
  const { at, incidents, workloads, soon, recovered, registries, notKnown } = report;
  return page(`${headline(report)} · ${moment(at)}`, [
    headOf(report),
    numbers(report),
    section('What fails now', cards(incidents, at)),
    section('What only the owners of workloads can mend', cards(workloads, at)),
    section(
      'What will fail soon',
      soon.slice(0, mostCards).map((item) => soonCard(item)),
    ),
    section('What recovered', recovered.incidents.length === 0 ? [] : [recoveredTable(recovered.incidents, at)]),
    section('Nodes', nodesPart(report)),
    section('Registries', registries.length === 0 ? [] : [registryTable(registries, at)]),
    section('Not known', notKnown.length === 0 ? [] : [notKnownList(notKnown)]),
  ]);
}

function headOf(report: Report): string {
  const { at, from, collector } = report;
  const running = between(collector.startedAt, at);
  return head(
    report,
    headline(report),
    `${moment(at)}, covering the last ${between(from, at)} · pullwhy ${text(collector.version)}, running for ${running}`,
  );
}

function numbers({ incidents, workloads, soon, recovered, registries, nodes }: Report): string {
  const pods = [...incidents, ...workloads].reduce((sum, one) => sum + one.pods, 0);
  const good = registries.filter((row) => registryVerdict(row) === 'healthy').length;
  const { totals } = recovered;
  return figures([
    ['Pods that wait', String(pods), pods > 0 ? 'faulty' : ''],
    ['Open incidents', String(incidents.length), incidents.length > 0 ? 'faulty' : ''],
    ['Failing soon', String(soon.length), soon.length > 0 ? 'degraded' : ''],
    ['Faulty nodes', `${nodes.faulty} of ${nodes.total}`, nodes.faulty > 0 ? 'faulty' : ''],
    ['Silent nodes', String(nodes.silent), nodes.silent > 0 ? 'degraded' : ''],
    ['Registries healthy', `${good} of ${registries.length}`, ''],
    ...(totals === null ? [] : [['Images recovered', String(totals.images), ''] as const]),
    ...(totals === null || totals.secondsGained <= 0
      ? []
      : [['Time gained', age(totals.secondsGained * 1000), 'healthy'] as const]),
  ]);
}

function cards(incidents: readonly Incident[], at: string): string[] {
  const rest = incidents.length - mostCards;
  return [
    ...incidents.slice(0, mostCards).map((incident) => card(incident, at)),
    ...(rest > 0 ? [`<p class="soft">${rest} more are in the JSON document.</p>`] : []),
  ];
}

function card(incident: Incident, at: string): string {
  const { id, cause, confidence, underlying, subject, summary, remedies, images, investigations, reopened } = incident;
  const tone = incident.severity === 'fault' && incident.fault !== 'workload' ? 'faulty' : 'degraded';
  const waits = podWords(incident);
  const tags = [
    causeTag(causeOf(cause).title, cause, underlying),
    confidence,
    timeWords(incident, at),
    ...(reopened > 0 ? [`came back ${reopened === 1 ? 'once' : `${reopened} times`}`] : []),
  ];
  const hits = [scopeWords(incident), ...(waits === '' ? [] : [waits])].map(text).join(' · ');
  const unknown =
    incident.nodes.unknown > 0 ? ` · of ${count(incident.nodes.unknown, 'further node')} it is not known` : '';
  const names = incident.scope === 'node' && incident.nodes.failing === 1 ? [] : nodeNames(incident, mostNames);
  const others = images.filter((image) => image !== subject.name);
  const about = [
    ...(names.length === 0 ? [] : [`Nodes: ${names.map(text).join(', ')}`]),
    ...(others.length === 0 ? [] : [`Images: ${firstOf(others.map(code), mostNames)}`]),
    `Incident ${code(id)}${investigations.length === 0 ? '' : `, proven by ${investigations.slice(0, 3).map(code).join(', ')}`}`,
  ];
  return article(tone, subjectWords(incident), [
    `<p class="hits"><strong>${hits}</strong>${unknown}</p><p>${text(summary)}</p>`,
    ...attributionWords(incident).map((words) => `<p class="apart">${text(words)}</p>`),
    tagLine(tags),
    remedyList(remedies),
    `<p class="soft">${about.join('<br>')}</p>`,
  ]);
}

function soonCard({ subject, cause, summary, nodes, remedies, incident }: Frozen<FleetSoonItem>): string {
  const tags = [
    ...(cause === null ? [] : [causeTag(causeOf(cause).title, cause, null)]),
    ...(nodes === null ? [] : [count(nodes, 'node')]),
    ...(incident === null ? [] : [`incident ${code(incident)}`]),
  ];
  return article('degraded', subject, [`<p>${text(summary)}</p>`, tagLine(tags), remedyList(remedies)]);
}

function recoveredTable(incidents: readonly Incident[], at: string): string {
  const rows = incidents
    .slice(0, mostRows)
    .map((incident): Cell[] => [
      { html: text(subjectWords(incident)), heading: true },
      { html: `<code>${incident.cause}</code>`, class: 'num' },
      { html: text(scopeWords(incident)) },
      { html: incident.closedAt === null ? '' : moment(incident.closedAt), class: 'num' },
      { html: between(incident.openedAt, incident.closedAt ?? at), class: 'num' },
      { html: text(incident.summary) },
    ]);
  const body = table(['Subject', 'Cause', 'Where', 'Ended', 'Lasted', 'What it was'], rows, incidents.length);
  return folded(count(incidents.length, 'incident'), incidents.length, body);
}

const states = ['healthy', 'degraded', 'faulty', 'silent', 'unknown'] as const;

function nodesPart({ nodes, collector, recovered, at }: Report): string[] {
  const { total, silentNodes, versions, clocks } = nodes;
  if (total === 0) return [];
  const bar = states
    .filter((state) => nodes[state] > 0)
    .map((state) => `<i class="${state}" style="width:${((nodes[state] / total) * 100).toFixed(2)}%"></i>`)
    .join('');
  const key = states
    .filter((state) => nodes[state] > 0)
    .map((state) => `<span><i class="${state}"></i>${nodes[state]} ${state}</span>`)
    .join(' ');
  const silent = silentNodes
    .slice(0, mostRows)
    .map(({ node, lastSeenAt }) => `${text(node)} <span class="soft">(${between(lastSeenAt, at)})</span>`);
  const rest = nodes.silent - silent.length;
  const old = versions.filter(({ version }) => version !== collector.version);
  const { totals } = recovered;
  const facts = [
    ...(silent.length === 0
      ? []
      : [
          `<strong>Silent, so nothing is known of them</strong>: ${silent.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`,
        ]),
    ...(old.length === 0
      ? []
      : [
          `Agents of another version than this collector's ${text(collector.version)}: ${old.map(({ version, nodes: having }) => `${count(having, 'node')} with ${version === null ? 'one that is not known' : text(version)}`).join(', ')}`,
        ]),
    ...(clocks.length === 0
      ? []
      : [
          `Clocks that are off: ${firstOf(
            clocks.map(({ node, offsetSeconds }) => `${text(node)} ${clockWords(offsetSeconds)}`),
            mostNames,
          )}`,
        ]),
    ...(totals === null || totals.images === 0
      ? []
      : [
          `Of ${count(totals.images, 'image')} that came after all, agents pulled ${totals.byAgent} and kubelets ${totals.byKubelet}; ${totals.gone} ${totals.gone === 1 ? 'is' : 'are'} not wanted any more`,
        ]),
  ];
  return [
    `<div class="bar wide">${bar}</div><p class="soft key">${key}</p>`,
    facts.length === 0 ? '' : `<ul>${facts.map((words) => `<li>${words}</li>`).join('')}</ul>`,
  ];
}

function registryTable(registries: Report['registries'], at: string): string {
  const rows = registries.slice(0, mostRows).map((row): Cell[] => {
    const verdict = registryVerdict(row);
    const { median, p95 } = row.latencyMs;
    const left =
      row.certificateNotAfter === null ? null : (Date.parse(row.certificateNotAfter) - Date.parse(at)) / 86_400_000;
    const times = [
      ...(median === null ? [] : [`half within ${duration(median)}`]),
      ...(p95 === null ? [] : [`95 % within ${duration(p95)}`]),
    ];
    return [
      { html: text(row.registry), heading: true },
      { html: verdictWords[verdict], class: `state ${verdict}` },
      { html: reachWords(row) },
      { html: times.join('<br>'), class: 'num' },
      { html: left === null ? '' : daysWords(left), class: 'num' },
      { html: text(budgetWords(row) ?? '') },
    ];
  });
  const columns = ['Registry', 'State', 'Nodes', 'Answer', 'Certificate', 'Rate limit'];
  return table(columns, rows, registries.length);
}
