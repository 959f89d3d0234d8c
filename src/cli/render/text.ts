import type { Finding, Investigation, JudgedEndpoint, Remedy } from '../../model/investigation.ts';
import type { EndpointInfo } from '../../model/plan.ts';
import type { Problem } from '../../model/problem.ts';
import { credentialLines } from './credential-lines.ts';
import { furtherProblems, notCheckedWords, ruledOutWords, runtimeWords } from './footer.ts';
import { journalWords } from './journal-words.ts';
import { localRows } from './local.ts';
import { type EndpointStory, storiesOf } from './story.ts';
import type { Style } from './style.ts';
import { causeLine, furtherFindings, headline, verdictMark } from './verdict.ts';
import { axisMs, rowLines } from './waterfall.ts';
import { count, duration, visible, wrap } from './words.ts';

/**
 * The document as a person reads it: the verdict and what to do, then the way hop by hop with its times, then the rest
 * of the evidence. At most `style.width` columns but for names and commands, which stay whole to be copied. Pure.
 */
export function renderText(document: Investigation, style: Style): string {
  const stories = storiesOf(document);
  const blocks = [
    verdictLines(document, style),
    localLines(document, axisMs(stories), style),
    ...stories.map((story, index) => endpointLines(story, index, stories, style)),
    credentialText(document, style),
    furtherLines(document, style),
    footerLines(document, style),
    problemLines(furtherProblems(document), style),
    [style.dim(countsLine(document))],
  ];
  return `${blocks
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.map((line) => line.trimEnd()).join('\n'))
    .join('\n\n')}\n`;
}

function verdictLines(document: Investigation, style: Style): string[] {
  const { verdict, findings, summary } = document;
  const paint = verdict === 'healthy' ? style.good : verdict === 'faulty' ? style.bad : style.warn;
  const title = wrap(headline(document), style.width, `${verdictMark(verdict, style.symbols)} `);
  const [primary] = findings;
  // A healthy image's sentence says the headline again.
  const said = verdict === 'healthy' && summary.includes('can be pulled on this node');
  const lines = [...title.map(paint), ...(said ? [] : wrap(summary, style.width, '  '))];
  if (primary === undefined) return lines;
  return [
    ...lines,
    ...wrap(`cause: ${causeLine(primary)}`, style.width, '  '),
    ...remedyLines(primary.remedies, style),
  ];
}

/** What to do. A command has a line of its own and is never broken. */
export function remedyLines(remedies: readonly Remedy[], { width, symbols }: Style): string[] {
  return remedies.flatMap(({ text, command }) => [
    ...wrap(text, width, `  ${symbols.arrow} `),
    ...(command === null ? [] : [`      ${visible(command)}`]),
  ]);
}

/** What is wrong on the node itself. */
function localLines(document: Investigation, axis: number, style: Style): string[] {
  const rows = localRows(document);
  if (rows.length === 0) return [];
  return [style.bold(`this node, ${visible(document.node)}`), ...rows.flatMap((row) => rowLines(row, axis, style))];
}

function endpointLines(
  { endpoint, parties }: EndpointStory,
  index: number,
  all: readonly EndpointStory[],
  style: Style,
): string[] {
  const place = all.length < 2 ? '' : `${index + 1} of ${all.length}, `;
  const axis = axisMs(all);
  const title = wrap(`${place}${endpoint.role} ${endpoint.url}: ${endpointVerdict(endpoint)}`, style.width);
  const settings = settingsWords(endpoint);
  // No-break spaces: the scale is one word.
  const scale = index === 0 && axis > 0 ? `; bars:\u00a00\u00a0to\u00a0${duration(axis)}` : '';
  return [
    ...title.map(style.bold),
    ...wrap(`${settings}${scale}`, style.width, '  ').map(style.dim),
    ...(parties.length === 0 ? ['    nothing was asked here'] : []),
    ...parties.flatMap(({ title: party, rows }) => [
      ...(party === null ? [] : [style.dim(`  ${visible(party)}`)]),
      ...rows.flatMap((row) => rowLines(row, axis, style)),
    ]),
  ];
}

