import assert from 'node:assert/strict';
import type { Puller } from '../../src/agent/parts.ts';
import { openPuller, type PullOrder, type PullOutcome } from '../../src/agent/puller.ts';
import type { PullRecord } from '../../src/api/investigation.ts';
import { limits } from '../../src/lib/limits.ts';
import { Secret } from '../../src/lib/secret.ts';

function stage(settings = { concurrency: 2, perRegistry: 1 }) {
  const started: { order: PullOrder; signal: AbortSignal; end: (ok: boolean) => void }[] = [];
  const ended: PullRecord[] = [];
  let time = Date.parse('2026-11-22T10:00:00Z');
  let chance = 0;
  const random = (): number => {
    chance += 0.0001;
    return chance % 1;
  };
  const puller: Puller = openPuller({
    env: { now: () => time++, monotonic: () => time, random },
    node: 'node-1',
    settings: () => settings,
    run(order, signal) {
      const { promise, resolve } = Promise.withResolvers<PullOutcome>();
      const end = (works: boolean): void =>
        resolve({
          pull: {
            attempted: true,
            ok: works,
            durationMs: 7,
            error: works ? null : 'refused',
            cause: works ? null : 'tcp-refused',
          },
          imageRef: works ? 'sha256:1' : null,
          summary: works ? 'pulled' : 'not pulled',
        });
      signal.addEventListener('abort', () => end(false));
      started.push({ order, signal, end });
      return promise;
    },
  });
  puller.onEnd((record) => void ended.push(record));
  return { puller, started, ended };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('agent: puller', () => {
  it('pulls one image once, some of a registry and of the node at a time', async () => {
    const { puller, started, ended } = stage();
    const ids = ['a.lab/x', 'a.lab/x:latest', 'a.lab/y', 'b.lab/z', 'c.lab/w'].map((image) => {
      const record = puller.pull({ image, reason: 'asked' });
      assert.ok(record.ok);
      return record.value.id;
    });
    assert.equal(ids[0], ids[1], 'the same image in another spelling');
    assert.deepEqual(
      started.map(({ order }) => order.image),
      ['a.lab/x', 'b.lab/z'],
    );
    started[0]?.end(true);
    await settled();
    assert.deepEqual(
      started.map(({ order }) => order.image),
      ['a.lab/x', 'b.lab/z', 'a.lab/y'],
    );
    started[1]?.end(false);
    await settled();
    assert.equal(started.at(-1)?.order.image, 'c.lab/w');
    assert.deepEqual(
      ended.map(({ image, state, cause }) => [image, state, cause]),
      [
        ['a.lab/x', 'done', null],
        ['b.lab/z', 'failed', 'tcp-refused'],
      ],
    );
    const first = puller.get(ids[0] ?? '');
    assert.deepEqual([first?.state, first?.imageRef, first?.durationMs], ['done', 'sha256:1', 7]);
    assert.ok(first?.startedAt !== null && first?.endedAt !== null);
  });

  it('does not mix callers with credentials into a pull that is under way', () => {
    const { puller, started } = stage();
    puller.pull({ image: 'a.lab/x', reason: 'recovery' });
    const second = puller.pull({
      image: 'a.lab/x',
      reason: 'asked',
      credentials: { username: 'u', password: new Secret('p') },
    });
    assert.ok(!second.ok && second.error.reason === 'busy');
    assert.equal(started.length, 1);
  });

  it('is bounded, and stops', async () => {
    const { puller, started, ended } = stage();
    for (let n = 0; n < limits.agentPulls; n++)
      assert.ok(puller.pull({ image: `a.lab/x:${n}`, reason: 'recovery' }).ok);
    const more = puller.pull({ image: 'a.lab/y', reason: 'asked' });
    assert.ok(!more.ok && more.error.reason === 'busy');
    await puller.stop();
    assert.ok(started.every(({ signal }) => signal.aborted));
    assert.equal(ended.length, limits.agentPulls);
    assert.ok(!puller.pull({ image: 'a.lab/z', reason: 'asked' }).ok);
  });
});
