import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { cleanEnvironment, run } from '../lab/commands.ts';

/** The built command's file, run by the Node that runs this. */
export const executable = fileURLToPath(new URL('../../bin/pullwhy.js', import.meta.url));

/** A whole process, as somebody at a shell would start it. */
export interface Command {
  readonly name: string;
  readonly file: string;
  readonly args: readonly string[];
  /** The exit statuses that mean that it did what it was measured for (0). */
  readonly statuses?: readonly number[];
}

/** `pullwhy …`. */
export function pullwhy(name: string, args: readonly string[], statuses?: readonly number[]): Command {
  return { name, file: process.execPath, args: [executable, ...args], ...(statuses === undefined ? {} : { statuses }) };
}

/** What any program on Node pays before its first line. */
export const bareNode: Command = { name: 'node -e 0', file: process.execPath, args: ['-e', '0'] };

/**
 * The time of each whole process, milliseconds, from before it is started until it has ended and all of its output is
 * here. The commands take turns, so that what else the machine does hits all of them alike; the first turn is not counted.
 */
export async function timed(commands: readonly Command[], runs: number): Promise<Map<Command, number[]>> {
  const times = new Map(commands.map((command): [Command, number[]] => [command, []]));
  for (let turn = 0; turn <= runs; turn++) {
    for (const command of commands) {
      const { code, stdout, stderr, wallMs } = await run(command.file, command.args, { timeoutMs: 60_000 });
      check(command, code, stderr + stdout);
      if (turn > 0) times.get(command)?.push(wallMs);
    }
  }
  return times;
}

/** The most memory that a process has had, MB, for each of some runs. */
export async function peaks(command: Command, runs: number): Promise<number[]> {
  const found: number[] = [];
  for (let turn = 0; turn < runs; turn++) found.push(await peak(command));
  return found;
}

function peak(command: Command): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(command.file, command.args, { env: cleanEnvironment(), stdio: ['ignore', 'ignore', 'pipe'] });
    const said: Buffer[] = [];
    child.stderr.on('data', (chunk: Buffer) => said.push(chunk));
    let most = 0;
    // The kernel keeps the highest value, so what counts is only that the last look is near the end.
    const watch = setInterval(() => {
      most = Math.max(most, peakOf(child.pid ?? 0));
    }, 2);
    const tooLong = setTimeout(() => child.kill('SIGKILL'), 60_000);
    const settle = (): void => {
      clearInterval(watch);
      clearTimeout(tooLong);
    };
    child.once('error', (error) => {
      settle();
      reject(error);
    });
    child.once('close', (code) => {
      settle();
      try {
        check(command, code, String(Buffer.concat(said)));
        resolve(most);
      } catch (error) {
        reject(error);
      }
    });
  });
}

/** A figure of a command that did something else would mean nothing. */
function check({ name, statuses = [0] }: Command, code: number | null, said: string): void {
  if (code !== null && statuses.includes(code)) return;
  throw new Error(`${name}: exit status ${code}, not ${statuses.join(' or ')}\n${said.slice(0, 2000)}`);
}

/** The high-water mark of a process's resident memory, MB; 0 once it has ended. */
function peakOf(pid: number): number {
  try {
    return (Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024) / 1e6;
  } catch {
    return 0;
  }
}
