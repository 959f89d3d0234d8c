import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { getEventListeners, once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { type RunEvent, runProbes } from '../../src/engine/run.ts';
import type { ImageFacts } from '../../src/model/facts.ts';
import type { ProbeResult } from '../../src/model/investigation.ts';
import { type AnyProbe, type Outcome, type Probe, type ProbeInput, probeTask } from '../../src/probes/probe.ts';
import { makeNode, type NodeFolder } from '../kit/node-folder.ts';

/** A probe of the test's own: what there is to look at (keys), and what becomes of it. */
function fake(
  keys: (ended: readonly ProbeResult[]) => readonly string[],
  run: (key: string, signal: AbortSignal, patience: (ms: number) => number) => Promise<Outcome<'image'>>,
  more: { readonly budgetMs?: number; readonly cost?: AnyProbe['cost'] } = {},
): AnyProbe {
  const { budgetMs = 60_000, cost = 'cheap' } = more;
  const proves = { ok: 'it ends', failed: 'it does not' };
  const probe: Probe<'image', ProbeInput> = {
    kind: 'image',
    title: 'Fake',
    cost,
    budgetMs,
    proves,
    inputs: ({ probes }) =>
      keys(probes).map((key) => ({ key, target: key, hop: 'node', endpoint: null, counterfactual: false })),
    run: ({ key }, { patience }, signal) => run(key, signal, patience),
  };
  return {
    kind: 'image',
    title: 'Fake',
    cost,
    budgetMs,
    proves,
    tasks: (view) => probe.inputs(view).map((input) => probeTask(probe, input)),
  };
}

const nothing: ImageFacts = { present: null, id: null, sizeBytes: null };
const ok: Outcome<'image'> = { status: 'ok', error: null, facts: nothing };
const aborted: Outcome<'image'> = { status: 'failed', error: { code: 'aborted', message: 'aborted' }, facts: nothing };

/** Never ends, whatever its signal says. */
const deaf = (): Promise<Outcome<'image'>> => new Promise(() => undefined);

/** Ends with `aborted` when its signal says so. */
const obedient = (_key: string, signal: AbortSignal): Promise<Outcome<'image'>> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve(aborted), { once: true }));