function endpointVerdict({ verdict, blocked }: JudgedEndpoint): string {
  if (blocked) return 'blocked by the configuration';
  if (verdict === 'healthy') return 'serves the image';
  return verdict === 'faulty' ? 'failed' : 'not found out';
}

/** Where an endpoint's setting stands, how it is reached, and what of it is not as usual. */
export function settingsWords(endpoint: EndpointInfo): string {
  const { source, proxy, proxyReason, skipVerify, insecure, ca, client } = endpoint;
  return [
    ...(source === 'default' ? [] : [`set by ${source}`]),
    proxy === null ? `direct (${proxyReason})` : `by the proxy ${proxy} (${proxyReason})`,
    ...(skipVerify || insecure ? ['TLS is not verified'] : []),
    ...(ca.length === 0 ? [] : [`own CA ${ca.join(', ')}`]),
    ...(client.length === 0 ? [] : ['with a client certificate']),
  ].join('; ');
}

/** Each credential with what the registry said to it. */
function credentialText(document: Investigation, style: Style): string[] {
  const lines = credentialLines(document);
  if (lines.length === 0) return [];
  const told = lines.flatMap(({ state, who, words }) =>
    wrap(`${who}: ${words}`, style.width, `  ${style.symbols[state]} `),
  );
  return [style.bold("credentials, in the kubelet's order"), ...told];
}

function furtherLines(document: Investigation, style: Style): string[] {
  return furtherFindings(document).flatMap((finding) => findingLines(finding, style));
}

function findingLines(finding: Finding, style: Style): string[] {
  const fault = finding.severity === 'fault';
  const mark = fault ? style.symbols.bad : style.symbols.warn;
  const [first = '', ...rest] = wrap(`also: ${finding.summary}`, style.width, `${mark} `);
  return [
    (fault ? style.bad : style.warn)(first),
    ...rest,
    ...wrap(`cause: ${causeLine(finding)}`, style.width, '  '),
    ...remedyLines(finding.remedies.slice(0, 1), style),
  ];
}

function footerLines(document: Investigation, style: Style): string[] {
  const { width } = style;
  const ruledOut = ruledOutWords(document);
  const label = document.verdict === 'healthy' ? 'checked and good: ' : 'ruled out: ';
  const words = runtimeWords(document.runtime.name, document.pull, [document.cause, document.underlying]);
  const journal = journalWords(document);
  return [
    ...(ruledOut === null ? [] : wrapBehind(label, ruledOut, width)),
    ...notCheckedWords(document).flatMap((line) => wrapBehind('not checked: ', line, width)),
    ...(journal === null ? [] : wrapBehind(journal.head, journal.said, width)),
    ...(words === null ? [] : [visible(words.head)]),
    ...(words?.said == null ? [] : wrap(words.said, width, '  ')),
    ...(words?.meaning == null ? [] : wrapBehind('  ', words.meaning, width)),
  ];
}

function countsLine({ probes, durationMs, startedAt }: Investigation): string {
  return `${count(probes.length, 'probe')} in ${duration(durationMs)}, ${startedAt}; -o json has every one`;
}

/** What is not as it should be in the node's files, with file and line. */
export function problemLines(problems: readonly Problem[], { width, symbols, bad, warn, dim }: Style): string[] {
  return problems.flatMap(({ severity, source, message, cause, harmless }) => {
    if (severity === 'error') return wrap(`error: ${source}: ${message} (${cause})`, width, `${symbols.bad} `).map(bad);
    if (harmless === true) return wrap(`note: ${source}: ${message}`, width, '  ').map(dim);
    return wrap(`warning: ${source}: ${message}`, width, `${symbols.warn} `).map(warn);
  });
}

/** Like `wrap`, with a shallow indent below a long label. */
function wrapBehind(label: string, text: string, width: number): string[] {
  const [first = '', ...rest] = wrap(`${label.trimStart()}${text}`, width - 2, label.startsWith(' ') ? '  ' : '');
  return [first, ...rest.map((line) => `  ${line.trimStart()}`)];
}
