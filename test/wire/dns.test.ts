import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import fc from 'fast-check';
import { type Env, systemEnv } from '../../src/lib/env.ts';
import { type DnsAnswer, type DnsFailure, type DnsOptions, type DnsQuestion, queryDns } from '../../src/wire/dns.ts';
import {
  type DnsHandler,
  type DnsTestServer,
  dnsAnswer,
  lengthPrefixed,
  readQuery,
  startDnsServer,
} from '../kit/dns-server.ts';
import { closedPort } from '../kit/tcp-server.ts';

const endless = new AbortController().signal;
const hub: DnsQuestion = { name: 'hub.corp.test', type: 'A' };

type Where = { readonly address: string; readonly port: number };

function ask(server: Where, question: DnsQuestion = hub, more: Partial<DnsOptions> = {}) {
  const options = { timeoutMs: 2000, attempts: 1, useTcp: false, signal: endless, env: systemEnv, ...more };
  return queryDns({ address: server.address, port: server.port }, question, options);
}

async function answered(
  server: Where,
  question: DnsQuestion = hub,
  more: Partial<DnsOptions> = {},
): Promise<DnsAnswer> {
  const result = await ask(server, question, more);
  assert.ok(result.ok, result.ok ? '' : result.error.message);
  return result.value;
}

async function failed(server: Where, question: DnsQuestion = hub, more: Partial<DnsOptions> = {}): Promise<DnsFailure> {
  const result = await ask(server, question, more);
  assert.ok(!result.ok, `there is an answer: ${JSON.stringify(result)}`);
  return result.error;
}

