import type {
  CompareDocument,
  FleetEvent,
  FleetIncident,
  FleetNodeDocument,
  FleetNodeRow,
  FleetRegistryRow,
} from '../../api/fleet.ts';
import { causeOf } from '../../causes/index.ts';
import { worstFirst } from '../../collector/report/fleet-report.ts';
import {
  attributionWords,
  budgetWords,
  clockWords,
  nodeNames,
  podWords,
  reachWords,
  registryVerdict,
  scopeWords,
  subjectWords,
} from '../../collector/report/fleet-words.ts';
import { daysWords } from '../../lib/report/words.ts';
import { span } from './span.ts';
import type { Style } from './style.ts';
import { count, duration, listed, visible, wrap } from './words.ts';

/** Open incidents, and closed ones that were asked for, as a tired person reads them: the worst first. */
export function renderIncidents(incidents: readonly FleetIncident[], at: string, more: boolean, style: Style): string {
  const open = incidents.filter(({ state }) => state === 'open').length;
  if (incidents.length === 0) return style.good(`${style.symbols.good} No incident is open.`);
  const closed = incidents.length - open;
  const counts = [
    ...(open > 0 || closed === 0 ? [`${count(open, 'incident is', 'incidents are')} open`] : []),
    ...(closed > 0 ? [`${count(closed, 'incident is', 'incidents are')} over`] : []),
  ];
  return linesOf([
    style.bold(`${counts.join(', ')}${more ? ', and there are more (--limit)' : ''}.`),
    ...incidents.toSorted(byWeight).flatMap((incident) => ['', ...incidentLines(incident, at, style)]),
  ]);
}

/** Open ones first, then what hits most. */
function byWeight(a: FleetIncident, b: FleetIncident): number {
  return Number(a.state === 'closed') - Number(b.state === 'closed') || worstFirst(a, b);
}

function incidentLines(incident: FleetIncident, at: string, style: Style): string[] {
  const { summary, remedies, id } = incident;
  const apart = attributionWords(incident);
  const [first] = remedies;
  return [
    headLine(incident, at, style),
    ...(apart.length === 0 ? [summary] : apart).flatMap((words) => wrap(visible(words), style.width, '  ')),
    ...(first === undefined ? [] : remedyLines(first, style)),
    style.dim(`  pullwhy fleet incident ${visible(id)}`),
  ];
}

/** `✗ dns-timeout at registry.corp.example: 12 of 200 nodes, 31 pods wait, since 42 min`. */
function headLine(incident: FleetIncident, at: string, { symbols, width, ...style }: Style): string {
  const { cause, state, fault, severity } = incident;
  const bad = state === 'open' && severity === 'fault' && fault !== 'workload';
  const [mark, paint] =
    state === 'closed' ? [symbols.good, style.dim] : bad ? [symbols.bad, style.bad] : [symbols.warn, style.warn];
  const waits = podWords(incident);
  const words = [
    `${cause} at ${subjectWords(incident)}: ${scopeWords(incident)}`,
    ...(waits === '' ? [] : [waits]),
    lastedWords(incident, at),
  ].join(', ');
  return wrap(visible(words), width, `${mark} `).map(paint).join('\n');
}

function lastedWords({ openedAt, closedAt }: FleetIncident, at: string): string {
  const seconds = (Date.parse(closedAt ?? at) - Date.parse(openedAt)) / 1000;
  return closedAt === null ? `for ${span(Math.max(0, seconds))}` : `over after ${span(Math.max(0, seconds))}`;
}

function remedyLines({ text, command }: FleetIncident['remedies'][number], { symbols, width }: Style): string[] {
  return [
    ...wrap(visible(text), width, `  ${symbols.arrow} `),
    ...(command === null ? [] : [`      ${visible(command)}`]),
  ];
}

/** One incident with all that is known of it. */
export function renderIncident(incident: FleetIncident & { readonly at: string }, style: Style): string {
  const { id, cause, confidence, underlying, summary, remedies, nodes, images, hosts, reopened } = incident;
  const { width } = style;
  const fact = (name: string, words: string): string[] =>
    words === '' ? [] : wrap(visible(words), width, `  ${name}: `);
  const apart = attributionWords(incident);
  return linesOf([
    headLine(incident, incident.at, style),
    ...wrap(visible(summary), width, '  '),
    '',
    ...apart.flatMap((words) => wrap(visible(words), width, '  ')),
    ...(apart.length === 0 && incident.scope === 'group'
      ? wrap('Nothing is known that sets the failing nodes apart.', width, '  ').map(style.dim)
      : []),
    ...remedies.flatMap((remedy) => remedyLines(remedy, style)),
    '',
    `  cause: ${cause}${underlying === null ? '' : ` (${underlying})`}, ${confidence}: ${causeOf(cause).title}`,
    ...fact(
      'since',
      `${incident.openedAt}${reopened > 0 ? `, came back ${reopened === 1 ? 'once' : `${reopened} times`}` : ''}`,
    ),
    ...(incident.closedAt === null ? [] : fact('until', incident.closedAt)),
    ...fact('nodes', `${nodes.failing} failing, ${nodes.healthy} healthy, ${nodes.unknown} not known`),
    ...fact('failing', nodeNames(incident, 20).join(', ')),
    ...fact('hosts', hosts.join(', ')),
    ...fact('images', listed(images, 10)),
    ...fact('investigations', incident.investigations.join(', ')),
    ...fact('related', incident.related.join(', ')),
    `  id: ${visible(id)}`,
  ]);
}

