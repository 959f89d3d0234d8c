import assert from 'node:assert/strict';
import { makeImage } from '../kit/fake-registry.ts';
import { observe } from '../kit/node-folder.ts';
import { closedPort } from '../kit/tcp-server.ts';
import { image, useServers } from './servers.ts';

const [config, layer] = image.content;

describe('probes: blob', () => {
  const servers = useServers();

  it('reads the config to its end, checks it, and proves that a layer comes', async () => {
    const registry = await servers.registry();
    const { of } = await observe({ image: `127.0.0.1:${registry.port}/team/app:1.0` });
    const [first, second] = of('blob');
    assert.deepEqual(
      [first?.facts.part, first?.facts.digestMatches, first?.facts.platform],
      ['config', true, 'linux/amd64'],
    );
    assert.deepEqual(
      [second?.facts.part, second?.facts.digest, second?.facts.bytes],
      ['layer', layer?.digest, layer?.bytes.length],
    );
  });

  it('takes the first bytes of a large layer only', async () => {
    const large = makeImage({ os: 'linux', architecture: 'amd64' }, 8 * 1024 * 1024);
    const registry = await servers.registry({ repositories: { 'team/app': { '1.0': large } } });
    const { of } = await observe({ image: `127.0.0.1:${registry.port}/team/app:1.0` });
    const part = of('blob').find(({ facts }) => facts.part === 'layer');
    assert.equal(part?.status, 'ok');
    assert.ok((part.facts.bytes ?? 0) <= 64 * 1024, `${part.facts.bytes}`);
    assert.equal(part.facts.digestMatches, null, 'what was not read whole is not checked');
  });

  it("goes to the content's host without the registry's credentials", async () => {
    const content = await servers.registry();
    const registry = await servers.registry({ basic: { app: 'right-password' }, blobOrigin: content.origin });
    const host = `127.0.0.1:${registry.port}`;
    const { of } = await observe({
      image: `${host}/team/app:1.0`,
      credentials: { [host]: { username: 'app', password: 'right-password' } },
    });
    assert.deepEqual(
      of('blob').map(({ facts, hop }) => [facts.part, facts.redirects, hop]),
      [
        ['config', 0, 'registry'],
        ['layer', 0, 'registry'],
        ['config', 1, 'blob'],
        ['layer', 1, 'blob'],
      ],
    );
    assert.ok(content.requests.length > 0);
    assert.ok(content.authorizations.every((authorization) => authorization === null));
  });

  it("tells a content's host that refuses connections by the way to it", async () => {
    const registry = await servers.registry({ blobOrigin: `http://127.0.0.1:${await closedPort()}` });
    const { of } = await observe({ image: `127.0.0.1:${registry.port}/team/app:1.0` });
    assert.deepEqual(
      of('tcp').map(({ hop, status }) => [hop, status]),
      [
        ['registry', 'ok'],
        ['blob', 'failed'],
      ],
    );
  });

  it('tells what is missing, what is cut and what is changed', async () => {
    const digest = config?.digest ?? '';
    const bytes = config?.bytes ?? Buffer.alloc(0);
    const changed = Buffer.from(bytes.map((byte, at) => (at === 5 ? byte ^ 1 : byte)));
    for (const [answer, code] of [
      [{ status: 404, body: '{"errors":[{"code":"BLOB_UNKNOWN"}]}' }, 'http-status'],
      [{ status: 200, body: bytes.subarray(0, 10) }, 'body-cut'],
      [{ status: 200, body: bytes, manner: 'cut' }, 'body-cut'],
      [{ status: 200, body: changed }, 'digest-mismatch'],
      [{ status: 200, headers: { 'content-type': 'text/html' }, body: '<html>sign in</html>' }, 'body-invalid'],
    ] as const) {
      const registry = await servers.registry();
      registry.override = (_method, path) => (path.endsWith(digest) ? answer : null);
      const { of } = await observe({ image: `127.0.0.1:${registry.port}/team/app:1.0` });
      const part = of('blob').find(({ facts }) => facts.part === 'config');
      assert.deepEqual([part?.status, part?.error?.code], ['failed', code]);
    }
  });
});
