import assert from 'node:assert/strict';
import { openBook } from '../../src/agent/book.ts';
import { openDiagnoser } from '../../src/agent/diagnoser.ts';
import { conclusionOf } from '../../src/agent/engine/conclusion.ts';
import { openInvestigator } from '../../src/agent/investigator.ts';
import { openRecovery } from '../../src/agent/recovery.ts';
import { failingItems } from '../../src/agent/report/items.ts';
import { fail, ok } from '../../src/lib/result.ts';
import { investigationOf } from '../kit/agent.ts';
import { nodeHealth } from '../kit/agent-health.ts';
import { pullEvent } from '../kit/pull-event.ts';

const start = Date.parse('2026-11-22T10:00:00Z');
describe('agent: after its pull', () => {
  it('a pod that goes on failing after the pull is told of, and its image looked at again', async () => {
    const env = { at: 0, now: () => start + env.at, monotonic: () => env.at, random: () => 0.5 };
    const policies: Record<string, 'Always' | 'IfNotPresent'> = { 'web-0': 'Always', 'web-1': 'IfNotPresent' };
    const book = openBook(
      env,
      { open: [], over: [] },
      { policyOf: ({ pod }) => policies[pod ?? ''] ?? null, waits: () => true },
    );
    let runs = 0;
    const investigator = openInvestigator({
      env,
      settings: () => ({ concurrency: 2, perRegistry: 1000 }),
      archive: { put: () => undefined, get: () => null, recent: () => [] },
      run: (order) => {
        runs++;
        return Promise.resolve(
          ok(
            investigationOf(order.image, {
              startedAt: new Date(env.now()).toISOString(),
              verdict: 'faulty',
              cause: 'tcp-refused',
              confidence: 'proven',
              layer: 'tcp',
            }),
          ),
        );
      },
    });
    const diagnoser = openDiagnoser({ env, book, investigator, conclusionOf });
    const recovery = openRecovery({
      env,
      book,
      puller: {
        pull: () => fail({ reason: 'busy', message: '', retryAfterMs: null }),
        get: () => null,
        recent: () => [],
        onEnd: () => undefined,
        stop: () => Promise.resolve(),
      },
      recheck: () => Promise.resolve({ state: 'same', cause: 'tcp-refused', notBefore: null }),
      credentialsMark: () => Promise.resolve(''),
      investigate: () => undefined,
      settings: () => ({ mode: 'on-recovery', concurrency: 2 }),
    });
    const say = (pod: string, event: 'pull-failed' | 'back-off') =>
      book.notice(
        pullEvent({
          at: new Date(env.now()).toISOString(),
          cursor: 'c',
          pod,
          event,
          cause: event === 'back-off' ? 'back-off-only' : 'tcp-refused',
        }),
      );
    say('web-0', 'pull-failed');
    say('web-1', 'pull-failed');
    await new Promise((r) => setImmediate(r));
    const key = book.open()[0]?.key ?? '';
    // For web-1 the agent pulls in the moment that the registry is back; it fails again since.
    env.at += 30_000;
    book.pulled(key, env.now());
    const before = runs;
    for (let s = 0; s < 1200; s++) {
      env.at += 1000;
      if (s % 12 === 0) say('web-0', s % 300 === 0 ? 'pull-failed' : 'back-off');
      book.tick();
      diagnoser.tick();
      recovery.tick();
      await new Promise((r) => setImmediate(r));
    }
    const [incident] = book.open();
    assert.ok(incident);
    const [item] = failingItems([incident], [], nodeHealth(), 'n');
    assert.deepEqual(
      [runs > before, recovery.retryOf(incident).state, item?.cause],
      [true, 'not-possible', 'tcp-refused'],
      `${recovery.retryOf(incident).note} / ${item?.summary}`,
    );
  });
});
