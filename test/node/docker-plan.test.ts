import assert from 'node:assert/strict';
import { parseReference } from '../../src/image/reference.ts';
import { planDocker } from '../../src/node/docker-plan.ts';
import type { RuntimePlan } from '../../src/node/runtime-plan.ts';
import { makePki } from '../kit/certificates.ts';
import { withHost } from './crio-files-kit.ts';

const daemon = 'etc/docker/daemon.json';

async function plan(files: Readonly<Record<string, string>>, image: string): Promise<RuntimePlan> {
  const reference = parseReference(image);
  assert.ok(reference.ok);
  return withHost(files, (host) => planDocker(host, reference.value));
}

function places(result: RuntimePlan): string[] {
  return result.endpoints.map(
    ({ info }) => `${info.role} ${info.url} ${info.source}${info.insecure ? ' insecure' : ''}`,
  );
}

describe('the plan of Docker', () => {
  it('asks the registry itself without a file', async () => {
    const result = await plan({}, 'nginx');
    assert.deepEqual(places(result), ['upstream https://registry-1.docker.io/v2 default']);
    assert.deepEqual([result.files, result.problems], [[], []]);
  });

  it('asks mirrors for Docker Hub alone, each with its line', async () => {
    const text = '{\n "registry-mirrors": [\n  "https://m.corp/",\n  "http://m2.corp:5000"\n ]\n}\n';
    assert.deepEqual(places(await plan({ [daemon]: text }, 'nginx')), [
      'mirror https://m.corp/v2 etc/docker/daemon.json:3',
      'mirror http://m2.corp:5000/v2 etc/docker/daemon.json:4',
      'upstream https://registry-1.docker.io/v2 default',
    ]);
    assert.deepEqual(places(await plan({ [daemon]: text }, 'reg.corp/app')), ['upstream https://reg.corp/v2 default']);
  });

  it('does not verify insecure registries and loopback', async () => {
    const text = '{"insecure-registries": ["reg.corp:5000"]}';
    for (const [image, insecure] of [
      ['reg.corp:5000/app', true],
      ['reg.corp/app', false],
      ['127.0.0.1:5000/app', true],
    ] as const) {
      const [endpoint] = (await plan({ [daemon]: text }, image)).endpoints;
      assert.deepEqual([endpoint?.info.insecure, endpoint?.info.httpFallback], [insecure, insecure], image);
    }
  });

  it('adds the authorities of certs.d', async () => {
    const pem = makePki().root.pem;
    const result = await plan({ 'etc/docker/certs.d/reg.corp/ca.crt': pem }, 'reg.corp/app');
    assert.deepEqual(result.endpoints[0]?.info.ca, ['/etc/docker/certs.d/reg.corp/ca.crt']);
    assert.equal(result.endpoints[0]?.caPem.length, 1);
  });

  for (const text of ['{', '[]', '{"registry-mirrors": ["m.corp"]}']) {
    it(`has no endpoint with the file ${text}`, async () => {
      const { endpoints, problems } = await plan({ [daemon]: text }, 'nginx');
      assert.deepEqual(
        [endpoints.length, problems.map(({ severity, cause }) => `${severity} ${cause}`)],
        [0, ['error runtime-misconfigured']],
      );
    });
  }
});
