import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FolderWatch } from '../../src/journal/watch.ts';

describe('journal: watching folders', () => {
  let folder = '';

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pullwhy-watch-'));
  });

  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('says that files came when one came, and not when one was written to', async () => {
    await writeFile(join(folder, 'a.journal'), '');
    const watch = new FolderWatch();
    watch.set([folder]);
    try {
      await writeFile(join(folder, 'a.journal'), 'more');
      await watch.wait(AbortSignal.timeout(10_000));
      assert.equal(watch.takeMoved(), false);
      await writeFile(join(folder, 'b.journal'), '');
      const signal = AbortSignal.timeout(10_000);
      let moved = false;
      while (!moved && !signal.aborted) {
        await watch.wait(signal);
        moved = watch.takeMoved();
      }
      assert.equal(moved, true);
      assert.equal(watch.takeMoved(), false);
    } finally {
      watch.close();
    }
  });

  it('says so at each poll where no events come', async () => {
    const watch = new FolderWatch();
    // A folder that is not there cannot be watched.
    watch.set([join(folder, 'absent')]);
    try {
      for (let poll = 0; poll < 2; poll++) {
        assert.equal(watch.takeMoved(), false);
        await watch.wait(AbortSignal.timeout(10_000));
        assert.equal(watch.takeMoved(), true);
      }
    } finally {
      watch.close();
    }
  });
});
