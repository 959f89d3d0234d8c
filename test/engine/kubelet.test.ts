import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { conclude } from '../../src/engine/conclude.ts';
import { systemEnv } from '../../src/lib/env.ts';
import type { JournalFacts, OtherPull, WaitingPod } from '../../src/model/facts.ts';
import type { Finding } from '../../src/model/investigation.ts';
import { nodePulls } from '../../src/signals/node-pulls.ts';
import { pullEvents } from '../../src/signals/pull-events.ts';
import type { SourceLine } from '../../src/signals/pull-line.ts';
import { captures, haveCaptures } from '../kit/captures.ts';
import { digest, Scene, type SceneOptions, startedAtMs } from '../kit/view.ts';

const at = (seconds: number): string => new Date(startedAtMs + seconds * 1000).toISOString();

/** Everything serves, and the journal tells this. */
function served(facts: Partial<JournalFacts>, options: SceneOptions = {}, more?: (scene: Scene) => void): Scene {
  const scene = new Scene(options);
  more?.(scene);
  scene.serve();
  const failed = facts.waiting?.[0]?.lastFailureAt;
  const mentions =
    failed === undefined ? [] : [{ at: failed, cause: 'tag-not-found', message: 'team/app:1.0: not found' }];
  scene.journal(mentions, { kubelet: true, ...facts });
  return scene;
}

const first = (scene: Scene): Finding | undefined => conclude(scene.view()).findings[0];
const named = (scene: Scene): readonly unknown[] => {
  const { verdict, findings } = conclude(scene.view());
  return [verdict, findings[0]?.cause ?? null, findings[0]?.confidence ?? null, findings[0]?.underlying ?? null];
};

/** A pod whose try failed 30 s ago and comes again in 10 s. */
const waits: WaitingPod = {
  pod: 'shop/web-0',
  lastFailureAt: at(-30),
  lastWordAt: at(-5),
  backOffSeconds: 40,
  nextTryAt: at(10),
};
/** One that was to be tried 2 minutes ago, and of which nothing was said since. */
const overdue: WaitingPod = { ...waits, lastFailureAt: at(-150), lastWordAt: at(-140), nextTryAt: at(-130) };
const other: OtherPull = { image: 'registry.test/big/model:1', since: at(-150), cause: null };
const foreign = { digest: digest('9'), ref: `layer-${digest('9')}` };
const healthy = ['healthy', null, null, null];

describe('conclude: the kubelet only waits', () => {
  it('says when it tries next, for what is over', () => {
    const finding = first(served({ waiting: [waits] }));
    assert.deepEqual(named(served({ waiting: [waits] })), ['degraded', 'back-off-only', 'likely', null]);
    assert.equal(finding?.nextTryAt, at(10));
    assert.match(
      finding?.summary ?? '',
      /^Nothing is wrong any more: the kubelet only waits for its next try at 08:00:10 UTC, in 10 s\. The pod shop\/web-0 waits\. Its last try failed at 07:59:30 UTC \(tag-not-found\): /,
    );
  });
  it('says so under Always, too, though the image has come; a pull by hand does not help there', () => {
    const scene = served({ waiting: [waits], lastSuccessAt: at(-10) }, { policy: 'Always' });
    assert.equal(first(scene)?.cause, 'back-off-only');
    assert.doesNotMatch(JSON.stringify(first(scene)?.remedies), /pullwhy pull/);
  });
  const misses: Readonly<Record<string, () => Scene>> = {
    'the image came meanwhile': () => served({ waiting: [waits], lastSuccessAt: at(-10) }),
    'the image is on the node': () =>
      served({ waiting: [waits] }, {}, (scene) => {
        scene.runtime();
        scene.image(true);
      }),
    'a real pull works, and the kubelet looks soon': () => {
      const scene = served({ waiting: [waits] });
      scene.pull(null);
      return scene;
    },
    'the next try was long ago': () => served({ waiting: [overdue] }),
    'nothing was said of the pod for minutes: it is gone': () =>
      served({ waiting: [{ ...waits, lastWordAt: at(-200), nextTryAt: at(60) }] }),
    'it is being pulled': () => served({ waiting: [waits], underWay: true }),
    'nobody waits': () => served({}),
  };
  for (const [name, build] of Object.entries(misses)) {
    it(`says nothing where ${name}`, () => assert.deepEqual(named(build()), healthy));
  }
  it('is not said where something is wrong', () => {
    const scene = new Scene();
    scene.dns('registry.test', ['192.0.2.10']);
    scene.tcp('registry.test', '192.0.2.10', 'refused');
    scene.journal([{ cause: 'tcp-refused', at: waits.lastFailureAt }], { waiting: [waits], kubelet: true });
    assert.deepEqual(named(scene).slice(0, 2), ['faulty', 'tcp-refused']);
  });
  it('is not said where the last words name what no probe sees', () => {
    const scene = new Scene();
    scene.serve();
    scene.journal([{ cause: 'pull-qps-exceeded', at: waits.lastFailureAt }], { waiting: [waits], kubelet: true });
    assert.deepEqual(named(scene), ['faulty', 'pull-qps-exceeded', 'likely', null]);
  });
});