const nodeMarks = {
  healthy: ['good', 'good'],
  degraded: ['warn', 'warn'],
  faulty: ['bad', 'bad'],
  silent: ['unknown', 'warn'],
  unknown: ['unknown', 'dim'],
} as const;

/** Nodes, one line each. */
export function renderNodes(nodes: readonly FleetNodeRow[], at: string, more: boolean, style: Style): string {
  if (nodes.length === 0) return 'No node that is asked for has reported.';
  const wide = Math.min(50, Math.max(...nodes.map(({ node }) => visible(node).length)));
  const states = (['faulty', 'silent', 'unknown', 'degraded', 'healthy'] as const).flatMap((state) => {
    const having = nodes.filter((row) => row.state === state).length;
    return having === 0 ? [] : [`${having} ${state}`];
  });
  return linesOf([
    style.bold(`${count(nodes.length, 'node')}: ${states.join(', ')}${more ? '; there are more (--limit)' : ''}.`),
    ...nodes.map((row) => {
      const [mark, paint] = nodeMarks[row.state];
      const words = nodeWords(row, at);
      const head = style[paint](`${style.symbols[mark]} ${visible(row.node).padEnd(wide)}`);
      return `${head}  ${row.state}${words === '' ? '' : `, ${visible(words)}`}`;
    }),
  ]);
}

/** What is not known beside incidents: nodes that say nothing. */
export function renderSilence(silent: readonly FleetNodeRow[], more: boolean, style: Style): string {
  const names = listed(silent.map(({ node }) => node));
  const many = `${more ? 'more than ' : ''}${count(silent.length, 'node')}`;
  const words = `Nothing is heard of ${many} (${names}): whether ${silent.length === 1 ? 'it is' : 'they are'} well is not known.`;
  return linesOf([
    ...wrap(visible(words), style.width, `${style.symbols.unknown} `).map(style.warn),
    style.dim('  pullwhy fleet nodes --state silent'),
  ]);
}

function nodeWords(row: FleetNodeRow, at: string): string {
  const { state, lastSeenAt, openIncidents, waitingPods, clockOffsetSeconds: offset, spool } = row;
  const dropped = Object.values(spool?.dropped ?? {}).reduce((sum, one) => sum + one, 0);
  return [
    ...(state === 'silent' ? [`last heard ${span((Date.parse(at) - Date.parse(lastSeenAt)) / 1000)} ago`] : []),
    ...(openIncidents > 0 ? [`${count(openIncidents, 'image does', 'images do')} not come`] : []),
    ...(waitingPods > 0 ? [`${count(waitingPods, 'pod waits', 'pods wait')}`] : []),
    ...(offset !== null && Math.abs(offset) > 5 ? [`clock ${clockWords(offset)}`] : []),
    ...(dropped > 0 ? [`${count(dropped, 'record')} dropped`] : []),
  ].join(', ');
}

/** One node: what it is, what it found, what hits it. */
export function renderNode(node: FleetNodeDocument, style: Style): string {
  const { width } = style;
  const [mark, paint] = nodeMarks[node.state];
  const words = nodeWords(node, node.at);
  const attributes = Object.entries(node.attributes).map(([name, values]) => `${name} ${values.join(', ')}`);
  return linesOf([
    style[paint](
      `${style.symbols[mark]} ${visible(node.node)} is ${node.state}${words === '' ? '' : `: ${visible(words)}`}`,
    ),
    ...wrap(
      `last report ${node.lastSeenAt}, agent ${visible(node.agentVersion ?? 'of a version that is not known')}`,
      width,
      '  ',
    ),
    ...attributes.flatMap((one) => wrap(visible(one), width, '  - ')).map(style.dim),
    ...(node.incidents.length === 0 ? [] : ['', style.bold('Open incidents that hit it')]),
    ...node.incidents.flatMap((incident) => incidentLines(incident, node.at, style)),
    ...(node.results.length === 0 ? [] : ['', style.bold('What it found')]),
    ...node.results.flatMap((result) => {
      const [resultMark, resultPaint] = verdictMarks[result.verdict];
      const cause = result.cause === null ? result.verdict : result.cause;
      const head = `${style.symbols[resultMark]} ${visible(result.subject.name)}: ${cause}`;
      return [
        style[resultPaint](head),
        ...(result.verdict === 'healthy' ? [] : wrap(visible(result.summary), width, '    ')),
      ];
    }),
  ]);
}

