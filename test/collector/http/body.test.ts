import assert from 'node:assert/strict';
import { createServer, request as plainRequest } from 'node:http';
import { brotliCompressSync, constants, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { readBody } from '../../../src/collector/http/body.ts';
import { openBudget } from '../../../src/collector/http/budget.ts';
import { limits } from '../../../src/lib/limits.ts';
import { ok } from '../../../src/lib/result.ts';
import { head, httpCallers } from '../../kit/http-callers.ts';
import { batchOf, heartbeat, send, startHttpCollector } from '../../kit/http-collector.ts';
import { until, wait } from '../../kit/until.ts';

const mib = 1024 * 1024;
const small = JSON.stringify(batchOf([heartbeat(1)]));
const large = JSON.stringify(
  batchOf(Array.from({ length: 1000 }, (_, at) => heartbeat(at + 1, { note: 'x'.repeat(at) }))),
);

const packers = {
  gzip: gzipSync,
  'x-gzip': gzipSync,
  deflate: deflateSync,
  br: (data: string | Buffer) => brotliCompressSync(data, { params: { [constants.BROTLI_PARAM_QUALITY]: 3 } }),
  zstd: zstdCompressSync,
} as const;

/** A report of which only the first byte comes. */
const begun = `${head('POST /v1/reports', 'Content-Type: application/json\r\nContent-Length: 900\r\n')}{`;

describe('collector: bodies', () => {
  const { start, open, close } = httpCallers(startHttpCollector);
  afterEach(close);

  for (const [coding, pack] of Object.entries(packers)) {
    it(`packed by ${coding} are taken`, async () => {
      const { port, batches, held } = await start();
      for (const body of [small, large]) {
        const { status, text } = await send(port, pack(body), { 'content-encoding': coding });
        assert.equal(status, 202, text);
      }
      assert.deepEqual(
        batches.map(({ records }) => records.length),
        [1, 1000],
      );
      assert.deepEqual(held(), { bytes: 0, bodies: 0 });
    });

    it(`that grow without end when unpacked by ${coding} are refused before they do`, async () => {
      const { port, held } = await start();
      const bomb = pack(Buffer.alloc(400 * mib));
      assert.ok(bomb.length < limits.reportBytes, 'it is small before it is unpacked');
      const before = process.memoryUsage().rss;
      const { status, body } = await send(port, bomb, { 'content-encoding': coding });
      assert.equal(status, 413);
      assert.match(body.detail, /when it is unpacked/);
      assert.ok(process.memoryUsage().rss - before < 100 * mib, 'not the 400 MiB that are in it');
      assert.deepEqual(held(), { bytes: 0, bodies: 0 });
    });

    it(`that are damaged, cut or not packed by ${coding} are refused`, async () => {
      const { port, batches } = await start();
      const good = pack(small);
      for (const bad of [good.subarray(0, good.length - 9), Buffer.from(small), Buffer.alloc(64, 7)]) {
        const { status, body, text } = await send(port, bad, { 'content-encoding': coding });
        assert.equal(status, 400, text);
        assert.match(body.detail, /Content-Encoding|no JSON/);
      }
      assert.equal(batches.length, 0);
    });
  }

  it('by zstd with a window that takes more memory than the body may are refused', async () => {
    const { port } = await start();
    const packed = zstdCompressSync(Buffer.alloc(64 * mib), { params: { [constants.ZSTD_c_windowLog]: 27 } });
    assert.ok([400, 413].includes((await send(port, packed, { 'content-encoding': 'zstd' })).status));
  });

  it('in another coding or of another type are refused, with what is taken', async () => {
    const { port } = await start();
    const coded = await send(port, small, { 'content-encoding': 'gzip, gzip' });
    assert.equal(coded.status, 415);
    assert.equal(coded.headers['accept-encoding'], 'gzip, deflate, br, zstd, identity');
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'nonsense',
      '',
      'application/json, text/plain',
    ])
      assert.equal((await send(port, small, { 'content-type': type })).status, 415, type);
    assert.equal((await send(port, small, { 'content-type': 'Application/JSON; charset=utf-8' })).status, 202);
  });

  it('that are none, no JSON or nothing but nesting are refused without being repeated', async () => {
    const { port } = await start();
    for (const [body, status] of [
      ['', 400],
      ['{"token":"hunter2"', 400],
      ['hunter2', 400],
      ['['.repeat(100_000), 400],
      [`${'['.repeat(100_000)}${']'.repeat(100_000)}`, 400],
      [`${'['.repeat(20_000)}${']'.repeat(20_000)}`, 422],
      ['null', 422],
      ['7', 422],
    ] as const) {
      const { status: got, text } = await send(port, body);
      assert.equal(got, status, body.slice(0, 30));
      assert.doesNotMatch(text, /hunter2/);
    }
    const asked = await fetch(`http://127.0.0.1:${port}/v1/reports`, { method: 'POST' });
    assert.equal(asked.status, 415);
  });

  it('with too many records are refused before each is looked at', async () => {
    const { port } = await start();
    const begun = performance.now();
    const { status, body } = await send(port, `{"node":"n","bootId":"b","records":[${'{},'.repeat(1_300_000)}{}]}`);
    assert.deepEqual([status, body.errors[0].pointer], [422, '/records']);
    assert.ok(performance.now() - begun < 3000);
  });

  it('that are too long are refused, and the sender gets to read why', async () => {
    const { port, held } = await start();
    const { status, headers } = await send(port, Buffer.alloc(limits.reportBytes + 1, 32));
    assert.deepEqual([status, headers.connection], [413, 'close']);
    const chunked = await new Promise<number>((resolve, reject) => {
      const headers_ = { 'content-type': 'application/json', 'transfer-encoding': 'chunked' };
      const asked = plainRequest({ port, host: '127.0.0.1', method: 'POST', path: '/v1/reports', headers: headers_ });
      asked.on('response', (response) => resolve(response.statusCode ?? 0));
      asked.on('error', reject);
      for (let at = 0; at < 5; at++) asked.write(Buffer.alloc(mib, 32));
      asked.end();
    });
    assert.equal(chunked, 413);
    await until('the place is given back', () => held().bodies === 0 && held().bytes === 0);
  });

  it('that are announced are not asked for when they are not wanted', async () => {
    const { port } = await start();
    const told = await new Promise<string>((resolve) => {
      const headers = { 'content-type': 'application/json', 'content-length': 50 * mib, expect: '100-continue' };
      const asked = plainRequest({ port, host: '127.0.0.1', method: 'POST', path: '/v1/reports', headers });
      asked.on('continue', () => resolve('continue'));
      asked.on('response', (response) => resolve(String(response.statusCode)));
      asked.on('error', () => undefined);
      asked.flushHeaders();
    });
    assert.equal(told, '413');
    const wanted = await send(port, small, { expect: '100-continue' });
    assert.equal(wanted.status, 202);
  });

  it('that come too slowly are ended, and give their place back', async () => {
    const { port, held, answers } = await start({ times: { headers: 200, request: 400 } });
    const { socket, closed } = open(port, begun);
    await until('the bodies are held', () => held().bodies === 1);
    const drip = setInterval(() => socket.write(' '), 50);
    await closed;
    clearInterval(drip);
    await until('the place is given back', () => held().bodies === 0 && held().bytes === 0);
    assert.equal(answers.length, 1);
  });

  it('whose senders went before they were asked for end at once', async () => {
    const read = Promise.withResolvers<Awaited<ReturnType<typeof readBody>>>();
    const server = createServer((request) => {
      request.once('close', async () => {
        const hold = openBudget(() => ({ bytes: mib, bodies: 1 })).open();
        assert.ok(hold !== null);
        const full = () => ({ kind: 'problem' as const, status: 429, detail: '' });
        read.resolve(await readBody(request, { maxBytes: mib, hold, begin: () => undefined, full }));
      });
      request.socket.destroy();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    assert.ok(typeof address === 'object' && address !== null);
    open(address.port, begun);
    const body = await read.promise;
    server.close();
    assert.equal(body.ok ? 0 : body.error.status, 400);
  });

  it('whose senders go give their place back', async () => {
    const { port, held, batches } = await start();
    const { socket } = open(port, begun);
    await until('the bodies are held', () => held().bodies === 1);
    socket.destroy();
    await until('the place is given back', () => held().bodies === 0 && held().bytes === 0);
    assert.equal(batches.length, 0);
  });

  describe('beyond what there is room for', () => {
    /** A store that takes nothing until it is let go. */
    function stuck() {
      const gate = Promise.withResolvers<void>();
      return {
        release: gate.resolve,
        ingest: async () => {
          await gate.promise;
          return ok({ fresh: 1 });
        },
      };
    }

    it('by their number are told to come back, at different times; nothing is lost', async () => {
      const { release, ingest } = stuck();
      const { port, held, turnedAway, batches } = await start({ ingest, maxBodies: 4 });
      const first = Array.from({ length: 4 }, () => send(port, small));
      await until('the bodies are held', () => held().bodies === 4);
      const more = await Promise.all(Array.from({ length: 40 }, () => send(port, small)));
      assert.ok(more.every(({ status }) => status === 429));
      const waits = new Set(more.map(({ headers }) => Number(headers['retry-after'])));
      assert.ok(waits.size > 1 && [...waits].every((one) => one >= 1 && one <= 5), [...waits].join());
      assert.match(more[0]?.body.detail, /ingest\.maxBatches/);
      assert.equal(turnedAway(), 40);
      assert.equal((await fetch(`http://127.0.0.1:${port}/healthz`)).status, 200);
      release();
      assert.ok((await Promise.all(first)).every(({ status }) => status === 202));
      assert.equal(batches.length, 4);
      assert.equal((await send(port, small)).status, 202);
      assert.deepEqual(held(), { bytes: 0, bodies: 0 });
    });

    it('by their bytes are told to come back before memory grows', async () => {
      const { release, ingest } = stuck();
      const packed = gzipSync(large);
      const { port, held } = await start({ ingest, maxBytes: 3 * packed.length });
      const answers = Array.from({ length: 12 }, () => send(port, packed, { 'content-encoding': 'gzip' }));
      await until('the bodies are held', () => held().bodies === 3);
      await wait(100);
      assert.deepEqual(held(), { bytes: 3 * packed.length, bodies: 3 });
      assert.equal((await send(port, Buffer.alloc(limits.reportBytes, 32))).status, 429, 'by its length, unread');
      release();
      const statuses = (await Promise.all(answers)).map(({ status }) => status).sort();
      assert.deepEqual(statuses, [...Array(3).fill(202), ...Array(9).fill(429)]);
      assert.deepEqual(held(), { bytes: 0, bodies: 0 });
    });

    it('when they are unpacked wait packed, and are all taken', async () => {
      const { release, ingest } = stuck();
      const body = JSON.stringify(
        batchOf(Array.from({ length: 1000 }, (_, at) => heartbeat(at + 1, { note: 'x'.repeat(3900) }))),
      );
      assert.ok(body.length < limits.reportBytes, String(body.length));
      const most = Math.ceil(limits.reportsUnpackedBytes / body.length);
      const packed = gzipSync(body);
      const { port, held, batches } = await start({ ingest, maxBytes: 40 * packed.length, maxBodies: 40 });
      const answers = Array.from({ length: 40 }, () => send(port, packed, { 'content-encoding': 'gzip' }));
      await until('the bodies are held', () => held().bodies === 40 && batches.length >= most);
      await wait(200);
      assert.ok(batches.length <= most + 1, `${batches.length} of 40 are unpacked, and ${most} fill the room`);
      release();
      assert.ok((await Promise.all(answers)).every(({ status }) => status === 202));
      assert.equal(batches.length, 40);
      assert.deepEqual(held(), { bytes: 0, bodies: 0 });
    });

    it('turn nobody away who asks', async () => {
      const { release, ingest } = stuck();
      const { port, held } = await start({ ingest, maxConcurrent: 1 });
      const reports = Array.from({ length: 8 }, () => send(port, small));
      await until('the bodies are held', () => held().bodies === 8);
      // Its store is away: it was let in and asked.
      const answer = await fetch(`http://127.0.0.1:${port}/v1/incidents`);
      assert.match(await answer.text(), /This store only takes reports/);
      release();
      assert.ok((await Promise.all(reports)).every(({ status }) => status === 202));
    });

    it('by a storm: every batch is taken once its sender comes back, and memory stays bounded', async function () {
      this.timeout(60_000);
      let under = 0;
      let most = 0;
      const { port, batches, held } = await start({
        maxBodies: 4,
        maxConnections: 2000,
        maxConcurrent: 1000,
        async ingest(batch) {
          under++;
          most = Math.max(most, under);
          await wait(10);
          under--;
          return ok({ fresh: batch.records.length });
        },
      });
      let refused = 0;
      const agent = async (at: number): Promise<void> => {
        const body = gzipSync(JSON.stringify(batchOf([heartbeat(1)], { node: `node-${at}` })));
        for (;;) {
          const { status } = await send(port, body, { 'content-encoding': 'gzip' });
          if (status === 202) return;
          assert.equal(status, 429);
          refused++;
          await wait(20 + Math.random() * 200);
        }
      };
      await Promise.all(Array.from({ length: 300 }, (_, at) => agent(at)));
      assert.equal(new Set(batches.map(({ node }) => node)).size, 300);
      assert.equal(batches.length, 300, 'what was told to come back was not stored');
      assert.ok(most <= 4 && refused > 0, `${most} at once, ${refused} sent back`);
      assert.deepEqual(held(), { bytes: 0, bodies: 0 });
    });
  });
});
