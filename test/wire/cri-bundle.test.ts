import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { writeCriDescriptor } from '../../build/cri-descriptor.ts';
import { startFakeCri } from '../kit/fake-cri.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

describe('CRI client: bundled', () => {
  it('finds its libraries and its JSON descriptor beside the bundle', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'pullwhy-bundle-'));
    const fake = await startFakeCri();
    try {
      const entry = `
        const { openCri } = await import(${JSON.stringify(join(root, 'src/wire/cri.ts'))});
        const env = { now: Date.now, monotonic: () => performance.now(), random: Math.random };
        const cri = await openCri(process.argv[2], { env, connectTimeoutMs: 3000, callTimeoutMs: 3000 });
        console.log(cri.ok ? JSON.stringify(await cri.value.version(new AbortController().signal)) : 'failed');
        if (cri.ok) cri.value.close();`;
      await build({
        stdin: { contents: entry, resolveDir: root, loader: 'ts' },
        outdir: folder,
        entryNames: 'main',
        outExtension: { '.js': '.mjs' },
        bundle: true,
        splitting: true,
        format: 'esm',
        platform: 'node',
        banner: { js: "import { createRequire as r } from 'node:module'; const require = r(import.meta.url);" },
        logLevel: 'error',
      });
      await mkdir(join(folder, 'proto'));
      await writeCriDescriptor(
        [join(root, 'proto/cri.proto'), join(root, 'proto/containerd.proto')],
        join(folder, 'proto/cri.json'),
      );
      // A package.json keeps Node from looking for one above.
      await writeFile(join(folder, 'package.json'), '{"type":"module"}');
      const { stdout } = await promisify(execFile)(process.execPath, [join(folder, 'main.mjs'), fake.endpoint], {
        timeout: 15_000,
      });
      assert.match(stdout, /"runtimeName":"containerd"/);
    } finally {
      await fake.close();
      await rm(folder, { recursive: true, force: true });
    }
  });
});
