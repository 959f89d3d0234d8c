import { code, codeBlock, escaped } from '../../lib/markdown.ts';
import type { PullDocument } from '../../model/investigation.ts';
import { type RuntimeWords, runtimeWords } from './footer.ts';
import { remediesMarkdown } from './markdown.ts';
import type { Style } from './style.ts';
import { remedyLines } from './text.ts';
import { visible, wrap } from './words.ts';

/** Whether it was pulled, how long that took, the runtime's own words and what to do. Pure. */
export function renderPullText(document: PullDocument, style: Style): string {
  const { pull, summary, remedies, imageRef } = document;
  const { symbols, width } = style;
  const mark = pull.ok === true ? symbols.good : pull.attempted ? symbols.bad : symbols.unknown;
  const paint = pull.ok === true ? style.good : pull.attempted ? style.bad : style.warn;
  const words = wordsOf(document);
  const lines = [
    ...wrap(headline(document), width, `${mark} `).map(paint),
    ...(pull.ok === true ? [] : wrap(summary, width, '  ')),
    ...(pull.cause === null ? [] : [`  cause: ${pull.cause}`]),
    ...(imageRef === null ? [] : [`  ${visible(imageRef)}`]),
    ...remedyLines(remedies, style),
    ...(words?.said == null ? [] : ['', visible(words.head), ...wrap(words.said, width, '  ')]),
  ];
  return `${lines.map((line) => line.trimEnd()).join('\n')}\n`;
}

/** The same to paste. Pure. */
export function renderPullMarkdown(document: PullDocument): string {
  const { pull, summary, remedies, imageRef } = document;
  const words = wordsOf(document);
  return `${[
    `### ${pull.ok === true ? '✓' : pull.attempted ? '✗' : '?'} ${escaped(headline(document))}`,
    escaped(summary),
    ...(pull.cause === null ? [] : [`**Cause:** ${pull.cause}`]),
    ...(imageRef === null ? [] : [code(imageRef)]),
    ...(remedies.length === 0 ? [] : [remediesMarkdown(remedies)]),
    ...(words?.said == null ? [] : [escaped(words.head), codeBlock([words.said])]),
  ].join('\n\n')}\n`;
}

function headline({ image, node, pull, runtime }: PullDocument): string {
  if (!pull.attempted) return `${image.input} was not pulled on ${node}: no pull was tried`;
  const who =
    runtime.name === null ? '' : ` by ${runtime.name}${runtime.version === null ? '' : ` ${runtime.version}`}`;
  if (pull.ok !== true) return `${image.input} was not pulled on ${node}${who}`;
  const words = pull.durationMs === null ? '' : ` in ${(pull.durationMs / 1000).toFixed(1)} s`;
  return `${image.input} was pulled on ${node}${who}${words}`;
}

/** The runtime's words, unless they are the summary's. */
function wordsOf({ pull, runtime }: PullDocument): RuntimeWords | null {
  return pull.ok === true ? null : runtimeWords(runtime.name, pull, [pull.cause]);
}
