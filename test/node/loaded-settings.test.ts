import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { parseReference } from '../../src/image/reference.ts';
import { planContainerd } from '../../src/node/containerd-plan.ts';
import { hostFiles } from '../../src/node/host-files.ts';
import { readLoadedSettings } from '../../src/node/loaded-settings.ts';

/** What containerd 1.6.20 and 1.7.24 give in `info["config"]`, as far as it bears on pulls, after the client's redaction. */
const told = (registry: object, more: object = {}) => ({
  config: JSON.stringify({
    containerd: { snapshotter: 'overlayfs' },
    registry: { configPath: '', mirrors: null, configs: null, auths: null, headers: null, ...registry },
    sandboxImage: 'registry.k8s.io/pause:3.6',
    maxConcurrentDownloads: 3,
    ...more,
  }),
});

describe('readLoadedSettings', () => {
  it('reads what containerd 1.x has loaded, without what is secret', () => {
    const settings = readLoadedSettings(
      told({
        mirrors: { 'docker.io': { endpoint: ['https://mirror.test/', 'https://other.test/v2/x'] } },
        configs: {
          'a.test': { auth: '[secret]', tls: null },
          'b.test': {
            auth: null,
            tls: { insecure_skip_verify: true, caFile: '/ca.pem', certFile: '', keyFile: '' },
          },
        },
      }),
    );
    assert.equal(settings?.configPath, '');
    assert.equal(settings?.sandboxImage, 'registry.k8s.io/pause:3.6');
    assert.deepEqual(settings?.mirrors.get('docker.io'), ['https://mirror.test', 'https://other.test/v2/x']);
    assert.deepEqual(settings?.configs.get('a.test'), { credentials: true, tls: null });
    assert.deepEqual(settings?.configs.get('b.test'), {
      credentials: false,
      tls: { skipVerify: true, caFile: '/ca.pem', certFile: '', keyFile: '' },
    });
  });

  it('takes what does not tell them for nothing', () => {
    // containerd 2.1.9 and CRI-O 1.36, in short.
    const two = { config: '{"containerd":{"defaultRuntimeName":"runc"},"enableCDI":true,"rootDir":"/x"}' };
    const crio = { config: '{"sandboxImage":"registry.k8s.io/pause:3.10"}' };
    for (const info of [
      two,
      crio,
      {},
      { config: '' },
      { config: '[left out: 2000000 characters]' },
      { config: 'null' },
    ]) {
      assert.equal(readLoadedSettings(info), null);
    }
    assert.equal(readLoadedSettings({ config: '{"registry":{"configPath":7}}' }), null);
  });

  it('takes any JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (registry) => {
        readLoadedSettings({ config: JSON.stringify({ registry }) });
        readLoadedSettings(told({ mirrors: registry, configs: registry }));
      }),
    );
  });
});

describe('the plan of a containerd that has loaded other settings', () => {
  let root = '';
  const put = async (path: string, text: string): Promise<void> => {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  };
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'pullwhy-loaded-'));
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  const plan = async (registry: object | null, more: object = {}) => {
    const reference = parseReference('registry.test/team/app:1.0');
    if (!reference.ok) throw new Error('no reference');
    const loaded = registry === null ? null : readLoadedSettings(told(registry, more));
    return planContainerd(hostFiles(root), reference.value, { version: '1.7.24', loaded });
  };
  const urls = (made: Awaited<ReturnType<typeof plan>>) => made.endpoints.map(({ info }) => info.url);
  const cri = 'version = 2\n[plugins."io.containerd.grpc.v1.cri".registry]\n';

  it('goes by the folder that is loaded, with hosts.toml as it is now', async () => {
    await put('etc/containerd/config.toml', `${cri}config_path = "/etc/containerd/new.d"\n`);
    await put('etc/containerd/certs.d/registry.test/hosts.toml', '[host."https://old.test"]\n');
    await put('etc/containerd/new.d/registry.test/hosts.toml', '[host."https://new.test"]\n');
    const made = await plan({ configPath: '/etc/containerd/certs.d' });
    assert.deepEqual(urls(made), ['https://old.test/v2', 'https://registry.test/v2']);
    assert.deepEqual(urls(await plan(null)), ['https://new.test/v2', 'https://registry.test/v2']);
    assert.deepEqual(
      made.differences?.filter(({ name }) => name !== 'sandbox_image'),
      [
        {
          name: 'registry.config_path',
          loaded: '/etc/containerd/certs.d',
          configured: '/etc/containerd/new.d',
          source: 'etc/containerd/config.toml:3',
        },
      ],
    );
    assert.deepEqual(made.startFiles, ['etc/containerd/config.toml']);
  });

  it('goes by the mirrors that are loaded', async () => {
    await put('etc/containerd/config.toml', `${cri}config_path = "/etc/containerd/certs.d"\n`);
    const made = await plan({ mirrors: { 'registry.test': { endpoint: ['https://mirror.test/'] } } });
    assert.deepEqual(urls(made), ['https://mirror.test/v2', 'https://registry.test/v2']);
    const names = made.differences?.map(({ name }) => name);
    assert.ok(names?.includes('registry.config_path') && names.includes('registry.mirrors."registry.test"'));
  });

  it('differs in nothing when the files say what is loaded', async () => {
    await put(
      'etc/containerd/config.toml',
      `version = 2
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "registry.k8s.io/pause:3.6"
[plugins."io.containerd.grpc.v1.cri".registry.mirrors."registry.test"]
endpoint = ["https://mirror.test"]
[plugins."io.containerd.grpc.v1.cri".registry.configs."mirror.test".auth]
username = "app"
password = "pw-loaded"
`,
    );
    const made = await plan({
      mirrors: { 'registry.test': { endpoint: ['https://mirror.test/'] } },
      configs: { 'mirror.test': { auth: '[secret]', tls: null } },
    });
    assert.deepEqual(made.differences, []);
    assert.deepEqual(urls(made), urls(await plan(null)));
    assert.equal(made.credentials.length, 1);
  });

  it('tells of credentials and TLS settings that are not loaded, and no secret', async () => {
    await put(
      'etc/containerd/config.toml',
      `${cri}[plugins."io.containerd.grpc.v1.cri".registry.configs."registry.test".auth]
password = "pw-loaded"
[plugins."io.containerd.grpc.v1.cri".registry.configs."registry.test".tls]
insecure_skip_verify = true
`,
    );
    const differences = (await plan({}))?.differences ?? [];
    assert.deepEqual(
      differences
        .filter(({ name }) => name !== 'sandbox_image')
        .map(({ name, loaded, configured }) => [name, loaded, configured]),
      [
        ['registry.configs."registry.test".auth', 'not set', 'credentials'],
        ['registry.configs."registry.test".tls', 'not set', 'insecure_skip_verify'],
      ],
    );
    assert.doesNotMatch(JSON.stringify(differences), /pw-loaded/);
  });
});
