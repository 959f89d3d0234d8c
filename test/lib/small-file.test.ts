import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { limits } from '../../src/lib/limits.ts';
import { readSmallFile } from '../../src/lib/small-file.ts';

describe('lib: small files', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(`${tmpdir()}/pullwhy-small-`);
  });
  after(() => rm(folder, { recursive: true }));

  it('are read whole, links followed', async () => {
    const text = 'ü'.repeat(limits.namedFileBytes / 2);
    await writeFile(`${folder}/whole`, text);
    await symlink('whole', `${folder}/link`);
    for (const name of ['whole', 'link'])
      assert.deepEqual(await readSmallFile(`${folder}/${name}`, { regular: true }), { ok: true, value: text });
    await writeFile(`${folder}/empty`, '');
    assert.deepEqual(await readSmallFile(`${folder}/empty`, { regular: true }), { ok: true, value: '' });
  });

  it('that are none are told apart, without a wait', async () => {
    await writeFile(`${folder}/long`, Buffer.alloc(limits.namedFileBytes + 1));
    await symlink('loop', `${folder}/loop`);
    execFileSync('mkfifo', [`${folder}/pipe`]);
    for (const [name, what] of [
      ['none', /^is not there$/],
      ['whole/below', /^is not there$/],
      ['.', /^is a directory$/],
      ['long', /^is longer than 1048576 bytes$/],
      ['loop', /^cannot be read \(ELOOP\)$/],
      ['pipe', /^is no file$/],
    ] as const) {
      const read = await readSmallFile(`${folder}/${name}`, { regular: true });
      assert.ok(!read.ok, name);
      assert.match(read.error.what, what);
    }
    const endless = await readSmallFile('/dev/zero', { regular: true });
    assert.ok(!endless.ok);
  });

  it('may be a pipe for a command, as a shell makes it, and end all the same', async () => {
    const read = readSmallFile(`${folder}/pipe`, { regular: false });
    await writeFile(`${folder}/pipe`, 'a token');
    assert.deepEqual(await read, { ok: true, value: 'a token' });
    const endless = await readSmallFile('/dev/zero', { regular: false });
    assert.ok(!endless.ok);
  });
});
