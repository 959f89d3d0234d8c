import assert from 'node:assert/strict';
import { appendFile, mkdir, mkdtemp, open, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isStill } from '../../src/evidence/transfers.ts';
import { systemEnv } from '../../src/lib/env.ts';
import type { IngestFacts } from '../../src/model/facts.ts';
import { lookAtContentStore } from '../../src/node/content-store.ts';
import { hostFiles } from '../../src/node/host-files.ts';
import { ingestProbe } from '../../src/probes/ingest.ts';
import { watchTransfers } from '../../src/probes/transfer-watch.ts';
import { makeNode, type NodeFolder } from '../kit/node-folder.ts';
import { Scene } from '../kit/view.ts';

const id = 'a'.repeat(64);
const digest = `sha256:${'1'.repeat(64)}`;

describe('probes: content in flight', function () {
  this.timeout(20_000);
  let root = '';
  let folder = '';
  let node: NodeFolder;
  before(async () => {
    node = await makeNode({ image: 'registry.test/team/app:1.0' });
  });
  after(() => node.close());
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'pullwhy-ingest-'));
    folder = join(root, 'io.containerd.content.v1.content/ingest');
    await mkdir(join(folder, id), { recursive: true });
    await writeFile(join(folder, id, 'ref'), `k8s.io/1/layer-${digest}`);
    await writeFile(join(folder, id, 'startedat'), new Date(Date.now() - 60_000).toISOString());
    await writeFile(join(folder, id, 'total'), '1000000');
    await writeFile(join(folder, id, 'data'), Buffer.alloc(1000));
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  const data = (): string => join(folder, id, 'data');
  const look = () => lookAtContentStore(hostFiles('/'), folder, process.pid);
  const input = () => ({
    key: 'ingest',
    target: folder,
    hop: 'node' as const,
    endpoint: null,
    counterfactual: false,
    folder,
  });
  async function run(signal = new AbortController().signal): Promise<IngestFacts> {
    const runtimeProcess = { pid: process.pid, startedAtMs: Date.now() - 1_000_000 };
    const context = {
      ...node.context,
      runtimeProcess,
      lookAtTransfers: look,
      patience: (ms: number) => ms,
      probeId: 'p1',
    };
    const outcome = await ingestProbe.run(input(), context, signal);
    assert.ok(outcome.status === 'ok', JSON.stringify(outcome));
    return outcome.facts;
  }

  it('ends at once where nobody fetches anything', async () => {
    const { watchedMs, transfers, receivedBytes } = await run();
    assert.deepEqual([watchedMs, receivedBytes, transfers[0]?.open], [0, null, false]);
  });

  it('sees bytes come', async () => {
    const writer = await open(data(), 'a');
    const growing = setInterval(() => void writer.appendFile(Buffer.alloc(500)), 200);
    try {
      const { watchedMs, transfers } = await run();
      assert.ok(watchedMs >= 1000, `${watchedMs}`);
      assert.ok((transfers[0]?.grownBytes ?? 0) >= 500, JSON.stringify(transfers));
    } finally {
      clearInterval(growing);
      await sleep(50);
      await writer.close();
    }
  });

  it('watches for longer what has been still for a while', async () => {
    const writer = await open(data(), 'r+');
    await utimes(data(), Date.now() / 1000 - 30, Date.now() / 1000 - 30);
    try {
      const facts = await run();
      assert.ok(facts.watchedMs >= 4500, `${facts.watchedMs}`);
      assert.deepEqual([facts.transfers[0]?.grownBytes, facts.transfers[0]?.open], [0, true]);
      assert.ok(facts.receivedBytes !== null);
      const [transfer] = facts.transfers;
      assert.ok(transfer !== undefined && isStill(transfer, Date.parse(facts.lookedAt)));
    } finally {
      await writer.close();
    }
  });

  it('ends when it is told to', async () => {
    const writer = await open(data(), 'r+');
    await utimes(data(), 1000, 1000);
    const began = performance.now();
    try {
      await run(AbortSignal.timeout(300));
      assert.ok(performance.now() - began < 2500);
    } finally {
      await writer.close();
    }
  });

  it('says that it was not checked where there is no such folder', async () => {
    const gone = { ...node.context, lookAtTransfers: async () => ({ ok: false as const, error: 'denied' as const }) };
    const outcome = await ingestProbe.run(
      input(),
      { ...gone, patience: (ms: number) => ms, probeId: 'p1' },
      new AbortController().signal,
    );
    assert.deepEqual(outcome, { status: 'skipped', message: `This user may not look into ${folder}.` });
  });

  it('looks where the containerd that answers keeps its images, and nowhere for CRI-O', () => {
    const scene = (facts: Parameters<Scene['runtime']>[0]): readonly string[] => {
      const made = new Scene();
      made.runtime(facts);
      return ingestProbe.inputs(made.view()).map(({ folder: path }) => path);
    };
    const mount = '/data/containerd/io.containerd.snapshotter.v1.overlayfs';
    assert.deepEqual(scene({ imageFileSystems: [mount] }), [
      '/data/containerd/io.containerd.content.v1.content/ingest',
    ]);
    assert.deepEqual(scene({ imageFileSystems: ['/var/lib/containers/storage'], name: 'cri-o' }), []);
    assert.deepEqual(scene({ imageFileSystems: [] }), []);
    assert.deepEqual(scene({ failure: 'refused', imageFileSystems: [mount] }), []);
  });

  it('watches a pull: what came, what is complete, and since when nothing came', async () => {
    const watch = watchTransfers(look, systemEnv);
    const writer = await open(data(), 'r+');
    await sleep(1300);
    await appendFile(data(), Buffer.alloc(700));
    await sleep(1300);
    await writer.close();
    const moved = await watch.end();
    assert.equal(moved.movedBytes, 700);
    assert.ok(moved.watchedMs >= 2000 && moved.quietMs !== null && moved.quietMs < 2600, JSON.stringify(moved));
    assert.deepEqual(
      moved.transfers.map(({ grownBytes, bytes }) => [grownBytes, bytes]),
      [[700, 1700]],
    );

    const ending = watchTransfers(look, systemEnv);
    const again = await open(data(), 'r+');
    await sleep(1300);
    await again.close();
    await rm(join(folder, id), { recursive: true });
    await sleep(1300);
    const complete = await ending.end();
    assert.deepEqual([complete.movedBytes, complete.transfers], [1_000_000 - 1700, []]);
  });

  it('gives nothing of a pull that is over before the first look', async () => {
    const silent = watchTransfers(
      () => new Promise((resolve) => setTimeout(resolve, 100, { ok: false, error: 'absent' })),
      systemEnv,
    );
    assert.deepEqual(await silent.end(), { watchedMs: 0, transfers: [], movedBytes: 0, quietMs: null, exact: true });
  });
});
