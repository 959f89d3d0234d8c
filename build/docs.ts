// Writes the table of causes into README.md, from the records of src/causes. `npm run docs`; a test says when it is due.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { Cause } from '../src/causes/cause.ts';
import { causes } from '../src/causes/index.ts';
import { type CauseId, causeIds } from '../src/model/cause-id.ts';

const root = new URL('../', import.meta.url);
const readme = new URL('README.md', root);
const cases = 'test/lab/cases/';

const begin = '<!-- causes:begin -->';
const end = '<!-- causes:end -->';

/** `text` with the table of causes between its two markers; a text without them is a mistake. */
export function withCauses(text: string): string {
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from === -1 || to < from) throw new Error(`README.md lacks the markers ${begin} and ${end}`);
  return `${text.slice(0, from + begin.length)}\n${causesTable()}\n${text.slice(to)}`;
}

/** One row for each cause, in the order of a pull. */
export function causesTable(): string {
  const tests = testsByCause();
  const rows = causeIds.flatMap((id) => {
    const cause = causes.find((one) => one.id === id);
    return cause === undefined ? [] : [rowOf(cause, tests.get(id) ?? null)];
  });
  const head = ['cause', 'layer', 'what is wrong', 'what proves it', 'what to do', 'made for real by'];
  return [row(head), row(head.map(() => '---')), ...rows].join('\n');
}

function rowOf(cause: Cause, test: string | null): string {
  const [first] = cause.remedies({});
  // A remedy that ends with a colon goes on with its command.
  const text = first?.text.endsWith(':') && first.command !== null ? `${first.text} \`${first.command}\`` : first?.text;
  return row([
    `\`${cause.id}\``,
    cause.id === 'unknown' ? '–' : cause.layer,
    cause.title,
    cause.proof,
    text ?? '–',
    test === null ? '–' : `[${test}](${cases}${test})`,
  ]);
}

function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
}

/** The lab's file that makes each cause: the one named for it, else the first that expects it. */
function testsByCause(): ReadonlyMap<CauseId, string> {
  const found = new Map<CauseId, string>();
  for (const file of readdirSync(new URL(cases, root)).sort()) {
    const text = readFileSync(new URL(`${cases}${file}`, root), 'utf8');
    const expected = new Set([...text.matchAll(/^\s+cause: '([a-z-]+)'/gm)].map(([, id]) => id));
    for (const id of causeIds) {
      if (expected.has(id) && (!found.has(id) || file === `${id}.ts`)) found.set(id, file);
    }
  }
  return found;
}

if (import.meta.main) writeFileSync(readme, withCauses(readFileSync(readme, 'utf8')));
