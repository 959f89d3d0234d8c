import assert from 'node:assert/strict';
import { openBook } from '../../src/agent/book.ts';
import type { Conclusion, Incident, Puller, Recheck, WaitingPod } from '../../src/agent/parts.ts';
import { openPuller, type PullOutcome } from '../../src/agent/puller.ts';
import { openRecovery } from '../../src/agent/recovery.ts';
import { pullDelay, recheckDelay, recheckRule } from '../../src/agent/retry-rules.ts';
import type { PullRecord } from '../../src/api/investigation.ts';
import { ok } from '../../src/lib/result.ts';
import { causeIds, type Layer } from '../../src/model/cause-id.ts';
import type { PullEvent } from '../../src/signals/pull-event.ts';
import { pullEvent } from '../kit/pull-event.ts';

const start = Date.parse('2026-11-22T10:00:00Z');

type Mode = 'off' | 'on-recovery' | 'eager';

function stage(mode: Mode = 'on-recovery', open: readonly Incident[] = [], realPuller?: Puller, at = start) {
  const env = { at, now: () => env.at, monotonic: () => env.at, random: () => 0.5 };
  const policies = new Map<string, WaitingPod['policy']>();
  const known = { policyOf: ({ pod }: { pod: string | null }) => policies.get(pod ?? '') ?? null, waits: () => false };
  const book = openBook(env, { open, over: [] }, known);
  const looks: { at: number; upTo: Layer; image: string }[] = [];
  const pulls: { at: number; image: string }[] = [];
  const investigated: string[] = [];
  const ends: ((record: PullRecord) => void)[] = [];
  const world: { recheck: Recheck; mark: string; pull: 'done' | 'failed'; mode: Mode; readonly well: Set<string> } = {
    well: new Set(),
    mode,
    recheck: { state: 'same', cause: 'tcp-refused', notBefore: null },
    mark: 'a',
    pull: 'done',
  };
  const puller: Puller = {
    pull({ image, reason }) {
      pulls.push({ at: env.at - start, image });
      const record = recordOf(image, reason, world.pull);
      queueMicrotask(() => {
        for (const end of ends) end(record);
      });
      return ok(record);
    },
    get: () => null,
    recent: () => [],
    onEnd: (listener) => void ends.push(listener),
    stop: () => Promise.resolve(),
  };
  const recovery = openRecovery({
    env,
    book,
    puller: realPuller ?? puller,
    recheck: ({ image }, upTo) => {
      looks.push({ at: env.at - start, upTo, image });
      return Promise.resolve(world.well.has(image) ? { state: 'clear', cause: null, notBefore: null } : world.recheck);
    },
    credentialsMark: () => Promise.resolve(world.mark),
    investigate: ({ image }) => void investigated.push(image),
    settings: () => ({ mode: world.mode, concurrency: 2 }),
  });
  const run = async (seconds: number): Promise<void> => {
    for (let n = 0; n < seconds * 4; n++) {
      env.at += 250;
      recovery.tick();
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const fail = (more: Partial<PullEvent> = {}): Incident => {
    book.notice(pullEvent({ at: new Date(env.at).toISOString(), message: '', ...more }));
    const incident = book.open().at(-1);
    assert.ok(incident);
    return incident;
  };
  const conclude = (more: Partial<Conclusion> = {}): Incident => {
    const { key } = fail();
    const layer: Layer = 'tcp';
    book.conclude(key, { ...concluded, layer, at: env.at, ...more });
    const incident = book.get(key);
    assert.ok(incident);
    return incident;
  };
  /** So many images, each with its pod, that all wait for the same. */
  const concludeMany = (count: number, more: Partial<Conclusion> = {}): string[] =>
    Array.from({ length: count }, (_, n) => {
      const image = `registry.lab/app:${n}`;
      const { key } = fail({ image, pod: `web-${n}` });
      book.conclude(key, { ...concluded, layer: 'tcp', at: env.at, ...more });
      return image;
    });
  const now = (incident: Incident): Incident => book.get(incident.key) ?? incident;
  return { env, book, policies, recovery, looks, pulls, investigated, world, run, fail, conclude, concludeMany, now };
}

const concluded: Omit<Conclusion, 'layer'> = {
  investigation: 'i1',
  at: start,
  verdict: 'faulty',
  cause: 'tcp-refused',
  confidence: 'proven',
  underlying: null,
  host: 'registry.lab',
  summary: '',
  remedies: [],
  notBefore: null,
};

function recordOf(image: string, reason: PullRecord['reason'], state: PullRecord['state']): PullRecord {
  const at = new Date(start).toISOString();
  return {
    apiVersion: 'pullwhy/v1',
    kind: 'Pull',
    id: 'l1',
    node: 'node-1',
    image,
    state,
    reason,
    requestedAt: at,
    startedAt: at,
    endedAt: at,
    durationMs: 1,
    imageRef: null,
    error: null,
    cause: null,
    summary: '',
  };
}

describe('agent: recovery', () => {
  it('looks at the failed hop only, and pulls within five seconds of its recovery', async () => {
    const { looks, pulls, world, run, conclude, recovery, now } = stage();
    const incident = conclude();
    await run(30);
    assert.deepEqual([...new Set(looks.map(({ upTo }) => upTo))], ['tcp']);
    assert.ok(looks.length >= 8, `${looks.length} looks in 30 s`);
    assert.equal(recovery.retryOf(now(incident)).state, 'waiting');
    world.recheck = { state: 'clear', cause: null, notBefore: null };
    await run(5);
    assert.equal(pulls.length, 1);
    assert.equal(recovery.retryOf(now(incident)).state, 'pulled');
    await run(60);
    assert.equal(pulls.length, 1, 'once');
  });

  it('looks less often the longer it lasts, and never less often than every 40 s', async () => {
    const { looks, run, conclude } = stage();
    conclude();
    await run(3600);
    const late = looks.filter(({ at }) => at > 1_200_000);
    const gaps = late.slice(1).map(({ at }, n) => at - (late[n]?.at ?? 0));
    assert.ok(
      gaps.every((gap) => gap >= 20_000 && gap <= 40_000),
      gaps.join(' '),
    );
    assert.ok(looks.length < 250, `${looks.length} looks in an hour`);
  });

  it('asks nobody before the time that the registry named', async () => {
    const { looks, run, conclude, env } = stage();
    conclude({ cause: 'rate-limited', layer: 'registry', notBefore: env.at + 90_000 });
    await run(120);
    assert.ok((looks[0]?.at ?? 0) >= 90_000 && (looks[0]?.at ?? 0) <= 92_000, JSON.stringify(looks));
  });

  it('offers refused credentials seldom, and other ones at once', async () => {
    const { looks, run, conclude, world } = stage();
    conclude({ cause: 'credentials-rejected', layer: 'auth' });
    await run(20);
    assert.equal(looks.length, 0);
    world.mark = 'b';
    await run(3);
    assert.equal(looks.length, 1);
    await run(300);
    assert.ok(looks.length <= 14, `${looks.length} in five minutes`);
  });

  it('gives a hop that fails in another way to an investigation, and a pull that fails too', async () => {
    const { run, conclude, world, investigated, pulls } = stage();
    conclude();
    world.recheck = { state: 'other', cause: 'tls-certificate-expired', notBefore: null };
    await run(4);
    assert.equal(investigated.length, 1);
    world.recheck = { state: 'clear', cause: null, notBefore: null };
    world.pull = 'failed';
    await run(6);
    assert.ok(pulls.length >= 1 && investigated.length >= 2);
  });

  it('backs off like the kubelet from pulls that fail although the hop passes', async () => {
    const { run, conclude, world, pulls } = stage();
    conclude();
    world.recheck = { state: 'clear', cause: null, notBefore: null };
    world.pull = 'failed';
    await run(600);
    assert.ok(pulls.length >= 4 && pulls.length <= 8, `${pulls.length} pulls in ten minutes`);
  });

  it('pulls nothing that no pod waits for, that the policy forbids, or when it is off', async () => {
    for (const [mode, more, why] of [
      ['on-recovery', { pod: null, namespace: null, container: null }, /No pod/],
      ['off', {}, /retry\.mode/],
    ] as const) {
      const { fail, book, run, pulls, looks, recovery, now } = stage(mode);
      const incident = fail(more);
      book.conclude(incident.key, { ...concluded, layer: 'tcp' });
      await run(30);
      assert.deepEqual([pulls.length, looks.length], [0, 0]);
      assert.match(recovery.retryOf(now(incident)).note, why);
    }
    const { conclude, run, pulls, looks, recovery, now } = stage();
    const incident = conclude({ cause: 'invalid-image-name', layer: 'reference' });
    await run(30);
    assert.deepEqual([pulls.length, looks.length, recovery.retryOf(now(incident)).state], [0, 0, 'not-possible']);
  });

  it('pulls at once what passes all probes, and in eager mode what nobody can explain', async () => {
    for (const [mode, more, count] of [
      ['on-recovery', { verdict: 'healthy', cause: null, layer: null }, 1],
      ['eager', { cause: 'unknown', layer: 'manifest' }, 1],
      ['on-recovery', { cause: 'unknown', layer: 'manifest' }, 0],
    ] as const) {
      const { conclude, run, pulls } = stage(mode);
      conclude(more);
      await run(2);
      assert.equal(pulls.length, count, `${mode} ${JSON.stringify(more)}`);
    }
  });

  it('goes on after a restart with what was known, and pulls nothing that was pulled', async () => {
    const before = stage();
    const waits = before.conclude();
    before.fail({ image: 'registry.lab/app:2' });
    before.book.conclude('registry.lab/app:2', { ...concluded, layer: 'tcp' });
    before.book.pulled('registry.lab/app:2', before.env.at);
    assert.equal(before.book.open().length, 2);
    const after = stage('on-recovery', before.book.open());
    await after.run(10);
    assert.ok(after.looks.length > 0, 'nobody looks at the hop again');
    after.world.recheck = { state: 'clear', cause: null, notBefore: null };
    await after.run(10);
    assert.deepEqual(
      after.pulls.map(({ image }) => image),
      [waits.image],
    );
  });

  it('after a long stop looks and pulls only for what a pod is heard to wait for', async () => {
    const before = stage();
    before.conclude();
    const after = stage('on-recovery', before.book.open(), undefined, start + 400_000);
    after.world.recheck = { state: 'clear', cause: null, notBefore: null };
    await after.run(60);
    assert.deepEqual([after.looks.length, after.pulls.length], [0, 0], 'nobody was heard');
    after.fail({ event: 'back-off', cause: 'back-off-only' });
    await after.run(60);
    assert.equal(after.pulls.length, 1);
  });

  it('looks once for all images that wait for one hop, and lets all of them know that it passes', async () => {
    const one = stage();
    one.conclude();
    await one.run(120);
    for (const more of [
      {},
      { cause: 'registry-error', layer: 'registry' },
      { cause: 'rate-limited', layer: 'registry', notBefore: start + 20_000 },
    ] as const) {
      const { looks, pulls, world, run, concludeMany } = stage();
      const images = concludeMany(40, more);
      await run(50);
      assert.ok(looks.length >= 1 && looks.length <= one.looks.length, `${looks.length} looks for 40 images`);
      world.recheck = { state: 'clear', cause: null, notBefore: null };
      await run('notBefore' in more ? 70 : 5);
      assert.deepEqual(pulls.map(({ image }) => image).sort(), images.sort());
    }
  });

  it('looks for each image by itself where the cause is about the image, and in good time where it may be', async () => {
    for (const more of [{ cause: 'tag-not-found', layer: 'manifest' }, { host: null }] as const) {
      const { looks, run, concludeMany } = stage();
      concludeMany(8, more);
      await run(10);
      assert.equal(new Set(looks.map(({ image }) => image)).size, 8);
    }
    const { looks, pulls, world, run, concludeMany } = stage();
    concludeMany(40, { cause: 'registry-error', layer: 'registry' });
    world.well.add('registry.lab/app:17');
    await run(90);
    assert.deepEqual(
      pulls.map(({ image }) => image),
      ['registry.lab/app:17'],
    );
    assert.equal(new Set(looks.map(({ image }) => image)).size, 40);
    assert.ok(looks.length < 200, `${looks.length}`);
  });

  it('looks at a new outage of a host as soon as at any, however long the one before it lasted', async () => {
    // Ended by the kubelet's pull, which the hop's last look knows nothing of; and by pods that were deleted.
    for (const [others, end] of [
      [0, { event: 'pull-succeeded', cause: null }],
      [3, { event: 'pull-succeeded', cause: null }],
      [0, 'gone'],
    ] as const) {
      const { env, book, looks, run, fail, conclude, concludeMany } = stage();
      // The others are waited for still: their registry gives out some repositories only.
      concludeMany(others);
      conclude();
      await run(1200);
      for (const seen = looks.length; looks.length === seen; ) await run(0.25);
      await run(1);
      if (end === 'gone') book.podsEnded(() => 'gone');
      else book.notice(pullEvent({ at: new Date(env.at).toISOString(), ...end }));
      assert.equal(book.get('registry.lab/app:1'), null);
      fail({ image: 'registry.lab/new:1', pod: 'new-0' });
      book.conclude('registry.lab/new:1', { ...concluded, layer: 'tcp', at: env.at });
      const from = env.at - start;
      await run(5);
      assert.ok(
        looks.some(({ at }) => at > from),
        `${others} others: nobody looked within 5 s`,
      );
    }
  });

  it('looks no sooner because one of many that wait for a hop was deleted', async () => {
    const { book, looks, run, concludeMany } = stage();
    concludeMany(4);
    await run(1200);
    for (const seen = looks.length; looks.length === seen; ) await run(0.25);
    const before = looks.length;
    book.podsEnded(({ pod }) => (pod === 'web-2' ? 'gone' : null));
    assert.equal(book.open().length, 3);
    await run(10);
    assert.equal(looks.length, before);
  });

  it('hears of the end of a pull that somebody else began, in another spelling of the name', async () => {
    const ends: ((works: boolean) => void)[] = [];
    const clock = { now: () => start, monotonic: () => start, random: () => 0.5 };
    const puller = openPuller({
      env: clock,
      node: 'node-1',
      settings: () => ({ concurrency: 4, perRegistry: 4 }),
      run() {
        const { promise, resolve } = Promise.withResolvers<PullOutcome>();
        ends.push((ok) =>
          resolve({
            pull: { attempted: true, ok, durationMs: 1, error: null, cause: null },
            imageRef: null,
            summary: '',
          }),
        );
        return promise;
      },
    });
    const { env, book, recovery, run, world, fail, now } = stage('on-recovery', [], puller);
    const incident = fail({ image: 'nginx' });
    book.conclude(incident.key, { ...concluded, layer: 'tcp', at: env.at });
    puller.pull({ image: 'docker.io/library/nginx:latest', reason: 'asked' });
    puller.pull({ image: 'docker.io/library/nginx:1', reason: 'asked' });
    world.recheck = { state: 'clear', cause: null, notBefore: null };
    await run(5);
    assert.equal(recovery.retryOf(now(incident)).state, 'pulling');
    ends[1]?.(true);
    await run(1);
    assert.equal(recovery.retryOf(now(incident)).state, 'pulling', 'another tag is another image');
    ends[0]?.(false);
    await run(60);
    assert.equal(ends.length, 3, 'it is pulled again');
    ends[2]?.(true);
    await run(1);
    assert.equal(recovery.retryOf(now(incident)).state, 'pulled');
  });

  it('pulls nothing for pods that gain nothing by it, however they are mixed', async () => {
    for (const [policies, count] of [
      [['Always', 'Always'], 0],
      [['Never', 'Never'], 0],
      [['Always', 'Never'], 0],
      [['Always', 'IfNotPresent'], 1],
      [['Never', 'IfNotPresent'], 1],
      [['Always', null], 1],
    ] as const) {
      const { env, book, policies: told, fail, run, pulls, world, recovery, now } = stage();
      for (const [n, policy] of policies.entries()) {
        told.set(`web-${n}`, policy);
        fail({ pod: `web-${n}` });
      }
      const [incident] = book.open();
      assert.ok(incident);
      book.conclude(incident.key, { ...concluded, layer: 'tcp', at: env.at });
      world.recheck = { state: 'clear', cause: null, notBefore: null };
      await run(10);
      assert.equal(pulls.length, count, policies.join());
      if (count === 0) {
        const { state, note } = recovery.retryOf(now(incident));
        assert.equal(state, 'not-possible');
        for (const policy of policies) assert.ok(note.includes(policy), note);
      }
    }
  });

  it('takes eager mode over for what nobody could explain before, and lays it down again', async () => {
    const { run, conclude, world, pulls } = stage();
    conclude({ cause: 'unknown', layer: 'manifest' });
    world.recheck = { state: 'unknown', cause: null, notBefore: null };
    await run(60);
    assert.equal(pulls.length, 0);
    world.mode = 'eager';
    world.pull = 'failed';
    await run(1);
    assert.equal(pulls.length, 1);
    await run(60);
    assert.equal(pulls.length, 1, 'once for each time that nobody could explain it');
    conclude({ cause: 'unknown', layer: 'manifest' });
    world.mode = 'on-recovery';
    await run(60);
    assert.equal(pulls.length, 1);
    world.mode = 'eager';
    conclude({ cause: 'tcp-refused' });
    world.recheck = { state: 'same', cause: 'tcp-refused', notBefore: null };
    await run(60);
    assert.equal(pulls.length, 1, 'what is explained is waited for');
  });

  it('forgets what is over', async () => {
    const { conclude, run, looks, book, env } = stage();
    conclude();
    book.notice({
      at: new Date(env.at + 2000).toISOString(),
      cursor: null,
      unit: 'containerd.service',
      source: 'containerd',
      event: 'pull-succeeded',
      image: 'registry.lab/app:1',
      pod: null,
      namespace: null,
      container: null,
      cause: null,
      confidence: null,
      underlying: null,
      message: '',
    });
    await run(10);
    assert.equal(looks.length, 0);
  });
});

describe('agent: retry rules', () => {
  it('have one for every cause', () => {
    for (const cause of causeIds) {
      const rule = recheckRule(cause, 'tcp');
      if (rule.how === 'never') assert.ok(rule.why.endsWith('.'), cause);
      else assert.ok(rule.leastMs >= 2500, cause);
    }
  });

  it('spread a fleet', () => {
    assert.deepEqual([recheckDelay(2500, 0, 0), recheckDelay(2500, 0, 0.999)], [1875, 3124]);
    assert.deepEqual([recheckDelay(2500, 3_600_000, 0), recheckDelay(2500, 3_600_000, 0.999)], [22_500, 37_485]);
    assert.equal(pullDelay(30_000, 0.999), 500);
    assert.equal(pullDelay(3_600_000, 0.999), 19_980);
  });
});
