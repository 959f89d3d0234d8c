import { strict as assert } from 'node:assert';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type FakeCriMethods, grpcCodes, startFakeCri } from '../kit/fake-cri.ts';
import { makeImage, startFakeRegistry } from '../kit/fake-registry.ts';
import { startTcpServer } from '../kit/tcp-server.ts';
import { built, misbehaviour, pullwhy } from './command.ts';

const acting = '\u001b]0;owned\u0007\u001b[2J\u009b31m\u202e';

/** A runtime in bad faith. */
const runtimes: readonly { readonly name: string; readonly methods: FakeCriMethods }[] = [
  {
    name: 'a name and a version of a megabyte with terminal commands',
    methods: {
      Version: () => ({
        answer: {
          version: '1',
          runtime_name: acting + 'n'.repeat(1e6),
          runtime_version: `${'1.'.repeat(500_000)}${acting}`,
        },
      }),
    },
  },
  {
    name: 'a hundred thousand conditions',
    methods: {
      Status: () => ({
        answer: {
          status: {
            conditions: Array.from({ length: 100_000 }, (_, at) => ({
              type: `${acting}${at}`,
              status: false,
              reason: acting,
              message: acting,
            })),
          },
          info: { config: `{"x":"${'-eyJ12345678'.repeat(80_000)}"}` },
        },
      }),
    },
  },
  {
    name: 'a condition whose message is hostile to patterns',
    methods: {
      Status: () => ({
        answer: {
          status: {
            conditions: [
              { type: 'RuntimeReady', status: false, reason: 'x'.repeat(1e6), message: `http://${'!'.repeat(3e6)}a` },
            ],
          },
        },
      }),
    },
  },
  {
    name: 'image file systems by the thousand, at odd places',
    methods: {
      ImageFsInfo: () => ({
        answer: {
          image_filesystems: [
            '../../..',
            acting,
            '',
            '/proc/kcore',
            '/dev/zero',
            ...Array.from({ length: 50_000 }, (_, at) => `/x${at}`),
          ].map((mountpoint) => ({ fs_id: { mountpoint } })),
        },
      }),
    },
  },
  {
    name: 'an image reference of a megabyte',
    methods: { PullImage: () => ({ answer: { image_ref: acting.repeat(50_000) } }) },
  },
  {
    name: 'an error of a megabyte',
    methods: {
      PullImage: () => ({
        code: grpcCodes.unknown,
        message: `${acting}${'failed to do request: '.repeat(700)}http://${'!'.repeat(5000)}a`,
      }),
    },
  },
  {
    name: 'silence to every question but the first',
    methods: {
      Status: () => ({ silent: true }),
      ImageStatus: () => ({ silent: true }),
      ImageFsInfo: () => ({ silent: true }),
    },
  },
];

