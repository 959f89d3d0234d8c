import { code, codeBlock, escaped } from '../markdown.ts';
import { shown } from './words.ts';

/** The parts that a report's Markdown is made of. Foreign text passes through `inline`, `text` or `span`. */

/** Marks of verdicts. */
export const marks = { healthy: '✓', degraded: '!', faulty: '✗', inconclusive: '?' } as const;

/** The whole document. */
export function joined(parts: readonly string[]): string {
  return `${parts.join('\n\n')}\n`;
}

/** A part with its heading; nothing where there is nothing to tell. */
export function section(title: string, parts: readonly string[]): string[] {
  const told = parts.filter((part) => part !== '');
  return told.length === 0 ? [] : [`## ${title}`, ...told];
}

/** One line for each; Markdown already. */
export function list(lines: readonly string[]): string {
  return lines.map((line) => `- ${line}`).join('\n');
}

/** Foreign text within a line. */
export function inline(foreign: string): string {
  return escaped(shown(foreign));
}

/** Foreign text at a line's beginning, where a few more characters are markup. */
export function text(foreign: string): string {
  return inline(foreign)
    .replace(/^(\d+)([.)])/u, '$1\\$2')
    .replace(/^([-+=])/u, '\\$1');
}

/** Foreign text as code. */
export function span(foreign: string): string {
  return code(shown(foreign));
}

/** What to do, with the commands. */
export function remedyList(remedies: readonly { readonly text: string; readonly command: string | null }[]): string {
  return remedies
    .map(({ text: words, command }) => {
      const block = command === null ? '' : `\n\n${codeBlock([shown(command)], 'sh').replace(/^/gmu, '  ')}\n`;
      return `- ${text(words)}${block}`;
    })
    .join('\n')
    .trimEnd();
}

/** What could not be looked at, why, and what would change that. */
export function notKnownList(
  items: readonly { readonly what: string; readonly why: string; readonly fix: string | null }[],
): string {
  return list(
    items.map(({ what, why, fix }) => `**${inline(what)}**: ${inline(why)}${fix === null ? '' : ` → ${inline(fix)}`}`),
  );
}

/** A table of the first `most` of `all` rows, and how many there are beside them. */
export function more(shownTable: string, all: number, most: number): string {
  return all > most ? `${shownTable}\n\n${all - most} more are in the JSON document.` : shownTable;
}
