import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { openAgentMetrics } from '../../src/agent/agent-metrics.ts';
import { openBook } from '../../src/agent/book.ts';
import { openDiagnoser } from '../../src/agent/diagnoser.ts';
import { openHealth } from '../../src/agent/health/health.ts';
import { openInvestigator } from '../../src/agent/investigator.ts';
import type { Conclusion } from '../../src/agent/parts.ts';
import { podsDocument } from '../../src/agent/pod-rows.ts';
import { openPuller } from '../../src/agent/puller.ts';
import { openRecovery } from '../../src/agent/recovery.ts';
import { openReporter } from '../../src/agent/report/reporter.ts';
import { openState } from '../../src/agent/state/state.ts';
import type { Log } from '../../src/lib/log.ts';
import { ok } from '../../src/lib/result.ts';
import type { Investigation } from '../../src/model/investigation.ts';
import { imageKey } from '../../src/signals/image-match.ts';
import type { PullEvent } from '../../src/signals/pull-event.ts';
import { investigationOf } from '../kit/agent.ts';

const start = Date.parse('2026-11-22T00:00:00Z');
const megabyte = 1024 * 1024;

/** A fault begins this often, and lasts so long; a pod that waits tells of itself every 13 s. */
const faultEveryMs = 30_000;
const faultMs = 240_000;
const toldEveryMs = 13_000;

/** Hours until everything that is bounded is full, and the hours in which nothing may grow. */
const [warmHours, hours] = [6, 24];

interface Fault {
  readonly image: string;
  readonly pod: string;
  readonly until: number;
  /** How it ends: the failed hop passes and the agent pulls, the kubelet is first, or the pod is deleted. */
  readonly end: 'recovers' | 'kubelet' | 'deleted';
  toldAt: number;
  over: boolean;
}

describe('agent: a day in virtual time', function () {
  this.timeout(150_000);
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'pullwhy-day-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('with faults that come and go grows in memory, handles and files no more than its bounds', async () => {
    const day = openDay(folder);
    await day.run(warmHours);
    const before = measure(folder);
    await day.run(hours - warmHours);
    const after = measure(folder);
    const { counts, metrics, open } = day.end();
    process.stdout.write(
      `      ${counts.faults} faults, ${counts.investigations} investigations, ${counts.pulls} pulls; heap ${(before.heap / megabyte).toFixed(1)} and ${(after.heap / megabyte).toFixed(1)} MiB, files ${(before.bytes / megabyte).toFixed(1)} and ${(after.bytes / megabyte).toFixed(1)} MiB\n`,
    );
    assert.ok(
      counts.faults > 2000 && counts.pulls > 500 && counts.investigations >= counts.faults,
      JSON.stringify(counts),
    );
    assert.ok(open < 30, `${open} incidents are open at the end`);
    assert.ok(after.heap - before.heap < 2 * megabyte, `the heap grew by ${after.heap - before.heap} bytes`);
    assert.deepEqual(after.handles, before.handles);
    assert.equal(after.descriptors, before.descriptors);
    assert.equal(after.files, before.files);
    assert.ok(after.bytes - before.bytes < megabyte, `the files grew by ${after.bytes - before.bytes} bytes`);
    assert.ok(metrics < 100_000, `${metrics} characters of metrics`);
  });
});

