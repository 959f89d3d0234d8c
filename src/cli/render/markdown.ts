import { code, codeBlock, details, escaped, table } from '../../lib/markdown.ts';
import type { Investigation, PlanDocument, Remedy } from '../../model/investigation.ts';
import type { Problem } from '../../model/problem.ts';
import { credentialLines } from './credential-lines.ts';
import { furtherProblems, notCheckedWords, ruledOutWords, runtimeWords } from './footer.ts';
import { journalWords } from './journal-words.ts';
import { localRows } from './local.ts';
import { endpointFacts, imageFacts, nodeFacts, type PlanFact } from './plan-text.ts';
import type { Row } from './row.ts';
import { type EndpointStory, storiesOf } from './story.ts';
import { settingsWords } from './text.ts';
import { causeLine, furtherFindings, headline, verdictMark } from './verdict.ts';
import { tookMs } from './waterfall.ts';
import { count, duration } from './words.ts';

const symbols = { good: '✓', bad: '✗', warn: '!', unknown: '?' };

/** The document to paste into an issue or a ticket: verdict, cause, remedies, the hops as a table, the evidence folded. Pure. */
export function renderMarkdown(document: Investigation): string {
  const { verdict, findings, summary } = document;
  const [primary] = findings;
  const stories = storiesOf(document);
  const local = localRows(document);
  return joined([
    `### ${verdictMark(verdict, symbols)} ${escaped(headline(document))}`,
    escaped(summary),
    primary === undefined ? null : `**Cause:** ${escaped(causeLine(primary))}`,
    primary === undefined ? null : remediesMarkdown(primary.remedies),
    ...(local.length === 0 ? [] : [`**This node, ${escaped(document.node)}**`, hopTable(local)]),
    ...stories.flatMap((story) => [endpointTitle(story), hopTable(rowsOf(story))]),
    credentialsMarkdown(document),
    ...furtherFindings(document).flatMap((finding) => [
      `**Also:** ${escaped(finding.summary)} (${escaped(causeLine(finding))})`,
      remediesMarkdown(finding.remedies.slice(0, 1)),
    ]),
    details('Evidence', joined(evidence(document)).trimEnd()),
  ]);
}

function joined(parts: readonly (string | null)[]): string {
  return `${parts.filter((part) => part !== null && part !== '').join('\n\n')}\n`;
}

/** A list of what to do, commands as blocks to copy. */
export function remediesMarkdown(remedies: readonly Remedy[]): string {
  return remedies
    .map(({ text, command }) => {
      const block = command === null ? '' : `\n\n${codeBlock([command], 'sh').replace(/^/gmu, '  ')}\n`;
      return `- ${escaped(text)}${block}`;
    })
    .join('\n')
    .trimEnd();
}

function endpointTitle({ endpoint }: EndpointStory): string {
  const verdict = endpoint.blocked ? 'blocked' : endpoint.verdict;
  return `**${endpoint.role === 'mirror' ? 'Mirror' : 'Upstream'}** ${code(endpoint.url)}: ${verdict}; ${escaped(settingsWords(endpoint))}`;
}

function rowsOf({ parties }: EndpointStory): Row[] {
  return parties.flatMap(({ title, rows }) =>
    rows.map((row) =>
      title === null || row.state === 'not-reached' ? row : { ...row, words: `${row.words} (${title})` },
    ),
  );
}

function hopTable(rows: readonly Row[]): string {
  if (rows.length === 0) return 'Nothing was asked here.';
  const marks: Readonly<Record<Row['state'], string>> = {
    ok: symbols.good,
    failed: symbols.bad,
    partly: symbols.warn,
    instead: '',
    'not-checked': symbols.unknown,
    'not-reached': '',
  };
  return table(
    ['', 'hop', 'time', 'result'],
    rows.map((row) => {
      const took = tookMs(row);
      const step = row.state === 'not-reached' ? '' : row.step;
      return [marks[row.state], step, took === null ? '' : escaped(duration(took)), escaped(row.words)];
    }),
  );
}

function credentialsMarkdown(document: Investigation): string | null {
  const lines = credentialLines(document);
  if (lines.length === 0) return null;
  const rows = lines.map(({ state, who, words }) => [symbols[state], escaped(who), escaped(words)]);
  return `**Credentials, in the kubelet's order**\n\n${table(['', 'from', 'result'], rows)}`;
}

function evidence(document: Investigation): (string | null)[] {
  const { image, runtime, pull, startedAt, durationMs, id, probes, node } = document;
  const ruledOut = ruledOutWords(document);
  const words = runtimeWords(runtime.name, pull, [document.cause, document.underlying]);
  const journal = journalWords(document);
  const runtimeName = runtime.name === null ? 'no runtime' : `${runtime.name} ${runtime.version ?? ''}`.trim();
  return [
    `Image ${code(image.normalized ?? image.input)} on ${code(node)} with ${escaped(runtimeName)}; ${startedAt}, ${duration(durationMs)}, investigation ${code(id)}.`,
    ruledOut === null
      ? null
      : `${document.verdict === 'healthy' ? 'Checked and good' : 'Ruled out'}: ${escaped(ruledOut)}.`,
    ...notCheckedWords(document).map((line) => `Not checked: ${escaped(line)}`),
    journal === null ? null : escaped(`${journal.head}${journal.said}`),
    words === null ? null : escaped(words.head),
    words?.said == null ? null : codeBlock([words.said]),
    words?.meaning == null ? null : escaped(words.meaning),
    problemsMarkdown(furtherProblems(document)),
    probes.length === 0
      ? null
      : table(
          ['probe', 'kind', 'target', 'status', 'from', 'took', 'error'],
          probes.map((probe) => [
            probe.id,
            `${probe.kind}${probe.counterfactual ? ', instead' : ''}`,
            escaped(probe.target),
            probe.status,
            escaped(duration(probe.startedMs)),
            escaped(duration(probe.durationMs)),
            // The runtime's own words stand above.
            probe.kind === 'pull' ? '' : escaped(probe.error?.message ?? ''),
          ]),
        ),
  ];
}

function problemsMarkdown(problems: readonly Problem[]): string | null {
  if (problems.length === 0) return null;
  const lines = problems.map(
    ({ severity, source, message, cause }) => `- ${severity} (${cause}) in ${code(source)}: ${escaped(message)}`,
  );
  return `The node's files:\n\n${lines.join('\n')}`;
}

/** The plan, to paste. Pure. */
export function renderPlanMarkdown(document: PlanDocument): string {
  const { image, cause, summary, endpoints, problems, node } = document;
  return joined([
    cause === null
      ? `### Plan for ${code(image.normalized ?? image.input)} on ${escaped(node)}`
      : `### ${symbols.bad} ${escaped(image.input)} cannot be pulled as ${escaped(node)} is set up`,
    summary === null ? null : escaped(summary),
    cause === null ? null : `**Cause:** ${cause}`,
    factTable(imageFacts(document)),
    ...endpoints.flatMap((endpoint, index) => [
      `**${index + 1}. ${endpoint.role}** ${code(endpoint.url)}${endpoint.blocked ? ': blocked' : ''}`,
      factTable(endpointFacts(endpoint, document)),
    ]),
    `**For all of them** (${count(endpoints.length, 'endpoint')})`,
    factTable(nodeFacts(document)),
    problemsMarkdown(problems),
  ]);
}

function factTable(facts: readonly PlanFact[]): string {
  return table(
    ['setting', 'value'],
    facts.map(({ label, words }) => [label, escaped(words)]),
  );
}