describe('conclude: the kubelet is busy with another image', () => {
  const queued = ['faulty', 'pull-queued', 'likely'];
  it('names the pull in front of a pod that was to be tried again', () => {
    const scene = served({ waiting: [overdue], others: [other] });
    assert.deepEqual(named(scene), [...queued, null]);
    assert.match(
      first(scene)?.summary ?? '',
      /app:1\.0 waits in the kubelet's queue behind registry\.test\/big\/model:1, whose pull is under way for 3 min: serializeImagePulls is true \(default\)\. The pod shop\/web-0 was to be tried again at 07:57:50 UTC, and was not\.$/,
    );
  });
  it('carries why that one does not end: it stands still, or what it failed with before', () => {
    const stalled = served({ waiting: [overdue], others: [other] });
    stalled.ingest([foreign]);
    assert.deepEqual(named(stalled), [...queued, 'pull-stalled']);
    assert.match(
      first(stalled)?.summary ?? '',
      /moves no bytes \(layer sha256:9{12} stands at 2\.0 of 8\.0 MiB for 30 s/,
    );
    const failing = served({ waiting: [overdue], others: [{ ...other, cause: 'tcp-timeout' }] });
    assert.deepEqual(named(failing), [...queued, 'tcp-timeout']);
  });
  it('needs no pod where the pull in front stands still: none can be pulled', () => {
    const scene = served({});
    scene.ingest([foreign]);
    assert.deepEqual(named(scene), [...queued, 'pull-stalled']);
    assert.match(
      first(scene)?.summary ?? '',
      /^A pod with registry\.test\/team\/app:1\.0 waits in the kubelet's queue/,
    );
  });
  it('is possible where nobody is known to wait and the pull in front takes long', () => {
    assert.deepEqual(named(served({ others: [other] })), ['degraded', 'pull-queued', 'possible', null]);
  });
  it('goes by the number of pulls that the kubelet makes at a time', () => {
    const kubelet = {
      serializeImagePulls: { value: false, source: 'var/lib/kubelet/config.yaml:7' },
      maxParallelImagePulls: { value: 2, source: 'var/lib/kubelet/config.yaml:8' },
    };
    const two = [other, { ...other, image: 'registry.test/big/other:1' }];
    assert.deepEqual(named(served({ waiting: [overdue], others: [other] }, { kubelet })), healthy);
    const full = served({ waiting: [overdue], others: two }, { kubelet });
    assert.deepEqual(named(full), [...queued, null]);
    assert.match(first(full)?.summary ?? '', /maxParallelImagePulls is 2 \(var\/lib\/kubelet\/config\.yaml:8\)/);
    const unlimited = { ...kubelet, maxParallelImagePulls: { value: null, source: 'default' } };
    assert.deepEqual(named(served({ waiting: [overdue], others: two }, { kubelet: unlimited })), healthy);
  });
  const misses: Readonly<Record<string, () => Scene>> = {
    'the pull in front has just begun': () => served({ others: [{ ...other, since: at(-10) }] }),
    'this image is being pulled itself': () =>
      served({ waiting: [overdue], others: [other], underWay: true, underWaySince: at(-100) }),
    'there is no kubelet': () => served({ kubelet: false, waiting: [overdue], others: [other] }),
    'the image is on the node': () =>
      served({ waiting: [overdue], others: [other] }, {}, (scene) => {
        scene.runtime();
        scene.image(true);
      }),
    'the other layer in flight moves': () => {
      const scene = served({});
      scene.ingest([{ ...foreign, grownBytes: 2 ** 20 }]);
      return scene;
    },
  };
  for (const [name, build] of Object.entries(misses)) {
    it(`says nothing where ${name}`, () => assert.deepEqual(named(build()), healthy));
  }
});

describe('what a captured journal tells of those who wait', () => {
  const folder = 'containerd-2.1.9-serial-stall';
  before(function () {
    if (!haveCaptures()) this.skip();
  });

  /** The entries of a captured journal up to a time, in the order of their times. */
  function lines(run: string, until: string): SourceLine[] {
    const entries = ['kubelet', 'containerd'].flatMap((unit) => {
      const text = gunzipSync(readFileSync(`${captures}/${run}/${unit}.journal-export.gz`)).toString('utf8');
      return text.split('\n\n').flatMap((entry): SourceLine[] => {
        const time = /^__REALTIME_TIMESTAMP=(\d+)$/m.exec(entry)?.[1];
        const message = /^MESSAGE=(.*)$/m.exec(entry)?.[1];
        if (time === undefined || message === undefined) return [];
        return [{ unit: `${unit}.service`, message, timeUs: Number(time), cursor: null }];
      });
    });
    const end = Date.parse(until) * 1000;
    return entries.filter(({ timeUs }) => timeUs <= end).sort((a, b) => a.timeUs - b.timeUs);
  }

  async function read(run: string, image: string, until: string) {
    const node = nodePulls(image);
    async function* source() {
      for (const line of lines(run, until)) {
        node.line(line);
        yield line;
      }
    }
    for await (const event of pullEvents(source(), { env: systemEnv })) node.event(event);
    return node.end();
  }

  it('one pull stands still, and a pod that was to be tried again is not', async () => {
    const image = 'registry.lab.example:15000/team/web:v9.9.9';
    const { kubelet, waiting, others } = await read(folder, image, '2026-11-22T11:06:00Z');
    assert.equal(kubelet, true);
    assert.deepEqual(
      others.map(({ image: about, since }) => [about, since.slice(0, 19)]),
      [['fake.lab.example:15010/stall/web:1.0', '2026-11-22T11:03:28']],
    );
    assert.deepEqual(
      waiting.map(({ pod, backOffSeconds, nextTryAt }) => [pod, backOffSeconds, nextTryAt.slice(0, 19)]),
      [['shop/bad-tag-lab-node-4', 10, '2026-11-22T11:03:38']],
    );
  });

  it('the back-off doubles, as the times of the next tries show', async () => {
    const image = 'registry.lab.example:15000/team/web:v9.9.9';
    const run = 'containerd-1.7.24-api';
    const steps = new Map<string, number>();
    for (let second = 0; second < 300; second += 20) {
      const until = new Date(Date.parse('2026-11-22T10:46:45Z') + second * 1000).toISOString();
      const { waiting } = await read(run, image, until);
      const pod = waiting.find(({ pod: name }) => name === 'ctrd17/bad-tag');
      if (pod === undefined) continue;
      steps.set(pod.lastFailureAt, pod.backOffSeconds);
      // The kubelet was not seen to try before its time.
      assert.ok(Date.parse(pod.nextTryAt) > Date.parse(pod.lastFailureAt));
    }
    const seen = [...steps.values()];
    assert.ok(seen.length >= 3, `${seen}`);
    for (const [index, one] of seen.slice(1).entries()) assert.equal(one, Math.min(300, (seen[index] ?? 0) * 2));
  });

  it('a pod that was deleted waits no more, and a runtime that starts has no pull under way', () => {
    const node = nodePulls('reg.example/team/app:1');
    const base = { unit: 'kubelet.service', source: 'kubelet', cursor: null, container: 'app' } as const;
    const what = {
      image: 'reg.example/team/app:1',
      namespace: 'shop',
      cause: null,
      confidence: null,
      underlying: null,
    };
    const failed = (pod: string, time: string) =>
      node.event({ ...base, ...what, at: time, event: 'pull-failed', pod, message: '' });
    failed('web-0', '2026-11-22T08:00:00.000000Z');
    failed('web-1', '2026-11-22T08:00:00.000000Z');
    const pull = { ...base, ...what, unit: 'containerd.service', pod: null, namespace: null, message: '' };
    node.event({ ...pull, image: 'reg.example/other:1', at: '2026-11-22T08:00:01.000000Z', event: 'pull-started' });
    const at = (time: string): number => Date.parse(time) * 1000;
    node.line({
      unit: 'kubelet.service',
      message: 'I1122 10:55:22.995104   12293 kubelet.go:2734] "SyncLoop REMOVE" source="api" pods=["shop/web-0"]',
      timeUs: at('2026-11-22T08:00:05Z'),
      cursor: null,
    });
    assert.equal(node.end().others.length, 1);
    assert.deepEqual(
      node.end().waiting.map(({ pod }) => pod),
      ['shop/web-1'],
    );
    node.line({
      unit: 'containerd.service',
      message: 'time="2026-11-22T08:00:06Z" level=info msg="starting containerd" revision= version=1.7.24',
      timeUs: at('2026-11-22T08:00:06Z'),
      cursor: null,
    });
    assert.equal(node.end().others.length, 0);
  });
});
