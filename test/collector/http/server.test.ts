import assert from 'node:assert/strict';
import { Type } from '../../../src/api/schema.ts';
import { fail, ok } from '../../../src/lib/result.ts';
import { nothing, route } from '../../../src/serve/route.ts';
import { head, httpCallers } from '../../kit/http-callers.ts';
import { batchOf, heartbeat, send, startHttpCollector } from '../../kit/http-collector.ts';
import { openApiMistakes } from '../../kit/openapi.ts';
import { until, wait } from '../../kit/until.ts';

/** A route of a test's own. */
const get = (path: string, handle: Parameters<typeof route>[0]['handle']) =>
  route({
    method: 'GET',
    path,
    id: path,
    summary: 'A test.',
    access: 'read',
    query: nothing,
    body: nothing,
    replies: { 200: { description: 'x', content: { 'text/plain': null } } },
    handle,
  });

describe('collector: HTTP server', () => {
  const { start, open, status, close } = httpCallers(startHttpCollector);
  afterEach(close);

  it('answers its operations', async () => {
    const { url } = await start();
    const text = async (path: string): Promise<string> => (await fetch(url + path)).text();
    assert.equal(await text('/healthz'), 'ok\n');
    assert.equal(await text('/readyz'), 'ok\n');
    assert.equal(await text('/readyz?verbose'), '[+] store: It answers.\nok\n');
    assert.match(await text('/metrics'), /^pullwhy_collector_info 1/);
  });

  it('is not ready while something is missing, and says what', async () => {
    const { url } = await start({
      services: {
        ready: async () => [
          { name: 'store', ok: false, note: 'The database does not answer.' },
          { name: 'incidents', ok: true, note: 'fine' },
        ],
      },
    });
    const answer = await fetch(`${url}/readyz`);
    assert.equal(answer.status, 503);
    assert.equal(Object(await answer.json()).detail, 'store: The database does not answer.');
    assert.equal((await fetch(`${url}/healthz`)).status, 200, 'liveness depends on nothing');
  });

  it('describes every route that it has, and no other', async () => {
    const { url, routes } = await start();
    const document = Object(await (await fetch(`${url}/openapi.json`)).json());
    assert.deepEqual(openApiMistakes(document), []);
    assert.equal(document.info.title, 'Pullwhy collector');
    const described = Object.entries(document.paths).flatMap(([path, item]) =>
      Object.keys(Object(item)).map((method) => `${method.toUpperCase()} ${path}`),
    );
    assert.deepEqual(described.sort(), routes.map(({ method, path }) => `${method} ${path}`).sort());
    for (const path of ['/v1/reports', '/v1/nodes', '/v1/incidents', '/v1/compare', '/v1/events', '/v1/report', '/'])
      assert.ok(document.paths[path] !== undefined, path);
  });

  it('answers in problem documents what is not there', async () => {
    const { port, answers } = await start();
    for (const [line, expected, allow] of [
      ['GET /nope', 404, null],
      ['POST /nope', 404, null],
      ['GET /v1/reports', 405, 'POST'],
      ['PUT /v1/nodes', 405, 'GET, HEAD'],
      ['DELETE /v1/incidents/x', 405, 'GET, HEAD'],
      ['OPTIONS /v1/nodes', 405, 'GET, HEAD'],
      ['PROPFIND /v1/nodes', 405, 'GET, HEAD'],
      ['OPTIONS *', 400, null],
      ['GET /v1/nodes?x=1', 400, null],
      ['GET /healthz?x=1', 400, null],
      ['GET /healthz?verbose', 400, null],
      ['GET /readyz?verbose&verbose', 400, null],
    ] as const) {
      const { closed } = open(port, head(line, 'Connection: close\r\n'));
      const answer = await closed;
      assert.match(answer, new RegExp(`^HTTP/1\\.1 ${expected} `), line);
      assert.match(answer, /content-type: application\/problem\+json/i, line);
      if (allow !== null) assert.match(answer, new RegExp(`allow: ${allow}\r\n`, 'i'), line);
      assert.equal(Object(JSON.parse(answer.split('\r\n\r\n')[1] ?? '')).status, expected);
    }
    assert.ok(answers.includes('POST none 404') && answers.includes('PUT none 405'), answers.join());
  });

  it('takes paths as they are written: nothing is decoded twice, joined, or followed upwards', async () => {
    const reviewed: string[] = [];
    const { port } = await start({
      services: {},
      gate: {
        mode: 'kubernetes',
        anyNode: [],
        reviewer: {
          async review(_, path) {
            reviewed.push(path);
            return ok({ user: 'u', allowed: true, reason: '' });
          },
        },
      },
      moreRoutes: [get('/x/{name}', ({ params }) => ({ kind: 'text', type: 'text/plain', body: params.name ?? '' }))],
    });
    const ask = (path: string): Promise<number> => status(port, head(`GET ${path}`, 'Authorization: Bearer t\r\n'));
    for (const path of [
      '/v1/../healthz',
      '/v1/%2e%2e/healthz',
      '//healthz',
      '/healthz/',
      '/HEALTHZ',
      '/healthz%00',
      '/health%7a',
      '/v1/nod%65s',
      '/x/%ZZ',
      '/x/%',
      '/x/a/b',
      '/x/',
      `/x/${'y'.repeat(3000)}`,
      '/x;y/z',
    ])
      assert.equal(await ask(path), 404, path);
    assert.deepEqual(reviewed, [], 'nobody was asked about what is not there');
    assert.equal(await ask('/x/a%2Fb'), 200);
    assert.deepEqual(reviewed, ['/x/a%2Fb'], 'what is let in is what is served');
    assert.equal(await ask(`/x/${'y'.repeat(1000)}`), 200);
    assert.equal(await status(port, head('GET http://127.0.0.1/healthz')), 200, 'absolute form');
  });

  it('gives the head of GET to HEAD', async () => {
    const { port, url } = await start();
    const got = await fetch(`${url}/openapi.json`);
    const { closed } = open(port, head('HEAD /openapi.json', 'Connection: close\r\n'));
    const answer = await closed;
    assert.match(answer, /^HTTP\/1\.1 200 /);
    assert.match(answer, new RegExp(`content-length: ${got.headers.get('content-length')}\r\n`));
    assert.ok(answer.endsWith('\r\n\r\n'));
  });

  it('ends what comes too slowly or is no HTTP', async () => {
    const { port } = await start({ times: { headers: 200, request: 400 } });
    assert.match(await open(port, 'GET /healthz HTTP/1.1\r\nHost:').closed, /^HTTP\/1\.1 408 /);
    for (const [text, expected] of [
      ['hello\r\n\r\n', 400],
      [`GET /healthz HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(40_000)}\r\n\r\n`, 431],
      [head('POST /v1/reports', 'Content-Length: 2\r\nTransfer-Encoding: chunked\r\n'), 400],
    ] as const)
      assert.match(await open(port, text).closed, new RegExp(`^HTTP/1\\.1 ${expected} `), text.slice(0, 40));
    assert.equal(await status(port, head('GET /healthz')), 200);
  });

  it('does not take a body that was not read for the next request', async () => {
    const { port } = await start();
    const inner = head('GET /metrics');
    const { closed } = open(port, `${head('GET /healthz', `Content-Length: ${inner.length}\r\n`)}${inner}`);
    assert.equal((await closed).match(/HTTP\/1\.1/g)?.length, 1);
  });

  it('answers requests that come one behind the other in their order', async () => {
    const { port } = await start();
    const { got } = open(port, head('GET /healthz') + head('GET /nope') + head('GET /readyz'));
    await until('the answer', () => (got().match(/HTTP\/1\.1/g)?.length ?? 0) === 3);
    assert.deepEqual(
      [...got().matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, code]) => code),
      ['200', '404', '200'],
    );
  });

  it('does not show the insides of a defect, whether it throws at once or later', async () => {
    const { url, logged } = await start({
      moreRoutes: [
        get('/throws', () => {
          throw new Error('inside hunter2');
        }),
        get('/rejects', async () => {
          await wait(5);
          throw new Error('inside hunter2');
        }),
      ],
    });
    for (const path of ['/throws', '/rejects']) {
      const answer = await fetch(url + path);
      assert.equal(answer.status, 500);
      assert.doesNotMatch(await answer.text(), /inside/);
    }
    assert.equal(logged.filter((line) => line.includes('inside')).length, 2);
    assert.equal((await fetch(`${url}/healthz`)).status, 200);
  });

  it('answers so many at a time, and stays alive', async () => {
    const gate = Promise.withResolvers<void>();
    const { url } = await start({
      maxConcurrent: 2,
      moreRoutes: [
        get('/waits', async () => {
          await gate.promise;
          return { kind: 'text', type: 'text/plain', body: 'x' };
        }),
      ],
    });
    const two = [fetch(`${url}/waits`), fetch(`${url}/waits`)];
    await wait(50);
    const third = await fetch(`${url}/waits`);
    assert.deepEqual([third.status, third.headers.get('retry-after')], [503, '2']);
    assert.equal((await fetch(`${url}/healthz`)).status, 200);
    gate.resolve();
    assert.ok((await Promise.all(two)).every(({ ok: fine }) => fine));
    assert.equal((await fetch(`${url}/waits`)).status, 200);
  });

  it('lets connections that do nothing make room for new ones', async () => {
    const { port } = await start({ maxConnections: 16, maxConcurrent: 8 });
    const idle = Array.from({ length: 40 }, () => open(port));
    await wait(100);
    assert.equal(await status(port, head('GET /healthz')), 200);
    const left = await Promise.all(
      idle.map(async ({ closed }) => Promise.race([closed.then(() => 0), wait(50).then(() => 1)])),
    );
    assert.ok(left.reduce<number>((sum, one) => sum + one, 0) <= 16);
  });

  it('streams, stops when the reader goes, and ends streams when it stops', async () => {
    let ended = 0;
    const lines = async function* (signal: AbortSignal): AsyncGenerator<string> {
      try {
        for (let at = 0; !signal.aborted; at++) {
          yield `data: ${at}\n\n`;
          await wait(10);
        }
      } finally {
        ended++;
      }
    };
    const { port, server } = await start({
      moreRoutes: [
        get('/stream', ({ signal }) => ({ kind: 'lines', type: 'text/event-stream', lines: lines(signal) })),
      ],
    });
    const gone = open(port, head('GET /stream'));
    await until('the answer', () => gone.got().includes('data: 2'));
    gone.socket.destroy();
    await until('the end of the stream', () => ended === 1);
    const stays = open(port, head('GET /stream'));
    await until('the answer', () => stays.got().includes('data: 2'));
    const begun = performance.now();
    await server.stop();
    assert.equal(ended, 2);
    assert.match(await stays.closed, /0\r\n\r\n$/, 'with a proper end');
    assert.ok(performance.now() - begun < 2000);
  });

  it('finishes a report that is being stored when it stops, and takes no other', async () => {
    const gate = Promise.withResolvers<void>();
    const { port, server, batches } = await start({
      async ingest() {
        await gate.promise;
        return ok({ fresh: 1 });
      },
    });
    const kept = open(port, head('GET /healthz'));
    await until('the answer', () => kept.got().includes('200 OK'));
    const under = send(port, JSON.stringify(batchOf([heartbeat(1)])));
    await until('the batch', () => batches.length === 1);
    const stopped = server.stop();
    await assert.rejects(send(port, JSON.stringify(batchOf([heartbeat(2)]))));
    gate.resolve();
    const { status: got, headers } = await under;
    assert.deepEqual([got, headers.connection], [202, 'close']);
    await stopped;
    assert.equal(batches.length, 1);
  });

  it('says why it cannot listen', async () => {
    const { port } = await start();
    await assert.rejects(
      (async () => {
        const { startHttp } = await import('../../../src/collector/http/server.ts');
        const { openBudget } = await import('../../../src/collector/http/budget.ts');
        const { systemEnv } = await import('../../../src/lib/env.ts');
        const { openLog } = await import('../../../src/lib/log.ts');
        const started = await startHttp({
          env: systemEnv,
          listen: { host: '127.0.0.1', port },
          tls: null,
          gate: async () => fail({ kind: 'problem', status: 403, detail: '' }),
          routes: [],
          maxConcurrent: 1,
          maxConnections: 16,
          budget: openBudget(() => ({ bytes: 1, bodies: 1 })),
          full: () => undefined,
          answered: () => undefined,
          log: openLog({ env: systemEnv, write: () => undefined, settings: () => ({ level: 'info', format: 'text' }) }),
        });
        if (!started.ok) throw new Error(started.error);
      })(),
      /The collector cannot listen at 127\.0\.0\.1:\d+ \(http\.listen\): something listens there already/,
    );
  });

  it('checks what a route takes', async () => {
    const { url } = await start({
      moreRoutes: [
        route({
          method: 'GET',
          path: '/typed',
          id: 'typed',
          summary: 'x',
          access: 'read',
          query: Type.Object({ n: Type.String({ pattern: '^[0-9]+$' }) }, { additionalProperties: false }),
          body: nothing,
          replies: { 200: { description: 'x', content: { 'text/plain': null } } },
          handle: ({ query }) => ({ kind: 'text', type: 'text/plain', body: query.n }),
        }),
      ],
    });
    assert.equal(await (await fetch(`${url}/typed?n=12`)).text(), '12');
    for (const query of ['', '?n=x', '?n=1&m=2'])
      assert.equal((await fetch(`${url}/typed${query}`)).status, 400, query);
  });
});
