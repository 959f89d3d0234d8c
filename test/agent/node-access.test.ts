import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname } from 'node:path';
import { openNodeAccess } from '../../src/agent/node-access.ts';
import type { RuntimeDocument } from '../../src/api/node.ts';
import { hostFiles } from '../../src/node/host-files.ts';

const start = Date.parse('2026-11-22T10:00:00Z');

describe('agent: what it sees of its node', () => {
  let root = '';
  beforeEach(() => {
    root = mkdtempSync(`${tmpdir()}/pullwhy-access-`);
  });
  afterEach(() => rmSync(root, { recursive: true }));

  const put = (path: string, text: string): void => {
    mkdirSync(dirname(`${root}${path}`), { recursive: true });
    writeFileSync(`${root}${path}`, text);
  };

  function stage(imageFilesystem: RuntimeDocument['imageFilesystem'] = null, endpoint: string | null = null) {
    const clock = { at: start, asked: 0 };
    const env = { now: () => clock.at, monotonic: () => clock.at, random: () => 0 };
    const runtime = (): Promise<RuntimeDocument> => {
      clock.asked++;
      return Promise.resolve({
        apiVersion: 'pullwhy/v1',
        kind: 'Runtime',
        node: 'n',
        at: '',
        endpoint,
        name: null,
        version: null,
        apiVersionOfRuntime: null,
        ready: null,
        conditions: [],
        imageFilesystem,
        images: null,
        error: null,
      });
    };
    const host = hostFiles(root);
    const api = { wanted: true, there: false };
    const access = openNodeAccess({ env, host, endpoint: () => Promise.resolve(endpoint), runtime, api });
    const told = async () => new Map((await access()).map(({ source, ...rest }) => [source, rest]));
    return { clock, told };
  }

  it('names each mount that lacks, and the component that brings it', async () => {
    const { told } = stage({
      mountpoint: '/var/lib/images',
      usedBytes: 1,
      totalBytes: null,
      freeBytes: null,
      freeInodes: null,
    });
    const found = await told();
    const expected: readonly (readonly [string, RegExp])[] = [
      ['node-files', /There is no \/etc and no \/usr below /],
      ['kubelet-settings', /no var\/lib\/kubelet\/config\.yaml .*defaults.*component kubeadm/],
      ['node-credentials', /no var\/lib\/kubelet\/config\.json .*not tried.*component node-credentials/],
      ['runtime-process', /There is no proc below .*component runtime-process/],
      ['image-filesystem', /^\/var\/lib\/images is not there below the host root.*mount it/],
      ['kubernetes', /token \(component cluster-api\)/],
    ];
    assert.deepEqual(
      [...found.keys()],
      expected.map(([source]) => source),
    );
    for (const [source, words] of expected) {
      assert.equal(found.get(source)?.state, 'absent', source);
      assert.match(found.get(source)?.note ?? '', words);
    }
  });

  it('has nothing to say of what is there', async () => {
    put('/etc/resolv.conf', 'nameserver 10.0.0.1\n');
    put('/usr/lib/x', '');
    put('/var/lib/kubelet/config.yaml', 'kind: KubeletConfiguration\n');
    put('/var/lib/kubelet/config.json', '{}');
    const found = await stage({ mountpoint: '/i', usedBytes: 1, totalBytes: 2, freeBytes: 1, freeInodes: 1 }).told();
    for (const source of ['node-files', 'kubelet-settings', 'node-credentials', 'image-filesystem'])
      assert.equal(found.get(source)?.state, 'following', source);
  });

  it('says where resolv.conf leads when that is not mounted', async () => {
    put('/usr/lib/x', '');
    mkdirSync(`${root}/etc`);
    symlinkSync('/run/NetworkManager/resolv.conf', `${root}/etc/resolv.conf`);
    const { state, note } = (await stage().told()).get('node-files') ?? {};
    assert.equal(state, 'absent');
    assert.match(note ?? '', /leads to \/run\/NetworkManager\/resolv\.conf, which is not there: mount that folder/);
  });

  it('finds the process behind the socket, or says that it did not', async () => {
    put('/proc/1/comm', 'systemd\n');
    const socket = '/run/containerd/containerd.sock';
    const none = (await stage(null, `unix://${socket}`).told()).get('runtime-process');
    assert.match(none?.note ?? '', /listens at \/run\/containerd\/containerd\.sock was not found \(no-socket\)/);
    assert.match((await stage().told()).get('runtime-process')?.note ?? '', /socket is not known.*overlays containerd/);
    put(
      '/proc/net/unix',
      `Num RefCount Protocol Flags Type St Inode Path\n0: 00000002 00000000 00010000 0001 01 4711 ${socket}\n`,
    );
    put('/proc/77/comm', 'containerd\n');
    mkdirSync(`${root}/proc/77/fd`);
    symlinkSync('socket:[4711]', `${root}/proc/77/fd/3`);
    put('/proc/77/environ', 'HTTPS_PROXY=http://p:1\0');
    assert.equal((await stage(null, `unix://${socket}`).told()).get('runtime-process')?.state, 'following');
  });

  it('looks no more than once in ten seconds, and keeps the time since when it is so', async () => {
    const { clock, told } = stage();
    const first = (await told()).get('node-files')?.since;
    await Promise.all([told(), told()]);
    assert.equal(clock.asked, 1);
    clock.at += 11_000;
    assert.equal((await told()).get('node-files')?.since, first);
    assert.equal(clock.asked, 2);
    put('/etc/resolv.conf', '');
    put('/usr/lib/x', '');
    clock.at += 11_000;
    assert.equal((await told()).get('node-files')?.since, clock.at);
  });
});
