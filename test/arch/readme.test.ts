import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { causesTable, withCauses } from '../../build/docs.ts';
import { causeIds } from '../../src/model/cause-id.ts';
import { root } from './sources.ts';

describe('arch: README.md', () => {
  it('has the current table of causes', () => {
    const text = readFileSync(`${root}README.md`, 'utf8');
    assert.ok(withCauses(text) === text, 'it is not current: npm run docs');
  });

  it('has a row for each cause, with as many cells as the head', () => {
    const rows = causesTable().split('\n');
    assert.equal(rows.length, causeIds.length + 2);
    for (const row of rows) assert.equal(row.match(/(?<!\\)\|/g)?.length, 7, row);
  });

  it('keeps what stands around the table', () => {
    const text = 'before\n<!-- causes:begin -->\nold\n<!-- causes:end -->\nafter\n';
    const made = withCauses(text);
    assert.ok(made.startsWith('before\n<!-- causes:begin -->\n| cause |'));
    assert.ok(made.endsWith('|\n<!-- causes:end -->\nafter\n'));
    assert.equal(withCauses(made), made);
    assert.throws(() => withCauses('no markers'), /markers/);
  });
});
