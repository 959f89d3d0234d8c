import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type HealthNeeds, openHealth } from '../../src/agent/health/health.ts';
import { budgetMs, firstDelay, nextDelay } from '../../src/agent/health/schedule.ts';
import type { Declined } from '../../src/agent/parts.ts';
import { RegistryRow } from '../../src/api/node.ts';
import { checkAgainst } from '../../src/api/schema.ts';
import { documentOf } from '../../src/engine/document.ts';
import { fail, ok, type Result } from '../../src/lib/result.ts';
import type { Investigation } from '../../src/model/investigation.ts';
import { incidentOf } from '../kit/agent-health.ts';
import { Scene } from '../kit/view.ts';

const start = Date.parse('2026-11-22T10:00:00Z');

/** A watch in virtual time. Investigations take `takesMs` of it. */
function stage(more: Partial<HealthNeeds> & { readonly seed?: number } = {}) {
  let chance = more.seed ?? 1;
  const env = {
    at: 0,
    ahead: 0,
    now: () => start + env.at + env.ahead,
    monotonic: () => env.at,
    random: () => {
      chance = (chance * 48_271) % 2_147_483_647;
      return chance / 2_147_483_647;
    },
  };
  const checks: { registry: string; at: number }[] = [];
  const world = {
    state: 'well' as 'well' | 'refused' | 'declined',
    takesMs: 0,
    running: 0,
    most: 0,
    intervalMs: 60_000,
  };
  const waiting: { until: number; done: () => void }[] = [];
  const check = async (image: string): Promise<Result<Investigation, Declined>> => {
    const registry = image.split('/')[0] ?? '';
    checks.push({ registry, at: env.at });
    world.running++;
    world.most = Math.max(world.most, world.running);
    const { promise, resolve } = Promise.withResolvers<void>();
    waiting.push({ until: env.at + world.takesMs, done: resolve });
    if (world.takesMs > 0) await promise;
    world.running--;
    if (world.state === 'declined') return fail({ reason: 'budget', message: 'Often enough.', retryAfterMs: 90_000 });
    return ok(documentAbout(image, env.now(), world.state === 'well'));
  };
  const health = openHealth({
    env,
    images: () => null,
    configured: () => Promise.resolve([]),
    incidents: () => [],
    check,
    settings: () => ({ registries: [], intervalMs: world.intervalMs }),
    ...more,
  });
  const run = async (seconds: number): Promise<void> => {
    for (let n = 0; n < seconds * 4; n++) {
      env.at += 250;
      for (const one of waiting.filter(({ until }) => until <= env.at)) one.done();
      health.tick();
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const countOf = (registry: string): number => checks.filter((one) => one.registry === registry).length;
  return { env, health, checks, world, run, countOf };
}

function documentAbout(image: string, at: number, well: boolean): Investigation {
  const scene = new Scene({ image, startedAtMs: at });
  const host = new URL(scene.plan.endpoints[0]?.url ?? '').hostname;
  scene.dns(host, ['192.0.2.10']);
  scene.tcp(host, '192.0.2.10', well ? null : 'timeout');
  if (well) {
    scene.tls();
    scene.ping({ clockOffsetMs: 120 });
  }
  const head = { id: 'i', node: 'n', startedAt: new Date(at).toISOString(), durationMs: 1 };
  return documentOf(scene.view(), head, { name: null, version: null, ready: null, imagePresent: null, endpoint: null });
}

const twenty = Array.from({ length: 20 }, (_, n) => `r${n}.example`);
const named = (registries: readonly string[], world: { readonly intervalMs: number }) => () => ({
  registries,
  intervalMs: world.intervalMs,
});

describe('agent: watch over registries', () => {
  it('checks each about every interval, spread from the start, two at a time', async () => {
    const at = { intervalMs: 60_000 };
    const { checks, world, run, countOf } = stage({ settings: named(twenty, at) });
    world.takesMs = 2000;
    await run(60);
    assert.equal(new Set(checks.map(({ registry }) => registry)).size, 20, 'all within the first interval');
    for (let from = 0; from < 60_000; from += 10_000) {
      const within = checks.filter(({ at: time }) => time >= from && time < from + 10_000).length;
      assert.ok(within <= 6, `${within} in ten seconds`);
    }
    await run(540);
    assert.ok(world.most <= 2, `${world.most} at a time`);
    for (const registry of twenty) {
      const count = countOf(registry);
      assert.ok(count >= 8 && count <= 13, `${registry} ${count} times in ten minutes`);
    }
  });

  it('does not begin with the same registry on every node', async () => {
    const firsts = new Set<string>();
    for (let seed = 1; seed < 40; seed++) {
      const { checks, run } = stage({ seed: seed * 7919, settings: named(twenty, { intervalMs: 60_000 }) });
      await run(6);
      firsts.add(checks[0]?.registry ?? '');
    }
    assert.ok(firsts.size > 8, [...firsts].join(' '));
  });

  it('looks at what fails sooner, at most four times as often, and at Docker Hub never', async () => {
    const { world, run, countOf, checks, health } = stage({
      settings: named(['bad.example', 'docker.io'], { intervalMs: 60_000 }),
    });
    world.state = 'refused';
    await run(300);
    const bad = countOf('bad.example');
    assert.ok(bad > 9 && bad <= 20, `${bad} times in five minutes`);
    assert.ok(countOf('docker.io') <= 5, `${countOf('docker.io')} times at Docker Hub`);
    const times = checks.filter(({ registry }) => registry === 'docker.io').map(({ at }) => at);
    for (const [n, time] of times.entries()) if (n > 0) assert.ok(time - (times[n - 1] ?? 0) >= 60_000);
    assert.deepEqual(
      health.registries().map(({ registry, verdict }) => `${registry} ${verdict}`),
      ['bad.example faulty', 'docker.io faulty'],
    );
  });

  it('gives rows that fit their schema before, between and after checks', async () => {
    const { health, run, world, env } = stage({ settings: named(['a.example'], { intervalMs: 60_000 }) });
    health.tick();
    const [before] = health.registries();
    assert.equal(before?.verdict, 'inconclusive');
    assert.match(before?.summary ?? '', /not checked yet/);
    await run(60);
    const [well] = health.registries();
    assert.equal(well?.verdict, 'healthy');
    assert.ok(Date.parse(well?.nextCheckAt ?? '') > env.now());
    assert.ok((well?.certificate?.daysLeft ?? 0) > 100);
    world.state = 'refused';
    await run(200);
    const [bad] = health.registries();
    assert.deepEqual([bad?.verdict, bad?.cause], ['faulty', 'tcp-timeout']);
    assert.ok(Date.parse(bad?.since ?? '') < Date.parse(bad?.checkedAt ?? ''));
    assert.equal(health.local().findings.get('a.example')?.[0]?.cause, 'tcp-timeout');
    for (const row of [before, well, bad]) assert.ok(checkAgainst(RegistryRow, JSON.parse(JSON.stringify(row))).ok);
  });

  it('moves the times of what lasts with a clock that is set', async () => {
    const at = { intervalMs: 60_000 };
    const { env, health, world, run } = stage({ settings: named(['r.example'], at) });
    world.state = 'refused';
    await run(300);
    for (const ahead of [-3_600_000, 86_400_000]) {
      const [before] = health.registries();
      const moved = ahead - env.ahead;
      env.ahead = ahead;
      await run(0.25);
      const [after] = health.registries();
      assert.equal(Date.parse(after?.since ?? '') - Date.parse(before?.since ?? ''), moved);
      await run(120);
      assert.equal(health.registries()[0]?.since, after?.since, 'it is the same failure');
      assert.ok(Date.parse(after?.since ?? '') < Date.parse(after?.checkedAt ?? ''));
    }
  });

  it('checks nothing when the interval is 0s, and says so', async () => {
    const { health, run, checks } = stage({ settings: named(['a.example'], { intervalMs: 0 }) });
    await run(300);
    assert.equal(checks.length, 0);
    const [row] = health.registries();
    assert.match(row?.summary ?? '', /health\.interval is 0s/);
    assert.equal(row?.nextCheckAt, null);
  });

  it('takes another interval over at once', async () => {
    const at = { intervalMs: 86_400_000 };
    const { run, countOf } = stage({ settings: named(['a.example', 'b.example'], at) });
    await run(30);
    assert.equal(countOf('a.example'), 0);
    at.intervalMs = 10_000;
    await run(60);
    assert.ok(countOf('a.example') >= 4);
  });

  it('keeps what it knows when a check is declined, and asks again when that is allowed', async () => {
    const { health, run, world, checks } = stage({ settings: named(['a.example'], { intervalMs: 60_000 }) });
    await run(30);
    world.state = 'declined';
    while (checks.length < 2) await run(1);
    assert.equal(health.registries()[0]?.verdict, 'healthy');
    await run(85);
    assert.equal(checks.length, 2);
    await run(10);
    assert.equal(checks.length, 3);
  });

  it('follows images, configuration and incidents as they come and go', async () => {
    const world = { images: new Set(['a.example/x:1']), failing: ['f.example/y:1'] };
    const { health, run, checks } = stage({
      images: () => world.images,
      configured: () => Promise.resolve(['c.example']),
      incidents: () => world.failing.map((image) => incidentOf(image)),
    });
    await run(70);
    const rows = () => health.registries().map(({ registry, usedBy }) => `${registry} ${usedBy.join(' ')}`);
    assert.deepEqual(rows(), ['a.example images', 'c.example configuration', 'f.example incidents']);
    assert.ok(checks.some(({ registry }) => registry === 'f.example'));
    world.images = new Set(['b.example/x:1']);
    world.failing = [];
    await run(6);
    assert.deepEqual(rows(), ['b.example images', 'c.example configuration']);
  });

  it('watches 200 registries and says how many it leaves out', async () => {
    const images = new Set(Array.from({ length: 1000 }, (_, n) => `r${n}.example/x:1`));
    const { health, run } = stage({ images: () => images });
    await run(6);
    assert.equal(health.registries().length, 200);
    assert.equal(health.local().leftOut, 800);
  });

  it('takes a budget from other investigations, and the clock only of registries that are watched', async () => {
    const { health, run } = stage({ settings: named(['a.example'], { intervalMs: 60_000 }) });
    await run(1);
    const scene = new Scene({ image: 'a.example/team/app:1' });
    scene.dns('a.example', ['192.0.2.10']);
    scene.tcp('a.example', '192.0.2.10');
    scene.tls();
    scene.ping({ clockOffsetMs: 30 });
    const rateLimit = { limit: 100, remaining: 7, windowSeconds: 21_600, source: null, retryAfterSeconds: null };
    scene.manifest({ rateLimit });
    const head = { id: 'i', node: 'n', startedAt: new Date(start).toISOString(), durationMs: 1 };
    const runtime = { name: null, version: null, ready: null, imagePresent: null, endpoint: null };
    health.learn(documentOf(scene.view(), head, runtime));
    assert.equal(health.registries()[0]?.rateLimit?.remaining, 7);
    assert.deepEqual(health.local().clock, { offsetMs: 30, registries: 1 });
    health.learn(documentAbout('hostile.example/x:1', start, true));
    assert.deepEqual(health.local().clock, { offsetMs: 30, registries: 1 });
  });

  it('believes what was said of a quota for its window, and for an hour where none is named', async () => {
    const quota = { limit: 100, remaining: 0, source: null, retryAfterSeconds: null };
    for (const [told, seconds] of [
      [{ ...quota, windowSeconds: 60 }, 120],
      [{ ...quota, windowSeconds: 21_600 }, 21_600],
      [{ ...quota, windowSeconds: 21_600, resetAtMs: start + 1000 + 900_000 }, 900],
      [{ ...quota, windowSeconds: 900, resetAtMs: start - 5000 }, 900],
      [{ ...quota, windowSeconds: null }, 3600],
    ] as const) {
      const { health, run, env, countOf } = stage({ settings: named(['a.example'], { intervalMs: 60_000 }) });
      await run(1);
      const scene = new Scene({ image: 'a.example/team/app:1' });
      scene.manifest({ rateLimit: told });
      const head = { id: 'i', node: 'n', startedAt: new Date(start).toISOString(), durationMs: 1 };
      const runtime = { name: null, version: null, ready: null, imagePresent: null, endpoint: null };
      health.learn(documentOf(scene.view(), head, runtime));
      const left = () => health.registries()[0]?.rateLimit?.remaining;
      env.at += (seconds - 10) * 1000;
      await run(5);
      assert.equal(left(), 0, `${JSON.stringify(told)} before`);
      await run(10);
      assert.equal(left(), undefined, `${JSON.stringify(told)} after`);
      assert.ok(countOf('a.example') >= 1);
    }
  });

  it('shows a quota without a gap that each check tells of', async () => {
    const world = { tells: true };
    const { health, run, env } = stage({
      settings: named(['a.example'], { intervalMs: 60_000 }),
      check(image) {
        const scene = new Scene({ image, startedAtMs: env.now() });
        const rateLimit = { limit: 10, remaining: 3, windowSeconds: 1, source: null, retryAfterSeconds: null };
        scene.ping(world.tells ? { rateLimit } : {});
        const head = { id: 'i', node: 'n', startedAt: new Date(env.now()).toISOString(), durationMs: 1 };
        const runtime = { name: null, version: null, ready: null, imagePresent: null, endpoint: null };
        return Promise.resolve(ok(documentOf(scene.view(), head, runtime)));
      },
    });
    await run(60);
    for (let n = 0; n < 30; n++) {
      assert.equal(health.registries()[0]?.rateLimit?.remaining, 3, `${n}`);
      await run(10);
    }
    world.tells = false;
    await run(240);
    assert.equal(health.registries()[0]?.rateLimit, null);
  });

  it('asks the runtime each minute, and ends with the rest', async () => {
    let asked = 0;
    const { health, run } = stage({
      runtime: async () => {
        asked++;
        return {
          apiVersion: 'pullwhy/v1',
          kind: 'Runtime',
          node: 'n',
          at: '',
          endpoint: 'unix:///run/x.sock',
          name: 'containerd',
          version: '2.1.9',
          apiVersionOfRuntime: 'v1',
          ready: false,
          conditions: [],
          imageFilesystem: { mountpoint: '/var/lib/x', usedBytes: 1, totalBytes: 100, freeBytes: 5, freeInodes: 9 },
          images: 3,
          error: null,
        };
      },
    });
    await run(150);
    assert.equal(asked, 3);
    const { runtime, disks } = health.local();
    assert.deepEqual([runtime?.name, runtime?.ready, runtime?.failure], ['containerd', false, null]);
    assert.deepEqual([disks[0]?.path, disks[0]?.freeBytes], ['/var/lib/x', 5]);
    await health.stop();
    await run(120);
    assert.equal(asked, 3);
  });

  it('ends a check that is under way when it is stopped', async () => {
    let ended = false;
    const { health, run } = stage({
      settings: named(['a.example'], { intervalMs: 4000 }),
      check: (_, signal) =>
        new Promise((resolve) => {
          signal.addEventListener('abort', () => {
            ended = true;
            resolve(fail({ reason: 'stopping', message: '', retryAfterMs: null }));
          });
        }),
    });
    await run(3);
    await health.stop();
    assert.ok(ended);
  });
});

describe('agent: nameservers', () => {
  const documents = (registry: string, first: 'timeout' | 'ok', at: number): Investigation => {
    const scene = new Scene({ image: `${registry}/x:1`, nameservers: ['192.0.2.53', '192.0.2.54'] });
    scene.dns(registry, first === 'ok' ? ['192.0.2.10'] : 'timeout', 0);
    scene.dns(registry, ['192.0.2.10'], 1);
    const head = { id: 'i', node: 'n', startedAt: new Date(at).toISOString(), durationMs: 1 };
    return documentOf(scene.view(), head, {
      name: null,
      version: null,
      ready: null,
      imagePresent: null,
      endpoint: null,
    });
  };

  it('counts the checks and the names that one leaves without an answer', async () => {
    const { health, run } = stage({ settings: named(['a.example', 'b.example'], { intervalMs: 0 }) });
    await run(1);
    const states = () =>
      health
        .local()
        .nameservers.map(({ nameserver, state, failures, names }) => `${nameserver} ${state} ${failures} ${names}`);
    health.learn(documents('a.example', 'timeout', start));
    health.learn(documents('a.example', 'timeout', start + 1000));
    assert.deepEqual(states(), ['192.0.2.53 silent 2 1', '192.0.2.54 answering 0 0']);
    health.learn(documents('b.example', 'timeout', start + 2000));
    assert.deepEqual(states(), ['192.0.2.53 silent 3 2', '192.0.2.54 answering 0 0']);
    assert.equal(health.local().nameservers[0]?.since, start);
    health.learn(documents('b.example', 'ok', start + 3000));
    assert.deepEqual(states(), ['192.0.2.53 answering 0 0', '192.0.2.54 answering 0 0']);
  });
});

describe('agent: schedule of checks', () => {
  const chance = fc.double({ min: 0, max: 0.999_999, noNaN: true });
  const interval = fc.integer({ min: 1000, max: 86_400_000 });

  it('stays within its bounds', () => {
    fc.assert(
      fc.property(interval, fc.integer({ min: 0, max: 1000 }), chance, (intervalMs, failures, random) => {
        const patient = nextDelay(intervalMs, failures, true, random);
        assert.ok(patient >= intervalMs && patient <= intervalMs * 1.25 + 1);
        const usual = nextDelay(intervalMs, 0, false, random);
        assert.ok(usual >= intervalMs * 0.75 - 1 && usual <= intervalMs * 1.25 + 1);
        assert.ok(nextDelay(intervalMs, failures, false, random) >= intervalMs / 4 - 1);
      }),
    );
  });

  it('believes a quota for a day at most, and without checks for its window', () => {
    assert.equal(budgetMs(60_000, null, 1e9), 86_400_000);
    assert.equal(budgetMs(60_000, 1e15, null), 86_400_000);
    assert.equal(budgetMs(86_400_000, null, 60), 3_600_000);
    assert.equal(budgetMs(0, null, 60), 60_000);
    assert.equal(budgetMs(0, null, 0), 3_600_000);
  });

  it('spreads what is new over one interval, each in its own part of it', () => {
    fc.assert(
      fc.property(interval, fc.integer({ min: 2, max: 200 }), chance, (intervalMs, count, random) => {
        for (let place = 0; place < count; place++) {
          const delay = firstDelay(intervalMs, place, count, random);
          assert.ok(delay >= (intervalMs / count) * place - 1 && delay <= (intervalMs / count) * (place + 1) + 1);
        }
        assert.ok(firstDelay(intervalMs, 0, 1, random) <= intervalMs / 4 + 1);
      }),
    );
  });
});
