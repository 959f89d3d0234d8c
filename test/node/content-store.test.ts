import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, open, rm, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { limits } from '../../src/lib/limits.ts';
import { defaultIngestFolder, ingestFolder, lookAtContentStore } from '../../src/node/content-store.ts';
import { hostFiles } from '../../src/node/host-files.ts';

const digest = `sha256:${'1'.repeat(64)}`;
const idOf = (text: string): string => createHash('sha256').update(text).digest('hex');

describe("containerd's content store", () => {
  let root = '';
  let folder = '';
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'pullwhy-store-'));
    folder = join(root, 'var/lib/containerd/io.containerd.content.v1.content/ingest');
    await mkdir(folder, { recursive: true });
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  /** An entry as containerd 1.6 writes it. */
  async function entry(ref: string, bytes: number, more: Readonly<Record<string, string>> = {}): Promise<string> {
    const path = join(folder, idOf(ref));
    await mkdir(path);
    const files = {
      ref,
      startedat: '2026-11-22T19:23:52.788797335Z',
      updatedat: '2026-11-22T19:23:52.788797335Z',
      total: '300113',
      data: '',
      ...more,
    };
    for (const [name, text] of Object.entries(files)) await writeFile(join(path, name), text);
    await truncate(join(path, 'data'), bytes);
    await utimes(join(path, 'data'), 1000, 1000);
    return path;
  }
  const look = async (pid: number | null = null) => {
    const seen = await lookAtContentStore(hostFiles('/'), folder, pid);
    assert.ok(seen.ok, JSON.stringify(seen));
    return seen.value;
  };

  it('gives what is in flight, how much of it, and since when', async () => {
    await entry(`k8s.io/12/layer-${digest}`, 4096);
    const { transfers, more, readBytes } = await look();
    assert.deepEqual(transfers, [
      {
        id: idOf(`k8s.io/12/layer-${digest}`),
        namespace: 'k8s.io',
        ref: `layer-${digest}`,
        digest,
        bytes: 4096,
        totalBytes: 300_113,
        startedAtMs: Date.parse('2026-11-22T19:23:52.788Z'),
        changedAtMs: 1_000_000,
        open: null,
      },
    ]);
    assert.deepEqual([more, readBytes], [false, null]);
  });

  it('tells what a process has open to write from what lies there', async () => {
    const written = await entry(`k8s.io/1/layer-${digest}`, 10);
    const rehashed = await entry(`k8s.io/2/config-${digest}`, 10);
    await entry(`k8s.io/3/manifest-${digest}`, 10);
    const writer = await open(join(written, 'data'), 'r+');
    const reader = await open(join(rehashed, 'data'), 'r');
    try {
      const { transfers, readBytes } = await look(process.pid);
      const states = transfers.map(({ ref, open: state }) => [ref.split('-', 1)[0] ?? '', state] as const);
      assert.deepEqual(Object.fromEntries(states), { layer: true, config: false, manifest: false });
      assert.ok(readBytes !== null && readBytes > 0);
    } finally {
      await writer.close();
      await reader.close();
    }
  });

  it('does not know who has it open where the process is not there', async () => {
    await entry(`k8s.io/1/layer-${digest}`, 10);
    const { transfers, readBytes } = await look(2 ** 22 + 1);
    assert.deepEqual([transfers[0]?.open, readBytes], [null, null]);
  });

  it('leaves out what is no entry, or is not whole', async () => {
    await mkdir(join(folder, 'notes'));
    await mkdir(join(folder, idOf('empty')));
    await symlink(join(folder, 'notes'), join(folder, idOf('link')));
    await entry('', 10);
    assert.deepEqual((await look()).transfers, []);
  });

  it('takes a damaged size or time for not known, and a name without a namespace as it is', async () => {
    await entry('upload-1', 10, { total: 'many', startedat: 'yesterday' });
    const [transfer] = (await look()).transfers;
    assert.deepEqual(
      [transfer?.namespace, transfer?.ref, transfer?.digest, transfer?.totalBytes, transfer?.startedAtMs],
      [null, 'upload-1', null, null, null],
    );
  });

  it('reads no more than it has to, and what is being written first', async () => {
    for (let n = 0; n < limits.transfers + 5; n++) await entry(`k8s.io/${n}/layer-${digest}`, 1);
    const last = (await look()).transfers.map(({ id }) => id);
    const hidden = Array.from({ length: limits.transfers + 5 }, (_, n) => idOf(`k8s.io/${n}/layer-${digest}`)).find(
      (id) => !last.includes(id),
    );
    assert.ok(hidden !== undefined);
    const writer = await open(join(folder, hidden, 'data'), 'r+');
    try {
      const { transfers, more } = await look(process.pid);
      assert.deepEqual([transfers.length, more, transfers[0]?.id], [limits.transfers, true, hidden]);
    } finally {
      await writer.close();
    }
    await writeFile(join(folder, hidden, 'ref'), 'x'.repeat(limits.transferFileBytes + 1));
    assert.ok(!(await look()).transfers.some(({ id }) => id === hidden));
  });

  it('is never led out of the node by a link', async () => {
    const outside = await mkdtemp(join(tmpdir(), 'pullwhy-outside-'));
    await mkdir(join(outside, 'ingest'));
    await rm(folder, { recursive: true });
    await symlink(join(outside, 'ingest'), folder);
    const seen = await lookAtContentStore(hostFiles(root), defaultIngestFolder, null);
    assert.deepEqual(seen, { ok: false, error: 'absent' });
    await rm(outside, { recursive: true });
  });

  it('never throws, whatever an entry says', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string(), fc.string(), fc.string(), async (ref, startedat, total) => {
        const path = await entry(`k8s.io/1/${ref}`, 1, { startedat, total });
        const [transfer] = (await look()).transfers;
        assert.ok(transfer === undefined || transfer.ref.length > 0);
        await rm(path, { recursive: true });
      }),
      { numRuns: 40 },
    );
  });

  it('lies beside the snapshots that the runtime names', () => {
    const cases: readonly (readonly [string, string | null])[] = [
      ['/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs', defaultIngestFolder],
      [
        '/var/lib/rancher/k3s/agent/containerd/io.containerd.snapshotter.v1.overlayfs/',
        '/var/lib/rancher/k3s/agent/containerd/io.containerd.content.v1.content/ingest',
      ],
      ['/var/lib/containerd-stargz-grpc', null],
      ['io.containerd.snapshotter.v1.overlayfs', null],
    ];
    for (const [mount, expected] of cases) assert.equal(ingestFolder(mount), expected);
  });
});