describe('security: robustness', function () {
  this.timeout(60_000);
  let folder = '';
  let root = '';

  before(async () => {
    await built();
    folder = await mkdtemp(join(tmpdir(), 'pullwhy-robust-'));
    root = await hostRoot('plain', {});
  });
  after(() => rm(folder, { recursive: true, force: true }));

  async function hostRoot(name: string, files: Readonly<Record<string, string>>): Promise<string> {
    const place = join(folder, name);
    const base = { 'etc/hosts': '127.0.0.1 reg.test mirror.test\n', 'etc/resolv.conf': 'nameserver 127.0.0.1\n' };
    for (const [path, text] of Object.entries({ ...base, ...files })) {
      await mkdir(dirname(join(place, path)), { recursive: true });
      await writeFile(join(place, path), text);
    }
    return place;
  }

  for (const { name, methods } of runtimes) {
    it(`ends in order with a runtime that gives ${name}`, async () => {
      const cri = await startFakeCri(methods);
      try {
        const arguments_ = ['--host-root', root, '-r', cri.endpoint, 'reg.test:1/app:1'];
        const runs = [
          ['text', ['diagnose', '--pull', '--deadline', '3']],
          ['json', ['diagnose', '--pull', '--deadline', '3']],
          ['text', ['pull']],
        ] as const;
        for (const [format, command] of runs) {
          const run = await pullwhy([...command, ...arguments_, '-o', format]);
          assert.equal(misbehaviour(run, format), null, run.stderr.slice(0, 2000));
          assert.ok(run.ms < 12_000, `${run.ms} ms`);
          assert.ok(run.stdout.length < 1024 * 1024, `${run.stdout.length} characters`);
        }
      } finally {
        await cri.close();
      }
    });
  }

  it('takes a page of a million tags for what it is', async () => {
    const registry = await startFakeRegistry({
      repositories: { app: { '1.0': makeImage({ os: 'linux', architecture: 'amd64' }) } },
    });
    registry.override = (_method, path) =>
      path.endsWith('/tags/list') ? { status: 200, body: `{"tags":[${'"a",'.repeat(1_000_000)}"1.0"]}` } : null;
    try {
      const place = await hostRoot('tags', {
        [`etc/containerd/certs.d/reg.test:${registry.port}/hosts.toml`]: `server = "http://reg.test:${registry.port}"\n`,
      });
      const run = await pullwhy(['diagnose', '--host-root', place, '-o', 'json', `reg.test:${registry.port}/app:1.1`]);
      assert.equal(misbehaviour(run, 'json'), null, run.stderr);
      assert.equal(JSON.parse(run.stdout).cause, 'tag-not-found');
    } finally {
      await registry.close();
    }
  });

  it("sends a mirror's credentials of registry.configs to the mirror alone", async () => {
    const image = makeImage({ os: 'linux', architecture: 'amd64' });
    const [mirror, upstream] = await Promise.all([
      startFakeRegistry({ basic: { m: 'mirror-password' } }),
      startFakeRegistry({ basic: { u: 'other-password' }, repositories: { app: { '1': image } } }),
    ]);
    const cri = await startFakeCri({ PullImage: () => ({ code: grpcCodes.unknown, message: 'no' }) });
    try {
      const place = await hostRoot('mirror', {
        'etc/containerd/config.toml': `version = 2\n[plugins."io.containerd.grpc.v1.cri".registry]\nconfig_path = "/etc/containerd/certs.d"\n[plugins."io.containerd.grpc.v1.cri".registry.configs."mirror.test:${mirror.port}".auth]\nusername = "m"\npassword = "mirror-password"\n`,
        [`etc/containerd/certs.d/reg.test:${upstream.port}/hosts.toml`]: `server = "http://reg.test:${upstream.port}"\n[host."http://mirror.test:${mirror.port}"]\n`,
      });
      const args = ['diagnose', '--pull', '--host-root', place, '-r', cri.endpoint, '-o', 'json'];
      const run = await pullwhy([...args, `reg.test:${upstream.port}/app:1`]);
      assert.equal(misbehaviour(run, 'json'), null, run.stderr);
      assert.ok(
        mirror.authorizations.some((value) => value !== null),
        'the mirror gets them',
      );
      assert.deepEqual([...new Set(upstream.authorizations)], [null]);
      const pulls = cri.calls.filter(({ method }) => method === 'PullImage');
      assert.ok(pulls.length > 0);
      assert.doesNotMatch(JSON.stringify(pulls), /mirror-password/u);
    } finally {
      await Promise.all([mirror.close(), upstream.close(), cri.close()]);
    }
  });

  const oddities: readonly {
    readonly name: string;
    readonly shell?: string;
    readonly args?: readonly string[];
    readonly env?: Readonly<Record<string, string>>;
    readonly codes: readonly number[];
    readonly broken?: true;
  }[] = [
    { name: 'a deadline of a thousandth of a second', args: ['--deadline', '0.001'], codes: [1, 3] },
    { name: 'no environment at all', shell: 'exec env -i "$@"', codes: [1] },
    { name: 'few open files', shell: 'ulimit -n 40; exec "$@"', codes: [1, 3] },
    { name: 'a locale without UTF-8', env: { LC_ALL: 'C' }, codes: [1] },
    { name: 'no folder for temporary files', env: { TMPDIR: '/proc', HOME: '/nonexistent' }, codes: [1] },
    {
      name: 'no reader of standard error',
      shell: '{ "$@"; echo $? >&3; } 3>&1 2>&1 >/dev/null | true',
      codes: [0],
      broken: true,
    },
    { name: 'a full disk behind standard error', shell: 'exec "$@" 2>/dev/full', codes: [1] },
    { name: 'a full disk behind standard output', shell: 'exec "$@" >/dev/full', codes: [3], broken: true },
    { name: 'standard output and error closed', shell: 'exec "$@" >&- 2>&-', codes: [1], broken: true },
  ];
  for (const { name, shell, args = [], env = {}, codes, broken } of oddities) {
    it(`ends in order with ${name}`, async () => {
      const command = ['diagnose', '--host-root', root, ...args, '-o', 'json', 'reg.test:1/app:1'];
      const run = await pullwhy(command, { env, ...(shell === undefined ? {} : { shell }) });
      assert.ok(codes.includes(run.code ?? -1), `${run.code} ${run.stderr}`);
      assert.doesNotMatch(run.stderr, /defect/u);
      if (broken !== true) assert.equal(misbehaviour(run, 'json'), null);
    });
  }

  it('says status 2 for a wrong command line that nobody can be told of', async () => {
    const run = await pullwhy(['plan', '--no-such-flag'], { shell: 'exec "$@" 2>/dev/full' });
    assert.equal(run.code, 2);
  });

  it('writes no argument to the terminal that acts on it', async () => {
    for (const args of [
      ['plan', `--${acting}`],
      ['plan', '--host-root', root, '--auth-file', `/x${acting}`, 'a'],
      ['plan', '--host-root', root, `reg.test/${acting}:1`],
      ['plan', '--host-root', root, '-r', `unix:///${acting}`, 'reg.test/a:1'],
      ['diagnose', '--host-root', root, '--deadline', '1', `reg.test/${acting}:1`],
      ['diagnose', '--host-root', root, '-r', `unix:///${acting}`, '--deadline', '1', 'reg.test:1/a:1'],
    ]) {
      const run = await pullwhy(args);
      assert.equal(misbehaviour(run, 'text'), null, args.join(' '));
    }
  });

  it('ends although a file system hangs', async () => {
    const fifo = join(folder, 'fifo');
    execFileSync('mkfifo', [fifo]);
    // Waits in a thread of Node's, as statfs of a dead network file system does.
    const hang = `import{open}from'node:fs/promises';open('${fifo}')`;
    const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(hang)}` };
    const run = await pullwhy(['diagnose', '--host-root', root, '-o', 'json', 'reg.test:1/app:1'], { env });
    assert.equal(run.code, 1, run.stderr);
    assert.equal(misbehaviour(run, 'json'), null);
    assert.equal(run.stderr, '');
    assert.ok(run.ms < 8000, `${run.ms} ms`);
  });

  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    it(`ends soon, in order and not well after ${name}`, async () => {
      const silent = await startTcpServer(() => undefined);
      try {
        const args = ['diagnose', '--host-root', root, '-o', 'json', `reg.test:${silent.port}/app:1`];
        const run = await pullwhy(args, { signal: { name, afterMs: 1500 } });
        assert.equal(run.code, 3, run.stderr);
        assert.equal(misbehaviour(run, 'json'), null);
        assert.ok(run.ms < 4000, `${run.ms} ms`);
      } finally {
        await silent.close();
      }
    });
  }
});
