import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { openKept } from '../../src/collector/kept.ts';

/** What is kept for 100 ms, and given for 300 ms, when it took any time at all. */
function stage(keeps: (value: number) => boolean = () => true) {
  let ms = 0;
  const made: number[] = [];
  const kept = openKept<number>(
    { now: () => ms, monotonic: () => ms, random: () => 0 },
    { freshMs: (tookMs) => (tookMs === 0 ? 0 : 100), staleMs: (tookMs) => (tookMs === 0 ? 0 : 300) },
    keeps,
  );
  let tookMs = 5;
  let trouble: Error | null = null;
  const ask = (name = 'a'): Promise<number> =>
    kept.get(name, async () => {
      made.push(ms);
      await turn();
      ms += tookMs;
      if (trouble !== null) throw trouble;
      return made.length;
    });
  return {
    ask,
    made,
    at: (time: number) => {
      ms = time;
    },
    takes: (time: number) => {
      tookMs = time;
    },
    fails: (error: Error | null) => {
      trouble = error;
    },
  };
}

describe('collector: what is kept for a moment', () => {
  it('is made once for all who ask at the same time, and for who asks soon after', async () => {
    const { ask, at, made } = stage();
    assert.deepEqual(await Promise.all([ask(), ask(), ask()]), [1, 1, 1]);
    at(104);
    assert.equal(await ask(), 1);
    assert.equal(await ask('b'), 2, 'another name is another value');
    assert.equal(made.length, 2);
  });

  it('is given when it is stale, and made anew meanwhile, once', async () => {
    const { ask, at, made } = stage();
    await ask();
    at(200);
    assert.deepEqual(await Promise.all([ask(), ask()]), [1, 1]);
    await turn();
    await turn();
    assert.equal(made.length, 2);
    assert.equal(await ask(), 2);
  });

  it('is waited for when it is older', async () => {
    const { ask, at } = stage();
    await ask();
    at(306);
    assert.equal(await ask(), 2);
  });

  it('is not kept when it was cheap', async () => {
    const { ask, takes } = stage();
    takes(0);
    assert.equal(await ask(), 1);
    assert.equal(await ask(), 2);
  });

  it('is not kept when it is none to be kept', async () => {
    const { ask } = stage((value) => value !== 1);
    assert.equal(await ask(), 1);
    assert.equal(await ask(), 2);
    assert.equal(await ask(), 2);
  });

  it('fails who waits for it, and nobody else', async () => {
    const { ask, at, fails } = stage();
    await ask();
    fails(new Error('gone'));
    at(200);
    assert.equal(await ask(), 1, 'the stale one');
    await turn();
    await turn();
    at(400);
    await assert.rejects(ask(), /gone/);
    fails(null);
    assert.equal(await ask(), 4);
  });
});
