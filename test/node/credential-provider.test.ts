import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { patternFor, readCredentialProviders } from '../../src/node/credential-provider.ts';
import { whyNotExecutable } from '../../src/node/executable.ts';
import { hostFiles } from '../../src/node/host-files.ts';

type Content = string | Buffer | { readonly mode: number; readonly content: string | Buffer };

async function withNode<T>(
  files: Readonly<Record<string, Content>>,
  use: (host: ReturnType<typeof hostFiles>) => Promise<T>,
): Promise<T> {
  const root = await mkdtemp(join(tmpdir(), 'pullwhy-provider-'));
  try {
    for (const [path, file] of Object.entries(files)) {
      const at = join(root, path);
      await mkdir(dirname(at), { recursive: true });
      const { mode, content } =
        typeof file === 'string' || Buffer.isBuffer(file) ? { mode: 0o644, content: file } : file;
      await writeFile(at, content);
      await chmod(at, mode);
    }
    return await use(hostFiles(root));
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

/** A 64-bit ELF program with one segment, which names its interpreter. */
function elf(interpreter: string): Buffer {
  const bytes = Buffer.alloc(64 + 56 + 64);
  bytes.write('\x7fELF\x02\x01', 0, 'latin1');
  bytes.writeBigUInt64LE(64n, 32);
  bytes.writeUInt16LE(56, 54);
  bytes.writeUInt16LE(1, 56);
  bytes.writeUInt32LE(3, 64);
  bytes.writeBigUInt64LE(120n, 64 + 8);
  bytes.writeBigUInt64LE(BigInt(interpreter.length + 1), 64 + 32);
  bytes.write(`${interpreter}\0`, 120, 'latin1');
  return bytes;
}

const program = (content: string | Buffer) => ({ mode: 0o755, content });
const config = 'etc/kubernetes/providers.yaml';
const yaml = `apiVersion: kubelet.config.k8s.io/v1
kind: CredentialProviderConfig
providers:
  - name: ecr-credential-provider
    apiVersion: credentialprovider.kubelet.k8s.io/v1
    matchImages: ["*.dkr.ecr.*.amazonaws.com", "registry.corp:5000/team"]
    defaultCacheDuration: 12h
`;
const sh = { 'bin/sh': program('#'), 'opt/bin/ecr-credential-provider': program('#!/bin/sh\n') };
const set = (value: string | null, flag: string) => ({ value, source: value === null ? 'default' : flag });

function read(
  files: Readonly<Record<string, Content>>,
  file: string | null = `/${config}`,
  folder: string | null = '/opt/bin',
) {
  return withNode(files, (host) =>
    readCredentialProviders(host, {
      credentialProviderConfig: set(file, 'etc/default/kubelet:1 --image-credential-provider-config'),
      credentialProviderBinDir: set(folder, 'etc/default/kubelet:1 --image-credential-provider-bin-dir'),
    }),
  );
}

describe('node: credential providers', () => {
  it('are none where no flag names any', async () => assert.equal(await read({}, null, null), null));

  it('are read with the places of their entries', async () => {
    const found = await read({ ...sh, [config]: yaml });
    assert.equal(found?.problem, null);
    const [provider, ...more] = found?.providers ?? [];
    assert.equal(more.length, 0);
    assert.equal(provider?.source, `${config}:4`);
    assert.equal(provider?.problem, null);
    assert.deepEqual(provider?.matchImages, ['*.dkr.ecr.*.amazonaws.com', 'registry.corp:5000/team']);
  });

  it('are read from all files of a folder', async () => {
    const second = yaml.replace('ecr-credential-provider', 'second');
    const found = await read(
      {
        ...sh,
        'opt/bin/second': program('#!/bin/sh\n'),
        'etc/p/a.yaml': yaml,
        'etc/p/b.json': second,
        'etc/p/c.txt': '{',
      },
      '/etc/p',
    );
    assert.deepEqual(
      found?.providers.map(({ name }) => name),
      ['ecr-credential-provider', 'second'],
    );
  });

  it('are asked by patterns of the kubelet’s', async () => {
    const provider = (await read({ ...sh, [config]: yaml }))?.providers[0];
    assert.ok(provider !== undefined);
    const asked = (domain: string, path: string) => patternFor(provider, { domain, path });
    assert.equal(asked('1.dkr.ecr.eu-west-1.amazonaws.com', 'web'), '*.dkr.ecr.*.amazonaws.com');
    assert.equal(asked('registry.corp:5000', 'team/web'), 'registry.corp:5000/team');
    assert.equal(asked('registry.corp:5000', 'other/web'), null);
    assert.equal(asked('registry.corp', 'team/web'), null);
    assert.equal(asked('dkr.ecr.eu-west-1.amazonaws.com', 'web'), null);
  });

  const refused: readonly (readonly [string, string, RegExp])[] = [
    ['no YAML', yaml.replace('matchImages: [', 'matchImages: [['), /is not valid YAML/],
    ['another kind', yaml.replace('CredentialProviderConfig', 'KubeletConfiguration'), /:2 must have the kind/],
    ['another group', yaml.replace('kubelet.config.k8s.io', 'example.com'), /:1 must have an apiVersion/],
    ['no provider', yaml.replace(/ {2}- [\s\S]*/, '  []\n'), /names no provider/],
    [
      'a provider’s wrong version',
      yaml.replace('k8s.io/v1\n    match', 'k8s.io/v9\n    match'),
      /:4 has the provider ecr/,
    ],
    ['no images', yaml.replace(/\["\*.*\]/, '[]'), /without a list matchImages/],
    ['no cache duration', yaml.replace(/ {4}defaultCacheDuration.*\n/, ''), /without a defaultCacheDuration/],
    ['a name with a slash', yaml.replace('name: ecr', 'name: bin/ecr'), /whose name is no file name/],
    ['one name twice', `${yaml}${yaml.slice(yaml.indexOf('  - '))}`, /twice/],
  ];
  for (const [what, text, why] of refused) {
    it(`are none with ${what}`, async () => {
      const found = await read({ ...sh, [config]: text });
      assert.match(found?.problem ?? '', why);
      assert.match(found?.problem ?? '', /The kubelet does not start so/);
      assert.deepEqual(found?.providers, []);
    });
  }

  it('are none without their file, or with one flag alone', async () => {
    assert.match((await read({ ...sh, 'etc/kubernetes/x': '' }))?.problem ?? '', /providers\.yaml does not exist/);
    assert.match((await read({ ...sh, [config]: yaml }, `/${config}`, null))?.problem ?? '', /bin-dir is not/);
    assert.match((await read(sh, null))?.problem ?? '', /--image-credential-provider-config is not/);
  });

  const broken: readonly (readonly [string, Readonly<Record<string, Content>>, RegExp | null])[] = [
    ['is not there', { 'opt/bin/other': '' }, /opt\/bin\/ecr-credential-provider does not exist/],
    ['lies in a folder that is not there', { 'opt/x': '' }, /does not exist/],
    ['is not executable', { 'opt/bin/ecr-credential-provider': '#!/bin/sh\n' }, /is not executable \(mode 0644\)/],
    ['is empty', { 'opt/bin/ecr-credential-provider': program('') }, /is empty/],
    [
      'is a script of a shell that is not there',
      { 'bin/sh': '', 'opt/bin/ecr-credential-provider': program('#!/bin/bash -e\n') },
      /needs \/bin\/bash to run/,
    ],
    [
      'is linked for musl on a node with glibc',
      { 'lib/ld-linux.so.2': '', 'opt/bin/ecr-credential-provider': program(elf('/lib/ld-musl-x86_64.so.1')) },
      /needs \/lib\/ld-musl-x86_64\.so\.1 to run/,
    ],
    [
      'is linked for what is there',
      { 'lib/ld-linux.so.2': '', 'opt/bin/ecr-credential-provider': program(elf('/lib/ld-linux.so.2')) },
      null,
    ],
    ['is a program without an interpreter', { 'opt/bin/ecr-credential-provider': program(elf('')) }, null],
    ['lies where this host root does not reach', { 'etc/x': '' }, null],
  ];
  for (const [what, files, why] of broken) {
    it(`${why === null ? 'have nothing to say of' : 'name'} a plugin that ${what}`, async () => {
      const problem = (await read({ [config]: yaml, ...files }))?.providers[0]?.problem ?? null;
      if (why === null) assert.equal(problem, null);
      else assert.match(problem ?? '', why);
    });
  }

  it('never read past a damaged program', async () => {
    for (let length = 0; length < 200; length += 7) {
      const damaged = elf('/lib/ld-linux.so.2').subarray(0, length);
      if (length > 60) damaged.writeUInt16LE(0xffff, 56);
      await withNode({ 'opt/bin/x': program(damaged) }, async (host) => {
        const why = await whyNotExecutable(host, '/opt/bin/x');
        assert.ok(why === null || why === 'is empty', `${length} ${why}`);
      });
    }
  });
});
