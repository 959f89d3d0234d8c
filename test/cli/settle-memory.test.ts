import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { settleMemory } from '../../src/cli/settle-memory.ts';

describe('cli: memory that nobody uses any more', () => {
  it('is collected again and again until the signal', async () => {
    const ending = new AbortController();
    let collections = 0;
    settleMemory(() => collections++, ending.signal, 5);
    for (let tries = 0; tries < 1000 && collections < 3; tries++) await sleep(5);
    assert.ok(collections >= 3);
    ending.abort();
    const before = collections;
    await sleep(50);
    assert.equal(collections, before);
  });

  it('is left to V8 where nothing collects, and after the end', async () => {
    settleMemory(undefined, new AbortController().signal, 1);
    let collections = 0;
    settleMemory(() => collections++, AbortSignal.abort(), 1);
    await sleep(20);
    assert.equal(collections, 0);
  });
});
