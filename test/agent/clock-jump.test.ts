import assert from 'node:assert/strict';
import { openBook } from '../../src/agent/book.ts';
import { openClockJumps } from '../../src/agent/clock-jump.ts';
import type { Conclusion } from '../../src/agent/parts.ts';
import { openRecovery } from '../../src/agent/recovery.ts';
import { fail } from '../../src/lib/result.ts';
import type { PullEvent } from '../../src/signals/pull-event.ts';

const start = Date.parse('2026-11-22T10:00:00Z');
const hourMs = 3_600_000;
const image = 'registry.lab/app:1';

function stage() {
  const env = {
    at: 0,
    ahead: 0,
    now: () => start + env.at + env.ahead,
    monotonic: () => env.at,
    random: () => 0.5,
  };
  const book = openBook(env);
  const looks: number[] = [];
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
    recheck: () => {
      looks.push(env.at);
      return Promise.resolve({ state: 'same', cause: 'tcp-refused', notBefore: null });
    },
    credentialsMark: () => Promise.resolve(''),
    investigate: () => undefined,
    settings: () => ({ mode: 'on-recovery', concurrency: 2 }),
  });
  const say = (event: PullEvent['event'], at = env.now()): void =>
    book.notice({
      at: new Date(at).toISOString(),
      cursor: 'c',
      unit: 'kubelet.service',
      source: 'kubelet',
      event,
      image,
      pod: 'web-0',
      namespace: 'shop',
      container: 'app',
      cause: event === 'pull-succeeded' ? null : 'tcp-refused',
      confidence: 'likely',
      underlying: null,
      message: '',
    });
  /** The kubelet looks at the pod every 12 s. */
  const run = async (seconds: number, told: boolean): Promise<void> => {
    for (let n = 0; n < seconds * 4; n++) {
      env.at += 250;
      if (told && n % 48 === 47) say('back-off');
      book.tick();
      recovery.tick();
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const begin = async (): Promise<void> => {
    say('pull-failed');
    book.conclude(image, { ...concluded, at: env.now() });
    await run(60, true);
  };
  return { env, book, looks, say, run, begin };
}

const concluded: Conclusion = {
  investigation: 'i1',
  at: start,
  verdict: 'faulty',
  cause: 'tcp-refused',
  confidence: 'proven',
  underlying: null,
  layer: 'tcp',
  host: 'registry.lab',
  summary: '',
  remedies: [],
  notBefore: null,
};

describe('agent: a clock that jumps', () => {
  it('is told of by how much, and one that is disciplined is not', () => {
    const env = { at: 0, ahead: 0, now: () => env.at + env.ahead, monotonic: () => env.at };
    const jumps = openClockJumps(env);
    const seen: number[] = [];
    for (const ahead of [0, 400, 800, hourMs, hourMs, 0, -60_000]) {
      env.at += 250;
      env.ahead = ahead;
      seen.push(jumps());
    }
    assert.deepEqual(seen, [0, 0, 0, hourMs - 800, 0, -hourMs, -60_000]);
  });

  for (const ahead of [hourMs, -hourMs, 26 * hourMs, -26 * hourMs]) {
    describe(`by ${ahead / hourMs} hours`, () => {
      it('ends no incident, counts its tries on, and looks at the failed hop as often', async () => {
        const { env, book, looks, run, begin } = stage();
        await begin();
        const [before] = book.open();
        assert.ok(before);
        env.ahead = ahead;
        const seen = looks.length;
        await run(60, true);
        const [after] = book.open();
        assert.equal(after?.id, before.id);
        assert.equal(book.over(0).length, 0);
        assert.ok(looks.length - seen >= 5, `${looks.length - seen} looks in a minute`);
        assert.ok(Math.abs((after?.pods[0]?.nextTryAt ?? 0) - env.now()) < 10 * 60_000, 'the next try is told');
        assert.equal(after?.firstSeenAt, before.firstSeenAt + ahead);
      });

      it('takes lines from around the jump for what they are, and no line for one of the future', async () => {
        const { env, book, say, run, begin } = stage();
        await begin();
        await run(240, true);
        // A line is told of at once, and again when its event is complete; between them somebody sets the clock.
        say('pull-failed');
        const [then, tries] = [env.now(), book.open()[0]?.pods[0]?.attempts];
        env.ahead = ahead;
        env.at += 900;
        if (ahead < 0) book.tick();
        else say('back-off');
        say('pull-failed', then);
        book.tick();
        const [incident] = book.open();
        assert.equal(incident?.pods[0]?.attempts, tries, 'it is one try');
        assert.ok(Math.abs(env.now() - (incident?.lastSeenAt ?? 0)) <= 1000, 'it was seen now');
        env.at += 12_000;
        say('pull-succeeded');
        assert.equal(book.open().length, 0);
      });

      it('while the agent is stopped leaves nothing that happened in the future', async () => {
        const { env, book, begin } = stage();
        await begin();
        env.ahead = ahead;
        const again = openBook(env, { open: book.open(), over: [] });
        assert.ok((again.open()[0]?.lastSeenAt ?? 0) <= env.now());
        env.at += 181_000;
        again.tick();
        assert.equal(again.open().length, 0);
      });

      it('lets an incident end by the pull, and by silence, as ever', async () => {
        const pulled = stage();
        await pulled.begin();
        pulled.env.ahead = ahead;
        await pulled.run(1, false);
        pulled.say('pull-succeeded');
        assert.equal(pulled.book.open().length, 0, 'a pull that worked');
        const silent = stage();
        await silent.begin();
        silent.env.ahead = ahead;
        await silent.run(100, false);
        assert.equal(silent.book.open().length, 1, 'too early');
        await silent.run(100, false);
        assert.equal(silent.book.open().length, 0, 'nobody waits any more');
      });
    });
  }
});
