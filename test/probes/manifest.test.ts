import assert from 'node:assert/strict';
import { errorBody, fakeAnswers, makeImage, makeIndex } from '../kit/fake-registry.ts';
import { observe } from '../kit/node-folder.ts';
import { image, useServers } from './servers.ts';

const manifestType = 'application/vnd.oci.image.manifest.v1+json';

describe('probes: manifest', () => {
  const servers = useServers();

  it('reads an image', async () => {
    const registry = await servers.registry();
    const { of } = await observe({ image: `127.0.0.1:${registry.port}/team/app:1.0` });
    const [manifest] = of('manifest');
    assert.deepEqual([manifest?.facts.kind, manifest?.facts.part, manifest?.facts.headStatus], ['image', 'named', 200]);
    assert.equal(manifest?.facts.digest, image.manifest.digest);
    assert.equal(manifest?.facts.layers.length, 1);
    assert.ok(registry.requests.includes('HEAD /v2/team/app/manifests/1.0'));
    assert.ok(registry.requests.includes('GET /v2/team/app/manifests/1.0'));
  });

  it("follows an index to this platform's manifest", async () => {
    const arm = makeImage({ os: 'linux', architecture: 'arm64' });
    const index = makeIndex([arm, image]);
    const registry = await servers.registry({ repositories: { 'team/app': { '1.0': index } } });
    const { of } = await observe({ image: `127.0.0.1:${registry.port}/team/app:1.0` });
    const [named, platform] = of('manifest');
    assert.deepEqual([named?.facts.kind, named?.facts.chosen], ['index', image.manifest.digest]);
    assert.deepEqual(named?.facts.platforms.slice(0, 2), ['linux/arm64', 'linux/amd64']);
    assert.deepEqual([platform?.facts.part, platform?.facts.digest], ['platform', image.manifest.digest]);
    assert.equal(platform?.facts.digestMatches, true);
  });

  it('chooses nothing of an index without this platform', async () => {
    const index = makeIndex([makeImage({ os: 'linux', architecture: 's390x' })]);
    const registry = await servers.registry({ repositories: { 'team/app': { '1.0': index } } });
    const { of } = await observe({ image: `127.0.0.1:${registry.port}/team/app:1.0` });
    assert.deepEqual([of('manifest')[0]?.facts.chosen, of('manifest').length], [null, 1]);
  });

  it("keeps the protocol's own reason of a refusal, which HEAD does not have", async () => {
    const registry = await servers.registry();
    const { of } = await observe({ image: `127.0.0.1:${registry.port}/team/app:2.0` });
    const [manifest] = of('manifest');
    assert.deepEqual([manifest?.error?.code, manifest?.facts.status], ['http-status', 404]);
    assert.equal(manifest?.facts.errors[0]?.code, 'MANIFEST_UNKNOWN');
    assert.match(manifest?.error?.message ?? '', /^404 Not Found: MANIFEST_UNKNOWN: manifest unknown/);
  });

  it('asks once only for what counts against a limit that is reached', async () => {
    const registry = await servers.registry();
    registry.override = (_method, path) => (path.includes('/manifests/') ? fakeAnswers.hubRateLimit : null);
    await observe({ image: `127.0.0.1:${registry.port}/team/app:1.0` });
    assert.equal(registry.requests.filter((request) => request.includes('/manifests/')).length, 1);
  });

  it('tells content that is not what its digest says', async () => {
    const registry = await servers.registry();
    const other = makeImage({ os: 'linux', architecture: 'amd64' }, 99);
    registry.override = (method, path) =>
      path.includes('/manifests/') && method === 'GET'
        ? { status: 200, headers: { 'content-type': manifestType }, body: other.manifest.bytes }
        : null;
    const { of } = await observe({ image: `127.0.0.1:${registry.port}/team/app@${image.manifest.digest}` });
    assert.deepEqual([of('manifest')[0]?.status, of('manifest')[0]?.error?.code], ['failed', 'digest-mismatch']);
  });

  it('tells a page in place of a manifest', async () => {
    const registry = await servers.registry();
    registry.override = (_method, path) => (path.includes('/manifests/') ? fakeAnswers.captivePortal : null);
    const { of } = await observe({ image: `127.0.0.1:${registry.port}/team/app:1.0` });
    assert.deepEqual([of('manifest')[0]?.error?.code, of('manifest')[0]?.facts.bodyFormat], ['body-invalid', 'html']);
  });

  it('goes where a redirect leads, a probe for each hop', async () => {
    const behind = await servers.registry();
    const registry = await servers.registry();
    registry.override = (_method, path) =>
      path.includes('/manifests/')
        ? { status: 307, headers: { location: `${behind.origin}${path}?X-Amz-Signature=abcdef0123` } }
        : null;
    const { of, all } = await observe({ image: `127.0.0.1:${registry.port}/team/app:1.0` });
    assert.deepEqual(
      of('manifest').map(({ facts, hop }) => [facts.redirects, hop, facts.kind]),
      [
        [0, 'registry', null],
        [1, 'blob', 'image'],
      ],
    );
    assert.doesNotMatch(JSON.stringify(all), /abcdef0123/, 'a signed URL is a credential');
    assert.ok(behind.requests.some((request) => request.includes('X-Amz-Signature=abcdef0123')));
  });

  it('keeps its credentials where a redirect stays at the registry', async () => {
    const registry = await servers.registry({ basic: { app: 'right-password' } });
    const host = `127.0.0.1:${registry.port}`;
    let redirected = 0;
    registry.override = (_method, path, authorization) => {
      if (!path.includes('/manifests/') || authorization === null || redirected > 0) return null;
      redirected++;
      return { status: 307, headers: { location: `${path}?moved=1` } };
    };
    const { of } = await observe({
      image: `${host}/team/app:1.0`,
      credentials: { [host]: { username: 'app', password: 'right-password' } },
    });
    assert.equal(redirected, 1);
    assert.deepEqual(
      of('manifest')
        .filter(({ facts }) => facts.redirects === 1)
        .map(({ facts, status }) => [status, facts.kind]),
      [['ok', 'image']],
    );
  });

  it('does not go round in circles', async () => {
    const registry = await servers.registry();
    registry.override = (_method, path) =>
      path.includes('/manifests/') ? { status: 307, headers: { location: path } } : null;
    const { of } = await observe({ image: `127.0.0.1:${registry.port}/team/app:1.0` });
    assert.equal(of('manifest').at(-1)?.error?.code, 'redirect-loop');
    assert.ok(of('manifest').length <= 11, `${of('manifest').length}`);
  });

  it('names the registry to a mirror, as containerd does', async () => {
    const mirror = await servers.registry({ repositories: { 'library/app': { '1.0': image } } });
    await observe({
      image: 'docker.io/library/app:1.0',
      nameservers: [await servers.dns({})],
      files: {
        'etc/containerd/config.toml':
          'version = 2\n[plugins."io.containerd.grpc.v1.cri".registry]\nconfig_path = "/etc/containerd/certs.d"\n',
        'etc/containerd/certs.d/docker.io/hosts.toml': `[host."${mirror.origin}"]\n  capabilities = ["pull", "resolve"]\n`,
      },
    });
    assert.ok(mirror.requests.includes('HEAD /v2/library/app/manifests/1.0?ns=docker.io'), mirror.requests.join(', '));
  });

  it('keeps words of the other side to one safe line', async () => {
    const registry = await servers.registry();
    const message = `bad\u001b[31m\n${'x'.repeat(9000)}`;
    registry.override = (_method, path) =>
      path.includes('/manifests/')
        ? { status: 403, headers: { 'content-type': 'application/json' }, body: errorBody('DENIED', message) }
        : null;
    const { of } = await observe({ image: `127.0.0.1:${registry.port}/team/app:1.0` });
    const words = of('manifest')[0]?.error?.message ?? '';
    assert.doesNotMatch(words, /[\u0000-\u001f]/);
    assert.ok(words.length < 3000, `${words.length}`);
  });
});
