import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { EntryQuery, Journal, JournalEntry } from '../../src/journal/journal.ts';
import { openJournal } from '../../src/journal/open.ts';
import type { MadeEntry, OracleEntry } from '../kit/journal-maker.ts';

/** The captures of real components, null where this checkout has none beside it. */
export function capturesFolder(): string | null {
  const folder = join(import.meta.dirname, '../../../shared/captures');
  return existsSync(folder) ? folder : null;
}

/** Opens a journal with this reader only. */
export async function openFiles(directory: string): Promise<Journal> {
  const opened = await openJournal({ directories: [directory], journalctl: null });
  assert.ok(opened.ok, opened.ok ? '' : JSON.stringify(opened.error));
  return opened.value;
}

/** All entries of a query. */
export async function collect(journal: Journal, query: EntryQuery = {}): Promise<JournalEntry[]> {
  const entries: JournalEntry[] = [];
  for await (const entry of journal.entries(query)) entries.push(entry);
  return entries;
}

/** An entry's values as hexadecimal bytes, by name. */
export function valuesOf(entry: JournalEntry): Map<string, string[]> {
  const values = new Map<string, string[]>();
  for (const [name, value] of entry.fields) {
    values.set(name, [...(values.get(name) ?? []), Buffer.from(value).toString('hex')]);
  }
  return values;
}

/** Holds what was read against what journalctl read: the same entries in the same order, with the same fields. */
export function assertSame(read: readonly JournalEntry[], expected: readonly OracleEntry[]): void {
  assert.equal(read.length, expected.length, 'number of entries');
  for (const [index, entry] of read.entries()) {
    const other = expected[index];
    assert.ok(other !== undefined);
    assert.equal(entry.cursor, other.cursor, `cursor of entry ${index}`);
    assert.equal(String(entry.realtimeUs), other.realtime);
    assert.equal(String(entry.monotonicUs), other.monotonic);
    assert.deepEqual(entry.damage, []);
    const values = valuesOf(entry);
    assert.deepEqual([...values.keys()].sort(), [...other.fields.keys()].sort(), `fields of entry ${index}`);
    for (const [name, list] of other.fields) {
      assert.deepEqual([...(values.get(name) ?? [])].sort(), [...list].sort(), `${name} of entry ${index}`);
    }
  }
}

const boots = [
  '379b4f5ece2e4290b82bfd6f34ad8c69',
  '11111111111111111111111111111111',
  'abcdefabcdefabcdefabcdefabcdef00',
];

/** Entries of every kind: large and small, binary and empty values, repeated fields, many units, several boots. */
export function variedEntries(count: number, from = 0): MadeEntry[] {
  return Array.from({ length: count }, (_, offset) => {
    const index = from + offset;
    const boot = Math.min(Math.floor((index * boots.length) / 600), boots.length - 1);
    const fields: [string, string | Buffer][] = [
      ['MESSAGE', message(index)],
      ['PRIORITY', String(index % 8)],
      ['_SYSTEMD_UNIT', `unit-${index % 23}.service`],
      ['_HOSTNAME', 'worker-3'],
      ['SYSLOG_IDENTIFIER', index % 3 === 0 ? 'kubelet' : 'containerd'],
    ];
    if (index % 5 === 0) fields.push(['TAG', 'first'], ['TAG', `second-${index % 4}`]);
    if (index % 7 === 0) fields.push(['BINARY', Buffer.from([0, 255, index % 256, 10, 200])]);
    if (index % 11 === 0) fields.push(['EMPTY', '']);
    if (index % 13 === 0) fields.push(['LARGE', `${index} ${'large and compressible '.repeat(200)}`]);
    if (index % 50 === 0) fields.push(['VERY_LARGE', Buffer.alloc(100_000, index)]);
    return {
      realtime: 1_795_344_000_000_000 + index * 250_000,
      monotonic: 5_000_000 + index * 250_000,
      bootId: boots[boot] ?? '',
      fields,
    };
  });
}

function message(index: number): string {
  if (index % 9 === 0) return `zwei Zeilen,\nüber Bücher ${index}`;
  if (index % 4 === 0) return `E1122 10:36:45 log.go:32] "PullImage failed" ${`err="try ${index}" `.repeat(40)}`;
  return index % 17 === 0 ? 'the same every time' : `entry ${index}`;
}
