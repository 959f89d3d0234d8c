import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdtemp, readdir, readFile, readlink, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EntryQuery, Journal } from '../../src/journal/journal.ts';
import { openJournal } from '../../src/journal/open.ts';
import {
  exportEntry,
  formatEnvironment,
  type JournalTools,
  journalTools,
  makeJournal,
  type OracleEntry,
  oracle,
  startJournald,
} from '../kit/journal-maker.ts';
import { assertSame, collect, openFiles, variedEntries } from './compare.ts';

const ofTester = [{ field: 'SYSLOG_IDENTIFIER', values: ['tester'] }];

describe('journal: following', function () {
  this.timeout(120_000);
  let tools: JournalTools;
  let folder = '';

  before(async function () {
    this.timeout(600_000);
    const found = await journalTools();
    if (found === null) return this.skip();
    tools = found;
  });

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pullwhy-journal-'));
  });

  afterEach(() => rm(folder, { recursive: true, force: true }));

  /** Follows until `count` different messages came, or until 30 seconds are over. */
  async function messages(journal: Journal, count: number, query: EntryQuery = {}): Promise<string[]> {
    const found: string[] = [];
    const different = new Set<string>();
    const signal = AbortSignal.timeout(30_000);
    for await (const { fields } of journal.entries({ follow: true, signal, fields: ['MESSAGE'], ...query })) {
      const text = fields.get('MESSAGE') ?? '';
      found.push(text);
      if (different.add(text).size === count) break;
    }
    return found;
  }

  it('a journald that writes at full speed and rotates loses nothing', async function () {
    const journald = await startJournald(folder, ['SystemMaxFileSize=512K', 'SystemMaxFiles=100']);
    if (journald === null) return this.skip();
    try {
      await journald.write('tester', ['line 0']);
      await settled(() => openable(journald.directory));
      const journal = await openFiles(journald.directory);
      const count = 6000;
      const lines = Array.from({ length: count }, (_, index) => `line ${index}`);
      const reading = messages(journal, count, { match: ofTester });
      for (let from = 1; from < count; from += 500) {
        await journald.write('tester', lines.slice(from, from + 500));
        if (from % 1500 === 1) journald.rotate();
      }
      const read = await reading;
      const expected = await oracle(tools, ['-D', journald.directory, 'SYSLOG_IDENTIFIER=tester']);
      // journald reads connections in turns, so its order is not quite that of the writing; and an entry that a full
      // file took only half is written again to the next (journald-server.c, shall_try_append_again).
      assert.deepEqual([...new Set(read)].sort(), [...lines].sort());
      assert.deepEqual(read, expected.slice(0, read.length).map(messageOf));
      assertSame(await collect(journal, { match: ofTester }), expected);
      const names = await readdir(join(journald.directory, (await readdir(journald.directory))[0] ?? ''));
      assert.ok(names.length > 3, `rotated into ${names.join(', ')}`);
      journal.close();
    } finally {
      await journald.stop();
    }
  });

  it('finds who writes for the first time, however many others wrote before and between', async function () {
    const journald = await startJournald(folder, ['SystemMaxFileSize=4M', 'SystemMaxFiles=100']);
    if (journald === null) return this.skip();
    try {
      await journald.write('someone', ['line 0']);
      await settled(() => openable(journald.directory));
      const journal = await openFiles(journald.directory);
      const writers = ['first', 'second', 'third'];
      const match = [{ field: 'SYSLOG_IDENTIFIER', values: ['never', ...writers, 'nobody'] }];
      // Some of the others' bursts are less than is asked one by one, and some more.
      const bursts = [1, 3, 40, 0, 31, 32, 33, 2, 200, 1, 5, 64];
      const lines = bursts.flatMap((_, round) =>
        writers.slice(0, 1 + Math.floor(round / 4)).map((who) => `${who} ${round}`),
      );
      const reading = messages(journal, lines.length, { match });
      for (const [round, others] of bursts.entries()) {
        await journald.write(
          `someone-${round}`,
          Array.from({ length: others }, (_, index) => `of no interest ${round} ${index}`),
        );
        if (round % 3 === 0) await new Promise((resolve) => setTimeout(resolve, 300));
        for (const who of writers) {
          const own = lines.filter((line) => line === `${who} ${round}`);
          if (own.length > 0) await journald.write(who, own);
        }
        if (round % 2 === 0) await new Promise((resolve) => setTimeout(resolve, 300));
      }
      assert.deepEqual((await reading).sort(), [...lines].sort());
      assertSame(
        await collect(journal, { match }),
        await oracle(tools, ['-D', journald.directory, ...writers.map((who) => `SYSLOG_IDENTIFIER=${who}`)]),
      );
      journal.close();
    } finally {
      await journald.stop();
    }
  });

  it('goes on behind the cursor after the reader was killed', async function () {
    const journald = await startJournald(folder, ['SystemMaxFileSize=512K', 'SystemMaxFiles=100']);
    if (journald === null) return this.skip();
    try {
      const count = 2000;
      const lines = Array.from({ length: count }, (_, index) => `line ${index}`);
      await journald.write('tester', lines.slice(0, 1000));
      await settled(() => openable(journald.directory));
      const read: string[] = [];
      let cursor: string | undefined;
      // Readers, one after the other, each of which reads a hundred entries and forgets all but the cursor.
      const writing = (async () => {
        for (let from = 1000; from < count; from += 100) {
          await journald.write('tester', lines.slice(from, from + 100));
          if (from % 300 === 0) journald.rotate();
        }
      })();
      for (let reader = 0; reader < 30 && new Set(read).size < count; reader++) {
        const journal = await openFiles(journald.directory);
        let taken = 0;
        const signal = AbortSignal.timeout(20_000);
        const query: EntryQuery = { follow: true, match: ofTester, signal, fields: ['MESSAGE'] };
        for await (const entry of journal.entries(cursor === undefined ? query : { ...query, cursor })) {
          read.push(entry.fields.get('MESSAGE') ?? '');
          cursor = entry.cursor;
          if (++taken === 100 || new Set(read).size === count) break;
        }
        journal.close();
      }
      await writing;
      const expected = await oracle(tools, ['-D', journald.directory, 'SYSLOG_IDENTIFIER=tester']);
      assert.deepEqual([...new Set(read)].sort(), [...lines].sort());
      assert.deepEqual(read, expected.slice(0, read.length).map(messageOf));
    } finally {
      await journald.stop();
    }
  });

  it('survives vacuuming, and closes what is gone', async function () {
    const journald = await startJournald(folder, ['SystemMaxFileSize=512K', 'SystemMaxFiles=2']);
    if (journald === null) return this.skip();
    try {
      await journald.write('tester', ['line 0']);
      await settled(() => openable(journald.directory));
      const journal = await openFiles(journald.directory);
      const reading = messages(journal, 10, { match: ofTester });
      for (let round = 0; round < 8; round++) {
        await journald.write('tester', [`round ${round}`]);
        journald.rotate();
        await new Promise((resolve) => setTimeout(resolve, 150));
      }
      await journald.write('tester', ['the end']);
      const read = await reading;
      assert.deepEqual(read, ['line 0', ...Array.from({ length: 8 }, (_, round) => `round ${round}`), 'the end']);
      const machine = join(journald.directory, (await readdir(journald.directory))[0] ?? '');
      const names = await readdir(machine);
      assert.ok(names.length <= 3, names.join(', '));
      const links = await Promise.all(
        (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')),
      );
      const open = links.filter((link) => link.startsWith(machine));
      assert.ok(open.length <= names.length, open.join(', '));
      journal.close();
    } finally {
      await journald.stop();
    }
  });

  it('a file that systemd-journal-remote writes entry by entry', async () => {
    const path = join(folder, 'a.journal');
    const child = spawn(tools.remote, ['-o', path, '-'], {
      env: { PATH: '/usr/bin', ...formatEnvironment({}) },
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    const ended = once(child, 'close');
    const entries = variedEntries(400);
    try {
      child.stdin.write(exportEntry(entries[0] ?? fail()));
      await settled(() => openable(folder));
      const journal = await openFiles(folder);
      const read: string[] = [];
      const reading = (async () => {
        for await (const { cursor } of journal.entries({ follow: true, signal: AbortSignal.timeout(30_000) })) {
          if (read.push(cursor) === entries.length) break;
        }
      })();
      for (const entry of entries.slice(1)) {
        child.stdin.write(exportEntry(entry));
        if (entry.realtime % 4_000_000 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
      }
      await reading;
      child.stdin.end();
      await ended;
      assert.deepEqual(
        read,
        (await oracle(tools, ['-D', folder])).map(({ cursor }) => cursor),
      );
      journal.close();
    } finally {
      child.kill();
    }
  });

  it('takes up files that come, and those that are replaced or cut', async () => {
    const part = async (name: string, from: number, count: number) => {
      const path = join(folder, name);
      await makeJournal(tools, path, Buffer.concat(variedEntries(count, from).map(exportEntry)));
      return path;
    };
    const live = await part('system.journal', 0, 10);
    const journal = await openFiles(folder);
    const iterator = journal.entries({ follow: true, signal: AbortSignal.timeout(30_000), fields: ['MESSAGE'] });
    const read: string[] = [];
    const until = async (count: number) => {
      while (read.length < count) {
        const next = await entries.next();
        if (next.done === true) break;
        read.push(next.value.fields.get('MESSAGE') ?? '');
      }
    };
    const entries = iterator[Symbol.asyncIterator]();
    await until(10);
    // Rotated: the same file under another name, a new one in its place.
    await rename(live, join(folder, 'system@1.journal'));
    await part('system.journal', 10, 10);
    await until(20);
    // Written over from the start, as log rotation with copytruncate does.
    const other = await part('other.tmp.journal', 20, 10);
    await rename(other, join(folder, 'other.tmp'));
    await writeFile(live, await readFile(join(folder, 'other.tmp')));
    await until(30);
    await truncate(live, 0);
    await copyFile(join(folder, 'other.tmp'), join(folder, 'moved'));
    await part('user-1000.journal', 30, 10);
    await until(40);
    await entries.return?.();
    journal.close();
    assert.deepEqual(
      read,
      variedEntries(40).map(({ fields }) => String(fields[0]?.[1])),
    );
  });

  const unfinished = [
    { when: 'is empty', first: Buffer.alloc(0) },
    { when: 'has space but no header', first: Buffer.alloc(4096) },
  ];
  for (const { when, first } of unfinished) {
    // A writer makes a file, then writes its header: neither that nor the first entries change the folder.
    it(`takes up a file that ${when} at the first look`, async () => {
      await makeJournal(tools, join(folder, 'system@1.journal'), Buffer.concat(variedEntries(10).map(exportEntry)));
      const made = join(folder, 'made');
      await makeJournal(tools, `${made}.journal`, Buffer.concat(variedEntries(10, 10).map(exportEntry)));
      await rename(`${made}.journal`, made);
      const live = join(folder, 'system.journal');
      await writeFile(live, first);
      const journal = await openFiles(folder);
      const reading = messages(journal, 20);
      await new Promise((resolve) => setTimeout(resolve, 100));
      await writeFile(live, await readFile(made), { flag: 'r+' });
      assert.deepEqual(
        await reading,
        variedEntries(20).map(({ fields }) => String(fields[0]?.[1])),
      );
      journal.close();
    });
  }

  it('gives every reader of one journal every entry', async () => {
    const path = join(folder, 'system.journal');
    await makeJournal(tools, path, Buffer.concat(variedEntries(10).map(exportEntry)));
    const journal = await openFiles(folder);
    const read = async () => {
      let count = 0;
      for await (const _ of journal.entries({ follow: true, signal: AbortSignal.timeout(20_000), fields: [] })) {
        if (++count === 20) break;
      }
      return count;
    };
    const readers = [read(), read(), read()];
    await new Promise((resolve) => setTimeout(resolve, 100));
    // Written on by another process: systemd-journal-remote opens a file that is there and goes on with it.
    await makeJournal(tools, path, Buffer.concat(variedEntries(10, 10).map(exportEntry)));
    assert.deepEqual(await Promise.all(readers), [20, 20, 20]);
    journal.close();
  });

  it('ends with its signal, and with the journal', async () => {
    await makeJournal(tools, join(folder, 'a.journal'), Buffer.concat(variedEntries(5).map(exportEntry)));
    const journal = await openFiles(folder);
    const ending = new AbortController();
    setTimeout(() => ending.abort(), 100);
    assert.equal((await collect(journal, { follow: true, signal: ending.signal })).length, 5);
    setTimeout(() => journal.close(), 100);
    assert.equal((await collect(journal, { follow: true })).length, 5);
  });
});

function messageOf({ fields }: OracleEntry): string {
  return Buffer.from(fields.get('MESSAGE')?.[0] ?? '', 'hex').toString('utf8');
}

function fail(): never {
  throw new Error('no entry');
}

async function openable(directory: string): Promise<boolean> {
  const opened = await openJournal({ directories: [directory], journalctl: null });
  if (!opened.ok) return false;
  const entries = await collect(opened.value, { fields: [] });
  opened.value.close();
  return entries.length > 0;
}

async function settled(done: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    if (await done()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('nothing came within ten seconds');
}
