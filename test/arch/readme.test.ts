import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { withAgentTables } from '../../build/agent-tables.ts';
import { withCollectorTables } from '../../build/collector-tables.ts';
import { causesTable, withTables } from '../../build/docs.ts';
import { between } from '../../build/markdown.ts';
import { matrix, needlessReasons, withoutReason } from '../../build/matrix.ts';
import { causeIds } from '../../src/model/cause-id.ts';
import { root } from './sources.ts';

describe('arch: README.md', () => {
  it('has the current tables', () => {
    const text = readFileSync(`${root}README.md`, 'utf8');
    assert.ok(withTables(text) === text, 'it is not current: npm run docs');
  });

  it('has the current tables of the agent beside it', () => {
    const text = readFileSync(`${root}docs/agent.md`, 'utf8');
    assert.ok(withAgentTables(text) === text, 'docs/agent.md is not current: npm run docs');
    assert.match(text, /^\| `pullwhy_incidents` \| gauge/m);
    assert.match(text, /^\| `GET \/v1\/pods` \| read/m);
  });

  it('has the current tables of the collector beside it', () => {
    const text = readFileSync(`${root}docs/collector.md`, 'utf8');
    assert.ok(withCollectorTables(text) === text, 'docs/collector.md is not current: npm run docs');
    assert.match(text, /^\| `pullwhy_collector_incidents` \| gauge/m);
    assert.match(text, /^\| `POST \/v1\/reports` \| report/m);
    assert.match(text, /^\| `http\.auth\.tokenFile` \|/m);
  });

  it('has a row for each cause, with as many cells as the head', () => {
    const rows = causesTable().split('\n');
    assert.equal(rows.length, causeIds.length + 2);
    for (const row of rows) assert.equal(row.match(/(?<!\\)\|/g)?.length, 6, row);
  });

  it('has a row for each cause in the matrix, and no empty cell', () => {
    const [rows = '', notes = ''] = matrix().split('\n\n');
    assert.equal(rows.split('\n').length, causeIds.length + 2);
    for (const row of rows.split('\n')) {
      assert.equal(row.match(/(?<!\\)\|/g)?.length, 8, row);
      assert.doesNotMatch(row, /\|\s*\|/, row);
    }
    const letters = new Set([...rows.matchAll(/\| – ([a-z]+) /g)].map(([, letter]) => letter));
    assert.deepEqual(
      [...notes.matchAll(/^- ([a-z]+): ./gm)].map(([, letter]) => letter),
      [...letters],
    );
    assert.doesNotMatch(notes, /not made yet/);
  });

  it('says of each cause that the lab does not make why it does not, and of no other', () => {
    assert.deepEqual(withoutReason(), []);
    assert.deepEqual(needlessReasons(), []);
  });

  it('names files that are there', () => {
    for (const [, file] of matrix().matchAll(/\]\(([^)]+)\)/g)) assert.ok(existsSync(`${root}${file}`), file);
  });

  it('keeps what stands around a table', () => {
    const text = 'before\n<!-- some:begin -->\nold\n<!-- some:end -->\nafter\n';
    const made = between(text, 'some', '| new |');
    assert.equal(made, 'before\n<!-- some:begin -->\n| new |\n<!-- some:end -->\nafter\n');
    assert.equal(between(made, 'some', '| new |'), made);
    assert.throws(() => between('no markers', 'some', ''), /markers/);
  });
});
