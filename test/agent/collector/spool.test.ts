import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { openSpool, type Spool, type SpoolNeeds } from '../../../src/agent/collector/spool.ts';
import type { RecordKind } from '../../../src/api/records.ts';
import { openLog } from '../../../src/lib/log.ts';

const everything = { records: 500, chars: 512 * 1024 };

describe('agent: the spool', () => {
  const folder = mkdtempSync(`${tmpdir()}/pullwhy-spool-`);
  after(() => rmSync(folder, { recursive: true, force: true }));
  let serial = 0;
  let ids = 0;
  const another = (): string => `${folder}/${serial++}`;

  function stage(directory: string | null, more: Partial<SpoolNeeds> = {}) {
    const time = { at: 0, wall: Date.parse('2026-11-22T10:00:00Z') };
    const lines: string[] = [];
    const lost: Record<string, number> = {};
    const env = { now: () => time.wall + time.at, monotonic: () => time.at, random: () => 0.5 };
    const log = openLog({
      env,
      write: (line) => void lines.push(line),
      settings: () => ({ level: 'debug', format: 'text' }),
    });
    const spool = openSpool({
      env,
      log,
      node: 'node-1',
      directory,
      maxBytes: 1024 * 1024,
      maxAgeMs: 7 * 86_400_000,
      newId: () => `boot-${++ids}`,
      onDropped: (kind, count) => {
        lost[kind] = (lost[kind] ?? 0) + count;
      },
      ...more,
    });
    return { time, lines, lost, spool };
  }
  const record = (name: string, subject: string | null = null, kind: RecordKind = 'incident', chars = 0) => ({
    kind,
    subject,
    record: { kind, name, filler: 'x'.repeat(chars) },
  });
  const names = (batch: ReturnType<Spool['next']>): unknown[] =>
    batch === null
      ? []
      : batch.records.map(({ text }) => {
          const read: unknown = JSON.parse(text);
          return typeof read === 'object' && read !== null ? Reflect.get(read, 'name') : null;
        });
  const take = (spool: Spool): unknown[] => {
    const batch = spool.next(everything);
    spool.settle({ taken: batch?.records.map(({ seq }) => seq) ?? [], lost: [] });
    return names(batch);
  };

  it('numbers records as they are first sent, the urgent first, and gives them again until they are settled', () => {
    const { spool } = stage(another());
    assert.equal(spool.next(everything), null);
    spool.push(
      record('i', null, 'investigation'),
      record('h', null, 'health'),
      record('x'),
      record('b', null, 'heartbeat'),
    );
    spool.tick();
    const first = spool.next({ records: 3, chars: 1000 });
    assert.deepEqual(names(first), ['x', 'b', 'h']);
    assert.deepEqual(
      first?.records.map(({ seq }) => seq),
      [1, 2, 3],
    );
    assert.match(first?.records[0]?.text ?? '', /^\{"seq":1,"kind":"incident"/);
    // Its fate is not known: the same again, whatever came meanwhile, and in smaller parts.
    spool.push(record('y'));
    spool.settle({ taken: [], lost: [] });
    assert.deepEqual(spool.next({ records: 3, chars: 1000 }), first);
    spool.settle({ taken: [], lost: [] });
    assert.deepEqual(names(spool.next({ records: 1, chars: 1000 })), ['x']);
    spool.settle({ taken: [1], lost: [] });
    assert.deepEqual(
      spool.next(everything)?.records.map(({ seq }) => seq),
      [2, 3],
    );
    spool.settle({ taken: [2], lost: [3] });
    assert.deepEqual(spool.dropped(), { health: 1 });
    const rest = spool.next(everything);
    assert.deepEqual(
      [names(rest), rest?.records.map(({ seq }) => seq)],
      [
        ['y', 'i'],
        [4, 5],
      ],
    );
    spool.settle({ taken: [4, 5], lost: [] });
    assert.deepEqual([spool.next(everything), spool.size()], [null, { rows: 0, bytes: 0 }]);
    spool.close();
  });

  it('lets a newer record of a subject take the place of one that was not sent, and of no other', () => {
    const { spool, lost } = stage(another());
    spool.push(record('a1', 'a'), record('b1', 'b'), record('a2', 'a'));
    spool.tick();
    spool.push(record('a3', 'a'));
    spool.tick();
    assert.equal(spool.size().rows, 2);
    assert.deepEqual(names(spool.next(everything)), ['b1', 'a3']);
    // Under way: it may have arrived.
    spool.push(record('a4', 'a'));
    spool.settle({ taken: [], lost: [] });
    assert.deepEqual(take(spool), ['b1', 'a3']);
    assert.deepEqual(take(spool), ['a4']);
    assert.deepEqual(lost, {});
    spool.close();
  });

  it('keeps records and their numbers over a restart, and begins another stream for those without', () => {
    const directory = another();
    const one = stage(directory);
    one.spool.push(record('a'), record('b'));
    const sent = one.spool.next({ records: 1, chars: 1000 });
    assert.deepEqual(names(sent), ['a']);
    // As kill -9 would: what was written is there, nothing is put in order.
    const two = stage(directory);
    assert.deepEqual(two.spool.next(everything), sent);
    two.spool.settle({ taken: [1], lost: [] });
    const rest = two.spool.next(everything);
    assert.deepEqual([names(rest), rest?.records[0]?.seq], [['b'], 1]);
    assert.notEqual(rest?.bootId, sent?.bootId);
    two.spool.close();
  });

  it('uses no number twice after its file was restored, and drops what another node had', () => {
    const directory = another();
    const one = stage(directory);
    one.spool.push(record('a'));
    one.spool.close();
    const copy = another();
    cpSync(directory, copy, { recursive: true });
    const seen = new Set<string>();
    for (const place of [directory, copy, directory]) {
      const { spool } = stage(place);
      spool.push(record('more'));
      for (let batch = spool.next(everything); batch !== null; batch = spool.next(everything)) {
        for (const { seq, text } of batch.records) {
          assert.equal(seen.has(`${batch.bootId} ${seq}`), false, text);
          seen.add(`${batch.bootId} ${seq}`);
        }
        spool.settle({ taken: batch.records.map(({ seq }) => seq), lost: [] });
      }
      spool.close();
    }
    const other = another();
    cpSync(copy, other, { recursive: true });
    const before = stage(other);
    before.spool.push(record('a'));
    before.spool.close();
    const { spool, lines } = stage(other, { node: 'node-2' });
    assert.equal(spool.next(everything), null);
    assert.match(lines.join(''), /another node's/);
    spool.close();
  });

  it('begins another stream when the machine was frozen, as a snapshot of one that runs is', () => {
    const { spool, time } = stage(another());
    const bootOf = (): string => {
      spool.push(record('a'));
      spool.tick();
      const batch = spool.next(everything);
      spool.settle({ taken: batch?.records.map(({ seq }) => seq) ?? [], lost: [] });
      return `${batch?.bootId} ${batch?.records[0]?.seq}`;
    };
    const first = bootOf();
    time.at += 3_600_000;
    assert.equal(bootOf(), first.replace(/1$/, '2'));
    time.wall += 5000;
    assert.equal(bootOf(), first.replace(/1$/, '3'));
    time.wall += 3_600_000;
    assert.match(bootOf(), / 1$/);
    spool.close();
  });

  it('drops what counts least, the oldest first, and counts it', () => {
    const { spool, lost } = stage(another(), { maxBytes: 60_000 });
    const kinds: readonly RecordKind[] = ['incident', 'investigation', 'heartbeat', 'health'];
    for (const kind of kinds) for (let at = 0; at < 20; at++) spool.push(record(`${kind}-${at}`, null, kind, 500));
    spool.push(record('node', 'node', 'node', 500));
    spool.tick();
    assert.equal(spool.size().rows, 81);
    // Each round brings ten incidents of a page each, and something has to go.
    const gone: Record<string, number>[] = [];
    for (let round = 0; round < 12; round++) {
      spool.push(record(`new-${round}`, null, 'incident', 0), record(`pad-${round}`, null, 'incident', 2000));
      for (let at = 0; at < 8; at++) spool.push(record(`more-${round}-${at}`, null, 'incident', 800));
      spool.tick();
      assert.ok(spool.size().bytes <= 60_000, `${spool.size().bytes}`);
      gone.push({ ...lost });
    }
    const order = ['health', 'heartbeat', 'node', 'investigation', 'incident'];
    for (const state of gone) {
      const kindsGone = order.filter((kind) => (state[kind] ?? 0) > 0);
      const last = kindsGone.at(-1) ?? '';
      const full: Record<string, number> = { health: 20, heartbeat: 20, node: 1, investigation: 20 };
      for (const kind of kindsGone) if (kind !== last) assert.equal(state[kind], full[kind], JSON.stringify(state));
    }
    assert.deepEqual(spool.dropped(), lost);
    assert.ok((lost.incident ?? 0) > 0);
    const rest = take(spool);
    assert.equal(rest.includes('incident-0'), false);
    assert.ok(rest.includes('more-11-7'));
    spool.close();
  });

  it('holds what is under way, whatever has to go', () => {
    const { spool } = stage(another(), { maxRows: 3 });
    for (const name of ['a', 'b', 'c']) spool.push(record(name, null, 'health'));
    const batch = spool.next({ records: 1, chars: 1000 });
    for (const name of ['d', 'e', 'f']) spool.push(record(name, null, 'health'));
    spool.tick();
    assert.equal(spool.size().rows, 3);
    spool.settle({ taken: [], lost: [] });
    assert.deepEqual(names(spool.next(everything)), names(batch));
    spool.settle({ taken: [1], lost: [] });
    assert.deepEqual(take(spool), ['e', 'f']);
    spool.close();
  });

  it('drops what is too old by the time that passed, whatever the wall clock says', () => {
    const directory = another();
    const { spool, time, lost } = stage(directory, { maxAgeMs: 86_400_000 });
    spool.push(record('a'));
    spool.tick();
    time.wall += 400 * 86_400_000;
    time.at += 60_000;
    spool.tick();
    assert.equal(spool.size().rows, 1);
    time.at += 86_300_000;
    spool.push(record('b'));
    spool.tick();
    time.at += 120_000;
    spool.tick();
    assert.deepEqual([take(spool), lost], [['b'], { incident: 1 }]);
    spool.push(record('c'));
    spool.close();
    const again = stage(directory, { maxAgeMs: 86_400_000 });
    again.time.wall = time.wall + time.at + 2 * 86_400_000;
    // The wall clock of this stage was set after the opening: it is the age at the opening that counts.
    again.spool.tick();
    again.spool.close();
    const late = { now: () => time.wall + time.at + 2 * 86_400_000, monotonic: () => at, random: () => 0 };
    let at = 0;
    const last = stage(directory, { env: late, maxAgeMs: 86_400_000 });
    at = 61_000;
    last.spool.tick();
    assert.deepEqual([last.spool.size().rows, last.lost], [0, { incident: 1 }]);
    last.spool.close();
  });

  it('takes no more of the disk than it was given, and gives it back', function () {
    this.timeout(60_000);
    const directory = another();
    const maxBytes = 2 * 1024 * 1024;
    const { spool, time } = stage(directory, { maxBytes });
    const bytes = (): number =>
      readdirSync(directory).reduce((sum, name) => sum + statSync(`${directory}/${name}`).size, 0);
    let noise = 1;
    for (let round = 0; round < 400; round++) {
      // What does not compress.
      const filler = Array.from({ length: 1200 }, () => {
        noise = (noise * 1103515245 + 12345) % 2147483648;
        return noise.toString(36);
      }).join('');
      spool.push({ kind: round % 2 === 0 ? 'investigation' : 'health', subject: null, record: { round, filler } });
      for (let n = 0; n < 20; n++) spool.push(record(`${round}-${n}`, null, 'health', 300));
      time.at += 1000;
      spool.tick();
    }
    assert.ok(spool.size().bytes <= maxBytes);
    assert.ok(spool.size().bytes > maxBytes * 0.9, `${spool.size().bytes}`);
    assert.ok(bytes() < maxBytes * 1.2 + 1_500_000, `${bytes()} bytes on the disk`);
    while (take(spool).length > 0);
    for (let minute = 0; minute < 10; minute++) {
      time.at += 60_000;
      spool.tick();
    }
    spool.close();
    assert.ok(bytes() < 200_000, `${bytes()} bytes are left`);
  });

  it('waits in memory without a directory, within a small bound, and says so once', () => {
    const { spool, lines, lost } = stage(null);
    for (let at = 0; at < 5000; at++) spool.push(record(`${at}`, null, at % 2 === 0 ? 'health' : 'incident', 400));
    spool.tick();
    assert.ok(spool.size().bytes <= 1024 * 1024 && spool.size().rows <= 1000);
    assert.equal((lost.health ?? 0) + (lost.incident ?? 0), 5000 - spool.size().rows);
    assert.match(spool.trouble() ?? '', /state.directory/);
    assert.equal(lines.length, 1);
    assert.equal(names(spool.next({ records: 1, chars: 1 })).length, 1);
    spool.close();
  });

  it('goes on in memory when the disk fails, in a stream of its own, and back', function () {
    if (process.getuid?.() !== 0) {
      console.log('      left out: a full disk needs root, to mount a small file system');
      this.skip();
    }
    const directory = another();
    mkdirSync(directory);
    if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=600k', 'tmpfs', directory]).status !== 0) {
      console.log('      left out: a full disk, for tmpfs cannot be mounted here');
      this.skip();
    }
    try {
      const { spool, lines, time, lost } = stage(directory, { maxBytes: 64 * 1024 * 1024 });
      spool.push(record('a', 'a'), record('b', 'b'), record('i', null, 'investigation'));
      const sent = spool.next({ records: 1, chars: 1000 });
      assert.deepEqual(names(sent), ['a']);
      spool.settle({ taken: [], lost: [] });
      spawnSync('dd', ['if=/dev/zero', `of=${directory}/filler`, 'bs=4096', 'count=150']);
      for (let at = 0; at < 800 && spool.trouble() === null; at++) {
        spool.push(record(`h${at}`, null, 'health', 900));
        spool.tick();
      }
      assert.match(spool.trouble() ?? '', /full.*in memory only/);
      spool.push(record('b2', 'b'));
      spool.tick();
      // The number that was used stays with its record; what was not sent is numbered anew.
      assert.deepEqual(spool.next(everything), sent);
      spool.settle({ taken: [1], lost: [] });
      const own = spool.next({ records: 1, chars: 1000 });
      assert.deepEqual(names(own), ['b2']);
      assert.notEqual(own?.bootId, sent?.bootId);
      spool.settle({ taken: own?.records.map(({ seq }) => seq) ?? [], lost: [] });
      spool.push(record('c'));
      spool.tick();
      time.at += 10_000;
      spool.tick();
      assert.match(spool.trouble() ?? '', /in memory only/);
      rmSync(`${directory}/filler`);
      time.at += 25_000;
      spool.tick();
      assert.equal(spool.trouble(), null);
      const later = spool.next(everything);
      const back = names(later);
      // What was told by memory is not told again by the file; what only the file has comes, too.
      assert.equal(back[0], 'c');
      assert.ok(back.includes('i') && !back.includes('a') && !back.includes('b'), String(back));
      assert.equal(new Set([sent?.bootId, own?.bootId, later?.bootId]).size, 3);
      spool.settle({ taken: later?.records.map(({ seq }) => seq) ?? [], lost: [] });
      assert.equal(Object.keys(lost).join(), lost.health === undefined ? '' : 'health');
      spool.close();
      assert.equal(lines.filter((line) => line.includes('in memory only')).length, 1);
      assert.equal(lines.filter((line) => line.includes('on the disk again')).length, 1);
      assert.ok(existsSync(`${directory}/spool.db`));
    } finally {
      spawnSync('umount', ['-l', directory]);
    }
  });

  it('begins a damaged file anew', () => {
    const directory = another();
    stage(directory).spool.close();
    writeFileSync(`${directory}/spool.db`, 'this is no database, and was one once'.repeat(200));
    const { spool } = stage(directory);
    spool.push(record('a'));
    assert.deepEqual([take(spool), spool.trouble()], [['a'], null]);
    assert.ok(existsSync(`${directory}/spool.db.damaged`));
    spool.close();
  });

  it('opens in memory where the folder cannot be made', () => {
    const directory = another();
    writeFileSync(directory, '');
    const { spool, time } = stage(`${directory}/state`);
    spool.push(record('a'));
    assert.match(spool.trouble() ?? '', /Free the disk/);
    rmSync(directory);
    time.at += 31_000;
    spool.tick();
    assert.deepEqual([spool.trouble(), take(spool)], [null, ['a']]);
    spool.close();
  });
});
