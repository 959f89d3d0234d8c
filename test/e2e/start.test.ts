import { strict as assert } from 'node:assert';
import { spawnSync } from 'node:child_process';
import { chown, cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const project = fileURLToPath(new URL('../..', import.meta.url));

describe('a start of the built command', function () {
  this.timeout(20_000);
  let folder = '';
  let temporary = '';

  /** An installed copy of its own, for what a start leaves behind. */
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pullwhy-start-'));
    temporary = join(folder, 'tmp');
    await mkdir(temporary);
    await cp(join(project, 'bin'), join(folder, 'bin'), { recursive: true });
    await cp(join(project, 'dist'), join(folder, 'dist'), {
      recursive: true,
      filter: (path) => !path.endsWith('.map') && !path.includes('.compiled'),
    });
    await cp(join(project, 'package.json'), join(folder, 'package.json'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  function start(): void {
    const env = { PATH: process.env.PATH ?? '', TMPDIR: temporary, HOME: temporary };
    const args = [join(folder, 'bin/pullwhy.js'), '--version'];
    const ran = spawnSync(process.execPath, args, { env, encoding: 'utf8' });
    assert.deepEqual({ status: ran.status, stderr: ran.stderr }, { status: 0, stderr: '' });
    assert.match(ran.stdout, /^\d+\.\d+\.\d+\n$/);
  }

  it('keeps compiled code beside the code, and nothing in the folder that every user can write', async () => {
    start();
    assert.equal((await readdir(join(folder, 'dist/.compiled'))).length, 1);
    assert.deepEqual(await readdir(temporary), []);
    start();
  });

  it('does without where it cannot be kept, and says nothing', async () => {
    await writeFile(join(folder, 'dist/.compiled'), 'a file in the way');
    start();
    assert.deepEqual(await readdir(temporary), []);
  });

  it('leaves nothing in the folder of another user', async function () {
    if (process.getuid?.() !== 0) return this.skip(); // only root can give files away
    await chown(join(folder, 'dist/main.js'), 65534, 65534);
    start();
    assert.ok(!(await readdir(join(folder, 'dist'))).includes('.compiled'));
    assert.deepEqual(await readdir(temporary), []);
  });
});
