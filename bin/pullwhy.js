#!/usr/bin/env node
// The executable. It runs on the Node that package.json pins: a shell's older Node hands over to the pinned one,
// so that `npx pullwhy` and a plain path behave alike.
import { statSync } from 'node:fs';
import * as nodeModule from 'node:module';
import { fileURLToPath } from 'node:url';

const oldest = 24;
const bundle = new URL('../dist/main.js', import.meta.url);
const built = statSync(bundle, { throwIfNoEntry: false });

if (Number.parseInt(process.versions.node, 10) < oldest) {
  await runOnPinnedNode();
} else if (built === undefined) {
  process.stderr.write('pullwhy: it is not built yet. Run: npm ci\n');
  process.exitCode = 3;
} else {
  // Compiled code is kept beside the code itself, by its owner: who can write there can change either. Node's own choice
  // is a folder that any user of the machine may have made before, with code in it for root to run. Another user than
  // the owner goes without, and so does a folder that cannot be written; neither is said.
  if (built.uid === process.getuid?.()) nodeModule.enableCompileCache?.(fileURLToPath(new URL('.compiled', bundle)));
  await import(bundle.href);
}

async function runOnPinnedNode() {
  let pinned;
  try {
    pinned = nodeModule.createRequire(import.meta.url).resolve('node/bin/node');
  } catch {
    process.stderr.write(
      `pullwhy: Node ${oldest} or newer is needed, this is ${process.version}. In a checkout run: npm ci\n`,
    );
    process.exitCode = 3;
    return;
  }
  const { spawn } = await import('node:child_process');
  // By the name that it was called by: as kubectl-pullwhy it is kubectl's plugin.
  const child = spawn(pinned, process.argv.slice(1), { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 143);
  });
}
