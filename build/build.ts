// Bundles the executable: one start-up file, and a chunk for each part that only some commands need
// (grpc for CRI, for one), so that a command loads what it uses.
import { cp, rename, rm } from 'node:fs/promises';
import { build } from 'esbuild';
import { writeCriDescriptor } from './cri-descriptor.ts';
import { builtinsByRequire, noServersOfGrpc, onlyUsedOfTypebox, parserByFile } from './lean.ts';

const root = new URL('..', import.meta.url).pathname;

// Made beside and then put in place, so that a command that runs meanwhile finds all of its parts.
const made = `dist.${process.pid}`;
const former = `${made}.old`;
await build({
  absWorkingDir: root,
  entryPoints: {
    main: 'src/main.ts',
    // What threads of the collector begin with.
    'writing-thread': 'src/collector/threads/writing-thread.ts',
    'reading-thread': 'src/collector/threads/reading-thread.ts',
  },
  outdir: made,
  bundle: true,
  splitting: true,
  // The text of what is loaded stays in memory, for functions are compiled from it again: with names as written it is a third
  // longer, and an idle agent 1.5 MiB larger. The trace of a defect names the sources all the same (src/lib/stack-trace.ts).
  minify: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  // Without the sources' text, which lies in the repository: who reads a trace would hold it, too.
  sourcemap: 'linked',
  sourcesContent: false,
  legalComments: 'linked',
  // CommonJS packages inside an ESM bundle still call require() for Node's own modules.
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
  // undici's own switch for bundles: without the second parser of HTTP that is tried out there, 160 KB of text.
  define: { esbuildDetection: 'true' },
  logLevel: 'warning',
  plugins: [builtinsByRequire, onlyUsedOfTypebox, noServersOfGrpc, parserByFile],
});
await cp(`${root}proto`, `${root}${made}/proto`, { recursive: true });
const protos = ['cri', 'containerd'].map((name) => `${root}proto/${name}.proto`);
await writeCriDescriptor(protos, `${root}${made}/proto/cri.json`);
await rename(`${root}dist`, `${root}${former}`).catch(() => undefined);
await rename(`${root}${made}`, `${root}dist`);
// Tried again, for a command that just ends may be writing its compiled code there (bin/pullwhy.js).
await rm(`${root}${former}`, { recursive: true, force: true, maxRetries: 5 });
