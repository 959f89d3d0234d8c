import { Agent, request } from 'node:http';
import { gzipSync } from 'node:zlib';
import type { ReportRecord } from '../../src/api/records.ts';
import { seededChance } from '../../src/demo/chance.ts';
import { openSimulatedAgent, usualManner } from '../../src/demo/simulated-agent.ts';
import { makeSites } from '../../src/demo/sites.ts';
import { usualRegistries } from '../../src/demo/world.ts';
import { startCollectorProcess } from '../kit/collector-process.ts';
import { postgresMissing, startPostgres } from '../kit/postgres.ts';
import { type Figure, figureOf, type Part } from './figure.ts';
import { startBenchCollector } from './fleet-world.ts';

/** A usual report, and what a spool sends that catches up. */
const batchSizes = [2, 50];
const nodes = 1000;
const connections = 64;
/** For each size of batch. */
const recordsPerRun = { 2: 12_000, 50: 60_000 } as const;

/** How many records a second are taken for good, of heartbeats and health checks in turn: for each database and size of batch. */
export async function fleetIngest(): Promise<Part> {
  const figures: Figure[] = [];
  const notes = [
    `fleet-ingest: ${connections} connections that are kept, gzip as of agents, records of ${nodes.toLocaleString('en')} nodes: heartbeats, and health records of six checks; the sender shares the machine.`,
  ];
  const sqlite = await startBenchCollector();
  try {
    figures.push(...(await flood('SQLite', sqlite.url)));
  } finally {
    await sqlite.close();
  }
  const missing = await postgresMissing();
  if (missing !== null) return { figures, notes: [...notes, `left out: ingest into PostgreSQL: ${missing}`] };
  const postgres = await startPostgres();
  try {
    const collector = await startCollectorProcess(['--store', await postgres.createDatabase()]);
    try {
      figures.push(...(await flood('PostgreSQL', collector.url)));
    } finally {
      await collector.stop();
    }
  } finally {
    await postgres.stop();
  }
  return { figures, notes };
}

async function flood(store: string, url: string): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const size of batchSizes) {
    const bodies = bodiesOf(size, size === 2 ? recordsPerRun[2] : recordsPerRun[50]);
    // The first ones make the nodes known.
    await sendAll(url, bodies.splice(0, nodes));
    const begun = performance.now();
    await sendAll(url, bodies);
    const perSecond = (bodies.length * size * 1000) / (performance.now() - begun);
    figures.push(figureOf(`fleet, ingest into ${store}: records, ${size} in a batch`, '/s', [perSecond]));
  }
  return figures;
}

/** Batches of this size, packed beforehand, those of one node in order. */
function bodiesOf(size: number, records: number): Buffer[] {
  const chance = seededChance(size);
  const roundMs = 60_000;
  const agents = makeSites(nodes).map((site) =>
    openSimulatedAgent({
      site,
      world: () => ({ registries: usualRegistries, faults: [] }),
      chance,
      manner: { ...usualManner, roundMs },
      bootId: `flood-${size}`,
      startedAt: 0,
      rampMs: 0,
    }),
  );
  const start = Date.now();
  const bodies: Buffer[] = [];
  const rounds = Math.ceil(records / size / nodes) + 1;
  for (let round = 0, now = 0; round < rounds; round++) {
    for (const agent of agents) {
      const batch: ReportRecord[] = [];
      for (let at = now; batch.length < size; at += roundMs) {
        const next = agent.next(at + 2 * roundMs, start + at);
        if (next !== null) batch.push(...next.records);
        agent.taken();
      }
      const sentAt = new Date(start).toISOString();
      bodies.push(
        gzipSync(JSON.stringify({ node: agent.site.name, bootId: agent.bootId, sentAt, records: batch }), { level: 1 }),
      );
    }
    now += Math.ceil(size / 2) * roundMs;
  }
  return bodies;
}

async function sendAll(url: string, bodies: readonly Buffer[]): Promise<void> {
  const target = new URL('/v1/reports', url);
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  let at = 0;
  const send = async (): Promise<void> => {
    for (let body = bodies[at++]; body !== undefined; body = bodies[at++]) {
      const status = await statusOf(target, agent, body);
      if (status !== 202) throw new Error(`POST /v1/reports: ${status}`);
    }
  };
  await Promise.all(Array.from({ length: connections }, send));
  agent.destroy();
}

function statusOf(target: URL, agent: Agent, body: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = {
      'content-type': 'application/json',
      'content-encoding': 'gzip',
      'content-length': body.length,
    };
    const asked = request(target, { method: 'POST', agent, headers, timeout: 30_000 }, (response) => {
      response.resume();
      response.on('error', reject);
      response.on('end', () => resolve(response.statusCode ?? 0));
    });
    asked.on('timeout', () => asked.destroy(new Error('no answer in time')));
    asked.on('error', reject);
    asked.end(body);
  });
}
