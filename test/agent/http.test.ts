import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request as plainRequest } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { agentRoutes } from '../../src/agent/http/routes/index.ts';
import { type HttpServer, startHttp } from '../../src/agent/http/server.ts';
import type { Services } from '../../src/agent/http/services.ts';
import { systemEnv } from '../../src/lib/env.ts';
import { limits } from '../../src/lib/limits.ts';
import { openLog } from '../../src/lib/log.ts';
import { fail, ok } from '../../src/lib/result.ts';
import { type GateSettings, openGate } from '../../src/serve/auth.ts';
import { servicesOf } from '../kit/agent-services.ts';

const logged: string[] = [];
const log = openLog({
  env: systemEnv,
  write: (line) => void logged.push(line),
  settings: () => ({ level: 'debug', format: 'json' }),
});

describe('agent: HTTP', () => {
  const servers: HttpServer[] = [];
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.stop()));
    logged.length = 0;
  });

  async function start(
    more: Partial<Services> = {},
    { gate = { mode: 'none' }, maxConcurrent = 8 }: { gate?: GateSettings; maxConcurrent?: number } = {},
  ): Promise<string> {
    const server = await startHttp({
      env: systemEnv,
      listen: { host: '127.0.0.1', port: 0 },
      tls: null,
      gate: openGate(gate, systemEnv),
      routes: agentRoutes(servicesOf(more), '0.1.0'),
      maxConcurrent,
      log,
      answered: () => undefined,
    });
    assert.ok(server.ok);
    servers.push(server.value);
    return `http://127.0.0.1:${server.value.address.port}`;
  }

  const post = (url: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });

  it('answers every route of the contract', async () => {
    const url = await start();
    const cases = [
      ['/healthz', 200, 'text/plain'],
      ['/readyz', 200, 'text/plain'],
      ['/metrics', 200, 'text/plain'],
      ['/openapi.json', 200, 'application/json'],
      ['/v1/investigations', 200, 'application/json'],
      ['/v1/pods', 200, 'application/json'],
      ['/v1/registries', 200, 'application/json'],
      ['/v1/journal?since=1h', 200, 'application/x-ndjson'],
      ['/v1/runtime', 200, 'application/json'],
      ['/v1/report', 200, 'application/json'],
    ] as const;
    for (const [path, status, type] of cases) {
      const answer = await fetch(url + path);
      assert.equal(answer.status, status, path);
      assert.ok(answer.headers.get('content-type')?.startsWith(type), path);
      assert.equal(answer.headers.get('cache-control'), 'no-store');
    }
  });

  it('tells who is on the node which mount or right lacks, and others only that something does', async () => {
    const lacking = {
      source: 'cri',
      state: 'absent',
      note: 'Mount its folder.\u001b[31m',
      since: 0,
      lastEventAt: null,
    } as const;
    const services = servicesOf({ states: () => Promise.resolve([lacking]) });
    const route = agentRoutes(services, '0.1.0').find(({ path }) => path === '/readyz');
    assert.ok(route !== undefined);
    const asked = { params: {}, body: {}, accepts: [], signal: AbortSignal.timeout(1000), nodes: null, at: 0 };
    const told = async (caller: string, query: Readonly<Record<string, string>>): Promise<string> => {
      const reply = await route.run({ ...asked, caller, query });
      return reply.kind === 'text' ? String(reply.body) : '';
    };
    const time = '1970-01-01T00:00:00.000Z';
    for (const caller of ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1'])
      assert.equal(await told(caller, { verbose: '' }), `cri absent ${time} Mount its folder. [31m\nok\n`);
    for (const caller of ['10.0.0.7', '::ffff:10.0.0.7', 'fd00::1', '::127.0.0.1', 'unknown'])
      assert.equal(await told(caller, { verbose: '' }), `cri absent ${time}\nok\n`, caller);
    assert.equal(await told('127.0.0.1', {}), 'ok\n');
  });

  it('investigates, and gives the document again by its id', async () => {
    const url = await start();
    const made = await post(`${url}/v1/investigations`, { image: 'nginx' });
    assert.equal(made.status, 200);
    assert.equal((await fetch(`${url}/v1/investigations/i-nginx`)).status, 200);
    assert.equal((await fetch(`${url}/v1/investigations/none`)).status, 404);
    const list: unknown = await (await fetch(`${url}/v1/investigations?limit=1`)).json();
    assert.equal(Reflect.get(Object(list), 'kind'), 'Investigations');
  });

  it('streams each probe as it ends, then the document', async () => {
    const url = await start();
    const answer = await post(`${url}/v1/investigations`, { image: 'nginx' }, { accept: 'text/event-stream' });
    assert.equal(answer.headers.get('content-type'), 'text/event-stream');
    const events = (await answer.text())
      .trim()
      .split('\n\n')
      .map((event) => event.split('\n')[0]);
    assert.deepEqual(events, ['event: probe', 'event: investigation']);
  });

  it('says in a problem document what does not fit, and where', async () => {
    const url = await start();
    const cases = [
      [await fetch(`${url}/v2/`), 404, /no such path/],
      [await fetch(`${url}/v1/pods`, { method: 'DELETE' }), 405, /GET and HEAD/],
      [await fetch(`${url}/v1/pods?imgae=x`), 400, /\/imgae is not known here/],
      [await fetch(`${url}/v1/investigations?limit=1&limit=2`), 400, /twice/],
      [await fetch(`${url}/v1/investigations?since=yesterday`), 400, /RFC 3339/],
      [await post(`${url}/v1/investigations`, '{'), 400, /no JSON/],
      [await post(`${url}/v1/investigations`, {}), 422, /image/],
      [await post(`${url}/v1/investigations`, { image: 7 }), 422, /\/image must be string/],
      [await post(`${url}/v1/investigations`, { image: 'x', pul: true }), 422, /\/pul is not known here/],
      [await post(`${url}/v1/investigations`, 'image=x', { 'content-type': 'text/plain' }), 415, /application\/json/],
      [await post(`${url}/v1/investigations`, { image: 'x'.repeat(limits.apiBodyBytes) }), 413, /longer/],
      [await post(`${url}/v1/investigations`, { image: 'busy' }), 429, /often enough/],
      [await post(`${url}/v1/probes/tcp`, { target: '169.254.169.254' }), 403, /not from here/],
      [await post(`${url}/v1/probes/icmp`, { target: 'x' }), 404, /no such path/],
    ] as const;
    for (const [answer, status, detail] of cases) {
      assert.equal(answer.status, status);
      assert.equal(answer.headers.get('content-type'), 'application/problem+json');
      const problem = Object(await answer.json());
      assert.equal(problem.status, status);
      assert.match(problem.detail, detail);
    }
    assert.equal(cases[11][0].headers.get('retry-after'), '2');
    assert.equal(cases[1][0].headers.get('allow'), 'GET, HEAD');
  });

  it('repeats no credential, in no answer and no log', async () => {
    const url = await start();
    for (const body of [
      { image: 'x', credentials: { username: 'u', password: 'hunter22' }, more: 1 },
      { image: 'x', credentials: { username: 'u', password: ['hunter22'] } },
      '{"image":"x","credentials":{"username":"u","password":"hunter22"',
      { image: 'x', credentials: { username: 'u', password: 'hunter22' } },
    ]) {
      const answer = await post(`${url}/v1/investigations`, body);
      assert.doesNotMatch(await answer.text(), /hunter22/);
    }
    assert.doesNotMatch(logged.join(''), /hunter22/);
  });

  it('does not show the insides of a defect', async () => {
    const url = await start({
      pods: () => {
        throw new Error('secret insides');
      },
    });
    const answer = await fetch(`${url}/v1/pods`);
    assert.equal(answer.status, 500);
    assert.doesNotMatch(await answer.text(), /insides/);
    assert.match(logged.join(''), /insides/);
  });

  it('gives the report as JSON, Markdown or a page that runs no script', async () => {
    const url = await start();
    const get = async (accept: string): Promise<Response> => fetch(`${url}/v1/report`, { headers: { accept } });
    assert.match((await get('text/markdown')).headers.get('content-type') ?? '', /^text\/markdown/);
    assert.match(
      (await get('application/json;q=0.5, text/markdown')).headers.get('content-type') ?? '',
      /^text\/markdown/,
    );
    assert.match((await get('*/*')).headers.get('content-type') ?? '', /^application\/json/);
    const page = await get('text/html,application/xhtml+xml,*/*;q=0.8');
    assert.match(page.headers.get('content-type') ?? '', /^text\/html/);
    assert.match(page.headers.get('content-security-policy') ?? '', /default-src 'none'/);
  });

  it('takes so many at a time, in all and of one caller, and stays alive', async () => {
    const never = new Promise<never>(() => undefined);
    const services = servicesOf();
    const url = await start(
      { investigator: { ...services.investigator, investigate: () => never } },
      { maxConcurrent: 3 },
    );
    const abort = new AbortController();
    const ask = (): Promise<Response> =>
      fetch(`${url}/v1/investigations`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"image":"x"}',
        signal: abort.signal,
      });
    const waiting = [ask(), ask()].map((one) => one.catch(() => null));
    await new Promise((resolve) => setTimeout(resolve, 50));
    const third = await ask();
    assert.equal(third.status, 429);
    assert.match(Object(await third.json()).detail, /http\.maxPerCaller/);
    assert.equal((await fetch(`${url}/healthz`)).status, 200);
    abort.abort();
    await Promise.all(waiting);
  });

  it('ends what comes too slowly or is no HTTP', async () => {
    const url = new URL(await start());
    const answer = await new Promise<string>((resolve) => {
      const socket = connect(Number(url.port), '127.0.0.1', () => socket.write('\u0016\u0003\u0001 hello\r\n\r\n'));
      let text = '';
      socket.on('data', (data) => {
        text += data.toString();
      });
      socket.on('close', () => resolve(text));
    });
    assert.match(answer, /^HTTP\/1\.1 400/);
  });

  describe('who is let in', () => {
    const folder = mkdtemp(`${tmpdir()}/pullwhy-http-`);
    after(async () => rm(await folder, { recursive: true }));

    it('without authentication: not a web page that has a name for the loopback address', async () => {
      const url = new URL(await start());
      const status = await new Promise<number>((resolve) => {
        const asked = plainRequest({
          host: '127.0.0.1',
          port: url.port,
          path: '/v1/pods',
          headers: { host: `evil.example:${url.port}` },
        });
        asked.on('response', (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        });
        asked.end();
      });
      assert.equal(status, 403);
    });

    it('by a token, which may rotate; liveness is open', async () => {
      const tokenFile = `${await folder}/token`;
      await writeFile(tokenFile, 'first-token\n');
      const url = await start({}, { gate: { mode: 'token', tokenFile } });
      const get = async (token: string | null): Promise<number> =>
        (await fetch(`${url}/v1/pods`, token === null ? {} : { headers: { authorization: `Bearer ${token}` } })).status;
      assert.deepEqual([await get(null), await get('wrong'), await get('first-token')], [401, 401, 200]);
      assert.equal((await fetch(`${url}/healthz`)).status, 200);
      await writeFile(tokenFile, 'second-token\n');
      await new Promise((resolve) => setTimeout(resolve, 1100));
      assert.deepEqual([await get('first-token'), await get('second-token')], [401, 200]);
      await rm(tokenFile);
      await new Promise((resolve) => setTimeout(resolve, 1100));
      assert.equal(await get('second-token'), 503);
    });

    it('by Kubernetes: who it is, and what they may', async () => {
      const asked: string[] = [];
      const gate: GateSettings = {
        mode: 'kubernetes',
        reviewer: {
          async review(token, path, verb) {
            asked.push(`${verb} ${path}`);
            if (token === 'down') return fail('connection refused');
            if (token === 'nobody') return ok({ user: '', allowed: false, reason: '' });
            return ok({ user: token, allowed: token === 'admin' || verb === 'get', reason: 'no rule matched.' });
          },
        },
      };
      const url = await start({}, { gate });
      const get = async (token: string): Promise<number> =>
        (await fetch(`${url}/v1/pods`, { headers: { authorization: `Bearer ${token}` } })).status;
      const act = async (token: string): Promise<number> =>
        (await post(`${url}/v1/pulls`, { image: 'x' }, { authorization: `Bearer ${token}` })).status;
      assert.deepEqual([await get('viewer'), await act('viewer'), await act('admin')], [200, 403, 202]);
      assert.deepEqual([await get('nobody'), await get('down')], [401, 503]);
      await get('viewer');
      assert.deepEqual(asked.slice(0, 3), ['get /v1/pods', 'post /v1/pulls', 'post /v1/pulls']);
      assert.equal(asked.length, 5, 'what was reviewed is remembered for a while');
    });
  });

  it('describes itself: every route, and only what there is', async () => {
    const url = await start();
    const document = Object(await (await fetch(`${url}/openapi.json`)).json());
    assert.equal(document.openapi, '3.1.0');
    const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(Object(methods)).map((method) => `${method} ${path}`),
    );
    assert.deepEqual(operations.sort(), [
      'get /healthz',
      'get /metrics',
      'get /openapi.json',
      'get /readyz',
      'get /v1/investigations',
      'get /v1/investigations/{id}',
      'get /v1/journal',
      'get /v1/pods',
      'get /v1/pulls/{id}',
      'get /v1/registries',
      'get /v1/report',
      'get /v1/runtime',
      'post /v1/investigations',
      'post /v1/probes/dns',
      'post /v1/probes/proxy',
      'post /v1/probes/registry',
      'post /v1/probes/tcp',
      'post /v1/probes/tls',
      'post /v1/pulls',
    ]);
  });
});
