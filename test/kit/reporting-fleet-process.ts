import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('reporting-fleet.ts', import.meta.url));

/** The agents of `fleet-story.ts` as one process. */
export interface ReportingFleet {
  readonly running: () => boolean;
  readonly kill: () => void;
  /** Has it tell the rest of its story at once. */
  readonly hurry: () => void;
  /** What became of its batches, once all has arrived; null: it was killed. */
  readonly done: Promise<FleetCounts | null>;
  /** Warnings of the agents' log. */
  readonly logText: () => string;
}

/** Records that were taken and refused, and batches by what else became of them. */
export interface FleetCounts {
  readonly taken: number;
  readonly refused: number;
  readonly later: number;
  readonly unusable: number;
}

/** Starts it, and waits until it has begun. `stepMs`: how long one step of the story takes. */
export async function startReportingFleet(
  url: string,
  directory: string,
  { t0, stepMs }: { readonly t0: number; readonly stepMs: number },
): Promise<ReportingFleet> {
  const child = spawn(process.execPath, [program, url, directory, String(t0), String(stepMs)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH },
  });
  let [text, errors] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    errors += chunk;
  });
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  let running = true;
  const done = new Promise<FleetCounts | null>((resolve, reject) => {
    child.once('close', (code, signal) => {
      running = false;
      process.off('exit', kill);
      const last = text.trim().split('\n').at(-1) ?? '';
      if (code === 0) resolve(JSON.parse(last));
      else if (signal === 'SIGKILL') resolve(null);
      else reject(new Error(`the agents ended with ${code}:\n${errors}`));
    });
  });
  done.catch(() => undefined);
  while (running && !text.includes('begun')) await new Promise((resolve) => setTimeout(resolve, 5));
  return { running: () => running, kill, hurry: () => void child.kill('SIGUSR2'), done, logText: () => errors };
}
