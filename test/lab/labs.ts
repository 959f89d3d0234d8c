import { findContainerds, type RuntimeLine, runtimeLines } from './containerd-versions.ts';
import { prepareMachine } from './install.ts';
import { type Lab, startLab } from './lab.ts';

/** The labs of this process, one for each line of containerd that is here. */
export interface Labs {
  /** Whether a line is there: its containerd is on this machine, and it was not left out by `PULLWHY_LAB_RUNTIMES`. */
  has(line: RuntimeLine): boolean;
  /** The lab of a line that is there, or the second one beside it; one that could not be made throws why. */
  on(line: RuntimeLine, beside?: boolean): Promise<Lab>;
}

type Prepared = { readonly labs: Labs } | { readonly why: string };

const started = new Map<string, Promise<Lab>>();
let prepared: Promise<Prepared> | undefined;

/** Finds what is here, once a process, and says in one line what is not. */
async function prepare(): Promise<Prepared> {
  const readiness = await prepareMachine();
  if (!readiness.ready) return { why: readiness.why };
  const { found, missing } = await findContainerds(wantedLines());
  for (const line of missing) process.stdout.write(`    lab: left out: ${line}\n`);
  if (found.size === 0) return { why: 'no containerd is here' };
  return {
    labs: {
      has: (line) => found.has(line),
      on(line, beside = false) {
        const containerd = found.get(line);
        if (containerd === undefined) throw new Error(`the lab has no containerd ${line}`);
        const label = `${line.replace(/\W/g, '')}${beside ? '-beside' : ''}`;
        const made = started.get(label) ?? startLab(containerd, label);
        started.set(label, made);
        made.catch(() => undefined); // told to whoever asks for it
        return made;
      },
    },
  };
}

/** `PULLWHY_LAB_RUNTIMES=1.6,2.x` makes only these; all of them by default. */
function wantedLines(): readonly RuntimeLine[] {
  const asked = process.env.PULLWHY_LAB_RUNTIMES?.split(',').map((text) => text.trim());
  if (asked === undefined) return runtimeLines;
  const unknown = asked.filter((text) => !runtimeLines.some((line) => line === text));
  if (unknown.length > 0)
    throw new Error(`PULLWHY_LAB_RUNTIMES: ${unknown.join(', ')} is none of ${runtimeLines.join(', ')}`);
  return runtimeLines.filter((line) => asked.includes(line));
}

/**
 * For a suite: finds what is here before it, or skips it with one line that says why. Gives a function for the labs; each
 * is made when it is first asked for, and all are taken down when all suites of the process have ended.
 */
export function useLabs(what: string): () => Labs {
  let labs: Labs | undefined;
  before(async function () {
    this.timeout(900_000); // the first suite may install packages
    prepared ??= prepare();
    const found = await prepared;
    if ('why' in found) {
      process.stdout.write(`    left out: ${what}: ${found.why}\n`);
      this.skip();
    } else {
      labs = found.labs;
    }
  });
  return () => {
    if (labs === undefined) throw new Error('the labs are used before their suite began');
    return labs;
  };
}

/** Takes down every lab that was made. */
async function stopLabs(): Promise<void> {
  await Promise.all([...started.values()].map((lab) => lab.then(({ stop }) => stop()).catch(() => undefined)));
}

// At the root of all suites, because this file is loaded while mocha collects them.
after(async function () {
  this.timeout(60_000);
  await stopLabs();
});

// An interrupted run tidies up too.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    if (started.size > 0) void stopLabs().finally(() => process.exit(130));
  });
}
