import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { readIntervals } from '../../src/collector/store/intervals.ts';
import { type CollectorProcess, startCollectorProcess } from '../kit/collector-process.ts';

/** A collector with an SQLite file of its own. */
export interface BenchCollector extends CollectorProcess {
  /** Records that are in the store by the streams' own numbers, and investigations; after it was stopped. */
  readonly kept: () => { readonly records: number; readonly investigations: number };
  readonly close: () => Promise<void>;
}

/** Starts one. */
export async function startBenchCollector(flags: readonly string[] = []): Promise<BenchCollector> {
  const folder = await mkdtemp(join(tmpdir(), 'pullwhy-bench-fleet-'));
  const file = join(folder, 'collector.db');
  const collector = await startCollectorProcess(['--store', `sqlite://${file}`, ...flags]);
  let stopped = false;
  return {
    ...collector,
    async stop(signal) {
      stopped = true;
      return collector.stop(signal);
    },
    kept() {
      const db = new DatabaseSync(file, { readOnly: true });
      try {
        let records = 0;
        for (const row of db.prepare('SELECT seen FROM pullwhy_streams').iterate()) {
          for (const [from, to] of readIntervals(String(row.seen)) ?? []) records += to - from + 1;
        }
        const investigations = Number(db.prepare('SELECT count(*) AS n FROM pullwhy_documents').get()?.n);
        return { records, investigations };
      } finally {
        db.close();
      }
    },
    async close() {
      if (!stopped) await collector.stop('SIGKILL');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The sum of one metric's samples. */
export function metricSum(text: string, name: string): number {
  return [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'))].reduce(
    (sum, [, value]) => sum + Number(value),
    0,
  );
}

/** Questions that are asked all the while, one after the other, each on its own connection that is kept. */
export interface Asking {
  /** Milliseconds by name; what took an error counts as infinite. */
  readonly times: () => ReadonlyMap<string, readonly number[]>;
  readonly stop: () => Promise<void>;
}

/** Asks each of these addresses again and again, with a pause between. */
export function keepAsking(questions: Readonly<Record<string, string>>, pauseMs: number): Asking {
  const stopping = new AbortController();
  const times = new Map<string, number[]>();
  const work = Object.entries(questions).map(async ([name, url]) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const taken: number[] = [];
    times.set(name, taken);
    while (!stopping.signal.aborted) {
      taken.push(await timeOf(url, agent));
      await sleep(pauseMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
    agent.destroy();
  });
  return {
    times: () => times,
    async stop() {
      stopping.abort();
      await Promise.all(work);
    },
  };
}

function timeOf(url: string, agent: Agent): Promise<number> {
  const begun = performance.now();
  return new Promise((resolve) => {
    const failed = (): void => resolve(Number.POSITIVE_INFINITY);
    const asked = request(url, { agent, timeout: 30_000 }, (response) => {
      response.resume();
      response.on('error', failed);
      response.on('end', () =>
        resolve(response.statusCode === 200 ? performance.now() - begun : Number.POSITIVE_INFINITY),
      );
    });
    asked.on('timeout', () => asked.destroy());
    asked.on('error', failed);
    asked.end();
  });
}

/** A server that answers two characters, in a process of its own: what the machine itself makes callers wait. */
export async function startBareServer(): Promise<{ readonly url: string; readonly stop: () => Promise<void> }> {
  const text =
    "const s=require('node:http').createServer((q,r)=>r.end('{}')).listen(0,'127.0.0.1',()=>console.log(s.address().port))";
  const child = spawn(process.execPath, ['-e', text], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const port = await new Promise<number>((resolve) => {
    child.stdout.once('data', (chunk: Buffer) => resolve(Number(String(chunk))));
  });
  return {
    url: `http://127.0.0.1:${port}/`,
    async stop() {
      child.kill();
      await ended;
    },
  };
}
