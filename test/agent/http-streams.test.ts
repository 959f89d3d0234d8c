import assert from 'node:assert/strict';
import type { Services } from '../../src/agent/http/services.ts';
import type { InvestigationOrder } from '../../src/agent/parts.ts';
import type { RunEvent } from '../../src/engine/run.ts';
import { fail, ok } from '../../src/lib/result.ts';
import type { PullEvent } from '../../src/signals/pull-event.ts';
import { investigationOf } from '../kit/agent.ts';
import { servicesOf } from '../kit/agent-services.ts';
import { startHttpAgent } from '../kit/http-agent.ts';
import { head, httpCallers, json } from '../kit/http-callers.ts';
import { pullEvent } from '../kit/pull-event.ts';
import { until, wait } from '../kit/until.ts';

describe('agent: HTTP, answers that take long', () => {
  const { start, open, status, close } = httpCallers(startHttpAgent);
  afterEach(close);

  describe('readers that do not read', () => {
    it('of a long answer are ended, and their place is free again', async () => {
      const long = servicesOf().report();
      const { port, url, answers } = await start({
        maxConcurrent: 1,
        times: { stall: 300 },
        services: { report: () => ({ ...long, summary: 'x'.repeat(32 * 1024 * 1024) }) },
      });
      const { socket, closed } = open(port, head('GET /v1/report'));
      socket.pause();
      await wait(100);
      assert.equal((await fetch(`${url}/v1/pods`)).status, 503);
      await until('the end of the answer', () => answers.includes('GET /v1/report 200'));
      assert.equal((await fetch(`${url}/v1/pods`)).status, 200);
      socket.resume();
      assert.ok((await closed).length < 32 * 1024 * 1024);
    });

    it('but slowly get all of it', async () => {
      const long = servicesOf().report();
      const size = 8 * 1024 * 1024;
      const { port } = await start({
        times: { stall: 600 },
        services: { report: () => ({ ...long, summary: 'x'.repeat(size) }) },
      });
      const { socket, closed, got } = open(port, head('GET /v1/report', 'Connection: close\r\n'));
      const timer = setInterval(() => {
        socket.resume();
        setTimeout(() => socket.pause(), 2);
      }, 30);
      socket.pause();
      await until('the answer', () => got().length > size, 15_000);
      clearInterval(timer);
      socket.resume();
      assert.ok((await closed).length > size);
    });

    it('of a stream hold it back: one line is made for them, and they are ended', async () => {
      let made = 0;
      async function* endless(): AsyncGenerator<PullEvent> {
        const message = 'x'.repeat(1024 * 1024);
        for (;;) {
          made++;
          yield pullEvent({ message });
        }
      }
      const { port, answers } = await start({
        times: { stall: 300 },
        services: { journal: async () => ok(endless()) },
      });
      const { socket } = open(port, head('GET /v1/journal'));
      socket.pause();
      await until('the end of the answer', () => answers.includes('GET /v1/journal 200'));
      assert.ok(made < 40, `${made} lines of a MiB each`);
    });
  });

  describe('event streams', () => {
    const probe = (id: string): RunEvent => ({
      kind: 'ended',
      probe: {
        id,
        kind: 'dns',
        target: 'x',
        hop: 'nameserver',
        endpoint: null,
        counterfactual: false,
        startedMs: 0,
        durationMs: 1,
        status: 'skipped',
        error: { code: 'not-checked', message: 'no' },
        facts: {},
      },
    });
    const post = head('POST /v1/investigations', `${json}Accept: text/event-stream\r\nContent-Length: 13\r\n`);
    const asked = `${post}{"image":"x"}`;

    /** An investigator that a test drives. */
    function driven() {
      const orders: InvestigationOrder[] = [];
      const ends: ((result: Awaited<ReturnType<Services['investigator']['investigate']>>) => void)[] = [];
      const { investigator } = servicesOf();
      const investigate: typeof investigator.investigate = (order) => {
        orders.push(order);
        return new Promise((resolve) => {
          ends.push(resolve);
          order.signal?.addEventListener('abort', () =>
            resolve(fail({ reason: 'stopping', message: 'The agent is stopping.', retryAfterMs: null })),
          );
        });
      };
      return { orders, ends, services: { investigator: { ...investigator, investigate }, maxPerCaller: () => 1 } };
    }

    it('tell each probe as it ends, and that they are alive in between', async function () {
      this.timeout(15_000);
      const { orders, ends, services } = driven();
      const { port } = await start({ services });
      const { got } = open(port, asked);
      await until('the order', () => orders.length === 1);
      orders[0]?.onEvent?.(probe('p1'));
      await until('the answer', () => got().includes('"id":"p1"'));
      assert.doesNotMatch(got(), /still at work/);
      await until('the answer', () => got().includes(': still at work'), 8000);
      orders[0]?.onEvent?.(probe('p2'));
      await until('the answer', () => got().includes('"id":"p2"'));
      ends[0]?.(ok(investigationOf('x', {})));
      await until('the answer', () => got().includes('event: investigation\n'));
      assert.deepEqual(got().match(/^(?:event)?: [a-z ]+/gm), [
        'event: probe',
        ': still at work',
        'event: probe',
        'event: investigation',
      ]);
    });

    it('end what they are about when the reader goes, and free its place at once', async () => {
      const { orders, services } = driven();
      const { port, answers } = await start({ services });
      for (let n = 0; n < 3; n++) {
        const { socket } = open(port, asked);
        await until('the order', () => orders.length === n + 1);
        socket.destroy();
        await until('the end of the answer', () => answers.length === n + 1);
        assert.equal(orders[n]?.signal?.aborted, true);
      }
    });

    it('say in a problem document why there is none', async () => {
      const { ends, orders, services } = driven();
      const { port } = await start({ services });
      const { got } = open(port, asked);
      await until('the order', () => orders.length === 1);
      ends[0]?.(fail({ reason: 'refused-target', message: 'not from here', retryAfterMs: null }));
      await until('the answer', () => got().includes('event: problem\n'));
      const data = /event: problem\ndata: (.*)\n/.exec(got())?.[1] ?? '';
      assert.deepEqual(JSON.parse(data), {
        type: 'urn:pullwhy:problem:refused-target',
        title: 'Forbidden',
        status: 403,
        detail: 'not from here',
      });
    });

    it('do not take what follows on the connection for an answer in the middle', async () => {
      const { orders, services } = driven();
      const { port } = await start({ services });
      const { got, socket, closed } = open(port, asked);
      await until('the order', () => orders.length === 1);
      socket.write('no HTTP at all\r\n\r\n');
      await closed;
      assert.equal(got().match(/HTTP\/1\.1/g)?.length, 1);
    });

    it('are ended with a word when the agent stops, soon', async () => {
      const { orders, services } = driven();
      const agent = await startHttpAgent({ services });
      const { closed } = open(agent.port, asked);
      await until('the order', () => orders.length === 1);
      const idle = open(agent.port, head('GET /healthz'));
      await until('the answer', () => idle.got().includes('ok\n'));
      const begun = performance.now();
      await agent.server.stop();
      assert.ok(performance.now() - begun < 2000);
      assert.match(await closed, /event: problem\ndata: .*"status":503/);
      await idle.closed;
    });

    it('that are not read do not hold up the stop', async () => {
      const { orders, services } = driven();
      const agent = await startHttpAgent({ services, times: { grace: 300 } });
      const { socket } = open(agent.port, asked);
      socket.pause();
      await until('the order', () => orders.length === 1);
      const big = probe('p1');
      if (big.kind === 'ended') {
        for (let n = 0; n < 20; n++)
          orders[0]?.onEvent?.({ ...big, probe: { ...big.probe, target: 'x'.repeat(1024 * 1024) } });
      }
      await wait(100);
      const begun = performance.now();
      await agent.server.stop();
      assert.ok(performance.now() - begun < 2000);
    });

    it('outlive a defect of the investigation', async () => {
      const { investigator } = servicesOf();
      const broken = { ...investigator, investigate: () => Promise.reject(new Error('insides')) };
      const { port, logged } = await start({ services: { investigator: broken } });
      const { closed } = open(port, asked);
      assert.doesNotMatch(await closed, /insides/);
      assert.match(logged.join(''), /insides/);
      assert.equal(await status(port, head('GET /healthz')), 200);
    });
  });
});
