import assert from 'node:assert/strict';
import { observe } from '../kit/node-folder.ts';
import { closedPort } from '../kit/tcp-server.ts';
import { useServers } from './servers.ts';

describe('probes: tcp', () => {
  const servers = useServers();

  it('connects to every address, and closes again', async () => {
    const registry = await servers.tcp((socket) => socket.end());
    const dns = await servers.dns({ 'registry.test': ['127.0.0.1', '127.0.0.2', '::1'] });
    const { of } = await observe({ image: `registry.test:${registry.port}/team/app:1.0`, nameservers: [dns] });
    const ends = new Map(of('tcp').map(({ facts, error }) => [facts.address, error?.code ?? 'ok']));
    assert.equal(ends.get('127.0.0.1'), 'ok');
    assert.equal(ends.get('127.0.0.2'), 'refused', 'the server listens on one address only');
    assert.ok(ends.has('::1'));
    const [open] = of('tcp');
    assert.deepEqual([open?.facts.family, open?.facts.localAddress, open?.facts.port], [4, '127.0.0.1', registry.port]);
    await registry.idle();
  });

  it('keeps the error of the kernel', async () => {
    const { of } = await observe({ image: `127.0.0.1:${await closedPort()}/team/app:1.0` });
    const [refused] = of('tcp');
    assert.deepEqual([refused?.error?.code, refused?.facts.errno], ['refused', 'ECONNREFUSED']);
  });
});
