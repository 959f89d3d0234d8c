import { visible } from './words.ts';

/** Foreign text as Markdown shows it: nothing in it is markup, and nobody is mentioned by it. */
export function escaped(text: string): string {
  return visible(text)
    .replace(/(^|\s)@(?=\w)/gu, '$1(at)')
    .replace(/[\\`*_[\]<>|~#]/gu, '\\$&');
}

/** A code span. In a table a pipe would end the cell, in code or not. */
export function code(text: string): string {
  const plain = visible(text).replaceAll('|', '\u00a6');
  const longest = Math.max(0, ...(plain.match(/`+/gu) ?? []).map((run) => run.length));
  const fence = '`'.repeat(longest + 1);
  const space = plain.startsWith('`') || plain.endsWith('`') ? ' ' : '';
  return `${fence}${space}${plain}${space}${fence}`;
}

/** A block of code, one line for each of `lines`. */
export function codeBlock(lines: readonly string[], language = ''): string {
  const plain = lines.map(visible);
  const longest = Math.max(
    2,
    ...plain
      .join('\n')
      .split(/[^`]+/u)
      .map((run) => run.length),
  );
  const fence = '`'.repeat(longest + 1);
  return `${fence}${language}\n${plain.join('\n')}\n${fence}`;
}

/** A table; the cells are Markdown already. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** What is folded away until somebody opens it. */
export function details(summary: string, body: string): string {
  return `<details>\n<summary>${escaped(summary)}</summary>\n\n${body}\n\n</details>`;
}
