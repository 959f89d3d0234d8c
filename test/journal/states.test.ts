import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openJournal } from '../../src/journal/open.ts';
import { exportEntry, type JournalTools, journalTools, makeJournal, oracle } from '../kit/journal-maker.ts';
import { assertSame, collect, variedEntries } from './compare.ts';

const ours = '432fb4306f30484b9babc3fedf356a91';
const theirs = '00000000000000000000000000000abc';

describe('journal: states', function () {
  this.timeout(60_000);
  let folder = '';

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pullwhy-journal-'));
  });

  afterEach(() => rm(folder, { recursive: true, force: true }));

  async function stateOf(directories: readonly string[], machineId: string | null = null) {
    const opened = await openJournal({ directories, machineId, journalctl: null });
    if (opened.ok) opened.value.close();
    return opened.ok ? { kind: 'open' } : opened.error;
  }

  it('absent, when no folder is there', async () => {
    const directories = [join(folder, 'var/log/journal'), join(folder, 'run/log/journal')];
    assert.deepEqual(await stateOf(directories), { kind: 'absent', directories });
  });

  it('empty, when no folder has a journal file', async () => {
    await mkdir(join(folder, ours));
    await writeFile(join(folder, 'readme.txt'), 'nothing');
    assert.deepEqual(await stateOf([folder, join(folder, 'not-there')]), { kind: 'empty', directories: [folder] });
    await writeFile(join(folder, ours, 'system.journal'), '');
    assert.deepEqual(
      await stateOf([folder], ours),
      { kind: 'empty', directories: [folder] },
      'a file without contents',
    );
  });

  it('denied, when the user may not read', async function () {
    const effective = process.geteuid?.();
    if (effective === undefined || process.seteuid === undefined) return this.skip();
    await mkdir(join(folder, 'closed'));
    await writeFile(join(folder, 'system.journal'), Buffer.alloc(300, 1), { mode: 0o600 });
    await chmod(join(folder, 'closed'), 0);
    await chmod(folder, 0o755);
    if (effective === 0) process.seteuid(65_534);
    try {
      assert.deepEqual(await stateOf([join(folder, 'closed')]), { kind: 'denied', path: join(folder, 'closed') });
      if (effective === 0) {
        assert.deepEqual(await stateOf([folder]), { kind: 'denied', path: join(folder, 'system.journal') });
      }
    } finally {
      if (effective === 0) process.seteuid(effective);
    }
  });

  it('damaged, when no file is a journal', async () => {
    const path = join(folder, 'system.journal');
    await writeFile(path, Buffer.alloc(300, 1));
    assert.deepEqual(await stateOf([folder]), {
      kind: 'damaged',
      problems: [{ path, failure: { kind: 'not-a-journal' } }],
    });
  });

  it('unsupported, by the name of the feature', async () => {
    const path = join(folder, 'system.journal');
    const header = Buffer.alloc(272);
    header.write('LPKSHHRH');
    header.writeBigUInt64LE(272n, 88);
    for (const [flags, features] of [
      [1, ['xz']],
      [0b101101, ['xz', 'segmented']],
      [0x80000000, ['flag 31']],
    ] as const) {
      header.writeUInt32LE(flags, 12);
      await writeFile(path, header);
      assert.deepEqual(await stateOf([folder]), { kind: 'unsupported', path, features });
    }
    const none = await openJournal({ directories: [folder], journalctl: join(folder, 'no-such-program') });
    assert.equal(none.ok ? 'open' : none.error.kind, 'unsupported', 'there is no journalctl either');
  });

  describe('with journals', () => {
    let tools: JournalTools;

    before(async function () {
      this.timeout(600_000);
      const found = await journalTools();
      if (found === null) return this.skip();
      tools = found;
    });

    const stream = () => Buffer.concat(variedEntries(30).map(exportEntry));

    it('wrong machine, when only others have journals here', async () => {
      await mkdir(join(folder, theirs));
      await makeJournal(tools, join(folder, theirs, 'system.journal'), stream());
      assert.deepEqual(await stateOf([folder], ours), { kind: 'wrong-machine', expected: ours, found: [theirs] });
      assert.deepEqual(await stateOf([folder], theirs), { kind: 'open' });
      assert.deepEqual(await stateOf([folder]), { kind: 'open' });
    });

    it("keeps other machines' entries apart", async () => {
      for (const [id, count] of [
        [ours, 10],
        [theirs, 20],
      ] as const) {
        await mkdir(join(folder, id));
        const entries = Buffer.concat(variedEntries(count).map(exportEntry));
        await makeJournal(tools, join(folder, id, 'system.journal'), entries);
      }
      for (const [machineId, count] of [
        [ours, 10],
        [theirs, 20],
        [null, 30],
      ] as const) {
        const opened = await openJournal({ directories: [folder], machineId, journalctl: null });
        assert.ok(opened.ok);
        assert.equal((await collect(opened.value)).length, count);
        opened.value.close();
      }
    });

    it('tells storage on disk from storage in memory', async () => {
      const folders = [join(folder, 'var/log/journal'), join(folder, 'run/log/journal')];
      for (const one of folders) await mkdir(join(one, ours), { recursive: true });
      const storage = async () => {
        const opened = await openJournal({ directories: folders, journalctl: null });
        assert.ok(opened.ok);
        const found = opened.value.storage;
        opened.value.close();
        return found;
      };
      await makeJournal(tools, join(folders[1] ?? '', ours, 'system.journal'), stream());
      assert.equal(await storage(), 'volatile');
      await makeJournal(tools, join(folders[0] ?? '', ours, 'system.journal'), stream());
      assert.equal(await storage(), 'both');
      await rm(join(folders[1] ?? '', ours, 'system.journal'));
      assert.equal(await storage(), 'persistent');
    });

    it('reads with journalctl what has XZ, and says so', async () => {
      const path = join(folder, 'system.journal');
      await makeJournal(tools, path, stream(), { compact: false, compress: false });
      // The flag says that there may be XZ in the file; that there is none makes no difference to the decision.
      const file = await open(path, 'r+');
      await file.write(Buffer.from([0b101]), 0, 1, 12);
      await file.close();
      const opened = await openJournal({ directories: [folder], journalctl: tools.journalctl });
      assert.ok(opened.ok, opened.ok ? '' : opened.error.kind);
      const journal = opened.value;
      try {
        assert.equal(journal.source, 'journalctl');
        assert.match(journal.note ?? '', /system\.journal uses xz/);
        const expected = await oracle(tools, ['-D', folder]);
        assert.equal(expected.length, 30);
        assertSame(await collect(journal), expected);
        const cursor = expected[9]?.cursor ?? '';
        assertSame(await collect(journal, { cursor }), expected.slice(10));
        const since = BigInt(expected[4]?.realtime ?? 0);
        assertSame(await collect(journal, { since }), expected.slice(4));
        const match = [{ field: '_SYSTEMD_UNIT', values: ['unit-3.service', 'unit-4.service'] }];
        assert.equal((await collect(journal, { match, fields: ['MESSAGE'] })).length, 4);
        assert.equal((await journal.boots()).length, 1);
        assert.equal((await collect(journal, { boot: 0 })).length, 30);
        for await (const entry of journal.entries({ follow: true })) {
          assert.equal(entry.cursor, expected[0]?.cursor);
          break;
        }
      } finally {
        journal.close();
      }
    });

    it('refuses queries that cannot be answered', async () => {
      await makeJournal(tools, join(folder, 'system.journal'), stream());
      const opened = await openJournal({ directories: [folder], journalctl: null });
      assert.ok(opened.ok);
      const journal = opened.value;
      assert.deepEqual(await journal.check({ cursor: 'nonsense' }), { kind: 'bad-cursor', cursor: 'nonsense' });
      assert.deepEqual(await journal.check({ boot: -7 }), { kind: 'no-such-boot', boot: -7 });
      assert.deepEqual(await journal.check({ boot: 'x' }), { kind: 'no-such-boot', boot: 'x' });
      assert.deepEqual(await journal.check({ match: [{ field: 'a=b', values: [] }] }), {
        kind: 'bad-match',
        field: 'a=b',
      });
      assert.equal(await journal.check({ boot: 0, cursor: 't=1' }), null);
      assert.deepEqual(await collect(journal, { cursor: 'nonsense' }), []);
      journal.close();
    });
  });
});
