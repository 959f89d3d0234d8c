import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { renderMarkdown } from '../../src/cli/render/markdown.ts';
import { plainStyle } from '../../src/cli/render/style.ts';
import { renderText } from '../../src/cli/render/text.ts';
import { conclude } from '../../src/engine/conclude.ts';
import { investigate } from '../../src/engine/investigate.ts';
import { readHistory } from '../../src/engine/read-history.ts';
import { systemEnv } from '../../src/lib/env.ts';
import { limits } from '../../src/lib/limits.ts';
import type { JournalFacts } from '../../src/model/facts.ts';
import { investigationOf } from '../kit/documents.ts';
import { makeImage, startFakeRegistry } from '../kit/fake-registry.ts';
import { exportEntry, type JournalTools, journalTools, makeJournal } from '../kit/journal-maker.ts';
import { makeNode } from '../kit/node-folder.ts';
import { Scene, type SceneOptions } from '../kit/view.ts';

const unpacked = {
  cause: 'unpack-failed',
  message: 'failed to extract layer sha256:aa: archive/tar: invalid tar header',
};

/** Everything serves, and the journal says this. */
function served(
  mentions: Parameters<Scene['journal']>[0],
  facts: Partial<JournalFacts> = {},
  options: SceneOptions = {},
): Scene {
  const scene = new Scene(options);
  scene.serve();
  scene.journal(mentions, facts);
  return scene;
}

const verdictOf = (scene: Scene): [string, string | null, string | null] => {
  const { verdict, findings } = conclude(scene.view());
  return [verdict, findings[0]?.cause ?? null, findings[0]?.confidence ?? null];
};

describe('conclude: the journal beside the probes', () => {
  it('names what lies behind everything that probes look at, where all of that works', () => {
    const scene = served([unpacked]);
    assert.deepEqual(verdictOf(scene), ['faulty', 'unpack-failed', 'likely']);
    const [finding] = conclude(scene.view()).findings;
    assert.match(
      finding?.summary ?? '',
      /^All that was probed works\. .*, by the words of kubelet at 07:50:00 UTC: failed to extract/,
    );
    assert.deepEqual(finding?.evidence.length, 1);
    for (const cause of ['pull-qps-exceeded', 'credential-provider-failed', 'signature-rejected', 'filesystem-error']) {
      assert.deepEqual(verdictOf(served([{ cause }])), ['faulty', cause, 'likely']);
    }
    const sandbox = { event: 'sandbox-failed', cause: 'sandbox-image-unavailable', underlying: 'unpack-failed' };
    const at = '2026-11-22T07:50:00.000000Z';
    assert.deepEqual(verdictOf(served([{ ...sandbox, at }], { lastFailureAt: at })), [
      'faulty',
      'sandbox-image-unavailable',
      'likely',
    ]);
  });

  const healthy = ['healthy', null, null];
  const misses: Readonly<Record<string, () => Scene>> = {
    'a failure before a success': () => served([unpacked, { event: 'pull-succeeded' }]),
    'a pull that is under way': () => served([unpacked, { event: 'pull-started' }]),
    'what the probes see to be otherwise now': () => served([{ cause: 'tcp-timeout' }]),
    'a registry that refused, and serves now': () => served([{ cause: 'tag-not-found' }]),
    'words that can mean several things': () => served([{ ...unpacked, confidence: 'possible' }]),
    'a timeout that is only likely': () => served([{ cause: 'pull-timeout', confidence: 'likely' }]),
    'a last failure that says nothing, behind one that does': () => served([unpacked, { cause: 'unknown' }]),
    'a cause of a newer version': () => served([{ cause: 'quantum-flux' }]),
    'the sandbox image, for a network that works now': () =>
      served([{ cause: 'sandbox-image-unavailable', underlying: 'tcp-timeout' }]),
    'an image that is on the node': () => {
      const scene = served([unpacked]);
      scene.runtime();
      scene.image(true);
      return scene;
    },
    'a disk that has room': () => {
      const scene = served([{ cause: 'disk-full' }]);
      scene.disk();
      return scene;
    },
    'a real pull that works': () => {
      const scene = served([unpacked]);
      scene.pull(null);
      return scene;
    },
  };
  for (const [name, make] of Object.entries(misses)) {
    it(`says nothing of ${name}`, () => assert.deepEqual(verdictOf(make()), healthy));
  }

  it('is never primary over a probe, nor where it was not found out whether the registry serves', () => {
    const refused = new Scene();
    refused.dns('registry.test', ['192.0.2.10']);
    refused.tcp('registry.test', '192.0.2.10', 'refused');
    refused.journal([unpacked]);
    assert.deepEqual(verdictOf(refused), ['faulty', 'tcp-refused', 'proven']);
    const open = new Scene();
    open.reach();
    open.journal([unpacked]);
    assert.equal(conclude(open.view()).verdict, 'inconclusive');
  });

  it('is told in a line, with who said it and when, unless a finding says it or it is over', () => {
    const refused = new Scene();
    refused.dns('registry.test', ['192.0.2.10']);
    refused.tcp('registry.test', '192.0.2.10', 'refused');
    refused.journal([
      { cause: 'tcp-timeout' },
      { cause: 'tcp-refused', message: 'dial tcp 192.0.2.10:443: \u001b[31mrefused' },
    ]);
    const line = /^kubelet said at 07:51:00 UTC \(2 failed attempts in 15 min\): dial tcp/m;
    assert.match(renderText(investigationOf(refused), plainStyle), line);
    assert.match(renderMarkdown(investigationOf(refused)), /kubelet said at 07:51:00 UTC/);
    assert.doesNotMatch(renderText(investigationOf(refused), plainStyle), /\u001b/);
    assert.doesNotMatch(renderText(investigationOf(served([unpacked])), plainStyle), /kubelet said/);
    assert.doesNotMatch(
      renderText(investigationOf(served([unpacked, { event: 'pull-succeeded' }])), plainStyle),
      /kubelet said/,
    );
    assert.match(
      renderText(investigationOf(served([{ cause: 'dns-timeout' }])), plainStyle),
      /kubelet said at .*\(dns-timeout\)/s,
    );
  });
});