describe('engine: run', () => {
  let node: NodeFolder;
  before(async () => {
    node = await makeNode({ image: 'registry.test/team/app:1.0' });
  });
  after(() => node.close());

  const run = async (
    probes: readonly AnyProbe[],
    more: {
      readonly deadlineMs?: number;
      readonly signal?: AbortSignal;
      readonly onEvent?: (event: RunEvent) => void;
    } = {},
  ) => {
    const begun = performance.now();
    const results = await runProbes({
      view: node.view,
      context: node.context,
      deadlineMs: 10_000,
      signal: new AbortController().signal,
      probes,
      ...more,
    });
    return { results, ms: performance.now() - begun };
  };

  it('starts what keeps the process busy when nothing else runs, or when the others have waited for long', async () => {
    const order: string[] = [];
    const noted = (name: string, ms: number) => async (): Promise<Outcome<'image'>> => {
      order.push(name);
      await wait(ms);
      order.push(`${name} ends`);
      return ok;
    };
    const busy: AnyProbe = { ...fake(() => ['busy'], noted('busy', 1)), busy: true };
    const step = fake((ended) => (ended.length === 0 ? ['first'] : ['first', 'second']), noted('step', 20));
    const quick = await run([busy, step]);
    assert.deepEqual(order, ['step', 'step ends', 'step', 'step ends', 'busy', 'busy ends']);
    assert.equal(quick.results.length, 3);
    order.length = 0;
    await run([busy, fake(() => ['slow'], noted('slow', 1500))]);
    assert.deepEqual(order, ['slow', 'busy', 'busy ends', 'slow ends']);
    order.length = 0;
    await run([{ ...busy, available: () => false }]);
    assert.deepEqual(order, []);
  });

  it('runs side by side what does not need each other', async () => {
    let [now, most] = [0, 0];
    const probe = fake(
      () => Array.from({ length: 20 }, (_, index) => `k${index}`),
      async () => {
        most = Math.max(most, ++now);
        await wait(50);
        now--;
        return ok;
      },
    );
    const { results } = await run([probe]);
    assert.equal(results.length, 20);
    assert.equal(most, 20);
  });

  it('asks again after each result, and runs no key twice', async () => {
    const ran: string[] = [];
    const probe = fake(
      (ended) => ['a', ...(ended.length > 0 ? ['a', 'b'] : []), ...(ended.length > 1 ? ['c', 'c'] : [])],
      async (key) => {
        ran.push(key);
        return ok;
      },
    );
    const { results } = await run([probe]);
    assert.deepEqual(ran, ['a', 'b', 'c']);
    assert.deepEqual(
      results.map(({ id, target }) => [id, target]),
      [
        ['p1', 'a'],
        ['p2', 'b'],
        ['p3', 'c'],
      ],
    );
  });

  it('gives results in the order in which probes started, and says when each starts and ends', async () => {
    const events: string[] = [];
    const slowFirst = fake(
      () => ['slow', 'quick'],
      async (key) => {
        await wait(key === 'slow' ? 60 : 1);
        return ok;
      },
    );
    const { results } = await run([slowFirst], {
      onEvent: (event) => events.push(`${event.kind} ${event.kind === 'started' ? event.id : event.probe.id}`),
    });
    assert.deepEqual(
      results.map(({ target }) => target),
      ['slow', 'quick'],
    );
    assert.deepEqual(events, ['started p1', 'started p2', 'ended p2', 'ended p1']);
  });

  it('ends soon after the deadline, though a probe ignores its signal', async () => {
    const { results, ms } = await run([fake(() => ['deaf'], deaf), fake(() => ['obedient'], obedient)], {
      deadlineMs: 200,
    });
    assert.ok(ms >= 190 && ms < 1000, `${ms} ms`);
    for (const { status, error } of results) {
      assert.equal(status, 'skipped', 'what was cut off is not checked, and no failure');
      assert.equal(error?.code, 'not-checked');
      assert.match(error.message, /--deadline/);
    }
  });

  it('starts nothing after the deadline', async () => {
    const probe = fake((ended) => (ended.length === 0 ? ['first'] : ['first', 'late']), obedient);
    const { results } = await run([probe], { deadlineMs: 100 });
    assert.deepEqual(
      results.map(({ target }) => target),
      ['first'],
    );
  });

  it('cuts a probe at its own budget, and says that it was that', async () => {
    const { results, ms } = await run([fake(() => ['deaf'], deaf, { budgetMs: 100 })]);
    assert.ok(ms < 1000, `${ms} ms`);
    assert.equal(results[0]?.status, 'skipped');
    assert.match(results[0]?.error?.message ?? '', /within the 0\.1 s that it may take/);
  });

  it('takes an end in time for what it says, right at the budget too', async () => {
    const probe = fake(
      () => ['late'],
      async (_key, signal) => {
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
        return { ...ok, status: 'failed', error: { code: 'timeout', message: 'silence' } };
      },
      { budgetMs: 50 },
    );
    const { results } = await run([probe]);
    assert.deepEqual([results[0]?.status, results[0]?.error?.code], ['failed', 'timeout']);
  });

  it('lets waits end before the deadline, as long as they then still say something', async () => {
    const seen: number[] = [];
    const probe = fake(
      () => ['a'],
      async (_key, _signal, patience) => {
        seen.push(patience(60_000), patience(1000));
        return ok;
      },
    );
    await run([probe], { deadlineMs: 5000 });
    await run([probe], { deadlineMs: 500 });
    assert.ok((seen[0] ?? 0) < 5000 && (seen[0] ?? 0) > 4000, `${seen[0]}`);
    assert.equal(seen[1], 1000);
    assert.equal(seen[2], 60_000, 'too little is left to say anything: the deadline cuts it off');
  });

  it('keeps a probe that finds that it cannot be asked here, with its reason', async () => {
    const { results } = await run([
      fake(
        () => ['a'],
        async () => ({ status: 'skipped', message: 'Not here.' }),
      ),
    ]);
    assert.deepEqual([results[0]?.status, results[0]?.error?.message], ['skipped', 'Not here.']);
  });

  it('lets a real pull go on past the deadline, and start then, but not past its caller', async () => {
    const pull = fake(
      (ended) => (ended.length > 0 ? ['pull'] : []),
      async () => {
        await wait(300);
        return ok;
      },
      {
        cost: 'pull',
        budgetMs: Number.POSITIVE_INFINITY,
      },
    );
    const first = fake(() => ['first'], obedient);
    const { results } = await run([first, pull], { deadlineMs: 100 });
    assert.deepEqual(
      results.map(({ target, status }) => [target, status]),
      [
        ['first', 'skipped'],
        ['pull', 'ok'],
      ],
    );
    const ended = await run([first, pull], { signal: AbortSignal.timeout(100) });
    assert.deepEqual(
      ended.results.map(({ target }) => target),
      ['first'],
    );
  });

  it('ends by the signal of its caller, a pull too', async () => {
    const pull = fake(() => ['pull'], deaf, { cost: 'pull', budgetMs: Number.POSITIVE_INFINITY });
    const { results, ms } = await run([pull, fake(() => ['a'], obedient)], { signal: AbortSignal.timeout(100) });
    assert.ok(ms < 1000, `${ms} ms`);
    assert.ok(results.every(({ status }) => status === 'skipped'));
  });

  it('does nothing for a caller who has gone already', async () => {
    const { results } = await run([fake(() => ['a'], deaf)], { signal: AbortSignal.abort() });
    assert.deepEqual(results, []);
  });

  it('makes no more than 400 probes, whatever the answers lead to', async () => {
    const endless = fake(
      (ended) => Array.from({ length: ended.length + 1 }, (_, index) => `k${index}`),
      async () => ok,
    );
    const wide = fake(
      () => Array.from({ length: 5000 }, (_, index) => `w${index}`),
      async () => ok,
    );
    assert.equal((await run([endless])).results.length, 400);
    assert.equal((await run([wide])).results.length, 400);
  });

  it('leaves no listener with its caller', async () => {
    const { signal } = new AbortController();
    await run(
      [
        fake(
          () => ['a', 'b'],
          async () => ok,
        ),
        fake(() => ['c'], deaf, { budgetMs: 50 }),
      ],
      { signal },
    );
    assert.deepEqual(getEventListeners(signal, 'abort'), []);
  });

  it('leaves no timer: a process ends with its last probe, and not before it', async function () {
    this.timeout(20_000);
    const script = `
      const { runProbes } = await import(${JSON.stringify(new URL('../../src/engine/run.ts', import.meta.url).href)});
      const task = (key, run) => ({ kind: 'image', run,
        input: { key, target: key, hop: 'node', endpoint: null, counterfactual: false } });
      const tasks = () => [
        task('quick', async () => ({ kind: 'image', status: 'ok', error: null, facts: {} })),
        task('deaf', () => new Promise(() => undefined)),
      ];
      const probes = [{ kind: 'image', title: 'x', cost: 'cheap', budgetMs: 300, proves: {}, tasks }];
      const env = { now: () => 0, monotonic: () => performance.now(), random: () => 0 };
      const results = await runProbes({ view: {}, context: { env, mask: (text) => text }, deadlineMs: 60000,
        signal: new AbortController().signal, probes });
      process.exitCode = results.length === 2 ? 42 : 1;`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), 15_000);
    const [code] = await once(child, 'exit');
    clearTimeout(timer);
    assert.equal(code, 42, code === null ? 'it had to be ended' : 'it ended before the run did');
  });
});
