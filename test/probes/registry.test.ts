import assert from 'node:assert/strict';
import { fakeAnswers } from '../kit/fake-registry.ts';
import { observe } from '../kit/node-folder.ts';
import { useServers } from './servers.ts';

describe('probes: registry', () => {
  const servers = useServers();

  it('finds a registry that everybody may ask', async () => {
    const registry = await servers.registry();
    const { of } = await observe({ image: `127.0.0.1:${registry.port}/team/app:1.0` });
    const [ping] = of('registry');
    assert.deepEqual([ping?.status, ping?.facts.status, ping?.facts.apiVersion], ['ok', 200, 'registry/2.0']);
    assert.ok(Math.abs(ping?.facts.clockOffsetMs ?? Number.NaN) < 3000, 'the Date header is compared');
  });

  it('takes a challenge for what it is, and names the token service', async () => {
    const registry = await servers.registry({ token: { users: {}, realm: 'https://auth.test:8443/token?x=1' } });
    const { of } = await observe({ image: `127.0.0.1:${registry.port}/team/app:1.0` });
    const [ping] = of('registry');
    assert.deepEqual([ping?.status, ping?.facts.status], ['ok', 401]);
    const [challenge] = ping?.facts.challenges ?? [];
    assert.deepEqual(
      [challenge?.scheme, challenge?.service, challenge?.party?.host, challenge?.party?.port],
      ['bearer', 'fake', 'auth.test', 8443],
    );
  });

  it("goes to the token service by the proxy that the runtime would use for it, and not by the registry's", async () => {
    const registry = await servers.registry({ token: { users: {}, realm: 'https://auth.test/token' } });
    const { of } = await observe({
      image: `127.0.0.1:${registry.port}/team/app:1.0`,
      environment: { HTTPS_PROXY: 'http://127.0.0.1:1' },
    });
    const party = of('registry')[0]?.facts.challenges[0]?.party;
    assert.equal(party?.proxy, 'http://127.0.0.1:1');
  });

  it('tells a captive portal, a failing gateway and a closed connection', async () => {
    for (const [override, code, status] of [
      [fakeAnswers.captivePortal, 'body-invalid', 200],
      [fakeAnswers.gatewayDown, 'http-status', 502],
      [{ status: 500, body: '{}' }, 'http-status', 500],
      [{ status: 200, manner: 'close' }, 'closed', null],
    ] as const) {
      const registry = await servers.registry();
      registry.override = override;
      const { of } = await observe({ image: `127.0.0.1:${registry.port}/team/app:1.0` });
      const [ping] = of('registry');
      assert.deepEqual([ping?.status, ping?.error?.code, ping?.facts.status], ['failed', code, status]);
    }
  });

  it("keeps a page's title and what the errors say, in one line each", async () => {
    const registry = await servers.registry();
    registry.override = fakeAnswers.gatewayDown;
    const { of } = await observe({ image: `127.0.0.1:${registry.port}/team/app:1.0` });
    assert.equal(of('registry')[0]?.facts.title, '502 Bad Gateway');
    assert.equal(of('registry')[0]?.facts.bodyFormat, 'html');
  });

  it('reads how many pulls are left', async () => {
    const registry = await servers.registry();
    registry.override = fakeAnswers.hubRateLimit;
    const { of } = await observe({ image: `127.0.0.1:${registry.port}/team/app:1.0` });
    const limit = of('manifest')[0]?.facts.rateLimit;
    assert.deepEqual([limit?.limit, limit?.remaining, limit?.windowSeconds], [100, 0, 21_600]);
    assert.deepEqual([limit?.source, limit?.retryAfterSeconds], ['203.0.113.9', 60]);
  });

  it('sends the headers that the node configures, and shows none of their values', async () => {
    const registry = await servers.registry();
    const seen: (string | null)[] = [];
    registry.override = (_method, _path, authorization) => {
      seen.push(authorization);
      return null;
    };
    const host = `127.0.0.1:${registry.port}`;
    const { of, all } = await observe({
      image: `${host}/team/app:1.0`,
      files: {
        'etc/containerd/config.toml':
          'version = 2\n[plugins."io.containerd.grpc.v1.cri".registry]\nconfig_path = "/etc/containerd/certs.d"\n',
        [`etc/containerd/certs.d/${host}/hosts.toml`]: `server = "http://${host}"\n[host."http://${host}"]\n[host."http://${host}".header]\n  authorization = "Basic c2VjcmV0LXZhbHVl"\n`,
      },
    });
    assert.ok(of('registry').length > 0);
    assert.ok(seen.includes('Basic c2VjcmV0LXZhbHVl'));
    assert.doesNotMatch(JSON.stringify(all), /c2VjcmV0LXZhbHVl/);
  });
});
