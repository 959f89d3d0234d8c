// Writes the tables of docs/agent.md, of docs/collector.md, and of README.md: the causes, from the records of src/causes, and where each is made for real, from the
// lab's cases. `npm run docs`; a test says when it is due.
import { readFileSync, writeFileSync } from 'node:fs';
import type { Cause } from '../src/causes/cause.ts';
import { causes } from '../src/causes/index.ts';
import { causeIds } from '../src/model/cause-id.ts';
import { withAgentTables } from './agent-tables.ts';
import { withCollectorTables } from './collector-tables.ts';
import { between, row } from './markdown.ts';
import { matrix } from './matrix.ts';

const root = new URL('../', import.meta.url);
const readme = new URL('README.md', root);
const agent = new URL('docs/agent.md', root);
const collector = new URL('docs/collector.md', root);

/** `text` with the generated tables between their markers; a text without those is a mistake. */
export function withTables(text: string): string {
  return between(between(text, 'causes', causesTable()), 'matrix', matrix());
}

/** One row for each cause, in the order of a pull. */
export function causesTable(): string {
  const rows = causeIds.flatMap((id) => {
    const cause = causes.find((one) => one.id === id);
    return cause === undefined ? [] : [rowOf(cause)];
  });
  const head = ['cause', 'layer', 'what is wrong', 'what proves it', 'what to do'];
  return [row(head), row(head.map(() => '---')), ...rows].join('\n');
}

function rowOf(cause: Cause): string {
  const [first] = cause.remedies({});
  // A remedy that ends with a colon goes on with its command.
  const text = first?.text.endsWith(':') && first.command !== null ? `${first.text} \`${first.command}\`` : first?.text;
  return row([`\`${cause.id}\``, cause.id === 'unknown' ? '–' : cause.layer, cause.title, cause.proof, text ?? '–']);
}

if (import.meta.main) {
  writeFileSync(readme, withTables(readFileSync(readme, 'utf8')));
  writeFileSync(agent, withAgentTables(readFileSync(agent, 'utf8')));
  writeFileSync(collector, withCollectorTables(readFileSync(collector, 'utf8')));
}
