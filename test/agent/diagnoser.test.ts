import assert from 'node:assert/strict';
import { openBook } from '../../src/agent/book.ts';
import { openDiagnoser } from '../../src/agent/diagnoser.ts';
import { conclusionOf } from '../../src/agent/engine/conclusion.ts';
import { openInvestigator } from '../../src/agent/investigator.ts';
import type { Declined, InvestigationOrder, WaitingPod } from '../../src/agent/parts.ts';
import { ok, type Result } from '../../src/lib/result.ts';
import type { Investigation } from '../../src/model/investigation.ts';
import type { PullEvent } from '../../src/signals/pull-event.ts';
import { investigationOf } from '../kit/agent.ts';
import { pullEvent } from '../kit/pull-event.ts';

const start = Date.parse('2026-11-22T10:00:00Z');
const image = 'registry.lab/app:1';
const settle = () => new Promise((resolve) => setImmediate(resolve));

/** A book with its diagnoser and investigator in virtual time; `found` says what an investigation comes to. */
function stage(options: { readonly hold?: boolean; readonly knowsPod?: boolean } = {}) {
  const env = { at: 0, now: () => start + env.at, monotonic: () => env.at, random: () => 0.5 };
  const policies = new Map<string, WaitingPod['policy']>();
  const book = openBook(
    env,
    { open: [], over: [] },
    { policyOf: ({ pod }) => policies.get(pod ?? '') ?? null, waits: () => true },
  );
  const runs: InvestigationOrder[] = [];
  const found: { now: (order: InvestigationOrder) => Partial<Investigation> } = {
    now: () => ({ verdict: 'faulty', cause: 'tcp-refused', confidence: 'proven', layer: 'tcp' }),
  };
  const investigator = openInvestigator({
    env,
    settings: () => ({ concurrency: 2, perRegistry: 60 }),
    archive: { put: () => undefined, get: () => null, recent: () => [] },
    run(order, signal) {
      runs.push(order);
      const startedAt = new Date(env.now()).toISOString();
      const document = (more: Partial<Investigation>) =>
        ok(investigationOf(order.image, { id: `i${runs.length}`, startedAt, ...more }));
      if (options.hold !== true) return Promise.resolve(document(found.now(order)));
      const { promise, resolve } = Promise.withResolvers<Result<Investigation, Declined>>();
      // As the engine does: what was cut off is a document all the same.
      signal.addEventListener('abort', () => setTimeout(() => resolve(document({ verdict: 'inconclusive' })), 20));
      return promise;
    },
  });
  const knows = options.knowsPod === true ? { knowsPod: () => true } : {};
  const diagnoser = openDiagnoser({ env, book, investigator, conclusionOf, ...knows });
  const say = (more: Partial<PullEvent> = {}): void =>
    void book.notice(pullEvent({ at: new Date(env.now()).toISOString(), cursor: 'c', ...more }));
  const run = async (seconds: number, each: (second: number) => void = () => undefined): Promise<void> => {
    for (let second = 0; second < seconds; second++) {
      each(second);
      env.at += 1000;
      diagnoser.tick();
      await settle();
    }
  };
  const cause = () => book.open()[0]?.conclusion?.cause;
  return { env, book, policies, runs, found, investigator, diagnoser, say, run, cause };
}

const never = { cause: 'image-never-pull', message: 'ErrImageNeverPull' } as const;

describe('agent: diagnoser', () => {
  it('looks once at an image whose pods fail in two ways, and leaves the registry’s budget to others', async () => {
    for (const name of [image, 'nginx']) {
      const { policies, runs, say, run } = stage();
      policies.set('web-0', 'IfNotPresent');
      policies.set('web-1', 'Never');
      await run(590, (second) => {
        if (second % 12 === 0) say({ image: name, pod: 'web-0', cause: 'tcp-refused' });
        if (second % 12 === 6) say({ image: name, pod: 'web-1', ...never });
      });
      assert.ok(runs.length <= 3, `${runs.length} investigations of one image in ten minutes`);
      say({ image: 'redis', pod: 'cache-0' });
      await run(5);
      assert.ok(runs.some((one) => one.image === 'redis'));
    }
  });

  it('looks again at once when the words become others, and later when they do so once more', async () => {
    const { runs, say, run, found, cause } = stage();
    say();
    await run(20);
    found.now = () => ({ verdict: 'faulty', cause: 'tls-unknown-authority', confidence: 'proven', layer: 'tls' });
    say({ cause: 'tls-unknown-authority' });
    await run(2);
    assert.deepEqual([runs.length, cause()], [2, 'tls-unknown-authority']);
    found.now = () => ({ verdict: 'faulty', cause: 'tcp-refused', confidence: 'proven', layer: 'tcp' });
    say();
    await run(2);
    assert.deepEqual([runs.length, cause()], [3, 'tcp-refused']);
  });

  it('takes for the pods’ cause what a caller asked under their own pull policy, and under no other', async () => {
    const { policies, found, investigator, say, cause } = stage();
    policies.set('web-0', 'IfNotPresent');
    say();
    await settle();
    found.now = ({ pullPolicy }) =>
      pullPolicy === 'Never'
        ? { verdict: 'faulty', cause: 'image-never-pull', confidence: 'proven', layer: 'policy' }
        : { verdict: 'faulty', cause: 'tcp-timeout', confidence: 'proven', layer: 'tcp' };
    await investigator.investigate({ image, reason: 'asked', guarded: true, pullPolicy: 'Never' });
    assert.equal(cause(), 'tcp-refused');
    await investigator.investigate({ image, reason: 'asked', guarded: true, pullPolicy: 'IfNotPresent' });
    assert.equal(cause(), 'tcp-timeout');
  });

  it('keeps a cause that an investigation cut off by the agent’s end does not find', async () => {
    const { book, investigator, diagnoser, say, env } = stage({ hold: true });
    say();
    book.conclude(image, {
      investigation: 'i1',
      at: env.now(),
      verdict: 'faulty',
      cause: 'tcp-refused',
      confidence: 'proven',
      underlying: null,
      layer: 'tcp',
      host: 'registry.lab',
      summary: '',
      remedies: [],
      notBefore: null,
    });
    const [incident] = book.open();
    assert.ok(incident);
    diagnoser.order(incident, 'again');
    await settle();
    await investigator.stop();
    await settle();
    assert.deepEqual(
      [book.open()[0]?.conclusion?.verdict, book.open()[0]?.conclusion?.investigation],
      ['faulty', 'i1'],
    );
  });

  it('looks for the others when the pod that a cause of credentials was about is gone', async () => {
    const { book, runs, found, say, run } = stage({ knowsPod: true });
    found.now = ({ pod }) => ({
      verdict: 'faulty',
      cause: 'credentials-rejected',
      confidence: 'proven',
      layer: 'auth',
      ...(pod === undefined ? {} : { pod: { ...pod, serviceAccount: 'default', secrets: [], reader: null } }),
    });
    say({ pod: 'web-0', cause: 'credentials-rejected' });
    await settle();
    say({ pod: 'job-0', namespace: 'team', cause: 'credentials-rejected' });
    await run(20);
    assert.deepEqual(
      runs.map(({ pod }) => pod?.name),
      ['web-0'],
    );
    book.podsEnded(({ pod }) => (pod === 'web-0' ? 'gone' : null));
    await run(60);
    assert.deepEqual(
      runs.map(({ pod }) => pod?.name),
      ['web-0', 'job-0'],
    );
  });
});
