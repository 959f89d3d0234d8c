import assert from 'node:assert/strict';
import fc from 'fast-check';
import { configuredRegistries } from '../../src/agent/health/configured-registries.ts';
import { registriesInUse, registryName } from '../../src/agent/health/registries-in-use.ts';
import { hostFiles } from '../../src/node/host-files.ts';
import { withTree } from '../kit/plan-stage.ts';

const nothing = { images: null, configured: [], settings: [], failing: [] };

describe('agent: registries in use', () => {
  it('names each registry once, with every reason', () => {
    const { registries, leftOut } = registriesInUse(
      {
        images: new Set([
          'docker.io/library/nginx:1.27',
          `docker.io/library/nginx@sha256:${'a'.repeat(64)}`,
          'docker.io/library/redis:8',
          'reg.corp:5000/team/web:1',
        ]),
        configured: ['docker.io', 'reg.corp:5000', 'quay.io'],
        settings: ['https://harbor.lab.example/'],
        failing: ['reg.corp:5000/team/api:2', 'ghcr.io/x/y:1', 'NOT A NAME'],
      },
      10,
    );
    assert.equal(leftOut, 0);
    assert.deepEqual(
      registries.map(({ registry, usedBy, images, image }) => [registry, usedBy.join(' '), images, image]),
      [
        ['docker.io', 'images configuration', 2, 'docker.io/library/nginx:1.27'],
        ['ghcr.io', 'incidents', 0, 'ghcr.io/x/y:1'],
        ['harbor.lab.example', 'settings', 0, 'harbor.lab.example/pullwhy/health-check:latest'],
        ['quay.io', 'configuration', 0, 'quay.io/pullwhy/health-check:latest'],
        ['reg.corp:5000', 'images configuration incidents', 1, 'reg.corp:5000/team/web:1'],
      ],
    );
  });

  it('counts an image by its tag or its digest, not by both', () => {
    const digest = (letter: string): string => `a.example/x@sha256:${letter.repeat(64)}`;
    const images = new Set([digest('a'), digest('b'), 'a.example/x:1']);
    assert.equal(registriesInUse({ ...nothing, images }, 10).registries[0]?.images, 2);
  });

  it('takes what was built on the node itself for no registry', () => {
    const images = new Set(['localhost/built:1', 'localhost:5000/pushed:1']);
    assert.deepEqual(
      registriesInUse({ ...nothing, images }, 10).registries.map(({ registry }) => registry),
      ['localhost:5000'],
    );
  });

  it('leaves those out that images alone name, the fewest images first, and says how many', () => {
    const many = Array.from({ length: 300 }, (_, n) => `r${n}.example/x:1`);
    const images = new Set([...many, 'r7.example/y:1', 'r9.example/y:1']);
    const use = registriesInUse(
      { images, configured: ['c.example'], settings: ['s.example'], failing: ['f.example/x'] },
      5,
    );
    assert.deepEqual(
      use.registries.map(({ registry }) => registry),
      ['c.example', 'f.example', 'r7.example', 'r9.example', 's.example'],
    );
    assert.equal(use.leftOut, 298);
  });

  it('reads what people call a registry', () => {
    const cases: [string, string | null][] = [
      ['docker.io', 'docker.io'],
      ['https://index.docker.io/v1/', 'docker.io'],
      ['registry-1.docker.io', 'docker.io'],
      ['http://reg.corp:5000', 'reg.corp:5000'],
      ['reg.corp/team', 'reg.corp'],
      ['localhost:5000', 'localhost:5000'],
      ['[2001:db8::1]:5000', '[2001:db8::1]:5000'],
      ['', null],
      ['team', null],
      ['*.corp.example', null],
      ['<script>alert(1)</script>', null],
      ['a b.example', null],
    ];
    for (const [text, name] of cases) assert.equal(registryName(text), name, text);
  });

  it('never takes a text that is no host', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const name = registryName(text);
        assert.ok(name === null || /^[\w.:[\]-]+$/.test(name), name ?? '');
      }),
    );
  });

  it('reads containerd’s host directories and mirrors, and registries.conf', () =>
    withTree(
      {
        'etc/containerd/config.toml': [
          'version = 2',
          '[plugins."io.containerd.grpc.v1.cri".registry]',
          'config_path = "/etc/containerd/more.d"',
          '[plugins."io.containerd.grpc.v1.cri".registry.mirrors."legacy.example"]',
          'endpoint = ["https://mirror.example"]',
          '[plugins."io.containerd.grpc.v1.cri".registry.mirrors."*"]',
          'endpoint = ["https://mirror.example"]',
        ].join('\n'),
        'etc/containerd/certs.d/docker.io/hosts.toml': '',
        'etc/containerd/certs.d/_default/hosts.toml': '',
        'etc/containerd/more.d/reg.corp_5000_/hosts.toml': '',
        'etc/containers/registries.conf': [
          'unqualified-search-registries = ["quay.io"]',
          '[[registry]]',
          'prefix = "harbor.lab.example/team"',
          'location = "other.example/team"',
          '[[registry]]',
          'prefix = "*.wild.example"',
        ].join('\n'),
      },
      async (root) => {
        assert.deepEqual(await configuredRegistries(hostFiles(root)), [
          'docker.io',
          'harbor.lab.example',
          'legacy.example',
          'quay.io',
          'reg.corp:5000',
        ]);
      },
    ));

  it('finds nothing on a node without any of these files, and goes on over broken ones', async () => {
    await withTree({}, async (root) => assert.deepEqual(await configuredRegistries(hostFiles(root)), []));
    await withTree(
      {
        'etc/containerd/config.toml': 'version = [',
        'etc/containers/registries.conf': '[[',
        'etc/docker/certs.d/a.example/x': '',
      },
      async (root) => assert.deepEqual(await configuredRegistries(hostFiles(root)), ['a.example']),
    );
  });
});
