import type { KubeReport, PodReport, WaitingImage } from '../kube/report.ts';
import { renderExplanations } from './explain-text.ts';
import { span } from './span.ts';
import type { Style } from './style.ts';
import { renderText } from './text.ts';
import { count, visible, wrap } from './words.ts';

/** What was found of pods that were looked at closely: each pod with its investigations, or what its own words say. */
export function renderClosely(report: KubeReport, style: Style): string {
  const waiting = report.pods.filter(({ images, agent }) => images.length > 0 || agent !== null);
  const shown = report.pods.length === 1 ? report.pods : waiting;
  if (shown.length === 0) return renderTable(report, style);
  const detailed = shown.filter(({ agent }) => agent !== null || report.pods.length === 1);
  const brief = shown.filter((pod) => !detailed.includes(pod));
  const blocks = [
    ...(shown.length > 1 ? [style.bold(headOf(report))] : []),
    ...detailed.map((pod) => podBlock(pod, report.at, style)),
    ...(brief.length === 0 ? [] : [brief.flatMap((pod) => rows(pod, report.at, style)).join('\n')]),
    ...noteLines(report.notes, style),
  ];
  return `${blocks.join('\n\n').trimEnd()}\n`;
}

/** A row for each image that a pod waits for: two lines each, within the style's width. */
export function renderTable(report: KubeReport, style: Style): string {
  const lines = report.pods.flatMap((pod) => rows(pod, report.at, style));
  const blocks =
    lines.length === 0
      ? [style.good(`${style.symbols.good} No pod of ${visible(report.scope)} waits for an image.`)]
      : [style.bold(headOf(report)), lines.join('\n'), ...moreLines(report, style)];
  return `${[...blocks, ...noteLines(report.notes, style)].join('\n\n')}\n`;
}

/** How to learn more than the pods' own words; nothing where agents have told all causes. */
function moreLines({ pods }: KubeReport, { width, symbols }: Style): string[] {
  const told = pods.every(({ images }) => images.every(({ by }) => by === 'agent'));
  if (told) return [];
  const words = "Causes are by the pods' own words where no agent was asked. This asks the agent of a pod's node:";
  return [[...wrap(words, width, `${symbols.arrow} `), '    kubectl pullwhy POD -n NAMESPACE'].join('\n')];
}

