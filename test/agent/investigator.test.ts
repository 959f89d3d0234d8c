import assert from 'node:assert/strict';
import { openBudget } from '../../src/agent/budget.ts';
import { openInvestigator } from '../../src/agent/investigator.ts';
import type { Declined, InvestigationOrder } from '../../src/agent/parts.ts';
import type { RunEvent } from '../../src/engine/run.ts';
import { limits } from '../../src/lib/limits.ts';
import { fail, ok, type Result } from '../../src/lib/result.ts';
import { Secret } from '../../src/lib/secret.ts';
import type { Investigation } from '../../src/model/investigation.ts';
import { investigationOf } from '../kit/agent.ts';

interface Started {
  readonly order: InvestigationOrder;
  readonly signal: AbortSignal;
  end(): void;
}

function stage(settings = { concurrency: 2, perRegistry: 1000 }) {
  const started: Started[] = [];
  const kept: Investigation[] = [];
  const env = { now: () => 0, monotonic: () => time.at, random: () => 0.5 };
  const time = { at: 0 };
  const investigator = openInvestigator({
    env,
    settings: () => settings,
    archive: { put: (one) => void kept.push(one), get: () => null, recent: () => kept },
    run(order, signal) {
      const { promise, resolve } = Promise.withResolvers<Result<Investigation, Declined>>();
      const end = (): void => resolve(ok(investigationOf(order.image, {})));
      signal.addEventListener('abort', () => resolve(fail({ reason: 'stopping', message: '', retryAfterMs: null })));
      started.push({ order, signal, end });
      return promise;
    },
  });
  return { investigator, started, kept, time };
}

const event: RunEvent = { kind: 'started', id: 'p1', title: 'DNS', target: 'x' };

