import { reportStyle } from './style.ts';
import { shown } from './words.ts';

/** The parts that a report's page is made of. What they are given as HTML was made by them; foreign text passes through `text`. */

/** Tables of more rows than this are folded. */
const foldedFrom = 12;

/** The words of a verdict, with a mark that says the same without colour. */
export const verdictWords = {
  healthy: '✓ healthy',
  degraded: '! degraded',
  faulty: '✗ faulty',
  inconclusive: '? not known',
} as const;

/** A page that stands alone: no script, nothing that is loaded, and a policy in it that forbids both. */
export function page(title: string, parts: readonly string[]): string {
  return [
    '<!doctype html>',
    '<html lang="en"><head><meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="referrer" content="no-referrer">',
    `<title>${text(title)}</title>`,
    `<style>${reportStyle}</style></head><body><main>`,
    ...parts,
    '</main></body></html>',
    '',
  ].join('\n');
}

/** Foreign text: one line, without control characters, and with nothing left that HTML reads. */
export function text(foreign: string): string {
  return shown(foreign).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** Foreign text as code. */
export function code(foreign: string): string {
  return `<code>${text(foreign)}</code>`;
}

/** The head of a page: the verdict, and in one line, in a sentence and small what it is. `small` is HTML. */
export function head(
  { verdict, summary }: { readonly verdict: keyof typeof verdictWords; readonly summary: string },
  headline: string,
  small: string,
): string {
  return [
    `<header class="head ${verdict}"><span class="word">${verdictWords[verdict]}</span>`,
    `<h1>${text(headline)}</h1><p class="lead">${text(summary)}</p>`,
    `<p class="soft">${small}</p></header>`,
  ].join('');
}

/** Numbers at the head of a report, each with its name and its tone (a verdict; empty for none). */
export function figures(all: readonly (readonly [name: string, value: string, tone: string])[]): string {
  const shownFigures = all.map(
    ([name, value, tone]) =>
      `<div class="${tone}"><dt>${name}</dt><dd${tone === '' ? '' : ' class="tone"'}>${value}</dd></div>`,
  );
  return `<dl class="figures">${shownFigures.join('')}</dl>`;
}

/** A part with its heading; nothing where there is nothing to tell. */
export function section(title: string, parts: readonly string[]): string {
  return parts.length === 0 ? '' : `<section><h2>${title}</h2>\n${parts.join('\n')}</section>`;
}

/** One thing that is wrong. `tone`: a verdict; the parts are HTML. */
export function article(tone: string, heading: string, parts: readonly string[]): string {
  return `<article class="item ${tone}"><h3>${text(heading)}</h3>${parts.join('')}</article>`;
}

/** Small words about an item; HTML already. */
export function tagLine(tags: readonly string[]): string {
  return tags.length === 0 ? '' : `<p class="tags soft">${tags.join(' · ')}</p>`;
}

/** A cause by its title and its name, with what lies beneath it. */
export function causeTag(title: string, cause: string, underlying: string | null): string {
  const beneath = underlying === null ? '' : `, beneath it <code>${underlying}</code>`;
  return `${text(title)} (<code>${cause}</code>${beneath})`;
}

/** What to do, with the commands. */
export function remedyList(remedies: readonly { readonly text: string; readonly command: string | null }[]): string {
  const todo = remedies.map(
    ({ text: words, command }) =>
      `<li>${text(words)}${command === null ? '' : `<pre><code>${text(command)}</code></pre>`}</li>`,
  );
  return todo.length === 0 ? '' : `<ul class="todo">${todo.join('')}</ul>`;
}

/** A cell of a table. */
export interface Cell {
  readonly html: string;
  readonly class?: string;
  /** The row's own name. */
  readonly heading?: true;
}

/** A table whose cells are HTML already; on a phone each cell has its column's name before it. `all`: rows that there are. */
export function table(columns: readonly string[], rows: readonly (readonly Cell[])[], all: number): string {
  const headings = columns.map((name) => `<th scope="col">${name}</th>`).join('');
  const lines = rows.map(
    (cells) => `<tr>${cells.map((one, column) => cell(one, columns[column] ?? '')).join('')}</tr>`,
  );
  const rest = all > rows.length ? `<p class="soft">${all - rows.length} more are in the JSON document.</p>` : '';
  return `<table><thead><tr>${headings}</tr></thead><tbody>\n${lines.join('\n')}\n</tbody></table>${rest}`;
}

function cell({ html, class: name, heading }: Cell, column: string): string {
  const kind = name === undefined ? '' : ` class="${name}"`;
  if (heading) return `<th scope="row"${kind}>${html}</th>`;
  return html === '' ? '<td></td>' : `<td${kind} data-name="${column}">${html}</td>`;
}

/** What is long can be folded away. */
export function folded(words: string, count: number, body: string): string {
  return count < foldedFrom ? body : `<details open><summary>${words}</summary>${body}</details>`;
}

/** What could not be looked at, why, and what would change that. */
export function notKnownList(
  items: readonly { readonly what: string; readonly why: string; readonly fix: string | null }[],
): string {
  const unseen = items.map(
    ({ what, why, fix }) =>
      `<li><strong>${text(what)}</strong>: ${text(why)}${fix === null ? '' : `<br><span class="soft">→ ${text(fix)}</span>`}</li>`,
  );
  return unseen.length === 0 ? '' : `<ul>${unseen.join('')}</ul>`;
}