const kubelet = (message: string): string => `E1122 10:36:45.289431   24326 remote_image.go:250] ${message}`;
const failed = (image: string, error: string): string =>
  kubelet(`"PullImage from image service failed" err="rpc error: code = Unknown desc = ${error}" image="${image}"`);
const badLayer = 'failed to extract layer sha256:aa: archive/tar: invalid tar header';

describe('the journal of a node', function () {
  this.timeout(600_000);
  let tools: JournalTools | null = null;
  let folder = '';
  before(async function () {
    tools = await journalTools();
    if (tools === null) return this.skip();
    folder = await mkdtemp(join(tmpdir(), 'pullwhy-history-'));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  interface Line {
    /** Seconds before now. */
    readonly ago: number;
    readonly unit?: string;
    readonly message: string;
  }

  let made = 0;
  /** A journal of these lines, oldest first. */
  async function write(lines: readonly Line[], path?: string): Promise<string> {
    const directory = join(folder, `journal-${made++}`);
    const now = Date.now() * 1000;
    const entries = lines.map(({ ago, unit = 'kubelet.service', message }, index) =>
      exportEntry({
        realtime: now - ago * 1_000_000,
        monotonic: 1_000_000 + index,
        bootId: '379b4f5ece2e4290b82bfd6f34ad8c69',
        fields: [
          ['MESSAGE', message],
          ['_SYSTEMD_UNIT', unit],
        ],
      }),
    );
    assert.ok(tools !== null);
    const file = path ?? join(directory, 'system.journal');
    await mkdir(join(file, '..'), { recursive: true });
    await makeJournal(tools, file, Buffer.concat(entries));
    return join(file, '..');
  }
  const history = async (directory: string, image: string) => {
    const read = await readHistory({
      image,
      directories: [directory],
      machineId: null,
      env: systemEnv,
      signal: AbortSignal.timeout(10_000),
    });
    assert.ok(read.ok, JSON.stringify(read));
    return read.value;
  };

  it("gives the image's last attempts, and not those of others whose names begin alike", async () => {
    const directory = await write([
      { ago: 800, message: failed('reg.example/team/app:1', 'failed to authorize: unauthorized') },
      { ago: 600, message: failed('reg.example/team/app:11', badLayer) },
      { ago: 500, message: failed('reg.example/team/app-two:1', badLayer) },
      { ago: 400, message: failed('other.example/team/app:1', badLayer) },
      { ago: 300, message: kubelet('"SyncLoop UPDATE" source="api" pods=["default/app"]') },
      { ago: 200, message: failed('reg.example/team/app:1', `${badLayer} token=eyJhbGciOiJI.eyJzdWIi.sig`) },
      { ago: 190, unit: 'sshd.service', message: failed('reg.example/team/app:1', 'no space left on device') },
    ]);
    const { matching, attempts, entriesRead, lastFailureAt, lastSuccessAt, underWay } = await history(
      directory,
      'reg.example/team/app:1',
    );
    assert.deepEqual(
      matching.map(({ event, cause, unit }) => [event, cause, unit]),
      [
        ['pull-failed', matching[0]?.cause, 'kubelet.service'],
        ['pull-failed', 'unpack-failed', 'kubelet.service'],
      ],
    );
    assert.deepEqual([attempts, entriesRead, lastSuccessAt, underWay], [2, 6, null, false]);
    assert.equal(lastFailureAt, matching[1]?.at);
    assert.doesNotMatch(JSON.stringify(matching), /eyJ/);
    assert.equal((await history(directory, 'reg.example/team/app:2')).matching.length, 0);
  });

  it('knows that a success came later, and what is older than its time', async () => {
    const pulled =
      'time="2026-11-22T10:00:00Z" level=info msg="PullImage \\"reg.example/team/app:1\\" returns image reference \\"sha256:1\\""';
    const directory = await write([
      { ago: 3600, message: failed('reg.example/team/app:1', badLayer) },
      { ago: 300, message: failed('reg.example/team/app:1', badLayer) },
      { ago: 100, unit: 'containerd.service', message: pulled },
    ]);
    const { attempts, lastFailureAt, lastSuccessAt } = await history(directory, 'reg.example/team/app:1');
    assert.equal(attempts, 1);
    assert.ok(lastFailureAt !== null && lastSuccessAt !== null && lastSuccessAt > lastFailureAt);
  });

  it('reads the last words where more was written than it reads', async () => {
    const noise = Array.from({ length: 30_000 }, (_, index) => ({
      ago: 850 - index / 50,
      message: kubelet(`"Noise ${index}"`),
    }));
    const directory = await write([...noise, { ago: 5, message: failed('reg.example/team/app:1', badLayer) }]);
    const { windowSeconds, entriesRead, attempts } = await history(directory, 'reg.example/team/app:1');
    assert.ok(
      windowSeconds < 900 && entriesRead <= limits.historyEntries + 1,
      `${windowSeconds} s, ${entriesRead} entries`,
    );
    assert.equal(attempts, 1);
  });

  it('says by name why there is nothing to read', async () => {
    const read = await readHistory({
      image: 'nginx',
      directories: [folder],
      machineId: null,
      env: systemEnv,
      signal: AbortSignal.timeout(10_000),
    });
    assert.deepEqual(read, { ok: false, error: 'The journal folders hold no files.' });
  });

  it('decides an investigation in which every probe passes, and is no part of one without a journal', async () => {
    const image = makeImage({ os: 'linux', architecture: 'amd64' });
    const registry = await startFakeRegistry({ repositories: { 'team/app': { '1': image } } });
    const asked = `127.0.0.1:${registry.port}/team/app:1`;
    const run = async (files: Readonly<Record<string, string>>, lines: readonly Line[]) => {
      const node = await makeNode({ image: asked, files });
      try {
        if (lines.length > 0) await write(lines, join(node.plan.host.root, 'var/log/journal/system.journal'));
        return await investigate(node.plan, {
          env: systemEnv,
          node: 'worker-3',
          pull: false,
          deadlineMs: 10_000,
          pullDeadlineMs: 10_000,
          signal: new AbortController().signal,
        });
      } finally {
        await node.close();
      }
    };
    try {
      const kept = { 'var/log/journal/.keep': '' };
      const faulty = await run(kept, [{ ago: 60, message: failed(asked, badLayer) }]);
      assert.deepEqual([faulty.verdict, faulty.cause, faulty.confidence], ['faulty', 'unpack-failed', 'likely']);
      const other = await run(kept, [{ ago: 60, message: failed(`${asked}0`, badLayer) }]);
      assert.deepEqual([other.verdict, other.cause], ['healthy', null]);
      const empty = await run(kept, []);
      assert.deepEqual(empty.probes.find(({ kind }) => kind === 'journal')?.status, 'skipped');
      const without = await run({}, []);
      assert.deepEqual([without.verdict, without.probes.some(({ kind }) => kind === 'journal')], ['healthy', false]);
    } finally {
      await registry.close();
    }
  });
});
