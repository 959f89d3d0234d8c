import assert from 'node:assert/strict';
import { observe } from '../kit/node-folder.ts';
import { closedPort } from '../kit/tcp-server.ts';
import { repositories, trusting, useServers } from './servers.ts';

describe('probes: proxy', () => {
  const servers = useServers();

  it('opens a tunnel, and all goes through it', async () => {
    const { leaf } = servers.pki;
    const registry = await servers.registry({ repositories, tls: { cert: leaf.chainPem, key: leaf.keyPem } });
    const proxy = await servers.proxy(() => ({ kind: 'tunnel', port: registry.port }));
    const { of } = await observe({
      image: 'registry.test/team/app:1.0',
      environment: { HTTPS_PROXY: `http://user:pass-word@127.0.0.1:${proxy.port}` },
      files: trusting(servers.pki),
    });
    const [connect] = of('proxy');
    assert.deepEqual(
      [connect?.status, connect?.facts.target, connect?.facts.withCredentials],
      ['ok', 'registry.test:443', true],
    );
    assert.doesNotMatch(JSON.stringify(connect), /pass-word/);
    assert.equal(of('tls')[0]?.status, 'ok');
    assert.equal(of('manifest')[0]?.facts.kind, 'image');
    assert.equal(of('dns').length, 0, "the proxy looks the registry's name up, not this node");
    assert.ok(proxy.requests.every(({ method, target }) => method === 'CONNECT' && target === 'registry.test:443'));
  });

  it('keeps what a refusal says', async () => {
    const proxy = await servers.proxy(() => ({
      kind: 'say',
      bytes:
        'HTTP/1.1 403 Forbidden\r\nX-Squid-Error: ERR_ACCESS_DENIED 0\r\nServer: squid\r\nX-Other: x\r\nContent-Length: 0\r\n\r\n',
    }));
    const { of } = await observe({
      image: 'registry.test/team/app:1.0',
      environment: { HTTPS_PROXY: `http://127.0.0.1:${proxy.port}` },
    });
    const [connect] = of('proxy');
    assert.deepEqual([connect?.error?.code, connect?.facts.status], ['proxy-refused', 403]);
    assert.deepEqual(connect?.facts.headers, { 'x-squid-error': 'ERR_ACCESS_DENIED 0', server: 'squid' });
    assert.equal(of('tls').length, 0);
  });

  it('tells 407, and a proxy that closes', async () => {
    for (const [reaction, code] of [
      [
        {
          kind: 'say',
          bytes: 'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="x"\r\n\r\n',
        },
        'proxy-auth',
      ],
      [{ kind: 'close' }, 'closed'],
    ] as const) {
      const proxy = await servers.proxy(() => reaction);
      const { of } = await observe({
        image: 'registry.test/team/app:1.0',
        environment: { HTTPS_PROXY: `http://127.0.0.1:${proxy.port}` },
      });
      assert.equal(of('proxy')[0]?.error?.code, code);
    }
  });

  it('asks nothing of a proxy that cannot be connected to, and tries the direct way instead', async () => {
    const dns = await servers.dns({ 'registry.test': ['127.0.0.1'] });
    const { of } = await observe({
      image: `registry.test:${await closedPort()}/team/app:1.0`,
      environment: { HTTPS_PROXY: `http://127.0.0.1:${await closedPort()}` },
      nameservers: [dns],
    });
    assert.equal(of('proxy').length, 0);
    assert.deepEqual(
      of('tcp').map(({ hop, counterfactual, status }) => [hop, counterfactual, status]),
      [
        ['proxy', false, 'failed'],
        ['registry', true, 'failed'],
      ],
    );
  });
});
