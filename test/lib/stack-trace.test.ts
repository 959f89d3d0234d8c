import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { stackOf } from '../../src/lib/stack-trace.ts';

const source = `
export function failAsToldTo(reason: string): never {
  throw new TypeError(reason);
}
`;

describe('stackOf', () => {
  let folder = '';
  let bundle = '';
  const shown = (error: unknown): string => stackOf(error, pathToFileURL(join(folder, 'dist/')).href);
  const thrown = async (): Promise<unknown> => {
    const { failAsToldTo } = await import(pathToFileURL(bundle).href);
    try {
      return failAsToldTo('the reason');
    } catch (error) {
      return error;
    }
  };
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pullwhy-trace-'));
    bundle = join(folder, 'dist', 'bundle.js');
    await writeFile(join(folder, 'failing.ts'), source);
    await build({
      entryPoints: [join(folder, 'failing.ts')],
      outfile: bundle,
      format: 'esm',
      minify: true,
      sourcemap: 'linked',
    });
  });
  after(() => rm(folder, { recursive: true }));

  it('names the place in the source', async () => {
    const error = await thrown();
    assert.ok(error instanceof TypeError && error.stack?.includes('bundle.js:1:'));
    const [first, second] = shown(error).split('\n');
    assert.equal(first, 'TypeError: the reason');
    assert.match(second ?? '', /\(failing\.ts:3:\d+\)$/u);
  });

  it('keeps places as they are without a map, or with one that cannot be read', async () => {
    const error = await thrown();
    const map = await readFile(`${bundle}.map`);
    for (const text of ['{}', 'no JSON', '']) {
      await writeFile(`${bundle}.map`, text);
      assert.ok(shown(error).includes('bundle.js:1:'), text);
    }
    await rm(`${bundle}.map`);
    assert.ok(shown(error).includes('bundle.js:1:'));
    await writeFile(`${bundle}.map`, map);
  });

  it('reads no map beside files that are not its own, whatever an error says', async () => {
    const error = await thrown();
    assert.ok(stackOf(error).includes('bundle.js:1:'));
    const below = pathToFileURL(join(folder, '/')).href;
    assert.ok(stackOf(error, below).includes('bundle.js:1:'));
    assert.ok(!shown(error).includes('bundle.js:1:'));
  });

  it('takes what is no error', () => {
    assert.equal(stackOf('in a word'), 'in a word');
    assert.equal(stackOf(undefined), 'undefined');
  });
});