/** The same as a table of one line each, as wide as its words. */
export function renderWide(report: KubeReport, style: Style): string {
  const cells = report.pods.flatMap(({ pod, images }) =>
    images.map((image) => [
      pod.namespace,
      pod.name,
      image.container ?? '-',
      image.image,
      image.reason,
      causeWord(image),
      image.confidence ?? '-',
      pod.node ?? '-',
      image.state === 'pulling' || image.attempts === 0 ? '-' : `${image.attemptsExact ? '' : '~'}${image.attempts}`,
      nextWord(image, report.at),
    ]),
  );
  if (cells.length === 0) return renderTable(report, style);
  const head = 'NAMESPACE POD CONTAINER IMAGE REASON CAUSE CONFIDENCE NODE FAILED NEXT-TRY'.split(' ');
  const shown = cells.map((row) => row.map(visible));
  const widths = head.map((title, at) => Math.max(title.length, ...shown.map((row) => (row[at] ?? '').length)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('   ')
      .trimEnd();
  const table = [style.bold(line(head)), ...shown.map(line)].join('\n');
  return `${[table, ...noteLines(report.notes, style)].join('\n\n')}\n`;
}

function headOf({ pods, scope }: KubeReport): string {
  const waiting = pods.filter(({ images }) => images.length > 0);
  const images = new Set(waiting.flatMap((pod) => pod.images.map(({ image }) => image)));
  const wait = `${count(waiting.length, 'pod')} of ${visible(scope)} ${waiting.length === 1 ? 'waits' : 'wait'}`;
  return `${wait} for ${count(images.size, 'image')}.`;
}

function rows({ pod, images }: PodReport, at: number, style: Style): string[] {
  return images.flatMap((image) => {
    const [mark, paint] =
      image.state === 'pulling' ? [style.symbols.unknown, style.warn] : [style.symbols.bad, style.bad];
    const head = `${pod.namespace}/${pod.name}: ${causeWord(image)}, ${nextWords(image, at)}`;
    const where = `${pod.node ?? 'no node'}, ${image.reason}: ${image.image}`;
    return [...wrap(head, style.width, `${mark} `).map(paint), ...wrap(where, style.width, '    ')];
  });
}

function podBlock(report: PodReport, at: number, style: Style): string {
  const { pod, images, investigations, notes } = report;
  const { symbols, width } = style;
  const name = `${pod.namespace}/${pod.name}`;
  const where = pod.node === null ? '' : ` on ${pod.node}`;
  if (images.length === 0 && investigations.length === 0) {
    const [mark, paint, words] = quiet(report);
    const lines = [
      ...wrap(`${name}${where} ${words}`, width, `${mark(style)} `).map(paint(style)),
      ...agentLines(report, style),
    ];
    return lines.join('\n');
  }
  const lines = images.flatMap((image) => {
    const pulling = image.state === 'pulling';
    const mark = pulling ? symbols.unknown : symbols.bad;
    const inside = image.container === null ? '' : `, ${partOf(image)} ${image.container}`;
    return [
      ...wrap(`${name}${where}${inside}`, width, `${mark} `).map(pulling ? style.warn : style.bad),
      ...wrap(`image ${image.image}`, width, '  '),
      ...wrap(`${image.reason}${triesWords(image)}, ${nextWords(image, at)}`, width, '  '),
      ...(image.by === 'agent' && image.summary !== null && investigations.length === 0
        ? wrap(image.summary, width, '  ')
        : []),
      ...(image.missingSecrets.length === 0
        ? []
        : wrap(
            `The kubelet did not find the pull secret ${image.missingSecrets.join(', ')} in ${pod.namespace}.`,
            width,
            `  ${symbols.warn} `,
          )),
    ];
  });
  const blocks = [lines.join('\n')];
  if (investigations.length === 0) {
    const explained = images.flatMap((image) => image.explained ?? []);
    if (explained.length > 0)
      blocks.push(`By the pod's own words (nothing was measured):\n${renderExplanations(explained, style)}`);
    else if (images.some(({ state }) => state === 'failing'))
      blocks.push(wrap('The pod has no words of kubelet or runtime that tell a cause.', width).join('\n'));
  }
  for (const investigation of investigations) blocks.push(renderText(investigation, style).trimEnd());
  for (const note of notes) blocks.push(wrap(note, width, `${symbols.warn} `).map(style.warn).join('\n'));
  const about = agentLines(report, style);
  if (about.length > 0) blocks.push(about.join('\n'));
  return blocks.join('\n\n');
}

function partOf({ kind }: WaitingImage): string {
  return (
    { init: 'init container', ephemeral: 'ephemeral container', volume: 'image volume', sandbox: 'sandbox' }[
      String(kind)
    ] ?? 'container'
  );
}

type Quiet = readonly [(style: Style) => string, (style: Style) => (text: string) => string, string];

/** A pod without a row: why it has none. */
function quiet({ pod }: PodReport): Quiet {
  const good: Quiet[0] = ({ symbols }) => symbols.good;
  const unknown: Quiet[0] = ({ symbols }) => symbols.unknown;
  const other = pod.images.find(({ state, reason }) => state === 'waiting' && reason !== '');
  if (pod.deleting) return [unknown, (style) => style.warn, 'is being deleted: nothing more is pulled for it.'];
  if (pod.node === null)
    return [
      unknown,
      (style) => style.warn,
      `is on no node yet, so nothing pulls for it: kubectl -n ${pod.namespace} describe pod ${pod.name} says what the scheduler waits for.`,
    ];
  if (pod.phase === 'Succeeded' || pod.phase === 'Failed')
    return [good, (style) => style.good, `has ended (${pod.phase}): it waits for no image.`];
  if (other === undefined) return [good, (style) => style.good, `waits for no image (${pod.phase}).`];
  return [good, (style) => style.good, `waits for no image that is known of: ${other.name} is in ${other.reason}.`];
}

/** What to do where no agent was reached. */
function agentLines({ pod, images, agent }: PodReport, { width, symbols, warn }: Style): string[] {
  if (agent === null || agent.by !== null) return [];
  const [image] = images;
  if (agent.pod === null) {
    const words =
      agent.why === null
        ? `No agent of Pullwhy runs on ${pod.node}: what stands above is all that Kubernetes tells.`
        : `The agent of ${pod.node} was not found: ${agent.why}.`;
    return [
      ...wrap(words, width, `${symbols.warn} `).map(warn),
      ...(agent.why === null
        ? wrap('Deploy it (deploy/README.md), or on the node itself run:', width, `  ${symbols.arrow} `)
        : wrap('On the node itself run:', width, `  ${symbols.arrow} `)),
      `      pullwhy diagnose ${visible(image?.image ?? 'IMAGE')}`,
    ];
  }
  const { namespace, name, port, scheme } = agent.pod;
  const https = scheme === 'https' ? ` --agent https://localhost:${port} --token-file TOKEN --ca-file CA` : '';
  return [
    ...wrap(`The agent ${namespace}/${name} was not reached: ${agent.why}.`, width, `${symbols.warn} `).map(warn),
    ...wrap('Ask it over a port of this machine:', width, `  ${symbols.arrow} `),
    `      kubectl -n ${visible(namespace)} port-forward pod/${visible(name)} ${port}`,
    `      pullwhy node diagnose ${visible(image?.image ?? 'IMAGE')}${https}`,
  ];
}

function causeWord({ cause, underlying, state }: WaitingImage): string {
  if (cause === null) return state === 'pulling' ? 'pulling' : 'unknown';
  return underlying === null ? cause : `${cause} (${underlying})`;
}

function triesWords({ attempts, attemptsExact, state }: WaitingImage): string {
  if (state === 'pulling' || attempts === 0) return '';
  const once = attemptsExact ? 'once' : 'at least once';
  return `, failed ${attempts === 1 ? once : `${attemptsExact ? '' : 'about '}${attempts} times`}`;
}

function nextWords(image: WaitingImage, at: number): string {
  const { nextTryAt, pullingSince } = image;
  if (pullingSince !== null) return `pulled for ${span(Math.max(0, (at - pullingSince) / 1000))} now`;
  if (nextTryAt === null) return 'next try not known';
  return nextTryAt <= at ? 'next try due now' : `next try in ${span((nextTryAt - at) / 1000)}`;
}

function nextWord(image: WaitingImage, at: number): string {
  const { nextTryAt, pullingSince } = image;
  if (pullingSince !== null) return 'now';
  if (nextTryAt === null) return '-';
  return nextTryAt <= at ? 'due' : span((nextTryAt - at) / 1000);
}

function noteLines(notes: readonly string[], { width, symbols, warn }: Style): string[] {
  return notes.map((note) => wrap(note, width, `${symbols.warn} `).map(warn).join('\n'));
}
