import assert from 'node:assert/strict';
import { plan } from '../kit/plan-stage.ts';

const digest = `sha256:${'b'.repeat(64)}`;

describe('pullwhy plan: names', function () {
  this.timeout(30_000);

  const invalid = [
    '',
    'Nginx',
    'https://nginx',
    '/nginx',
    'nginx:',
    'nginx ',
    ' nginx',
    'nginx\n',
    'None:None',
    '"nginx"',
    'a:b:c',
    'reg.corp/A',
    'reg.corp:port/a',
    'a//b',
    '-x',
    '--help',
    'a'.repeat(64),
    'nginx@sha256:abc',
    `nginx@sha256:${'A'.repeat(64)}`,
    `a:${'x'.repeat(129)}`,
    `reg.corp/${'a/'.repeat(130)}b`,
    'x'.repeat(5000),
  ];
  for (const image of invalid) {
    it(`refuses ${JSON.stringify(image.slice(0, 30))}`, async () => {
      for (const runtime of ['containerd', 'cri-o'] as const) {
        const { code, document, stderr } = await plan({ image, runtime });
        assert.deepEqual([code, document.cause, stderr], [1, 'invalid-image-name', '']);
        const { input, ...rest } = document.image;
        const none = { normalized: null, registry: null, repository: null, tag: null, digest: null };
        assert.deepEqual([input, rest, document.endpoints], [image, none, []]);
        assert.equal(document.problems.filter(({ severity }) => severity === 'error').length, 1);
      }
      const diagnosed = await plan({ image, command: 'diagnose' });
      assert.deepEqual([diagnosed.code, diagnosed.document.cause], [1, 'invalid-image-name']);
    });
  }

  const valid: [image: string, normalized: string, url: string, version?: string][] = [
    ['nginx', 'docker.io/library/nginx:latest', 'https://registry-1.docker.io/v2'],
    ['index.docker.io/nginx', 'docker.io/library/nginx:latest', 'https://registry-1.docker.io/v2'],
    ['team/app:1', 'docker.io/team/app:1', 'https://registry-1.docker.io/v2'],
    ['Team/app', 'Team/app:latest', 'https://Team/v2'],
    ['localhost/app', 'localhost/app:latest', 'https://localhost/v2'],
    ['localhost:5000/app', 'localhost:5000/app:latest', 'https://localhost:5000/v2', '2.1.9'],
    ['localhost:5000/app', 'localhost:5000/app:latest', 'http://localhost:5000/v2', '1.6.20'],
    ['reg.corp:443/app', 'reg.corp:443/app:latest', 'https://reg.corp/v2'],
    ['reg.corp:80/app', 'reg.corp:80/app:latest', 'https://reg.corp:80/v2'],
    ['[2001:db8::1]:5000/app', '[2001:db8::1]:5000/app:latest', 'https://[2001:db8::1]:5000/v2'],
    [`nginx@${digest}`, `docker.io/library/nginx@${digest}`, 'https://registry-1.docker.io/v2'],
  ];
  for (const [image, normalized, url, version = '1.7.24'] of valid) {
    it(`${version} takes ${image.slice(0, 40)} for ${normalized.slice(0, 40)}`, async () => {
      const { code, document } = await plan({ image, version });
      assert.deepEqual([code, document.image.normalized, document.endpoints[0]?.url], [0, normalized, url]);
    });
  }
});
