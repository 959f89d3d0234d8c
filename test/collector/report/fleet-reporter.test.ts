import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FleetReport } from '../../../src/api/fleet-report.ts';
import { checkAgainst } from '../../../src/api/schema.ts';
import {
  type FleetReporter,
  type FleetReporterNeeds,
  openFleetReporter,
} from '../../../src/collector/report/fleet-reporter.ts';
import { openReportMaker } from '../../../src/collector/report/report-maker.ts';
import type { Log } from '../../../src/lib/log.ts';
import { fleetAt, fleetIncident, fleetNode, fleetRegistry } from '../../kit/fleet-documents.ts';

const hourMs = 3_600_000;

describe('collector: reports', () => {
  let folder = '';
  let reporter: FleetReporter | null = null;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pullwhy-fleet-reports-'));
  });
  afterEach(async () => {
    await reporter?.stop();
    reporter = null;
    await rm(folder, { recursive: true, force: true });
  });

  function stage(more: Partial<ReturnType<FleetReporterNeeds['settings']>> = {}) {
    const clock = { wall: fleetAt, run: 0 };
    const logged: string[] = [];
    const say = (level: string) => (message: string) => void logged.push(`${level} ${message}`);
    const log: Log = { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') };
    const settings = { schedule: 'hourly' as const, directory: folder as string | null, keep: 2, ...more };
    const state = { gone: false, reads: 0 };
    const closedLong = fleetIncident('closed', { state: 'closed', closedAt: new Date(fleetAt - hourMs).toISOString() });
    const nodes = Array.from({ length: 1203 }, (_, at) => fleetNode(`node-${at}`));
    const env = { now: () => clock.wall, monotonic: () => clock.run, random: () => 0.5 };
    const open = () =>
      openFleetReporter({
        ...{ env, log, tickMs: 5, settleMs: 1000 },
        settings: () => settings,
        make: openReportMaker({
          ...{ env, version: '0.1.0', startedAt: fleetAt },
          store: {
            standing: async () => {
              state.reads++;
              if (state.gone) return { ok: false, error: { reason: 'gone', message: 'No connection.' } };
              return {
                ok: true,
                value: [fleetIncident('open'), closedLong].map((document) => ({
                  key: document.id,
                  document,
                  memory: '',
                })),
              };
            },
            registries: async () => ({ ok: true, value: { items: [fleetRegistry('docker.io')], cursor: null } }),
            nodes: async ({ limit, cursor }) => {
              const from = Number(cursor ?? 0);
              const next = from + limit < nodes.length ? String(from + limit) : null;
              return { ok: true, value: { items: nodes.slice(from, from + limit), cursor: next } };
            },
            recovered: async () => ({ ok: false, error: { reason: 'busy', message: 'busy' } }),
          },
        }),
      });
    /** Time goes on by so much; what is due is written then. */
    const pass = async (ms: number): Promise<void> => {
      clock.wall += ms;
      clock.run += ms;
      await sleep(60);
    };
    return { clock, logged, settings, state, open, pass };
  }

  it('reads all nodes, page by page, and says what it could not read', async () => {
    const { open } = stage({ schedule: 'daily' });
    reporter = open();
    const made = await reporter.report();
    assert.ok(made.ok);
    assert.equal(made.value.nodes.total, 1203);
    assert.deepEqual(
      made.value.incidents.map(({ id }) => id),
      ['open'],
    );
    assert.deepEqual(
      made.value.recovered.incidents.map(({ id }) => id),
      ['closed'],
    );
    assert.equal(made.value.recovered.totals, null);
    assert.ok(made.value.notKnown.some(({ what }) => what.startsWith('How many images recovered')));
  });

  it('makes one for all who ask at the same time', async () => {
    const { open, state, clock } = stage();
    reporter = open();
    await Promise.all(Array.from({ length: 20 }, () => reporter?.report()));
    assert.equal(state.reads, 1);
    clock.run += 2500;
    await reporter.report();
    assert.equal(state.reads, 2);
  });

  it('writes three files each hour and keeps as many as are wanted, over a restart too', async () => {
    const { open, pass, clock } = stage();
    reporter = open();
    await pass(500);
    assert.deepEqual(await readdir(folder), []);
    await pass(600);
    const first = (await readdir(folder)).sort();
    assert.deepEqual(
      first.map((name) => name.replace(/.*\./, '')),
      ['html', 'json', 'md'],
    );
    assert.ok(
      first.every((name) => /^pullwhy-report-fleet-2026-11-22T10-46-01Z\./.test(name)),
      first.join(),
    );
    const text = await readFile(join(folder, first[1] ?? ''), 'utf8');
    const checked = checkAgainst(FleetReport, JSON.parse(text));
    assert.ok(checked.ok);
    assert.equal(Date.parse(checked.value.at) - Date.parse(checked.value.from), hourMs);
    await reporter.stop();
    clock.run = 0;
    reporter = open();
    await pass(2000);
    assert.equal((await readdir(folder)).length, 3, 'it is not due yet');
    await pass(hourMs);
    await pass(hourMs);
    const kept = new Set((await readdir(folder)).map((name) => name.replace(/\.\w+$/, '')));
    assert.equal(kept.size, 2);
    assert.ok(![...kept].some((name) => name.endsWith('10-46-01Z')), 'the oldest has to go');
  });

  it('does not write without end when the newest report is of the future', async () => {
    const { open, pass } = stage();
    await writeFile(join(folder, 'pullwhy-report-fleet-2031-01-01T00-00-00Z.json'), '{}');
    reporter = open();
    for (let n = 0; n < 5; n++) await pass(2000);
    assert.ok((await readdir(folder)).length <= 4, (await readdir(folder)).join());
  });

  it('says once that it cannot, and goes on when it can', async () => {
    const { open, pass, logged, state, settings } = stage();
    reporter = open();
    state.gone = true;
    await pass(2000);
    await pass(300_000);
    await pass(300_000);
    assert.equal(logged.filter((line) => line === 'warn the report cannot be written').length, 1);
    state.gone = false;
    settings.directory = join(folder, 'missing');
    await pass(300_000);
    assert.equal(logged.filter((line) => line === 'warn the report cannot be written').length, 2);
    const made = await reporter.report();
    assert.ok(
      made.ok &&
        made.value.notKnown.some(({ why }) => /missing cannot be written: the folder does not exist/.test(why)),
    );
    settings.directory = folder;
    await pass(300_000);
    assert.ok(logged.includes('info reports are written again'));
    assert.equal((await readdir(folder)).length, 3);
  });

  it('writes nothing when it is off', async () => {
    const { open, pass, settings } = stage();
    settings.directory = null;
    reporter = open();
    await pass(10 * hourMs);
    assert.deepEqual(await readdir(folder), []);
  });
});
