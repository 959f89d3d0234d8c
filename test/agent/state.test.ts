import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { DatabaseSync } from 'node:sqlite';
import { openBook } from '../../src/agent/book.ts';
import { openState } from '../../src/agent/state/state.ts';
import { openLog } from '../../src/lib/log.ts';
import { investigationOf } from '../kit/agent.ts';
import { pullEvent } from '../kit/pull-event.ts';

describe('agent: state', () => {
  const folder = mkdtempSync(`${tmpdir()}/pullwhy-state-`);
  after(() => rmSync(folder, { recursive: true, force: true }));
  let serial = 0;
  const time = { at: 0 };
  const env = {
    now: () => Date.parse('2026-11-22T10:00:00Z') + time.at,
    monotonic: () => time.at,
    random: () => Math.random(),
  };
  const lines: string[] = [];
  const log = openLog({
    env,
    write: (line) => void lines.push(line),
    settings: () => ({ level: 'debug', format: 'text' }),
  });
  const state = (directory: string | null, keep = 3) => openState({ env, log, directory, keep });
  const another = (): string => `${folder}/${serial++}`;
  const incidents = () => {
    const book = openBook(env);
    book.notice(pullEvent());
    book.notice(pullEvent({ image: 'registry.lab/app:2' }));
    return book.open();
  };

  it('gives back after a restart what was known', () => {
    const directory = another();
    const first = state(directory);
    assert.deepEqual([first.memory, first.cursor, first.trouble()], [{ open: [], over: [] }, null, null]);
    const [one, two] = incidents();
    assert.ok(one !== undefined && two !== undefined);
    first.saveIncident(one);
    first.saveIncident({ ...two, state: 'over', endedAt: env.now(), endedBy: 'kubelet' });
    first.saveCursor('s=1;i=2');
    first.saveTime('report', 17);
    first.archive.put(investigationOf('registry.lab/app:1', { id: 'i-1' }));
    first.close();
    const again = state(directory);
    assert.deepEqual(again.memory.open, [one]);
    assert.equal(again.memory.over[0]?.endedBy, 'kubelet');
    assert.deepEqual([again.cursor, again.lastTime('report'), again.lastTime('other')], ['s=1;i=2', 17, null]);
    assert.equal(again.archive.get('i-1')?.image.input, 'registry.lab/app:1');
    again.saveIncident({ ...one, state: 'over', endedAt: env.now(), endedBy: 'agent' });
    again.close();
    const third = state(directory);
    assert.deepEqual([third.memory.open.length, third.memory.over.length], [0, 2]);
    third.close();
  });

  it('writes at most once a second, and what waits when it closes', () => {
    const directory = another();
    const first = state(directory);
    first.tick();
    first.saveCursor('a');
    first.tick();
    assert.equal(state(directory).cursor, null);
    time.at += 1000;
    first.tick();
    assert.equal(state(directory).cursor, 'a');
    first.saveCursor('b');
    first.close();
    assert.equal(state(directory).cursor, 'b');
  });

  it('keeps the tries of what goes on failing, so that who is killed goes on with them', () => {
    const directory = another();
    const first = state(directory);
    const book = openBook(env);
    book.onChange((incident) => first.saveIncident(incident));
    const say = (more: Parameters<typeof pullEvent>[0] = {}) =>
      book.notice(pullEvent({ at: new Date(env.now()).toISOString(), cursor: 'c', ...more }));
    say();
    for (let second = 1; second <= 540; second++) {
      time.at += 1000;
      if (second % 60 === 0) say();
      else if (second % 12 === 0) say({ event: 'back-off', cause: 'back-off-only' });
      book.tick();
      first.tick(book.untold);
    }
    const [before] = book.open();
    time.at += 2000;
    const second = state(directory);
    const again = openBook(env, second.memory);
    again.tick();
    const [after] = again.open();
    assert.deepEqual([after?.id, again.over(0)], [before?.id, []]);
    assert.ok((before?.lastSeenAt ?? 0) - (after?.lastSeenAt ?? 0) <= 20_000, 'what is lost is at most so old');
    assert.ok(
      (after?.pods[0]?.attempts ?? 0) >= 9,
      `${after?.pods[0]?.attempts} of ${before?.pods[0]?.attempts} tries`,
    );
    // The try that was lost is told by how long the next one was waited for.
    for (const one of [book, again]) {
      time.at += 60_000 * Number(one === book);
      one.notice(pullEvent({ at: new Date(env.now()).toISOString(), cursor: 'c' }));
    }
    assert.equal(again.open()[0]?.pods[0]?.backOffMs, book.open()[0]?.pods[0]?.backOffMs);
    second.close();
    first.close();
  });

  it('asks seldom for what changed without being told of, and writes nothing where nothing did', () => {
    const kept = state(another());
    let asked = 0;
    for (let n = 0; n < 240; n++) {
      time.at += 250;
      kept.tick(() => {
        asked++;
        return [];
      });
    }
    assert.ok(asked >= 2 && asked <= 6, `asked ${asked} times in a minute`);
    kept.close();
  });

  it('keeps the newest investigations, and finds those of an image in any spelling', () => {
    const kept = state(null, 3);
    for (let n = 0; n < 5; n++) {
      const startedAt = new Date(env.now() + n * 1000).toISOString();
      kept.archive.put(investigationOf(n % 2 === 0 ? 'nginx' : 'other', { id: `i-${n}`, startedAt }));
    }
    assert.deepEqual(
      kept.archive.recent({ limit: 10 }).map(({ id }) => id),
      ['i-4', 'i-3', 'i-2'],
    );
    assert.deepEqual(
      kept.archive.recent({ limit: 10, image: 'docker.io/library/nginx' }).map(({ id }) => id),
      ['i-4', 'i-2'],
    );
    assert.deepEqual(
      kept.archive.recent({ limit: 1, since: env.now() + 3500 }).map(({ id }) => id),
      ['i-4'],
    );
    assert.match(kept.trouble() ?? '', /state\.directory/);
    kept.close();
  });

  it('puts a damaged file aside and begins anew', () => {
    const directory = another();
    mkdirSync(directory);
    writeFileSync(`${directory}/agent.db`, 'this is no database, but a text that is longer than its header'.repeat(20));
    const begun = state(directory);
    begun.saveCursor('x');
    begun.close();
    assert.ok(existsSync(`${directory}/agent.db.damaged`));
    assert.equal(state(directory).cursor, 'x');
    assert.match(lines.join(''), /damaged/);
  });

  it('lives on in memory on a disk that is full, and goes back to it', function () {
    if (process.getuid?.() !== 0) {
      console.log('      left out: a full disk needs root, to mount a small file system');
      this.skip();
    }
    const directory = another();
    mkdirSync(directory);
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=400k', 'tmpfs', directory]);
    if (mounted.status !== 0) {
      console.log('      left out: a full disk, for tmpfs cannot be mounted here');
      this.skip();
    }
    try {
      const small = state(directory, 100);
      const [one] = incidents();
      assert.ok(one !== undefined);
      small.saveIncident(one);
      small.tick();
      spawnSync('dd', ['if=/dev/zero', `of=${directory}/filler`, 'bs=4096', 'count=80']);
      const texts = Array.from({ length: 40 }, () => Math.random().toString(36)).join('');
      for (let n = 0; n < 200; n++)
        small.archive.put(investigationOf(`app:${n}`, { id: `i-${n}`, summary: texts + n }));
      assert.match(small.trouble() ?? '', /full/);
      assert.ok(small.archive.recent({ limit: 5 }).length > 0, 'it goes on in memory');
      rmSync(`${directory}/filler`);
      time.at += 31_000;
      small.tick();
      assert.equal(small.trouble(), null);
      small.close();
      const again = state(directory, 100);
      assert.deepEqual(
        again.memory.open.map(({ image }) => image),
        [one.image],
      );
      again.close();
    } finally {
      spawnSync('umount', ['-l', directory]);
    }
  });

  it('knows the last times of schedules while the disk fails, and the newer ones when it is back', () => {
    const directory = another();
    const before = state(directory);
    before.saveTime('report', 10);
    before.saveTime('other', 11);
    before.close();
    const kept = state(directory);
    const other = new DatabaseSync(`${directory}/agent.db`);
    other.exec('BEGIN IMMEDIATE');
    time.at += 5000;
    kept.saveCursor('c');
    kept.tick();
    assert.match(kept.trouble() ?? '', /cannot be written/);
    assert.deepEqual([kept.lastTime('report'), kept.lastTime('other'), kept.lastTime('third')], [10, 11, null]);
    kept.saveTime('report', 20);
    other.exec('ROLLBACK');
    other.close();
    time.at += 31_000;
    kept.tick();
    assert.equal(kept.trouble(), null);
    assert.deepEqual([kept.lastTime('report'), kept.lastTime('other')], [20, 11]);
    kept.close();
    const again = state(directory);
    assert.deepEqual([again.lastTime('report'), again.lastTime('other')], [20, 11]);
    again.close();
  });

  it('takes the last times from a disk that could not be opened at first', () => {
    const directory = another();
    const before = state(directory);
    before.saveTime('report', 10);
    before.saveTime('other', 11);
    before.close();
    // Where the folder was to be mounted is something else.
    renameSync(directory, `${directory}-away`);
    writeFileSync(directory, '');
    const early = state(directory);
    assert.match(early.trouble() ?? '', /cannot be opened/);
    assert.equal(early.lastTime('report'), null);
    early.saveTime('report', 20);
    rmSync(directory);
    renameSync(`${directory}-away`, directory);
    time.at += 31_000;
    early.tick();
    assert.equal(early.trouble(), null);
    assert.deepEqual([early.lastTime('report'), early.lastTime('other')], [20, 11]);
    early.close();
  });

  it('lives on where it may not write at all', () => {
    const parent = another();
    mkdirSync(parent);
    writeFileSync(`${parent}/file`, '');
    chmodSync(parent, 0o500);
    const none = state(`${parent}/file/state`);
    assert.match(none.trouble() ?? '', /cannot be opened/);
    none.saveCursor('x');
    none.saveTime('report', 1);
    assert.equal(none.lastTime('report'), 1);
    none.tick();
    none.close();
  });
});