const verdictMarks = {
  healthy: ['good', 'good'],
  degraded: ['warn', 'warn'],
  faulty: ['bad', 'bad'],
  inconclusive: ['unknown', 'dim'],
} as const;

/** Registries over all nodes, the worst first. */
export function renderRegistries(rows: readonly FleetRegistryRow[], at: string, more: boolean, style: Style): string {
  if (rows.length === 0) return 'No agent has told of a registry yet.';
  const order = ['faulty', 'degraded', 'inconclusive', 'healthy'];
  const sorted = [...rows].sort((a, b) => order.indexOf(registryVerdict(a)) - order.indexOf(registryVerdict(b)));
  const wide = Math.min(40, Math.max(...sorted.map(({ registry }) => visible(registry).length)));
  const lines = sorted.flatMap((row) => {
    const [mark, paint] = verdictMarks[registryVerdict(row)];
    const { median, p95 } = row.latencyMs;
    const left =
      row.certificateNotAfter === null ? null : (Date.parse(row.certificateNotAfter) - Date.parse(at)) / 86_400_000;
    const facts = [
      ...(median === null
        ? []
        : [`answers within ${duration(median)}${p95 === null ? '' : `, 95 % within ${duration(p95)}`}`]),
      ...(left === null ? [] : [`certificate ${daysWords(left)}`]),
      ...[budgetWords(row)].flatMap((words) => (words === null ? [] : [words])),
      ...(row.incidents.length === 0 ? [] : [`incidents ${row.incidents.join(', ')}`]),
    ];
    return [
      `${style[paint](`${style.symbols[mark]} ${visible(row.registry).padEnd(wide)}`)}  ${reachWords(row)}`,
      ...(facts.length === 0 ? [] : wrap(visible(facts.join('; ')), style.width, '    ').map(style.dim)),
    ];
  });
  return linesOf([...lines, ...(more ? ['There are more (--limit).'] : [])]);
}

/** What differs between two nodes. */
export function renderComparison({ a, b, differences, same, unknown, summary }: CompareDocument, style: Style): string {
  const { width } = style;
  const side = (name: string, values: readonly string[]): string[] =>
    wrap(visible(`${name}: ${values.length === 0 ? 'none' : listed(values, 20)}`), width, '    ').map(style.dim);
  return linesOf([
    ...wrap(visible(summary), width).map(style.bold),
    ...differences.flatMap((one) => [
      ...wrap(visible(`${one.what}: ${one.sentence}`), width, '- '),
      ...side(a, one.a),
      ...side(b, one.b),
    ]),
    ...(same.length === 0 ? [] : wrap(visible(`the same: ${same.join(', ')}`), width)),
    ...(unknown.length === 0 ? [] : wrap(visible(`not known of one or both: ${unknown.join(', ')}`), width)),
  ]);
}

const eventWords: Readonly<Record<FleetEvent['type'], string>> = {
  'incident-opened': 'opened ',
  'incident-changed': 'changed',
  'incident-closed': 'closed ',
  'node-appeared': 'node   ',
  'node-silent': 'node   ',
  'node-back': 'node   ',
};

/** One change, one line. */
export function renderEvent({ at, type, incident, node }: FleetEvent, style: Style): string {
  const time = at.replace(/^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d).*$/u, '$1 $2Z');
  const head = `${visible(time)}  ${eventWords[type]}  `;
  if (incident === null) {
    const name = visible(node ?? '?');
    if (type === 'node-silent') return `${head}${style.warn(`${name} is silent: nothing is known of it`)}`;
    return `${head}${type === 'node-back' ? `${name} reports again` : `${name} reports for the first time`}`;
  }
  const paint = type === 'incident-closed' ? style.good : incident.severity === 'fault' ? style.bad : style.warn;
  const waits = podWords(incident);
  const words = `${incident.cause} at ${subjectWords(incident)}: ${scopeWords(incident)}${waits === '' ? '' : `, ${waits}`}`;
  return `${head}${paint(visible(words))}  ${style.dim(visible(incident.id))}`;
}

function linesOf(lines: readonly string[]): string {
  return `${lines
    .map((line) => line.trimEnd())
    .join('\n')
    .trimEnd()}\n`;
}
