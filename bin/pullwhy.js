#!/usr/bin/env node
// The executable. It runs on the Node that package.json pins: a shell's older Node hands over to the pinned one,
// so that `npx pullwhy` and a plain path behave alike.
import { existsSync } from 'node:fs';
import * as nodeModule from 'node:module';
import { fileURLToPath } from 'node:url';

const oldest = 24;
const bundle = new URL('../dist/main.js', import.meta.url);

if (Number.parseInt(process.versions.node, 10) < oldest) {
  await runOnPinnedNode();
} else if (!existsSync(bundle)) {
  process.stderr.write('pullwhy: it is not built yet. Run: npm ci\n');
  process.exitCode = 3;
} else {
  nodeModule.enableCompileCache?.();
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
  const child = spawn(pinned, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 143);
  });
}