describe('queryDns', () => {
  const running: DnsTestServer[] = [];
  const serve = async (handle: DnsHandler, options?: Parameters<typeof startDnsServer>[1]): Promise<DnsTestServer> => {
    const server = await startDnsServer(handle, options);
    running.push(server);
    return server;
  };
  afterEach(async () => {
    await Promise.all(running.splice(0).map((one) => one.close()));
  });

  for (const useTcp of [false, true]) {
    describe(useTcp ? 'over TCP' : 'over UDP', () => {
      it('gives the addresses of the name', async () => {
        const server = await serve((query) => [
          dnsAnswer(query, {
            records: [
              { name: 'hub.corp.test', type: 'A', data: '10.1.2.3', ttl: 300 },
              { name: 'HUB.corp.TEST', type: 'A', data: '10.1.2.4', ttl: 30 },
              { name: 'other.test', type: 'A', data: '10.9.9.9', ttl: 1 },
            ],
          }),
        ]);
        const answer = await answered(server, hub, { useTcp });
        assert.equal(answer.rcode, 'NOERROR');
        assert.deepEqual(answer.addresses, ['10.1.2.3', '10.1.2.4']);
        assert.equal(answer.minTtlSeconds, 30);
        assert.equal(answer.transport, useTcp ? 'tcp' : 'udp');
        assert.equal(answer.truncated, false);
        assert.equal(answer.attempts, 1);
        assert.equal(answer.questionMissing, false);
        assert.ok(answer.durationMs > 0);
        assert.deepEqual(
          server.queries.map(({ name, type, edns, transport }) => ({ name, type, edns, transport })),
          [{ name: 'hub.corp.test', type: 1, edns: true, transport: useTcp ? 'tcp' : 'udp' }],
        );
      });

      it('follows aliases inside the answer, in whatever order they come', async () => {
        const server = await serve((query) => [
          dnsAnswer(query, {
            records: [
              { name: 'c.cdn.test', type: 'AAAA', data: '2001:db8::7', ttl: 100 },
              { name: 'b.cdn.test', type: 'CNAME', data: 'c.cdn.test', ttl: 20 },
              { name: 'hub.corp.test', type: 'CNAME', data: 'b.cdn.test', ttl: 50 },
            ],
          }),
        ]);
        const answer = await answered(server, { name: 'hub.corp.test.', type: 'AAAA' }, { useTcp });
        assert.deepEqual(answer.canonicalNames, ['b.cdn.test', 'c.cdn.test']);
        assert.deepEqual(answer.addresses, ['2001:db8::7']);
        assert.equal(answer.minTtlSeconds, 20);
      });

      it('is not caught in a circle of aliases', async () => {
        const server = await serve((query) => [
          dnsAnswer(query, {
            records: [
              { name: 'hub.corp.test', type: 'CNAME', data: 'a.test' },
              { name: 'a.test', type: 'CNAME', data: 'hub.corp.test' },
            ],
          }),
        ]);
        const answer = await answered(server, hub, { useTcp });
        assert.deepEqual(answer.addresses, []);
        assert.ok(answer.canonicalNames.length <= 16);
      });

      for (const [rcode, name] of [
        [2, 'SERVFAIL'],
        [3, 'NXDOMAIN'],
        [5, 'REFUSED'],
        [9, 'NOTAUTH'],
        [17, 'BADKEY'],
        [77, 'RCODE77'],
      ] as const) {
        it(`gives ${name} as an answer`, async () => {
          const server = await serve((query) => [dnsAnswer(query, { rcode })]);
          const answer = await answered(server, hub, { useTcp });
          assert.equal(answer.rcode, name);
          assert.deepEqual(answer.addresses, []);
          assert.equal(answer.minTtlSeconds, null);
        });
      }

      it('tells how long a "no" lasts', async () => {
        const soa = {
          name: 'corp.test',
          type: 'SOA',
          data: 'ns.corp.test root.corp.test 1 2 3 4 900',
          ttl: 60,
        } as const;
        const server = await serve((query) => [dnsAnswer(query, { rcode: 3, authorities: [soa] })]);
        assert.equal((await answered(server, hub, { useTcp })).negativeTtlSeconds, 60);
      });

      it('hands on extended errors', async () => {
        const server = await serve((query) => [
          dnsAnswer(query, { rcode: 5, extendedError: [15, 'blocked\u0007 by policy'] }),
        ]);
        const answer = await answered(server, hub, { useTcp });
        assert.deepEqual(answer.extendedErrors, [{ code: 15, text: 'blocked? by policy' }]);
      });

      it('understands a refusal that does not repeat the question, and says so', async () => {
        const server = await serve((query) => [dnsAnswer(query, { rcode: 5, withoutQuestion: true })]);
        const answer = await answered(server, hub, { useTcp });
        assert.equal(answer.rcode, 'REFUSED');
        assert.equal(answer.questionMissing, true);
      });

      it('takes no addresses from an answer without a question', async () => {
        const records = [{ name: 'hub.corp.test', type: 'A', data: '6.6.6.6' }] as const;
        const server = await serve((query) => [dnsAnswer(query, { withoutQuestion: true, records })]);
        assert.equal((await failed(server, hub, { useTcp, timeoutMs: 100 })).code, 'malformed');
      });

      it('asks again without EDNS when the server does not know it', async () => {
        for (const rcode of [1, 4, 16]) {
          const server = await serve((query) => [
            query.edns ? dnsAnswer(query, { rcode, withoutQuestion: rcode === 1 }) : dnsAnswer(query, { rcode: 0 }),
          ]);
          const answer = await answered(server, hub, { useTcp });
          assert.equal(answer.rcode, 'NOERROR');
          assert.equal(answer.ednsDropped, true);
          assert.equal(answer.attempts, 2);
        }
      });

      it('keeps FORMERR when the server says it to everything, or nothing more', async () => {
        const always = await serve((query) => [dnsAnswer(query, { rcode: 1 })]);
        assert.equal((await answered(always, hub, { useTcp })).rcode, 'FORMERR');
        const once = await serve((query) => (query.edns ? [dnsAnswer(query, { rcode: 1 })] : []));
        const answer = await answered(once, hub, { useTcp, timeoutMs: 100 });
        assert.equal(answer.rcode, 'FORMERR');
        assert.equal(answer.ednsDropped, false);
      });

      it('ignores what is not the answer to this question', async () => {
        const evil = [{ name: 'hub.corp.test', type: 'A', data: '6.6.6.6' }] as const;
        const server = await serve((query) => [
          dnsAnswer(query, { id: query.id ^ 1, records: evil }),
          dnsAnswer(query, { name: 'hub.evil.test', records: evil }),
          dnsAnswer(query, { type: 28, records: evil }),
          dnsAnswer(query, { query: true, records: evil }),
          dnsAnswer(query, { records: [{ name: 'hub.corp.test', type: 'A', data: '10.0.0.1' }] }),
        ]);
        assert.deepEqual((await answered(server, hub, { useTcp })).addresses, ['10.0.0.1']);
      });

      it('calls only foreign answers a timeout, and counts them', async () => {
        const server = await serve((query) => [dnsAnswer(query, { id: query.id ^ 1 })]);
        const error = await failed(server, hub, { useTcp, timeoutMs: 100 });
        assert.equal(error.code, 'timeout');
        assert.match(error.message, /1 answers to other questions/);
      });

      it('calls garbage malformed, unless something better comes in time', async () => {
        const header = (query: { id: number }, counts: string) =>
          Buffer.concat([Buffer.from([query.id >> 8, query.id & 255]), Buffer.from(`8180${counts}`, 'hex')]);
        const garbage: readonly ((query: { id: number }) => Buffer)[] = [
          () => Buffer.from('hello'),
          (query) => header(query, '0001000100000000'),
          (query) => header(query, 'ffffffffffffffff'),
          (query) => Buffer.concat([header(query, '0001000000000000'), Buffer.from('c00c00010001', 'hex')]),
        ];
        for (const make of garbage) {
          const only = await serve((query) => [make(query)]);
          const error = await failed(only, hub, { useTcp, timeoutMs: 80 });
          assert.equal(error.code, 'malformed', error.message);
          const later = await serve((query) => [make(query), dnsAnswer(query)]);
          assert.equal((await answered(later, hub, { useTcp })).rcode, 'NOERROR');
        }
      });

      it('calls a broken record in the answer malformed', async () => {
        const records = [{ name: 'hub.corp.test', type: 'A', data: Buffer.from([1, 2, 3]) }] as const;
        const server = await serve((query) => [dnsAnswer(query, { records })]);
        assert.equal((await failed(server, hub, { useTcp, timeoutMs: 80 })).code, 'malformed');
      });

      it('calls silence a timeout, asks as often as told, and no more', async () => {
        const server = await serve(() => []);
        const error = await failed(server, hub, { useTcp, timeoutMs: 60, attempts: 3 });
        assert.equal(error.code, 'timeout');
        assert.equal(error.attempts, 3);
        assert.equal(server.queries.length, 3);
        assert.ok(error.durationMs >= 170, `${error.durationMs}`);
        await server.tcp?.idle();
      });

      it('succeeds at a later attempt', async () => {
        let count = 0;
        const server = await serve((query) => (++count === 2 ? [dnsAnswer(query)] : []));
        assert.equal((await answered(server, hub, { useTcp, timeoutMs: 80, attempts: 3 })).attempts, 2);
      });

      it('calls a closed port refused, at once', async () => {
        const error = await failed({ address: '127.0.0.1', port: await closedPort() }, hub, { useTcp, attempts: 5 });
        assert.equal(error.code, 'refused', error.message);
        assert.equal(error.attempts, 1);
        assert.ok(error.durationMs < 1000);
      });

      it('reaches a server over IPv6', async () => {
        const server = await serve((query) => [dnsAnswer(query)], { address: '::1' });
        assert.equal((await answered(server, hub, { useTcp })).rcode, 'NOERROR');
        const refused = await failed({ address: '::1', port: await closedPort('::1') }, hub, { useTcp });
        assert.equal(refused.code, 'refused');
      });

      it('takes an IPv6 address with its zone', async () => {
        const server = await serve((query) => [dnsAnswer(query)], { address: '::1' });
        assert.equal((await answered({ address: '::1%lo', port: server.port }, hub, { useTcp })).rcode, 'NOERROR');
      });

      it('ends when the investigation ends', async () => {
        const server = await serve(() => []);
        const ending = new AbortController();
        setTimeout(() => ending.abort(), 20);
        assert.equal((await failed(server, hub, { useTcp, signal: ending.signal })).code, 'aborted');
        assert.equal((await failed(server, hub, { useTcp, signal: AbortSignal.abort() })).code, 'aborted');
        await server.tcp?.idle();
      });
    });
  }

  it('gives the records of other types as text', async () => {
    const server = await serve((query) => [
      dnsAnswer(query, {
        records: [
          { name: 'x.test', type: 'SRV', data: '10 20 5000 reg.x.test' },
          { name: 'x.test', type: 'TXT', data: 'v=1 a' },
          { name: 'x.test', type: 'CNAME', data: 'y.test' },
        ],
      }),
    ]);
    assert.deepEqual((await answered(server, { name: 'x.test', type: 'CNAME' })).records, ['y.test']);
    const direct = await serve((query) => [
      dnsAnswer(query, {
        records: [
          { name: 'x.test', type: 'SRV', data: '10 20 5000 reg.x.test' },
          { name: 'x.test', type: 'TXT', data: 'v=1 a' },
        ],
      }),
    ]);
    assert.deepEqual((await answered(direct, { name: 'x.test', type: 'SRV' })).records, ['10 20 5000 reg.x.test']);
    const text = await answered(direct, { name: 'x.test', type: 'TXT' });
    assert.deepEqual(text.records, ['v=1 a']);
    assert.deepEqual(text.addresses, []);
  });

  it('takes the id from chance', async () => {
    const server = await serve((query) => [dnsAnswer(query)]);
    const env: Env = { ...systemEnv, random: () => 0.5 };
    await answered(server, hub, { env });
    await answered(server);
    await answered(server);
    assert.equal(server.queries[0]?.id, 0x8000);
    assert.ok(new Set(server.queries.map((one) => one.id)).size > 1);
  });

  it('accepts a late answer to an earlier attempt', async () => {
    let first: Buffer | null = null;
    const server = await serve((query) => {
      if (first === null) {
        first = dnsAnswer(query);
        return [];
      }
      return [first];
    });
    assert.equal((await answered(server, hub, { timeoutMs: 60, attempts: 2 })).attempts, 2);
  });

  describe('an answer cut over UDP', () => {
    it('is asked for again over TCP', async () => {
      const server = await serve((query) =>
        query.transport === 'udp'
          ? [dnsAnswer(query, { truncated: true })]
          : [dnsAnswer(query, { records: [{ name: 'hub.corp.test', type: 'A', data: '10.0.0.9' }] })],
      );
      const answer = await answered(server);
      assert.deepEqual(answer.addresses, ['10.0.0.9']);
      assert.equal(answer.transport, 'tcp');
      assert.equal(answer.truncated, true);
      assert.equal(answer.attempts, 2);
    });

    it('fails when TCP is closed, and says which half failed', async () => {
      const server = await serve((query) => [dnsAnswer(query, { truncated: true })], { tcp: false });
      const error = await failed(server);
      assert.equal(error.code, 'refused');
      assert.match(error.message, /over UDP was cut.*over TCP/);
    });

    it('fails in time when TCP is silent', async () => {
      const server = await serve((query) => [dnsAnswer(query, { truncated: true })], { tcp: () => undefined });
      assert.equal((await failed(server, hub, { timeoutMs: 80 })).code, 'timeout');
      await server.tcp?.idle();
    });
  });

  describe('TCP framing', () => {
    it('puts together an answer that comes byte by byte', async () => {
      const server = await serve(() => [], {
        tcp: (socket) =>
          socket.once('data', async (chunk: Buffer) => {
            const message = lengthPrefixed(dnsAnswer(readQuery(chunk.subarray(2), 'tcp'), { rcode: 3 }));
            socket.setNoDelay(true);
            for (const byte of message) {
              socket.write(Buffer.from([byte]));
              await new Promise((resolve) => setImmediate(resolve));
            }
          }),
      });
      assert.equal((await answered(server, hub, { useTcp: true })).rcode, 'NXDOMAIN');
    });

    it('names a connection that ends early', async () => {
      const early = await serve(() => [], { tcp: (socket) => socket.once('data', () => socket.end()) });
      assert.equal((await failed(early, hub, { useTcp: true })).code, 'closed');
      const half = await serve(() => [], {
        tcp: (socket) => socket.once('data', () => socket.end(Buffer.from([0, 40, 1, 2, 3]))),
      });
      const error = await failed(half, hub, { useTcp: true });
      assert.equal(error.code, 'closed');
      assert.match(error.message, /5 bytes came/);
      const reset = await serve(() => [], { tcp: (socket) => socket.once('data', () => socket.resetAndDestroy()) });
      assert.equal((await failed(reset, hub, { useTcp: true })).code, 'reset');
    });

    it('does not wait for an answer of an impossible length', async () => {
      const server = await serve(() => [], {
        tcp: (socket) => socket.once('data', () => socket.write('HTTP/1.1 400 Bad')),
      });
      assert.equal((await failed(server, hub, { useTcp: true })).code, 'malformed');
    });
  });

  it('asks nobody about what is not a name', async () => {
    const server = await serve((query) => [dnsAnswer(query)]);
    for (const name of ['', '.', 'a..b', `${'x'.repeat(64)}.test`, `${'abc.'.repeat(70)}test`, 'a b.test', 'ü.test']) {
      assert.equal((await failed(server, { name, type: 'A' })).code, 'name-not-found', name);
    }
    assert.equal(server.queries.length, 0);
    assert.equal((await failed({ address: 'ns.test', port: 53 })).code, 'internal');
  });

  it('decodes hostile compression in bounded time', async () => {
    const server = await serve((query) => {
      const head = dnsAnswer(query);
      // A record whose data is a long chain of pointers, and many records whose names walk all of it.
      const links = 3500;
      const opening = Buffer.from('00ff0000010000000400000000', 'hex').subarray(0, 9);
      const base = head.length + opening.length + 2;
      const chain = Buffer.alloc(links * 2);
      for (let at = 0; at < links; at += 1) {
        chain.writeUInt16BE(0xc000 | (at === links - 1 ? 12 : base + (at + 1) * 2), at * 2);
      }
      const length = Buffer.from([chain.length >> 8, chain.length & 255]);
      const record = Buffer.from([0xc0 | (base >> 8), base & 255, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 10, 0, 0, 1]);
      const count = 500;
      head.writeUInt16BE(count + 1, 6);
      return [Buffer.concat([head, opening, length, chain, ...new Array<Buffer>(count).fill(record)])];
    });
    const started = performance.now();
    const answer = await answered(server, hub, { useTcp: true, timeoutMs: 10_000 });
    assert.equal(answer.addresses.length, 500, 'the message is as hostile as meant');
    assert.ok(performance.now() - started < 5000);
  });

  it('does not decode a message of more records than a host has', async () => {
    const record = { name: 'h', type: 'A', data: '10.0.0.1' } as const;
    const server = await serve((query) => [dnsAnswer(query, { records: new Array<typeof record>(600).fill(record) })]);
    const error = await failed(server, hub, { useTcp: true, timeoutMs: 200 });
    assert.equal(error.code, 'malformed');
    assert.match(error.message, /announces 601 records/);
  });

  it('never throws, whatever a server sends', async function () {
    this.timeout(60_000);
    let next = Buffer.alloc(0);
    const server = await serve((query) => {
      const message = Buffer.from(next);
      if (message.length >= 2) message.writeUInt16BE(query.id, 0);
      return [message, dnsAnswer(query, { rcode: 2 })];
    });
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.uint8Array({ maxLength: 400 }),
          // A header that passes for an answer, and a question that fits, then anything.
          fc
            .uint8Array({ maxLength: 300 })
            .map((rest) =>
              Uint8Array.from([
                0,
                0,
                0x81,
                0x80,
                0,
                1,
                0,
                2,
                0,
                1,
                0,
                1,
                3,
                104,
                117,
                98,
                4,
                99,
                111,
                114,
                112,
                4,
                116,
                101,
                115,
                116,
                0,
                0,
                1,
                0,
                1,
                ...rest,
              ]),
            ),
        ),
        async (bytes) => {
          next = Buffer.from(bytes);
          const result = await ask(server, hub, { timeoutMs: 1000 });
          assert.ok(result.ok, result.ok ? '' : result.error.message);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('leaves no socket and no timer behind', async () => {
    const before = process.getActiveResourcesInfo();
    const server = await startDnsServer(() => []);
    await failed(server, hub, { timeoutMs: 40, attempts: 2 });
    await failed(server, hub, { timeoutMs: 40, attempts: 2, useTcp: true });
    await server.close();
    await new Promise((resolve) => setTimeout(resolve, 20));
    // What ran before may still run: mocha's timer and pipes, programs of other suites.
    const count = (kinds: readonly string[], kind: string) => kinds.filter((one) => one === kind).length;
    const after = process.getActiveResourcesInfo();
    for (const kind of new Set(after)) {
      const allowed = count(before, kind) + (kind === 'Timeout' ? 1 : 0);
      assert.ok(count(after, kind) <= allowed, `${kind} in ${after.join()}`);
    }
  });

  it('understands what unbound really answers', async function () {
    if (!existsSync('/usr/sbin/unbound')) {
      console.log('      unbound is not installed: left out');
      this.skip();
    }
    await withUnbound(async (server) => {
      const good = await answered(server, { name: 'hub.lab.test', type: 'A' });
      assert.deepEqual(good.addresses, ['10.7.7.7']);
      assert.equal((await answered(server, { name: 'no.lab.test', type: 'A' })).rcode, 'NXDOMAIN');
      const empty = await answered(server, { name: 'hub.lab.test', type: 'AAAA' });
      assert.deepEqual([empty.rcode, empty.addresses], ['NOERROR', []]);
      const big = await answered(server, { name: 'big.lab.test', type: 'A' });
      assert.equal(big.addresses.length, 200);
      assert.equal(big.truncated, true);
      const refused = await answered({ ...server, address: '::1' }, { name: 'hub.lab.test', type: 'A' });
      assert.equal(refused.rcode, 'REFUSED');
      assert.equal(refused.questionMissing, true);
    });
  });
});

/** Runs unbound on loopback with a zone of its own. */
async function withUnbound(use: (server: Where) => Promise<void>): Promise<void> {
  const { spawn } = await import('node:child_process');
  const { mkdtemp, rm, writeFile } = await import('node:fs/promises');
  const { tmpdir } = await import('node:os');
  const { join } = await import('node:path');
  const folder = await mkdtemp(join(tmpdir(), 'pullwhy-dns-'));
  const port = await closedPort();
  const big = Array.from(
    { length: 200 },
    (_, index) => `  local-data: "big.lab.test. A 10.8.${index >> 4}.${index & 15}"`,
  );
  const lines = [
    'server:',
    `  port: ${port}`,
    '  interface: 127.0.0.1',
    '  interface: ::1',
    '  access-control: 127.0.0.0/8 allow',
    '  access-control: ::1/128 refuse',
    '  username: ""',
    '  chroot: ""',
    `  directory: "${folder}"`,
    '  pidfile: ""',
    '  use-syslog: no',
    '  do-daemonize: no',
    '  local-zone: "lab.test." static',
    '  local-data: "hub.lab.test. A 10.7.7.7"',
    ...big,
    'remote-control:',
    '  control-enable: no',
  ];
  const file = join(folder, 'unbound.conf');
  await writeFile(file, `${lines.join('\n')}\n`);
  const child = spawn('/usr/sbin/unbound', ['-d', '-p', '-c', file], { stdio: ['ignore', 'ignore', 'pipe'] });
  let words = '';
  child.stderr.on('data', (chunk: Buffer) => {
    words += chunk.toString();
  });
  try {
    for (let tries = 0; ; tries += 1) {
      const up = await ask({ address: '127.0.0.1', port }, hub, { timeoutMs: 200 });
      if (up.ok) break;
      if (tries > 50 || child.exitCode !== null) throw new Error(`unbound does not start: ${words}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await use({ address: '127.0.0.1', port });
  } finally {
    child.kill();
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    await rm(folder, { recursive: true });
  }
}
