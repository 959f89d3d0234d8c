import assert from 'node:assert/strict';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { EntryQuery } from '../../src/journal/journal.ts';
import {
  exportEntry,
  type Format,
  type JournalTools,
  journalTools,
  makeJournal,
  oracle,
  toLz4,
} from '../kit/journal-maker.ts';
import { assertSame, capturesFolder, collect, openFiles, variedEntries } from './compare.ts';

const formats: readonly (readonly [name: string, format: Format, lz4: boolean])[] = [
  ['compact, keyed, zstd', {}, false],
  ['compact, keyed, plain', { compress: false }, false],
  ['regular, keyed, zstd', { compact: false }, false],
  ['regular, jenkins, zstd', { compact: false, keyed: false }, false],
  ['regular, jenkins, LZ4', { compact: false, keyed: false, compress: false }, true],
  ['regular, keyed, LZ4', { compact: false, compress: false }, true],
  ['compact, jenkins, LZ4', { keyed: false, compress: false }, true],
];

describe('journal: the same as journalctl', function () {
  this.timeout(180_000);
  let tools: JournalTools;
  let folder = '';

  before(async function () {
    this.timeout(600_000);
    const found = await journalTools();
    if (found === null) return this.skip();
    tools = found;
    folder = await mkdtemp(join(tmpdir(), 'pullwhy-journal-'));
  });

  after(async () => {
    if (folder !== '') await rm(folder, { recursive: true, force: true });
  });

  for (const [name, format, lz4] of formats) {
    it(name, async () => {
      const directory = join(folder, name.replaceAll(/\W+/g, '-'));
      await mkdir(directory);
      const path = join(directory, 'a.journal');
      await makeJournal(tools, path, Buffer.concat(variedEntries(700).map(exportEntry)), format);
      if (lz4) assert.ok((await toLz4(path)) > 100, 'values were packed');
      const journal = await openFiles(directory);
      try {
        const expected = await oracle(tools, ['-D', directory]);
        assert.equal(expected.length, 700);
        assertSame(await collect(journal), expected);
      } finally {
        journal.close();
      }
    });
  }

  it('asked by time, cursor, boot and fields', async () => {
    const directory = join(folder, 'queries');
    await mkdir(directory);
    const made = variedEntries(700);
    await makeJournal(tools, join(directory, 'a.journal'), Buffer.concat(made.map(exportEntry)));
    const journal = await openFiles(directory);
    const all = await oracle(tools, ['-D', directory]);
    const time = (index: number, add = 0) => BigInt((made[index]?.realtime ?? 0) + add);
    const at = (us: bigint) => `@${us / 1_000_000n}.${(us % 1_000_000n).toString().padStart(6, '0')}`;
    const cursor = all[333]?.cursor ?? '';
    const fitting = all[14 * 23 + 3]?.cursor ?? '';
    const boot = made[300]?.bootId ?? '';
    const unit = (number: number) => ({ field: '_SYSTEMD_UNIT', values: [`unit-${number}.service`] });
    const cases: readonly (readonly [EntryQuery, readonly string[]])[] = [
      [{ since: time(100) }, ['--since', at(time(100))]],
      [{ since: time(100, 1) }, ['--since', at(time(100, 1))]],
      [{ since: 0n }, []],
      [{ since: time(699, 1) }, ['--since', at(time(699, 1))]],
      [{ until: time(100) }, ['--until', at(time(100))]],
      [{ since: time(50), until: time(60, -1) }, ['--since', at(time(50)), '--until', at(time(60, -1))]],
      [{ cursor }, ['--after-cursor', cursor]],
      [{ cursor: all[699]?.cursor ?? '' }, ['--after-cursor', all[699]?.cursor ?? '']],
      [{ boot }, [`_BOOT_ID=${boot}`]],
      [{ match: [unit(3)] }, ['_SYSTEMD_UNIT=unit-3.service']],
      [
        { match: [{ field: '_SYSTEMD_UNIT', values: ['unit-3.service', 'unit-4.service', 'unit-99.service'] }] },
        ['_SYSTEMD_UNIT=unit-3.service', '_SYSTEMD_UNIT=unit-4.service'],
      ],
      [
        { match: [unit(3), { field: 'SYSLOG_IDENTIFIER', values: ['kubelet'] }], boot },
        ['_SYSTEMD_UNIT=unit-3.service', 'SYSLOG_IDENTIFIER=kubelet', `_BOOT_ID=${boot}`],
      ],
      // The cursor's entry fits: of one that does not, journalctl 252 skips the next that does.
      [{ match: [unit(3)], cursor: fitting }, ['_SYSTEMD_UNIT=unit-3.service', '--after-cursor', fitting]],
      [{ match: [unit(3)], since: time(350) }, ['_SYSTEMD_UNIT=unit-3.service', '--since', at(time(350))]],
      [{ match: [unit(77)] }, ['_SYSTEMD_UNIT=unit-77.service']],
      [{ match: [{ field: 'TAG', values: ['second-1'] }] }, ['TAG=second-1']],
      [{ match: [{ field: 'EMPTY', values: [''] }] }, ['EMPTY=']],
    ];
    try {
      for (const [query, args] of cases)
        assertSame(await collect(journal, query), await oracle(tools, ['-D', directory, ...args]));
      assert.deepEqual(
        (await journal.boots()).map(({ bootId, index, firstUs, lastUs }) => [bootId, index, firstUs, lastUs]),
        [
          [made[0]?.bootId, -2, time(0), time(199)],
          [made[200]?.bootId, -1, time(200), time(399)],
          [made[400]?.bootId, 0, time(400), time(699)],
        ],
      );
      const behind = await collect(journal, { match: [unit(3)], cursor });
      assert.equal(behind[0]?.fields.get('_SYSTEMD_UNIT'), 'unit-3.service');
      assert.equal(behind[0]?.cursor, all[15 * 23 + 3]?.cursor);
      assert.deepEqual(await collect(journal, { boot: -1, fields: [] }).then((list) => list.length), 200);
      assert.deepEqual(await collect(journal, { boot: 3, fields: [] }).then((list) => list.length), 300);
      const some = await collect(journal, { fields: ['MESSAGE', 'TAG'], match: [unit(5)] });
      for (const { fields } of some) {
        assert.deepEqual(
          [...new Set([...fields].map(([name]) => name))].filter((name) => !['MESSAGE', 'TAG'].includes(name)),
          [],
        );
        assert.ok(fields.get('MESSAGE'));
        assert.equal(fields.get('_HOSTNAME'), undefined);
      }
      assert.deepEqual(some.find(({ fields }) => fields.get('TAG') !== undefined)?.fields.all('TAG').length, 2);
    } finally {
      journal.close();
    }
  });

  it('over a hundred rotated files, and with a user journal beside', async () => {
    const directory = join(folder, 'many');
    await mkdir(directory);
    for (let part = 0; part < 100; part++) {
      const stream = Buffer.concat(variedEntries(6, part * 6).map(exportEntry));
      await makeJournal(tools, join(directory, `part-${part}.journal`), stream);
      const name = `system@${'0'.repeat(29)}${String(part).padStart(3, '0')}-${part}.journal${part % 9 === 0 ? '~' : ''}`;
      await rename(join(directory, `part-${part}.journal`), join(directory, name));
    }
    // A second writer, whose entries lie between the others'.
    const between = variedEntries(600).map((entry) => ({
      ...entry,
      realtime: entry.realtime + 1000,
      monotonic: entry.monotonic + 1000,
      fields: [['MESSAGE', 'of a user'] as const],
    }));
    await makeJournal(tools, join(directory, 'user-1000.journal'), Buffer.concat(between.map(exportEntry)));
    const journal = await openFiles(directory);
    try {
      const expected = await oracle(tools, ['-D', directory]);
      assert.equal(expected.length, 1200);
      assertSame(await collect(journal), expected);
      for (const index of [0, 17, 599, 1100]) {
        const cursor = expected[index]?.cursor ?? '';
        assertSame(await collect(journal, { cursor }), expected.slice(index + 1));
      }
      const since = BigInt(expected[500]?.realtime ?? 0);
      assertSame(await collect(journal, { since }), expected.slice(500));
    } finally {
      journal.close();
    }
  });

  it('says an entry once that lies in two files', async () => {
    const directory = join(folder, 'twice');
    await mkdir(directory);
    await makeJournal(tools, join(directory, 'a.journal'), Buffer.concat(variedEntries(40).map(exportEntry)));
    await copyFile(join(directory, 'a.journal'), join(directory, 'b.journal'));
    const journal = await openFiles(directory);
    try {
      assertSame(await collect(journal), await oracle(tools, ['--file', join(directory, 'a.journal')]));
    } finally {
      journal.close();
    }
  });

  it('takes cursors to journalctl and back', async () => {
    const directory = join(folder, 'cursors');
    await mkdir(directory);
    await makeJournal(tools, join(directory, 'a.journal'), Buffer.concat(variedEntries(60).map(exportEntry)));
    const journal = await openFiles(directory);
    try {
      const entries = await collect(journal);
      const cursor = entries[20]?.cursor ?? '';
      assertSame(entries.slice(21), await oracle(tools, ['-D', directory, '--after-cursor', cursor]));
      assertSame(entries.slice(20), await oracle(tools, ['-D', directory, '--cursor', cursor]));
    } finally {
      journal.close();
    }
  });

  it('on the captures of real kubelets and runtimes', async function () {
    const captures = capturesFolder();
    if (captures === null) {
      process.stdout.write('    journal: captures left out, ../shared/captures is not there\n');
      return this.skip();
    }
    let files = 0;
    for (const run of await readdir(captures)) {
      const names = await readdir(join(captures, run)).catch(() => []);
      const exports = names.filter((name) => name.endsWith('.journal-export.gz'));
      if (exports.length === 0) continue;
      const directory = join(folder, run);
      await mkdir(directory);
      for (const name of exports) {
        const stream = gunzipSync(await readFile(join(captures, run, name)));
        await makeJournal(tools, join(directory, name.replace('-export.gz', '')), stream);
        files++;
      }
      const journal = await openFiles(directory);
      try {
        assertSame(await collect(journal), await oracle(tools, ['-D', directory]));
        const match = [{ field: '_SYSTEMD_UNIT', values: ['kubelet.service'] }];
        assertSame(
          await collect(journal, { match }),
          await oracle(tools, ['-D', directory, '_SYSTEMD_UNIT=kubelet.service']),
        );
      } finally {
        journal.close();
      }
    }
    assert.ok(files > 0);
  });
});
