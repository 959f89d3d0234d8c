import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openReporter, type ReporterNeeds } from '../../src/agent/report/reporter.ts';
import { NodeReport } from '../../src/api/report.ts';
import { checkAgainst } from '../../src/api/schema.ts';
import type { Log } from '../../src/lib/log.ts';
import { at, nodeHealth, reportInput } from '../kit/agent-health.ts';

const hourMs = 3_600_000;

type Settings = ReturnType<ReporterNeeds['settings']>;

describe('agent: reports on a schedule', () => {
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pullwhy-reports-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  function stage(more: Partial<Settings> = {}, last: number | null = null) {
    const env = { at: 0, now: () => at + env.at, monotonic: () => env.at, random: () => 0.5 };
    const settings: { -readonly [Name in keyof Settings]: Settings[Name] } = {
      schedule: 'daily',
      directory: folder,
      keep: 3,
      ...more,
    };
    const logged: string[] = [];
    const say = (level: string) => (message: string) => void logged.push(`${level} ${message}`);
    const log: Log = { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') };
    const times = new Map<string, number>(last === null ? [] : [['report', last]]);
    const asked: number[] = [];
    const input = reportInput();
    const make = () =>
      openReporter({
        env,
        log,
        node: 'worker-3',
        version: '0.1.0',
        startedAt: at,
        incidents: () => input.incidents,
        past: (from) => {
          asked.push(env.now() - from);
          return [];
        },
        rows: () => [],
        registries: () => input.registries,
        local: () => nodeHealth(),
        sources: () => input.sources,
        trouble: () => null,
        lastTime: (name) => times.get(name) ?? null,
        saveTime: (name, time) => void times.set(name, time),
        settings: () => settings,
      });
    const run = async (reporter: ReturnType<typeof make>, hours: number): Promise<void> => {
      for (let n = 0; n < hours * 4; n++) {
        env.at += hourMs / 4;
        reporter.tick();
        // What is written is on a real disk.
        await reporterIdle(reporter);
      }
    };
    return { env, settings, logged, times, asked, make, run };
  }

  /** Until what a tick began has ended: seen by a file system that has taken what came before. */
  async function reporterIdle(_: unknown): Promise<void> {
    for (let n = 0; n < 6; n++) await readdir(folder).catch(() => []);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }

  it('writes three files each day, complete ones, and keeps as many as are wanted', async () => {
    const { make, run, logged, asked } = stage();
    const reporter = make();
    await run(reporter, 24 * 6);
    await reporter.stop();
    const names = (await readdir(folder)).sort();
    assert.equal(names.length, 9, names.join(' '));
    const stamps = [...new Set(names.map((name) => name.replace(/\.\w+$/, '')))];
    assert.equal(stamps.length, 3);
    assert.match(stamps[2] ?? '', /^pullwhy-report-worker-3-2026-11-2[78]T\d\d-\d\d-40Z$/);
    const [json, html, md] = await Promise.all(
      ['json', 'html', 'md'].map((ending) => readFile(join(folder, `${stamps[2]}.${ending}`), 'utf8')),
    );
    assert.ok(checkAgainst(NodeReport, JSON.parse(json ?? '')).ok);
    assert.match(html ?? '', /<!doctype html>[\s\S]*<\/html>/);
    assert.match(md ?? '', /^# ✓ worker-3/);
    assert.ok(
      logged.every((line) => line === 'info a report was written'),
      logged.join('\n'),
    );
    assert.ok(asked.every((span) => span === 24 * hourMs));
  });

  it('waits at the start until registries have been checked', async () => {
    const { make, env } = stage();
    const reporter = make();
    env.at = 60_000;
    reporter.tick();
    await reporter.stop();
    assert.deepEqual(await readdir(folder), []);
  });

  it('goes on with its schedule over a restart', async () => {
    const { make, run } = stage({}, at - 20 * hourMs);
    const first = make();
    await run(first, 3);
    await first.stop();
    assert.deepEqual(await readdir(folder), []);
    const second = make();
    await run(second, 2);
    await second.stop();
    assert.equal((await readdir(folder)).length, 3);
  });

  it('counts from now when the clock was set back', async () => {
    const { make, run, times } = stage({ schedule: 'hourly' }, at + 1000 * hourMs);
    const reporter = make();
    await run(reporter, 3);
    await reporter.stop();
    assert.ok((times.get('report') ?? 0) <= at + 3 * hourMs);
    assert.ok((await readdir(folder)).length > 0);
  });

  it('leaves alone what is not its own', async () => {
    await writeFile(join(folder, 'pullwhy-report-worker-33-2026-01-01T00-00-00Z.json'), '{}');
    await writeFile(join(folder, 'pullwhy-report-worker-3-notes.md'), '');
    await writeFile(join(folder, '.pullwhy-report-worker-3-2026-01-01T00-00-00Z.json.tmp'), '{"cut');
    const { make, run } = stage({ schedule: 'hourly', keep: 1 });
    const reporter = make();
    await run(reporter, 4);
    await reporter.stop();
    const names = (await readdir(folder)).sort();
    assert.equal(names.length, 5, names.join(' '));
    assert.ok(names.includes('pullwhy-report-worker-33-2026-01-01T00-00-00Z.json'));
    assert.ok(names.includes('pullwhy-report-worker-3-notes.md'));
  });

  it('says once that the folder is missing, in log and report, and writes when it is there', async () => {
    const place = join(folder, 'mount');
    const { make, run, logged, settings } = stage({ directory: place, schedule: 'hourly' });
    const reporter = make();
    await run(reporter, 3);
    assert.deepEqual(logged, ['warn the report cannot be written']);
    const why = reporter.report().notChecked.map((one) => one.why);
    assert.ok(
      why.some((words) => /mount cannot be written: the folder does not exist/.test(words)),
      why.join(),
    );
    await mkdir(place);
    await run(reporter, 1);
    assert.deepEqual(reporter.report().notChecked, []);
    assert.equal(logged[1], 'info reports are written again');
    assert.equal((await readdir(place)).length, 3);
    settings.directory = null;
    assert.match(reporter.report().notChecked[0]?.why ?? '', /report\.directory is not/);
    await reporter.stop();
  });

  it('lives on with a disk that is full, and leaves no half of a file', async function () {
    const place = join(folder, 'full');
    await mkdir(place);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16k', 'tmpfs', place], { stdio: 'ignore' });
    } catch {
      console.log('      (left out: a file system of a given size cannot be mounted here)');
      this.skip();
    }
    try {
      await writeFile(join(place, 'other'), Buffer.alloc(12 * 1024));
      const { make, run, logged } = stage({ directory: place, schedule: 'hourly' });
      const reporter = make();
      await run(reporter, 2);
      await reporter.stop();
      assert.deepEqual(logged, ['warn the report cannot be written']);
      assert.match(reporter.report().notChecked[0]?.why ?? '', /is full/);
      assert.deepEqual(
        (await readdir(place)).filter((name) => name.endsWith('.tmp')),
        [],
      );
    } finally {
      execFileSync('umount', [place]);
    }
  });

  it('writes nothing when it is off', async () => {
    const { make, run, logged } = stage({ schedule: 'off' });
    const reporter = make();
    await run(reporter, 30);
    await reporter.stop();
    assert.deepEqual([await readdir(folder), logged, reporter.report().notChecked], [[], [], []]);
  });
});
