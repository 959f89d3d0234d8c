// `npm run bench`: what the built command and its parts take, each beside a reference measured in the same run. Times of
// one machine say little about another; the ratios do. With --json one document instead of the table; with names of
// parts only these (`agent` for `agent-idle` and `agent-storm`). `--minutes` is how long an idle agent is watched,
// `--seconds` how long a fleet reports before its storm. Exit status 1: a bound is not kept.
import { existsSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { agentIdle, agentStorm } from './agent.ts';
import { dropped } from './dropped.ts';
import { type Figure, isMissed, type Part, tableOf } from './figure.ts';
import { fleetGrowth, fleetStorm } from './fleet.ts';
import { fleetIngest } from './fleet-ingest.ts';
import { functions } from './functions.ts';
import { healthy, trusted, withRuntime } from './healthy.ts';
import { journal } from './journal-part.ts';
import { memory } from './memory.ts';
import { makeWorld, type World } from './world.ts';

const { values, positionals } = parseArgs({
  options: {
    json: { type: 'boolean' },
    minutes: { type: 'string', default: '10' },
    seconds: { type: 'string', default: '60' },
  },
  allowPositionals: true,
});
const minutes = Number(values.minutes);
if (!(minutes > 0)) end(2, 'bench: --minutes must be a number above 0');
const seconds = Number(values.seconds);
if (!(seconds > 0)) end(2, 'bench: --seconds must be a number above 0');

const parts: Readonly<Record<string, (world: World) => Promise<Part>>> = {
  http: healthy,
  https: trusted,
  containerd: withRuntime,
  dropped,
  memory,
  functions,
  journal,
  'agent-idle': agentIdle(minutes),
  'agent-storm': agentStorm,
  'fleet-storm': fleetStorm(seconds),
  'fleet-ingest': fleetIngest,
  'fleet-growth': fleetGrowth,
};

/** The whole benchmark ends within this, whatever hangs. */
const limitMs = (22 + minutes + seconds / 60) * 60_000;

const isWanted = (part: string): boolean =>
  positionals.length === 0 || positionals.some((name) => part === name || part.startsWith(`${name}-`));
const unknown = positionals.find(
  (name) => !Object.keys(parts).some((part) => part === name || part.startsWith(`${name}-`)),
);
if (unknown !== undefined) end(2, `bench: there is no part ${unknown}; there are ${Object.keys(parts).join(', ')}`);
if (!existsSync(new URL('../../dist/main.js', import.meta.url))) end(2, 'bench: not built yet. Run: npm run build');

const world = await makeWorld();
let ending: Promise<void> | undefined;
const stop = (): Promise<void> => {
  ending ??= world.end();
  return ending;
};
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void stop().finally(() => process.exit(130)));
}
const tooLong = setTimeout(() => {
  void stop().finally(() => end(1, `bench: stopped after ${limitMs / 60_000} minutes`));
}, limitMs);

const figures: Figure[] = [];
const notes: string[] = [];
try {
  for (const [name, measure] of Object.entries(parts)) {
    if (!isWanted(name)) continue;
    process.stderr.write(`bench: ${name}\n`);
    const part = await measure(world);
    figures.push(...part.figures);
    notes.push(...part.notes);
  }
} finally {
  clearTimeout(tooLong);
  await stop();
}

const machine = { node: process.version, arch: process.arch, cpus: cpus().length, model: cpus()[0]?.model ?? null };
if (values.json === true) process.stdout.write(`${JSON.stringify({ machine, figures, notes }, null, 2)}\n`);
else process.stdout.write(`${tableOf(figures)}\n${notes.map((note) => `${note}\n`).join('')}`);
process.exitCode = figures.some(isMissed) ? 1 : 0;

function end(status: number, words: string): never {
  process.stderr.write(`${words}\n`);
  process.exit(status);
}
