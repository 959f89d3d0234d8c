import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expandGlob, globPattern } from '../../src/node/go-glob.ts';
import { hostFiles } from '../../src/node/host-files.ts';
import { writeTree } from './containerd-real.ts';

describe('Go’s glob', () => {
  let root: string;
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'pullwhy-glob-'));
    await writeTree(root, {
      'a/2.toml': '',
      'a/10.toml': '',
      'a/.h.toml': '',
      'a/x.txt': '',
      'b/1.toml': '',
      'a/d/1.toml': '',
    });
  });
  after(() => rm(root, { recursive: true, force: true }));

  const found: [string, string[] | null][] = [
    ['/a/*.toml', ['/a/.h.toml', '/a/10.toml', '/a/2.toml']],
    ['/*/1.toml', ['/b/1.toml']],
    ['/a/?.toml', ['/a/2.toml']],
    ['/a/[0-9]*.toml', ['/a/10.toml', '/a/2.toml']],
    ['/a/2.toml', ['/a/2.toml']],
    ['/none/*', []],
    ['/a/[*.toml', null],
    ['/a/*\\', null],
  ];
  for (const [pattern, paths] of found) {
    it(pattern, async () => assert.deepEqual(await expandGlob(hostFiles(root), pattern), paths));
  }

  it('takes the characters of regular expressions for themselves', () => {
    assert.ok(globPattern('a+(b).{c}$')?.test('a+(b).{c}$'));
    assert.ok(!globPattern('a.b')?.test('axb'));
    assert.ok(globPattern('[^a]*')?.test('b.toml'));
    assert.ok(globPattern('\\*')?.test('*'));
    assert.ok(!globPattern('\\*')?.test('x'));
    assert.ok(globPattern('[\\]]')?.test(']'));
  });
});
