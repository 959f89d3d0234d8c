import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { makeFolder } from '../../src/lib/make-folder.ts';

describe('lib: make-folder', () => {
  const folder = mkdtempSync(`${tmpdir()}/pullwhy-folder-`);
  after(() => rmSync(folder, { recursive: true }));

  it('makes what is missing, for this user alone, and again', () => {
    for (let times = 0; times < 2; times++) {
      makeFolder(`${folder}/a/b/c`);
      for (const path of ['a', 'a/b', 'a/b/c']) assert.equal(statSync(`${folder}/${path}`).mode & 0o777, 0o700);
    }
    makeFolder(folder);
    makeFolder('/');
  });

  it('throws what is wrong, and ends, where a file system says that there is none', () => {
    assert.throws(() => makeFolder('/proc/none/deeper'), /ENOENT/);
    writeFileSync(`${folder}/file`, '');
    assert.throws(() => makeFolder(`${folder}/file/x`), /ENOTDIR/);
  });
});
