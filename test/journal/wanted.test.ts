import assert from 'node:assert/strict';
import { copyFile, mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { JournalFile } from '../../src/journal/file.ts';
import { PageCache, pageBytes } from '../../src/journal/pages.ts';
import { WantedData } from '../../src/journal/wanted.ts';
import { exportEntry, type JournalTools, journalTools, makeJournal } from '../kit/journal-maker.ts';

describe('journal: what is wanted of a file', () => {
  let tools: JournalTools;
  let folder = '';

  before(async function () {
    this.timeout(600_000);
    const found = await journalTools();
    if (found === null) return this.skip();
    tools = found;
    folder = await mkdtemp(join(tmpdir(), 'pullwhy-wanted-'));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const entry = (unit: string, second: number): Buffer =>
    exportEntry({
      realtime: 1_790_000_000_000_000 + second * 1_000_000,
      monotonic: 1_000_000 + second * 1_000_000,
      bootId: '0123456789abcdef0123456789abcdef',
      fields: [
        ['_SYSTEMD_UNIT', unit],
        ['MESSAGE', `a line of ${unit}`],
      ],
    });

  it('is found though a part that was read before it was written was looked at after it was', async () => {
    const [path, written] = [join(folder, 'seen.journal'), join(folder, 'written.journal')];
    const format = { keyed: false };
    await makeJournal(tools, path, entry('containerd.service', 0), format);
    await copyFile(path, written);
    await makeJournal(tools, written, entry('kubelet.service', 1), format);

    const opened = JournalFile.open(path, 0, new PageCache(1024 * 1024));
    assert.ok(opened.ok);
    const file = opened.value;
    try {
      const wanted = new WantedData(file, [{ field: '_SYSTEMD_UNIT', values: ['kubelet.service', 'crio.service'] }]);
      assert.deepEqual(wanted.offsets(), [[0, 0]]);

      // The writer goes on, and the page with the field makes room and is read anew; those of the hash table stay.
      const after = await readFile(written);
      const handle = await open(path, 'r+');
      await handle.write(after, 0, after.length, 0);
      await handle.close();
      const field = file.findField(Buffer.from('_SYSTEMD_UNIT'));
      const newest = file.newestDataOf(field);
      file.pages.forget(Math.floor(field / pageBytes));
      assert.notEqual(file.newestDataOf(field), newest);
      assert.deepEqual(wanted.offsets(), [[0, 0]]);

      file.refresh();
      const [[kubelet = 0, crio] = []] = wanted.offsets();
      assert.ok(kubelet > 0);
      assert.equal(crio, 0);
    } finally {
      file.close();
    }
  });

  it('is looked for no more once two looks at a file that was written to have missed it', async () => {
    const path = join(folder, 'often.journal');
    await makeJournal(tools, path, entry('containerd.service', 0));
    const opened = JournalFile.open(path, 0, new PageCache(1024 * 1024));
    assert.ok(opened.ok);
    const file = opened.value;
    try {
      const wanted = new WantedData(file, [{ field: '_SYSTEMD_UNIT', values: ['kubelet.service'] }]);
      let asked = 0;
      const find = file.findData.bind(file);
      file.findData = (payload) => {
        asked++;
        return find(payload);
      };
      for (let line = 1; line < 6; line++) {
        wanted.offsets();
        await makeJournal(tools, path, entry('containerd.service', line));
        file.refresh();
      }
      assert.equal(asked, 2);
      await makeJournal(tools, path, entry('kubelet.service', 6));
      file.refresh();
      assert.ok((wanted.offsets()[0]?.[0] ?? 0) > 0);
    } finally {
      file.close();
    }
  });
});
