import assert from 'node:assert/strict';
import { request as plainRequest } from 'node:http';
import type { Services } from '../../src/agent/http/services.ts';
import { fail, ok } from '../../src/lib/result.ts';
import type { PullEvent } from '../../src/signals/pull-event.ts';
import { servicesOf } from '../kit/agent-services.ts';
import { startHttpAgent } from '../kit/http-agent.ts';
import { head, httpCallers, json } from '../kit/http-callers.ts';
import { pullEvent } from '../kit/pull-event.ts';
import { until, wait } from '../kit/until.ts';

describe('agent: HTTP, what callers may not do to it', () => {
  const { start, open, status, close } = httpCallers(startHttpAgent);
  afterEach(close);

  describe('requests', () => {
    it('that come too slowly are ended', async () => {
      const { port } = await start({ times: { headers: 200, request: 400 } });
      const slow = open(port, 'GET /healthz HTTP/1.1\r\nHost:');
      assert.match(await slow.closed, /^HTTP\/1\.1 408 /);
      const begun = performance.now();
      const body = open(port, head('POST /v1/pulls', `${json}Content-Length: 100\r\n`));
      body.socket.write('{');
      await body.closed;
      assert.ok(performance.now() - begun < 3000);
    });

    it('that are no HTTP, too long, or of two meanings are refused', async () => {
      const { port } = await start();
      for (const [text, expected] of [
        ['hello\r\n\r\n', 400],
        [`GET /healthz HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(40_000)}\r\n\r\n`, 431],
        [`GET /${'x'.repeat(40_000)} HTTP/1.1\r\nHost: x\r\n\r\n`, 431],
        ['GET /healthz HTTP/1.1\r\n\r\n', 400],
        [head('POST /v1/pulls', `${json}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n`), 400],
        [head('POST /v1/pulls', `${json}Content-Length: 2\r\nContent-Length: 3\r\n`), 400],
        ['GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX : y\r\n\r\n', 400],
      ] as const) {
        const { closed } = open(port, text);
        const answer = await closed;
        assert.match(answer, new RegExp(`^HTTP/1\\.1 ${expected} `), JSON.stringify(text.slice(0, 60)));
        assert.match(answer, /Connection: close/i);
      }
      assert.equal(await status(port, head('GET /healthz')), 200);
    });

    it('are for the path as it is written: nothing is decoded twice, joined or followed upwards', async () => {
      const reviewed: string[] = [];
      const { port } = await start({
        gate: {
          mode: 'kubernetes',
          reviewer: {
            async review(_, path) {
              reviewed.push(path);
              return ok({ user: 'u', allowed: true, reason: '' });
            },
          },
        },
      });
      const get = (path: string): Promise<number> => status(port, head(`GET ${path}`, 'Authorization: Bearer t\r\n'));
      for (const path of [
        '/v1/../healthz',
        '/v1/%2e%2e/healthz',
        '/healthz/../v1/pods',
        '/./v1/pods',
        '//v1/pods',
        '/v1//pods',
        '/v1/pods/',
        '/v1/pods%2f',
        '/v1%2fpods',
        '/v1/%70ods',
        '/V1/pods',
        '/v1/pods;x=1',
      ]) {
        assert.equal(await get(path), 404, path);
      }
      for (const path of ['*', 'v1/pods', '/v1\\pods', 'ftp://x/v1/pods', 'http://u:p@x/v1/pods']) {
        assert.ok([400, 404].includes(await get(path)), path);
      }
      assert.deepEqual(reviewed, [], 'what is not there is nobody’s to be reviewed for');
      assert.equal(await get('/v1/pulls/..%2f..%2fhealthz'), 404);
      assert.equal(await get('/v1/pulls/%zz'), 404);
      assert.equal(await get('/v1/pods?x'), 400);
      assert.equal(await get('/v1/pods'), 200);
      assert.deepEqual(reviewed, ['/v1/pulls/..%2f..%2fhealthz', '/v1/pods'], 'the path that is served is reviewed');
    });

    it('in absolute form are served, for the host that they name', async () => {
      const { port } = await start();
      assert.equal(await status(port, head(`GET http://127.0.0.1:${port}/v1/pods`)), 200);
      assert.equal(await status(port, head('GET http://evil.example/v1/pods')), 403);
      assert.equal(await status(port, head('GET /v1/pods', '', 'evil.example')), 403);
      assert.equal(await status(port, head('GET /healthz', '', 'evil.example')), 403);
      assert.equal(await status(port, head('GET /v1/pods', '', '127.0.0.1@evil.example')), 403);
      for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, '[::1]:9440', '10.0.0.7'])
        assert.equal(await status(port, head('GET /v1/pods', '', host)), 200, host);
    });

    it('HEAD gives the head of GET; other methods are named, and nothing is said to web pages', async () => {
      let read = 0;
      async function* endless(): AsyncGenerator<PullEvent> {
        read++;
        yield pullEvent();
      }
      const { port, url } = await start({ services: { journal: async () => ok(endless()) } });
      const got = await fetch(`${url}/v1/pods`);
      const length = (await got.text()).length;
      const asked = open(port, head('HEAD /v1/pods', 'Connection: close\r\n'));
      const answer = await asked.closed;
      assert.match(answer, new RegExp(`content-length: ${length}\\r\\n`));
      assert.ok(answer.endsWith('\r\n\r\n'));
      assert.equal(await status(port, head('HEAD /v1/journal')), 200);
      assert.equal(read, 0, 'a journal whose lines nobody gets is not read');
      for (const method of ['OPTIONS', 'PUT', 'PATCH', 'DELETE', 'TRACE', 'PROPFIND']) {
        const other = open(
          port,
          head(`${method} /v1/investigations`, 'Origin: http://evil.example\r\nConnection: close\r\n'),
        );
        const words = await other.closed;
        assert.match(words, /^HTTP\/1\.1 405 /, method);
        assert.match(words, /allow: POST, GET, HEAD/i);
        assert.doesNotMatch(words, /access-control/i);
      }
      const upgrade = await status(port, head('GET /healthz', 'Upgrade: websocket\r\nConnection: Upgrade\r\n'));
      assert.equal(upgrade, 200);
      await open(port, head('CONNECT 169.254.169.254:80')).closed;
      assert.equal(await status(port, head('GET /healthz')), 200);
    });

    it('that come one behind the other are answered in their order', async () => {
      const { port } = await start();
      const { got } = open(port, head('GET /v1/none') + head('GET /v1/pods') + head('GET /healthz'));
      await until('the answer', () => got().includes('ok\n'));
      assert.deepEqual(
        [...got().matchAll(/HTTP\/1\.1 (\d+)/g)].map((one) => one[1]),
        ['404', '200', '200'],
      );
    });
  });

  describe('bodies', () => {
    it('that are too long are refused, and the sender gets to read why', async () => {
      const { port } = await start();
      const send = (headers: Record<string, string>, bytes: number): Promise<number | string> =>
        new Promise((resolve) => {
          const asked = plainRequest({
            port,
            host: '127.0.0.1',
            path: '/v1/pulls',
            method: 'POST',
            agent: false,
            headers,
          });
          asked.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
          asked.on('response', (response) => {
            response.resume();
            resolve(response.statusCode ?? 0);
          });
          for (let sent = 0; sent < bytes; sent += 65_536) asked.write(Buffer.alloc(65_536, 0x20));
          asked.end();
        });
      const type = { 'content-type': 'application/json' };
      assert.equal(await send(type, 3 * 1024 * 1024), 413, 'chunked');
      assert.equal(await send({ ...type, 'content-length': String(2 * 1024 * 1024) }, 2 * 1024 * 1024), 413);
      assert.equal(await send({ 'content-type': 'text/plain' }, 1024 * 1024), 415);
    });

    it('that are announced are not asked for when they are not wanted', async () => {
      const { port } = await start();
      const expect = `${json}Expect: 100-continue\r\n`;
      const long = open(port, head('POST /v1/pulls', `${expect}Content-Length: 99999999\r\n`));
      assert.match(await long.closed, /^HTTP\/1\.1 413 /);
      const none = open(port, head('POST /v1/none', `${expect}Content-Length: 10\r\n`));
      assert.match(await none.closed, /^HTTP\/1\.1 404 /);
      const right = open(port, head('POST /v1/pulls', `${expect}Content-Length: 13\r\n`));
      await until('the answer', () => right.got().startsWith('HTTP/1.1 100 '));
      right.socket.write('{"image":"x"}');
      await until('the answer', () => right.got().includes('HTTP/1.1 202 '));
    });

    it('that are not read are not taken for the next request', async () => {
      const { port } = await start();
      const inner = head('GET /v1/pods');
      const { closed } = open(port, `${head('POST /v1/none', `Content-Length: ${inner.length}\r\n`)}${inner}`);
      assert.equal((await closed).match(/HTTP\/1\.1/g)?.length, 1);
    });
  });

  describe('many', () => {
    it('connections that do nothing make room for new ones: liveness is answered all the while', async () => {
      const { port, url } = await start();
      const idle = Array.from({ length: 100 }, () => open(port, 'GET / HTTP/1.1\r\n'));
      await until(
        'the end of idle connections',
        () => idle.filter(({ socket }) => socket.destroyed).length >= 100 - 72,
      );
      for (let n = 0; n < 5; n++) assert.equal((await fetch(`${url}/healthz`)).status, 200);
      assert.ok(idle.at(-1)?.socket.destroyed === false, 'the oldest go first');
    });

    it('requests at a time are told to come back; liveness is not', async () => {
      const services = servicesOf();
      const investigator = { ...services.investigator, investigate: () => new Promise<never>(() => undefined) };
      const { port, url, answers } = await start({
        maxConcurrent: 3,
        services: { investigator, maxPerCaller: () => 100 },
      });
      const post = head('POST /v1/investigations', `${json}Content-Length: 13\r\n`);
      const busy = Array.from({ length: 3 }, () => open(port, `${post}{"image":"x"}`));
      await wait(100);
      const refused = await fetch(`${url}/v1/pods`);
      assert.equal(refused.status, 503);
      assert.equal(refused.headers.get('retry-after'), '2');
      assert.match(await refused.text(), /http\.maxConcurrent/);
      for (const path of ['/healthz', '/readyz', '/openapi.json'])
        assert.equal((await fetch(url + path)).status, 200, path);
      for (const { socket } of busy) socket.destroy();
      await until(
        'the end of the answer',
        () => answers.filter((line) => line.startsWith('POST /v1/investigations')).length === 3,
      );
      assert.equal((await fetch(`${url}/v1/pods`)).status, 200);
    });

    it('pulls and probes of one caller are counted with the investigations', async () => {
      let end: () => void = () => undefined;
      const services = servicesOf();
      const ended: Parameters<Services['puller']['onEnd']>[0][] = [];
      const held = new Promise<void>((resolve) => {
        end = resolve;
      });
      const { url } = await start({
        services: {
          maxPerCaller: () => 2,
          puller: { ...services.puller, onEnd: (listener) => void ended.push(listener) },
          probe: async () => {
            await held;
            return fail({ reason: 'bad-image', message: 'no', retryAfterMs: null });
          },
        },
      });
      const post = (path: string, body: object): Promise<Response> =>
        fetch(url + path, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(body),
        });
      const pull = Object(await (await post('/v1/pulls', { image: 'a' })).json());
      const probe = post('/v1/probes/dns', { target: 'x' });
      await wait(50);
      assert.equal((await post('/v1/pulls', { image: 'b' })).status, 429);
      assert.equal((await post('/v1/investigations', { image: 'b' })).status, 429);
      assert.equal((await post('/v1/probes/tcp', { target: 'x' })).status, 429);
      for (const listener of ended) listener(pull);
      assert.equal((await post('/v1/investigations', { image: 'b' })).status, 200);
      end();
      assert.equal((await probe).status, 422);
    });
  });
});