describe('agent: investigator', () => {
  it('runs some at a time, the most urgent first', async () => {
    const { investigator, started } = stage();
    const all = [
      investigator.investigate({ image: 'a', reason: 'noticed' }),
      investigator.investigate({ image: 'b', reason: 'noticed' }),
      investigator.investigate({ image: 'c', reason: 'again' }),
      investigator.investigate({ image: 'd', reason: 'asked' }),
    ];
    assert.deepEqual(
      started.map(({ order }) => order.image),
      ['a', 'b'],
    );
    assert.ok(investigator.busy('docker.io/library/c:latest'));
    for (let n = 0; n < 4; n++) {
      started[n]?.end();
      await all[[0, 1, 3, 2][n] ?? 0];
    }
    assert.deepEqual(
      started.map(({ order }) => order.image),
      ['a', 'b', 'd', 'c'],
    );
    assert.ok(!investigator.busy('docker.io/library/c:latest'));
  });

  it('counts what a registry is asked under one name, however it is written', async () => {
    const { investigator, started } = stage({ concurrency: 1000, perRegistry: 60 });
    const hosts = ['docker.io', 'registry-1.docker.io:443', 'REGISTRY-1.docker.io', 'Registry-1.Docker.io:443'];
    for (const host of hosts)
      for (let n = 0; n < 10; n++) void investigator.investigate({ image: `${host}/library/a:${n}`, reason: 'asked' });
    assert.equal(started.length, 6);
    for (let n = 0; n < 10; n++) void investigator.investigate({ image: `quay.io:8443/a:${n}`, reason: 'asked' });
    assert.equal(started.length, 16, 'another port is another registry');
    await investigator.stop();
  });

  it('gives nobody who comes later the answer of one that is being ended', async () => {
    const { investigator, started } = stage();
    const caller = new AbortController();
    const first = investigator.investigate({ image: 'nginx', reason: 'asked', signal: caller.signal });
    caller.abort();
    const second = investigator.investigate({ image: 'nginx', reason: 'asked' });
    assert.equal((await first).ok, false);
    assert.equal(started.length, 2);
    started[1]?.end();
    assert.equal((await second).ok, true);
  });

  it('makes one for all who ask for the same image, and tells late ones what they missed', async () => {
    const { investigator, started, kept } = stage();
    const seen: string[] = [];
    const first = investigator.investigate({ image: 'nginx', reason: 'noticed' });
    started[0]?.order.onEvent?.(event);
    const second = investigator.investigate({
      image: 'docker.io/library/nginx',
      reason: 'asked',
      onEvent: ({ kind }) => seen.push(kind),
    });
    started[0]?.order.onEvent?.(event);
    started[0]?.end();
    const [one, two] = await Promise.all([first, second]);
    assert.equal(started.length, 1);
    assert.deepEqual(seen, ['started', 'started']);
    assert.equal(one, two);
    assert.equal(kept.length, 1);
  });

  it('shares nothing made with a caller’s credentials', () => {
    const { investigator, started } = stage();
    const credentials = { username: 'app', password: new Secret('x') };
    for (let n = 0; n < 2; n++) void investigator.investigate({ image: 'a', reason: 'asked', credentials });
    assert.equal(started.length, 2);
  });

  it('gives who has no credentials nothing that was made with another’s', () => {
    const { investigator, started } = stage({ concurrency: 10, perRegistry: 1000 });
    const credentials = { username: 'app', password: new Secret('x') };
    void investigator.investigate({ image: 'a', reason: 'asked', credentials });
    void investigator.investigate({ image: 'a', reason: 'asked' });
    void investigator.investigate({ image: 'a', reason: 'asked' });
    assert.deepEqual(
      started.map(({ order }) => order.credentials !== undefined),
      [true, false],
    );
  });

  it('ends what nobody waits for any more, and not what somebody does', async () => {
    const { investigator, started } = stage();
    const [one, two] = [new AbortController(), new AbortController()];
    const first = investigator.investigate({ image: 'a', reason: 'asked', signal: one.signal });
    const second = investigator.investigate({ image: 'a', reason: 'asked', signal: two.signal });
    one.abort();
    assert.equal(started[0]?.signal.aborted, false);
    two.abort();
    assert.equal(started[0]?.signal.aborted, true);
    assert.ok(!(await first).ok && !(await second).ok);
  });

  it('asks a registry within its budget, Docker Hub least, and says when again', async () => {
    const { investigator, time } = stage({ concurrency: 100, perRegistry: 20 });
    const declined = async (image: string): Promise<Declined | null> => {
      const result = await Promise.race([
        investigator.investigate({ image, reason: 'noticed' }),
        Promise.resolve(null),
      ]);
      return result === null || result.ok ? null : result.error;
    };
    const count = async (name: string): Promise<number> => {
      for (let n = 0; ; n++) {
        const no = await declined(`${name}:${n}`);
        if (no === null) continue;
        assert.equal(no.reason, 'budget');
        assert.ok(no.retryAfterMs !== null && no.retryAfterMs > 0);
        time.at += no.retryAfterMs;
        assert.equal(await declined(`${name}:again`), null, 'after the time that was told it may');
        return n;
      }
    };
    assert.equal(await count('registry.lab/app'), 20);
    assert.equal(await count('nginx'), 2);
  });

  it('is bounded, and stops', async () => {
    const { investigator } = stage({ concurrency: 1, perRegistry: 1_000_000 });
    const all = Array.from({ length: limits.agentQueue + 1 }, (_, n) =>
      investigator.investigate({ image: `registry.lab/app:${n}`, reason: 'noticed' }),
    );
    const last = await all.at(-1);
    assert.ok(last?.ok === false && last.error.reason === 'busy');
    await investigator.stop();
    for (const one of await Promise.all(all)) assert.ok(!one.ok);
    assert.ok(!(await investigator.investigate({ image: 'x', reason: 'asked' })).ok);
  });
});

describe('agent: budget', () => {
  it('fills evenly, and forgets names that it need not remember', () => {
    const time = { at: 0 };
    const budget = openBudget({ monotonic: () => time.at }, () => ({ count: 2, spanMs: 1000 }));
    assert.deepEqual([budget.take('a'), budget.take('a'), budget.take('a')], [null, null, 500]);
    time.at = 500;
    assert.deepEqual([budget.take('a'), budget.take('a')], [null, 500]);
    for (let n = 0; n < 10_000; n++) budget.take(`name-${n}`);
    assert.equal(budget.take('b'), null);
  });
});
