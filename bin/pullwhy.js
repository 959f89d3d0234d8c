#!/usr/bin/env node
// The executable. It runs on the Node that package.json pins: a shell's older Node hands over to the pinned one,
// so that `npx pullwhy` and a plain path behave alike.
import { accessSync, constants, statSync } from 'node:fs';
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
  if (process.argv[2] === 'agent') startSmall();
  if (process.argv[2] === 'collector') startSteady();
  // Compiled code is kept beside the code itself, by its owner: who can write there can change either. Node's own choice
  // is a folder that any user of the machine may have made before, with code in it for root to run. Another user than
  // the owner goes without, and so does a folder that cannot be written; neither is said.
  if (built.uid === process.getuid?.()) nodeModule.enableCompileCache?.(fileURLToPath(new URL('.compiled', bundle)));
  await import(bundle.href);
}

/**
 * The agent stays on every node and does little: it is started anew as a process (the same one for whoever started it)
 * that spends its memory as that. Measured with 20 registries: 125 MiB resident and 70 private without, 78 and 30 with it;
 * it costs 30 ms. What only large heaps and hot loops gain by is what is given up: large nurseries, compiled code (of
 * regular expressions, too: 4 MiB of it in a storm; the middle compiler, which --no-opt leaves, took 4 MiB and a sixth of an
 * idle agent's time), what is noted of functions in order to compile them, what was made of functions that have not run for
 * two collections (2 MiB, of the start above all), threads that collect and compile, and a heap of malloc's for each of
 * these. malloc gives large pieces back to the system at once;
 * by itself it would learn from the first ones to keep them.
 */
function startSmall() {
  const flags = [
    '--max-semi-space-size=1',
    '--optimize-for-size',
    '--heap-growing-percent=10',
    '--no-opt',
    '--no-maglev',
    '--no-sparkplug',
    '--liftoff-only',
    '--wasm-wrapper-tiering-budget=1000000000',
    '--regexp-interpret-all',
    '--invocation-count-for-feedback-allocation=100',
    '--bytecode-old-age=2',
    '--single-threaded-gc',
    '--v8-pool-size=1',
    // Once a minute, for the agent to call (src/cli/settle-memory.ts).
    '--expose-gc',
  ];
  const malloc = {
    MALLOC_ARENA_MAX: '1',
    MALLOC_MMAP_THRESHOLD_: '16384',
    MALLOC_TRIM_THRESHOLD_: '32768',
    MALLOC_TOP_PAD_: '16384',
  };
  startAnew(flags, malloc);
}

/**
 * The collector answers while thousands of agents report at once. What one of their requests takes lives until it is stored, and
 * copying it within a large nursery stops everything for 20 to 40 ms, the longer the busier the machine is, for all threads that
 * copy must have had their turn: a small one, copied by the thread itself, is done in a few. It costs 30 ms of the start.
 */
function startSteady() {
  startAnew(['--max-semi-space-size=2', '--no-parallel-scavenge'], {});
}

/** The same process and Node, begun again with these. Who hands in flags of his own knows what he wants. */
function startAnew(flags, more) {
  const { execArgv, execPath, argv, env, versions } = process;
  // Flags are of one V8 and unknown to another.
  const known = Number.parseInt(versions.node, 10) === oldest && typeof process.execve === 'function';
  if (!known || execArgv.some((flag) => /^--(max-|v8-pool|no-opt)/.test(flag))) return;
  try {
    accessSync(execPath, constants.X_OK);
  } catch {
    return; // It was replaced while it ran: execve would end the process.
  }
  process.execve(execPath, [execPath, ...flags, ...execArgv, ...argv.slice(1)], { ...more, ...env });
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
