// A process that tells the story of a fleet by the agent's own spools and senders, over HTTP, and ends when all of it has
// arrived: `reporting-fleet.ts URL DIRECTORY T0 STEP_MS`. Killed and started again on the same directory it goes on; SIGUSR2
// has it tell the rest at once.
import { randomUUID } from 'node:crypto';
import { appendFileSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openCollectorClient } from '../../src/agent/collector/collector-client.ts';
import { collectorUrl } from '../../src/agent/collector/collector-url.ts';
import { openSender } from '../../src/agent/collector/sender.ts';
import { openSpool, type SpoolEntry } from '../../src/agent/collector/spool.ts';
import { systemEnv } from '../../src/lib/env.ts';
import { openLog } from '../../src/lib/log.ts';
import { fleetStory, storyNode, storyStep } from './fleet-story.ts';

const [, , url = '', directory = '', t0 = '', stepMs = ''] = process.argv;
const parts = collectorUrl(url);
if (parts === null) throw new Error(url);
// A clock that runs fast: back-off and pace of minutes pass in seconds.
const env = { ...systemEnv, monotonic: () => systemEnv.monotonic() * 200 };
const place = { tokenFile: null, caFile: null, certFile: null, keyFile: null };
const counts = { taken: 0, refused: 0, later: 0, unusable: 0, 'too-large': 0 };

const agents = Array.from({ length: fleetStory.nodes }, (_, index) => {
  const node = storyNode(index);
  const log = openLog({
    env: systemEnv,
    write: (line) => void process.stderr.write(`${node} ${line}`),
    settings: () => ({ level: 'warn', format: 'text' }),
  });
  const own = join(directory, node);
  mkdirSync(own, { recursive: true });
  const spool = openSpool({
    env: systemEnv,
    log,
    node,
    directory: own,
    maxBytes: 64 * 1024 * 1024,
    maxAgeMs: 86_400_000,
    newId: randomUUID,
    onDropped: (kind, count) => log.error('dropped', { kind, count }),
  });
  const client = openCollectorClient(place, parts, systemEnv);
  const ended = (result: keyof typeof counts, taken: number, refused: number): void => {
    counts[result] += result === 'taken' ? taken : 1;
    counts.refused += refused;
  };
  const sender = openSender({ env, log, node, spool, client, ended });
  const story: readonly SpoolEntry[] = Array.from({ length: fleetStory.steps }, (_, step) =>
    storyStep(index, step, Number(t0)),
  ).flat();
  // A line for each record that is on the disk; what was not noted in time is told a second time, as agents do.
  const notes = join(own, 'told');
  appendFileSync(notes, '');
  let next = readFileSync(notes, 'utf8').length;
  return {
    length: story.length,
    spool,
    client,
    sender,
    tell(): void {
      const entry = story[next];
      if (entry !== undefined) spool.push(entry);
      spool.tick();
      if (entry !== undefined) appendFileSync(notes, '\n');
      next++;
      sender.wake('now');
    },
    done: () => next >= story.length && spool.size().rows === 0 && !sender.busy(),
  };
});

const longest = Math.max(...agents.map(({ length }) => length));
const tellAll = (): void => {
  for (const agent of agents) agent.tell();
};
let telling = setInterval(tellAll, (Number(stepMs) * fleetStory.steps) / longest);
process.once('SIGUSR2', () => {
  clearInterval(telling);
  telling = setInterval(tellAll, 5);
});
const sending = setInterval(() => {
  for (const { sender } of agents) sender.tick();
  if (!agents.every(({ done }) => done())) return;
  clearInterval(telling);
  clearInterval(sending);
  for (const { spool, client } of agents) {
    spool.close();
    void client.close();
  }
  process.stdout.write(`${JSON.stringify(counts)}\n`);
}, 5);
process.stdout.write('begun\n');
