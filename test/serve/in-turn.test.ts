import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { systemEnv } from '../../src/lib/env.ts';
import { openLog } from '../../src/lib/log.ts';
import { maxWaiting, type OnRequest, openTurns } from '../../src/serve/in-turn.ts';
import { openListener, usualTimes } from '../../src/serve/listener.ts';
import { head, httpCallers } from '../kit/http-callers.ts';
import { until } from '../kit/until.ts';

const log = openLog({ env: systemEnv, write: () => undefined, settings: () => ({ level: 'error', format: 'json' }) });

/** A listener whose requests are kept until the test answers them. */
async function startKept(handle?: OnRequest) {
  const taken: { readonly request: IncomingMessage; readonly response: ServerResponse }[] = [];
  const started = await openListener({
    who: 'agent',
    listen: { host: '127.0.0.1', port: 0 },
    tls: null,
    maxConnections: 100,
    times: { ...usualTimes, grace: 100 },
    log,
  }).start((request, response, begin) => {
    taken.push({ request, response });
    handle?.(request, response, begin);
  });
  assert.ok(started.ok);
  return { server: started.value, port: started.value.address.port, taken };
}

describe('serve: requests that come one behind the other', () => {
  const { start, open, status, close } = httpCallers(startKept);
  afterEach(close);
  const gets = (count: number): string => Array.from({ length: count }, (_, n) => head(`GET /${n}`)).join('');
  const statuses = (text: string): number[] => [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map((one) => Number(one[1]));

  it('are handled one at a time, in their order', async () => {
    const { port, taken } = await start();
    const count = 1 + maxWaiting;
    const { got } = open(port, gets(count));
    for (let n = 0; n < count; n++) {
      await until('the next request', () => taken.length > n);
      // Another connection's is answered by then: nothing more of this one came up.
      const other = status(port, head('GET /other'));
      await until('the other request', () => taken.length === n + 2);
      taken.splice(n + 1)[0]?.response.end();
      assert.equal(await other, 200);
      assert.equal(taken.length, n + 1);
      taken[n]?.response.end(`body ${n};`);
    }
    await until('the last answer', () => got().includes(`body ${count - 1};`));
    assert.deepEqual(
      [...got().matchAll(/body (\d)/g)].map((one) => Number(one[1])),
      Array.from({ length: count }, (_, n) => n),
    );
  });

  it('go on after pauses, as many as there are', async () => {
    const { port } = await start((request, response) => setImmediate(() => response.end(`at ${request.url};`)));
    const { got, socket } = open(port);
    for (let round = 1; round <= 5; round++) {
      socket.write(gets(1 + maxWaiting));
      await until('all answers', () => statuses(got()).length === round * (1 + maxWaiting));
    }
  });

  it('bring their bodies with them', async () => {
    const { port } = await start(async (request, response) => {
      let size = 0;
      for await (const chunk of request) size += chunk.length;
      response.end(`size ${size};`);
    });
    const long = 300_000;
    const { got } = open(
      port,
      head('GET /') + head('POST /', `Content-Length: ${long}\r\n`) + 'x'.repeat(long) + head('GET /'),
    );
    await until('all answers', () => statuses(got()).length === 3);
    assert.deepEqual(
      [...got().matchAll(/size (\d+)/g)].map((one) => Number(one[1])),
      [0, long, 0],
    );
  });

  it('end their connection where they are too many, and no other', async () => {
    const { port, taken } = await start();
    const other = open(port, gets(1));
    await until('a request', () => taken.length === 1);
    const many = open(port);
    many.socket.pause();
    many.socket.write(gets(1400));
    await until('its end', () => taken[1]?.response.closed === true);
    assert.equal(taken.length, 2, 'one of them was handled');
    many.socket.resume();
    await many.closed;
    const later = open(port, gets(1));
    await until('a request', () => taken.length === 3);
    for (const { response } of taken) response.end('ok');
    for (const { got } of [other, later]) await until('the answer', () => got().endsWith('ok'));
  });

  it('are not even made beyond that, though they were read', async () => {
    const { inTurn, Message } = openTurns();
    let made = 0;
    class Counted extends Message {
      constructor(socket: Socket) {
        super(socket);
        made++;
      }
    }
    const take = inTurn(() => undefined);
    const server = createServer({ IncomingMessage: Counted }, (request, response) =>
      take(request, response, () => undefined),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    assert.ok(typeof address === 'object' && address !== null);
    await open(address.port, gets(1400)).closed;
    server.close();
    assert.equal(made, 1 + maxWaiting + 1);
  });

  it('are counted whatever is wrong with them', async () => {
    const wrong = {
      'no host': ['GET / HTTP/1.1\r\n\r\n', 400],
      'an expectation': [head('GET /', 'Expect: wonders\r\n'), 417],
    } as const;
    for (const [name, [text, expected]] of Object.entries(wrong)) {
      const { port, taken } = await start();
      const alone = await open(port, text).closed;
      assert.deepEqual(statuses(alone), [expected], name);
      assert.match(alone, /connection: close/i);
      const few = open(port, gets(1) + text);
      await until('a request', () => taken.length === 1);
      taken[0]?.response.end();
      assert.deepEqual(statuses(await few.closed), [200, expected], name);
      const many = open(port, gets(1) + text.repeat(100));
      assert.deepEqual(statuses(await many.closed), [], name);
      assert.equal(taken.length, 2);
    }
  });

  it('are not handled when the one before ends the connection, or the caller has gone', async () => {
    const { port, taken } = await start();
    const last = open(port, gets(3));
    await until('a request', () => taken.length === 1);
    taken[0]?.response.writeHead(200, { connection: 'close' }).end();
    assert.deepEqual(statuses(await last.closed), [200]);
    const gone = open(port, gets(3));
    await until('a request', () => taken.length === 2);
    gone.socket.destroy();
    await until('its end', () => taken[1]?.response.closed === true);
    open(port, gets(1));
    await until('another request', () => taken.length > 2);
    assert.equal(taken.length, 3);
    assert.notEqual(taken[2]?.request.socket, taken[1]?.request.socket);
  });
});