/** The parts as agent.ts puts them together, with a made-up network and a real disk. */
function openDay(directory: string) {
  let chance = 7;
  const env = {
    at: 0,
    now: () => start + env.at,
    monotonic: () => env.at,
    random: () => {
      chance = (chance * 48_271) % 2_147_483_647;
      return chance / 2_147_483_647;
    },
  };
  const log: Log = { debug: () => undefined, info: () => undefined, warn: fail, error: fail };
  const faults = new Map<string, Fault>();
  const counts = { faults: 0, investigations: 0, pulls: 0 };
  const fails = (image: string): boolean => (faults.get(imageKey(image))?.until ?? 0) > env.at;
  const document = (image: string): Investigation =>
    investigationOf(image, {
      id: `i-${counts.investigations++}`,
      startedAt: new Date(env.now()).toISOString(),
      summary: `${image}: ${'word '.repeat(200)}`,
    });

  const state = openState({ env, log, directory, keep: 200 });
  const book = openBook(env, state.memory);
  const investigator = openInvestigator({
    env,
    run: (order) => Promise.resolve(ok(document(order.image))),
    archive: state.archive,
    settings: () => ({ concurrency: 2, perRegistry: 600 }),
  });
  const puller = openPuller({
    env,
    node: 'node-1',
    run: (order) => {
      counts.pulls++;
      const good = !fails(order.image);
      return Promise.resolve({
        pull: { attempted: true, ok: good, durationMs: 5, error: good ? null : 'no', cause: null },
        imageRef: null,
        summary: '',
      });
    },
    settings: () => ({ concurrency: 2, perRegistry: 1 }),
  });
  const conclusionOf = ({ id, image }: Investigation): Conclusion => ({
    investigation: id,
    at: env.now(),
    verdict: 'faulty',
    cause: 'tcp-refused',
    confidence: 'proven',
    underlying: null,
    layer: 'tcp',
    host: image.input.split('/')[0] ?? '',
    summary: '',
    remedies: [],
    notBefore: null,
  });
  const diagnoser = openDiagnoser({ env, book, investigator, conclusionOf });
  const recovery = openRecovery({
    env,
    book,
    puller,
    recheck: ({ image }) =>
      Promise.resolve({ state: fails(image) ? 'same' : 'clear', cause: 'tcp-refused', notBefore: null }),
    credentialsMark: () => Promise.resolve(''),
    investigate: (incident) => diagnoser.order(incident, 'cleared'),
    settings: () => ({ mode: 'on-recovery', concurrency: 2 }),
  });
  const health = openHealth({
    env,
    images: () => null,
    configured: () => Promise.resolve(['registry-0.lab', 'registry-1.lab']),
    incidents: book.open,
    check: (image) => Promise.resolve(ok(document(image))),
    settings: () => ({ registries: [], intervalMs: 60_000 }),
  });
  const pods = () =>
    podsDocument(book.open(), {
      node: 'node-1',
      now: env.now(),
      retryOf: recovery.retryOf,
      busy: diagnoser.busy,
      podOf: () => null,
    });
  const reporter = openReporter({
    env,
    log,
    node: 'node-1',
    version: '0',
    startedAt: start,
    incidents: book.open,
    past: book.over,
    rows: () => pods().pods,
    registries: health.registries,
    local: health.local,
    sources: () => [],
    trouble: state.trouble,
    lastTime: state.lastTime,
    saveTime: state.saveTime,
    settings: () => ({ schedule: 'hourly', directory: join(directory, 'reports'), keep: 3 }),
  });
  const metrics = openAgentMetrics({
    version: '0',
    now: env.now,
    incidents: book.open,
    registries: health.registries,
    local: health.local,
    sources: () => [],
    onDisk: () => state.trouble() === null,
    condition: () => null,
    noticesWaiting: () => 0,
  });
  investigator.onDone((made) => {
    health.learn(made);
    metrics.investigated(made);
  });
  puller.onEnd(metrics.pulled);
  book.onChange((incident, change) => {
    state.saveIncident(incident);
    if (change === 'ended') metrics.ended(incident);
  });

  const event = (fault: Fault, kind: PullEvent['event']): PullEvent => ({
    at: new Date(env.now()).toISOString(),
    cursor: `c-${env.at}`,
    unit: 'kubelet.service',
    source: 'kubelet',
    event: kind,
    image: fault.image,
    pod: fault.pod,
    namespace: 'shop',
    container: 'app',
    cause: kind === 'pull-succeeded' ? null : 'tcp-refused',
    confidence: 'likely',
    underlying: null,
    message: `dial tcp: connection refused, ${fault.pod}`,
  });
  const tell = (fault: Fault, kind: PullEvent['event']): void => {
    book.notice(event(fault, kind));
    state.saveCursor(`c-${env.at}`);
  };
  const begin = (): void => {
    const serial = counts.faults++;
    // Now and then a registry whose name somebody mistyped.
    const host = serial % 20 === 0 ? `typo-${serial}.lab` : `registry-${serial % 7}.lab`;
    const image = `${host}/team/app:1.${serial}`;
    const end = (['recovers', 'kubelet', 'deleted'] as const)[serial % 3] ?? 'deleted';
    const fault = { image, pod: `web-${serial}`, until: env.at + faultMs, end, toldAt: env.at, over: false };
    faults.set(imageKey(image), fault);
    tell(fault, 'pull-failed');
  };

  return {
    async run(hoursMore: number) {
      for (let second = 0; second < hoursMore * 3600; second++) {
        env.at += 1000;
        if (env.at % faultEveryMs === 0) begin();
        for (const [key, fault] of faults) {
          if (env.at > fault.until && !fault.over) {
            fault.over = true;
            if (fault.end === 'kubelet') tell(fault, 'pull-succeeded');
          }
          if (!fault.over && env.at - fault.toldAt >= toldEveryMs) {
            fault.toldAt = env.at;
            tell(fault, 'back-off');
          }
          if (env.at > fault.until + 600_000) faults.delete(key);
        }
        for (const part of [book, diagnoser, recovery, health, reporter]) part.tick();
        state.tick(book.untold);
        if (second % 60 === 0) {
          metrics.metrics.text();
          pods();
        }
        await new Promise((resolve) => setImmediate(resolve));
      }
      // What a tick began on the disk has ended.
      await new Promise((resolve) => setTimeout(resolve, 200));
    },
    end() {
      const text = metrics.metrics.text();
      state.close();
      return { counts, metrics: text.length, open: book.open().length };
    },
  };
}

function measure(folder: string) {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  assert.ok(typeof collect === 'function');
  for (let turn = 0; turn < 4; turn++) collect();
  const names = readdirSync(folder, { recursive: true }).map((name) => join(folder, String(name)));
  const files = names.filter((name) => statSync(name).isFile());
  const handles = new Map<string, number>();
  for (const name of process.getActiveResourcesInfo()) handles.set(name, (handles.get(name) ?? 0) + 1);
  return {
    heap: process.memoryUsage().heapUsed,
    handles: [...handles].sort(),
    descriptors: readdirSync('/proc/self/fd').length,
    files: files.length,
    bytes: files.reduce((sum, name) => sum + statSync(name).size, 0),
  };
}

function fail(message: string): never {
  throw new Error(`it was logged: ${message}`);
}
