import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openJournal } from '../../src/journal/open.ts';
import { exportEntry, type Format, type JournalTools, journalTools, makeJournal, toLz4 } from '../kit/journal-maker.ts';
import { collect, openFiles, valuesOf, variedEntries } from './compare.ts';

/** A generator that repeats itself: mulberry32. */
function chance(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const formats: readonly (readonly [name: string, format: Format, lz4: boolean])[] = [
  ['compact, zstd', {}, false],
  ['regular, jenkins', { compact: false, keyed: false, compress: false }, false],
  ['regular, LZ4', { compact: false, compress: false }, true],
];

describe('journal: damaged files', function () {
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

  /** The used part of a journal file of 150 entries, and what each entry says. */
  async function sample(format: Format, lz4: boolean) {
    const path = join(folder, 'a.journal');
    await rm(path, { force: true });
    await makeJournal(tools, path, Buffer.concat(variedEntries(150).map(exportEntry)), format);
    if (lz4) await toLz4(path);
    const journal = await openFiles(folder);
    const entries = await collect(journal);
    journal.close();
    assert.equal(entries.length, 150);
    const whole = await readFile(path);
    const tail = Number(whole.readBigUInt64LE(136));
    const used = whole.subarray(0, tail + Number(whole.readBigUInt64LE(tail + 8)) + 64);
    const contents = new Set(entries.map((entry) => JSON.stringify([...valuesOf(entry)])));
    return { path, used, contents };
  }

  /** Reads whatever is there, in every way that takes other code, within a time that no loop would meet. */
  async function readAll(path: string, bytes: Buffer) {
    await writeFile(path, bytes);
    const started = performance.now();
    const opened = await openJournal({ directories: [folder], journalctl: null });
    if (!opened.ok) return [];
    const journal = opened.value;
    try {
      const entries = await collect(journal);
      await collect(journal, {
        since: 1_795_344_010_000_000n,
        match: [{ field: '_SYSTEMD_UNIT', values: ['unit-3.service', 'unit-4.service'] }],
        boot: 0,
      });
      await collect(journal, { cursor: 's=00000000000000000000000000000001;i=5;t=660db195f0000', fields: ['MESSAGE'] });
      await journal.boots();
      assert.ok(performance.now() - started < 5000, 'it takes no longer than a sound file by far');
      return entries;
    } finally {
      journal.close();
    }
  }

  for (const [name, format, lz4] of formats) {
    it(`with flipped bits cost only what they hit: ${name}`, async () => {
      const { path, used, contents } = await sample(format, lz4);
      const next = chance(20_261_122);
      let complete = 0;
      const rounds = 150;
      for (let round = 0; round < rounds; round++) {
        const bytes = Buffer.from(used);
        const flips = 1 + next(3);
        for (let flip = 0; flip < flips; flip++) {
          // Not the header: that makes it another file. Hash tables are most of a small file, so objects get more.
          const at = 272 + next(round % 2 === 0 ? bytes.length - 272 : 40_000);
          const where = round % 2 === 0 ? at : bytes.length - at;
          bytes[where] = (bytes[where] ?? 0) ^ (1 << next(8));
        }
        const entries = await readAll(path, bytes);
        if (entries.length >= 147) complete++;
        for (const entry of entries) {
          if (entry.damage.length > 0) continue;
          assert.ok(contents.has(JSON.stringify([...valuesOf(entry)])), `round ${round}: an entry that nobody wrote`);
        }
        assert.ok(entries.length <= 153, `round ${round}: ${entries.length} entries`);
      }
      assert.ok(complete > rounds * 0.97, `only ${complete} of ${rounds} files gave nearly all entries`);
    });
  }

  it('with any bytes in any places end', async () => {
    const { path, used } = await sample({}, false);
    const next = chance(7);
    for (let round = 0; round < 150; round++) {
      const bytes = Buffer.from(used);
      for (let hit = 0; hit < 200; hit++) bytes[16 + next(bytes.length - 16)] = next(256);
      // Offsets that are offsets of something else: the damage that makes loops.
      for (let hit = 0; hit < 50; hit++) {
        bytes.writeBigUInt64LE(BigInt(next(bytes.length / 8) * 8), 272 + next((bytes.length - 288) / 8) * 8);
      }
      await readAll(path, bytes);
    }
  });

  it('cut off anywhere give what is before', async () => {
    const { path, used, contents } = await sample({}, false);
    const next = chance(99);
    let least = 0;
    // The hash table, half of the file, is at its beginning: cuts in it leave nothing.
    const cuts = Array.from({ length: 60 }, () => used.length - next(60_000)).sort((a, b) => a - b);
    for (const cut of [0, 1, 100, 207, 208, 271, ...cuts]) {
      const entries = await readAll(path, used.subarray(0, cut));
      for (const entry of entries) {
        assert.ok(entry.damage.length > 0 || contents.has(JSON.stringify([...valuesOf(entry)])));
      }
      assert.ok(entries.length >= least - 1, `cut at ${cut}: ${entries.length}, but ${least} when cut before`);
      least = Math.max(least, entries.length);
    }
    assert.ok(least > 100);
  });

  it('with chains that lead back end', async () => {
    const { path, used } = await sample({ compact: false }, false);
    const bytes = Buffer.from(used);
    // Every entry array is its own successor, every data object the next of its own list.
    for (let at = Number(bytes.readBigUInt64LE(88)); at + 64 < bytes.length; ) {
      const size = Number(bytes.readBigUInt64LE(at + 8));
      if (size < 16) break;
      if (bytes[at] === 6) bytes.writeBigUInt64LE(BigInt(at), at + 16);
      if (bytes[at] === 1) for (const field of [24, 32]) bytes.writeBigUInt64LE(BigInt(at), at + field);
      at += Math.ceil(size / 8) * 8;
    }
    const entries = await readAll(path, bytes);
    assert.equal(entries.length, 150, 'all are found without the lists');
  });

  it('whose lists are broken off still have their entries', async () => {
    for (const format of [{}, { compact: false }]) {
      const { path, used, contents } = await sample(format, false);
      const arrays: number[] = [];
      for (let at = Number(used.readBigUInt64LE(88)); at + 64 < used.length; ) {
        const size = Number(used.readBigUInt64LE(at + 8));
        if (size < 16) break;
        if (used[at] === 6) arrays.push(at);
        at += Math.ceil(size / 8) * 8;
      }
      assert.ok(arrays.length > 20);
      for (const array of arrays) {
        const bytes = Buffer.from(used);
        // Neither its type nor its size can be read.
        bytes.fill(0xff, array, array + 16);
        const entries = await readAll(path, bytes);
        assert.equal(entries.length, 150);
        for (const entry of entries) assert.ok(contents.has(JSON.stringify([...valuesOf(entry)])));
        const journal = await openFiles(folder);
        const ofUnit = await collect(journal, { match: [{ field: '_SYSTEMD_UNIT', values: ['unit-3.service'] }] });
        assert.equal(ofUnit.length, 7);
        journal.close();
      }
    }
  });

  it('do not hide the files beside them', async () => {
    const { path, used } = await sample({}, false);
    const other = join(folder, 'b.journal');
    await makeJournal(tools, other, Buffer.concat(variedEntries(20, 500).map(exportEntry)));
    await truncate(path, 0);
    await writeFile(path, used.fill(0xff, 0, 64));
    const journal = await openFiles(folder);
    try {
      assert.equal((await collect(journal)).length, 20);
      assert.deepEqual(journal.problems(), [{ path, failure: { kind: 'not-a-journal' } }]);
    } finally {
      journal.close();
      await rm(other);
    }
  });
});
