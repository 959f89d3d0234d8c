import assert from 'node:assert/strict';
import { once } from 'node:events';
import { systemEnv } from '../../src/lib/env.ts';
import { connectTcp, endpointName, probeTcp, type TcpOptions } from '../../src/wire/tcp.ts';
import { canMakeNamespaces, inNamespace } from '../kit/network-namespace.ts';
import { closedPort, startTcpServer, type TcpServer } from '../kit/tcp-server.ts';

const options: TcpOptions = { timeoutMs: 2000, signal: new AbortController().signal, env: systemEnv };

describe('endpointName', () => {
  it('puts IPv6 addresses into brackets', () => {
    assert.equal(endpointName({ address: '10.0.0.1', port: 443 }), '10.0.0.1:443');
    assert.equal(endpointName({ address: 'fe80::1%eth0', port: 53 }), '[fe80::1%eth0]:53');
  });
});

describe('tcp', () => {
  const running: TcpServer[] = [];
  const serve = async (...how: Parameters<typeof startTcpServer>): Promise<TcpServer> => {
    const server = await startTcpServer(...how);
    running.push(server);
    return server;
  };
  afterEach(async () => {
    await Promise.all(running.splice(0).map((one) => one.close()));
  });

  it('connects, over both families, and tells the own address', async () => {
    for (const address of ['127.0.0.1', '::1']) {
      const server = await serve((socket) => socket.write('hi'), address);
      const result = await connectTcp(server, options);
      assert.ok(result.ok);
      assert.equal(result.value.localAddress, address);
      assert.ok(result.value.durationMs > 0);
      const [chunk] = await once(result.value.socket, 'data');
      assert.equal(String(chunk), 'hi');
      result.value.socket.destroy();
      await server.idle();
    }
  });

  it('calls a closed port refused', async () => {
    const result = await connectTcp({ address: '127.0.0.1', port: await closedPort() }, options);
    assert.ok(!result.ok);
    assert.equal(result.error.code, 'refused');
    assert.equal(result.error.errno, 'ECONNREFUSED');
    assert.match(result.error.message, /^connecting to 127\.0\.0\.1:\d+: connection refused \(ECONNREFUSED\)$/);
    assert.ok(result.error.durationMs < 1000);
  });

  it('takes no names, and no impossible ports', async () => {
    for (const target of [
      { address: 'localhost', port: 80 },
      { address: '', port: 80 },
      { address: '127.0.0.1', port: 0 },
      { address: '127.0.0.1', port: 65536 },
      { address: '127.0.0.1', port: 1.5 },
    ]) {
      const result = await connectTcp(target, options);
      assert.equal(result.ok ? 'ok' : result.error.code, 'internal', JSON.stringify(target));
    }
  });

  it('ends when the investigation ends', async () => {
    const server = await serve(() => undefined);
    const before = await connectTcp(server, { ...options, signal: AbortSignal.abort() });
    assert.equal(before.ok ? 'ok' : before.error.code, 'aborted');
    assert.equal(server.connections(), 0);
  });

  describe('probeTcp', () => {
    it('connects and closes', async () => {
      const server = await serve(() => undefined);
      const result = await probeTcp(server, options);
      assert.ok(result.ok);
      assert.deepEqual(Object.keys(result.value).sort(), ['closedByPeer', 'durationMs', 'localAddress']);
      await server.idle();
    });

    it('fails as connecting does', async () => {
      const result = await probeTcp({ address: '127.0.0.1', port: await closedPort() }, options);
      assert.equal(result.ok ? 'ok' : result.error.code, 'refused');
    });

    it('sees a reset right after the handshake', async () => {
      const server = await serve((socket) => setTimeout(() => socket.resetAndDestroy(), 20));
      const result = await probeTcp(server, { ...options, lingerMs: 2000 });
      assert.ok(!result.ok);
      assert.equal(result.error.code, 'reset');
      assert.equal(result.error.errno, 'ECONNRESET');
      assert.match(result.error.message, /^connected to .*then: connection reset/);
    });

    it('does not call an orderly end a reset', async () => {
      const server = await serve((socket) => socket.end());
      const result = await probeTcp(server, { ...options, lingerMs: 2000 });
      assert.ok(result.ok);
      assert.equal(result.value.closedByPeer, true);
      await server.idle();
    });

    it('is content with a server that waits, and with one that speaks first', async () => {
      for (const greeting of ['', 'SSH-2.0-x\r\n']) {
        const server = await serve((socket) => socket.write(greeting));
        const result = await probeTcp(server, { ...options, lingerMs: 60 });
        assert.ok(result.ok);
        assert.equal(result.value.closedByPeer, false);
        await server.idle();
      }
    });

    it('keeps the good result when the investigation ends while it lingers', async () => {
      const server = await serve(() => undefined);
      const ending = new AbortController();
      const asking = probeTcp(server, { ...options, signal: ending.signal, lingerMs: 10_000 });
      setTimeout(() => ending.abort(), 100);
      assert.ok((await asking).ok);
      await server.idle();
    });
  });

  describe('with packet filters and without routes', () => {
    const tcp = new URL('../../src/wire/tcp.ts', import.meta.url).href;
    const dns = new URL('../../src/wire/dns.ts', import.meta.url).href;
    const lib = new URL('../../src/lib/env.ts', import.meta.url).href;
    const body = (address: string, timeoutMs: number) => `
      const { connectTcp } = await import('${tcp}');
      const { queryDns } = await import('${dns}');
      const { systemEnv: env } = await import('${lib}');
      const signal = new AbortController().signal;
      const server = { address: '${address}', port: 53 };
      const code = (result) => (result.ok ? 'ok' : result.error.code);
      const question = { name: 'a.test', type: 'A' };
      const options = { timeoutMs: ${timeoutMs}, attempts: 1, signal, env };
      return [
        code(await connectTcp(server, { timeoutMs: ${timeoutMs}, signal, env })),
        code(await queryDns(server, question, { ...options, useTcp: false })),
        code(await queryDns(server, question, { ...options, useTcp: true })),
      ];`;
    const filter = (rule: string) => [
      'nft add table inet t',
      "nft add chain inet t out '{ type filter hook output priority 0; }'",
      "nft add chain inet t in '{ type filter hook input priority 0; }'",
      `nft add rule inet t ${rule}`,
    ];
    before(async function () {
      if (await canMakeNamespaces()) return;
      console.log('      no network namespaces here: left out');
      this.skip();
    });
    for (const [name, setup, address, timeoutMs, codes] of [
      ['no route', [], '10.9.9.9', 1000, ['unreachable', 'unreachable', 'unreachable']],
      ['no IPv6 at all', [], '2001:db8::1', 1000, ['unreachable', 'unreachable', 'unreachable']],
      ['a link-local address without its zone', [], 'fe80::1', 300, ['unreachable', 'unreachable', 'unreachable']],
      // Dropped on the way out: UDP says so (EPERM), TCP's SYN just vanishes.
      ['dropped on the way out', filter('out drop'), '127.0.0.1', 200, ['timeout', 'not-permitted', 'timeout']],
      [
        'dropped at the other end',
        filter('in ip daddr 127.0.0.7 drop'),
        '127.0.0.7',
        200,
        ['timeout', 'timeout', 'timeout'],
      ],
      // The kernel keeps this ICMP message from a UDP socket (without IP_RECVERR, which Go does not set either).
      [
        'rejected as unreachable',
        filter('in ip daddr 127.0.0.7 reject with icmp host-unreachable'),
        '127.0.0.7',
        1000,
        ['unreachable', 'timeout', 'unreachable'],
      ],
      [
        'rejected as prohibited',
        filter('in ip daddr 127.0.0.7 reject with icmp admin-prohibited'),
        '127.0.0.7',
        1000,
        ['unreachable', 'unreachable', 'unreachable'],
      ],
      [
        'an unreachable route',
        ['ip route add unreachable 10.9.0.0/16'],
        '10.9.9.9',
        1000,
        ['unreachable', 'unreachable', 'unreachable'],
      ],
      [
        'a prohibiting route',
        ['ip route add prohibit 10.9.0.0/16'],
        '10.9.9.9',
        1000,
        ['not-permitted', 'not-permitted', 'not-permitted'],
      ],
    ] as const satisfies readonly (readonly [string, readonly string[], string, number, readonly string[]])[]) {
      it(`names ${name}`, async () => {
        assert.deepEqual(await inNamespace(setup, body(address, timeoutMs)), codes);
      });
    }
  });
});
