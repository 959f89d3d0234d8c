import assert from 'node:assert/strict';
import type { SecretsOf } from '../../../src/agent/incident-pod.ts';
import { eventObject, eventPatch } from '../../../src/agent/kube/event-object.ts';
import { openPodNotices, type PodNotice, repeatMs } from '../../../src/agent/kube/pod-notices.ts';
import type { Incident } from '../../../src/agent/parts.ts';
import type { CauseId } from '../../../src/model/cause-id.ts';
import { at, concluded, incidentOf, waitingPod } from '../../kit/agent-health.ts';

const image = 'reg.example/app:1';

function setup(
  before: readonly Incident[] = [],
  uidOf = (_: string, pod: string): string | null => `uid-${pod}`,
  secretsOf: SecretsOf = () => null,
) {
  const clock = { now: at };
  const env = { now: () => clock.now, monotonic: () => clock.now, random: () => 0.5 };
  return { clock, notices: openPodNotices({ env, uidOf, secretsOf, before }) };
}

const failing = (cause: CauseId | null, more: Partial<Incident> = {}): Incident =>
  incidentOf(image, { conclusion: concluded(cause), ...more });
const words = (all: readonly PodNotice[]): string[] =>
  all.map(({ kind, pod, reason, count, message }) => `${kind} ${pod} ${reason} ${count} ${message}`);

describe('agent: notices to pods', () => {
  it('say a cause once to each pod, and another cause once more', () => {
    const { clock, notices } = setup();
    const one = failing('tcp-refused', {
      pods: [waitingPod('web-0'), waitingPod('web-0', { container: 'side' }), waitingPod('web-1')],
    });
    assert.deepEqual(notices.changed({ ...one, conclusion: null }, 'opened'), [], 'nothing is known yet');
    const first = notices.changed(one, 'concluded');
    assert.deepEqual(words(first), [
      'new web-0 ImagePullCauseFound 1 It is tcp-refused. To do: Repair it. (repair --now) [tcp-refused, proven]',
      'new web-1 ImagePullCauseFound 1 It is tcp-refused. To do: Repair it. (repair --now) [tcp-refused, proven]',
    ]);
    assert.deepEqual(
      first.map(({ type, uid, namespace }) => [type, uid, namespace]),
      [
        ['Warning', 'uid-web-0', 'shop'],
        ['Warning', 'uid-web-1', 'shop'],
      ],
    );
    assert.equal(new Set(first.map(({ name }) => name)).size, 2);
    for (let n = 0; n < 100; n++) {
      clock.now += 15_000;
      assert.deepEqual(notices.changed(one, n % 2 === 0 ? 'signal' : 'concluded'), []);
    }
    const more = { ...one, pods: [...one.pods, waitingPod('web-2')] };
    assert.deepEqual(
      notices.changed(more, 'pods').map(({ pod }) => pod),
      ['web-2'],
      'a pod that comes later is told too',
    );
    const second = notices.changed({ ...one, conclusion: concluded('tcp-timeout') }, 'concluded');
    assert.deepEqual(
      second.map(({ kind, pod, count }) => `${kind} ${pod} ${count}`),
      ['new web-0 1', 'new web-1 1'],
    );
  });

  it('say to a pod that may not pull that it may not, also after a restart', () => {
    const one = failing('tcp-refused', {
      pods: [
        waitingPod('web-0', { reason: 'ErrImageNeverPull' }),
        waitingPod('web-0'),
        waitingPod('job-0', { reason: 'ErrImageNeverPull' }),
      ],
    });
    const { notices } = setup();
    const said = notices
      .changed(one, 'concluded')
      .map(({ pod, message }) => `${pod} ${/\[(.*)\]$/.exec(message)?.[1]}`);
    assert.deepEqual(said, ['web-0 tcp-refused, proven', 'job-0 image-never-pull, likely']);
    const after = setup([one]);
    assert.deepEqual(after.notices.changed(one, 'concluded'), []);
  });

  it('say what was found with a pod’s secrets to those with the same alone', () => {
    const secrets: Readonly<Record<string, readonly string[]>> = { 'web-0': ['a'], 'web-1': ['a'], 'web-2': ['b'] };
    const { notices } = setup([], undefined, (namespace, pod) => {
      const pullSecrets = secrets[pod];
      return pullSecrets === undefined ? null : { namespace, pullSecrets };
    });
    const conclusion = concluded('pull-secret-missing', { pod: { namespace: 'shop', name: 'web-0' } });
    const pods = ['web-0', 'web-1', 'web-2', 'web-3'].map((name) => waitingPod(name));
    assert.deepEqual(
      notices.changed(failing(null, { conclusion, pods }), 'concluded').map(({ pod }) => pod),
      ['web-0', 'web-1'],
    );
  });

  it('count one Event up for what lasts, and for what comes back', () => {
    const { clock, notices } = setup();
    const one = failing('tcp-refused');
    const [first] = notices.changed(one, 'concluded');
    clock.now += repeatMs - 1;
    assert.deepEqual(notices.due([one]), []);
    clock.now += 1;
    const [again] = notices.due([one]);
    assert.deepEqual(
      [again?.kind, again?.name, again?.count, again?.firstAt, again?.lastAt],
      ['again', first?.name, 2, at, at + repeatMs],
    );
    clock.now += 60_000;
    notices.changed(failing('tcp-timeout'), 'concluded');
    clock.now += 60_000;
    const [back] = notices.changed(one, 'concluded');
    assert.deepEqual([back?.kind, back?.name, back?.count], ['again', first?.name, 3]);
  });

  it('leave a pod alone whose cause flaps: some at once, then one in five minutes', () => {
    const { clock, notices } = setup();
    let sent = 0;
    for (let n = 0; n < 720; n++) {
      clock.now += 5000;
      sent += notices.changed(failing(n % 2 === 0 ? 'tcp-refused' : 'tcp-timeout'), 'concluded').length;
    }
    assert.ok(sent >= 15 && sent <= 6 + 13, `${sent} in an hour`);
  });

  it('tell what is found, not what is only said, passes by itself or stops nothing', () => {
    for (const conclusion of [
      null,
      concluded(null, { verdict: 'inconclusive' }),
      concluded('unknown'),
      concluded('back-off-only'),
      concluded('pull-canceled'),
      concluded('mirror-failed', { verdict: 'degraded' }),
    ]) {
      const { notices } = setup();
      assert.deepEqual(notices.changed(failing(null, { conclusion, saidCause: 'tcp-refused' }), 'concluded'), []);
    }
    const { notices } = setup();
    assert.deepEqual(notices.changed(failing('tcp-refused', { pulledAt: at }), 'pods'), []);
    for (const pods of [
      [],
      [waitingPod('x', { pod: null })],
      [waitingPod('x', { namespace: null })],
      [waitingPod('../../nodes')],
      [waitingPod('web-0', { namespace: 'a/b' })],
    ])
      assert.deepEqual(notices.changed(failing('tcp-refused', { pods }), 'concluded'), []);
  });

  it('wait some seconds for the uid of a pod, and do without it then', () => {
    const known = new Map<string, string>();
    const { clock, notices } = setup([], (_, pod) => known.get(pod) ?? null);
    const one = failing('tcp-refused', { pods: [waitingPod('web-0'), waitingPod('web-1')] });
    assert.deepEqual(notices.changed(one, 'concluded'), []);
    clock.now += 2000;
    known.set('web-1', 'u1');
    assert.deepEqual(
      notices.due([one]).map(({ pod, uid }) => [pod, uid]),
      [['web-1', 'u1']],
    );
    clock.now += 4000;
    assert.deepEqual(
      notices.due([one]).map(({ pod, uid }) => [pod, uid]),
      [['web-0', null]],
    );
  });

  it('say nothing again after a restart before it is due', () => {
    const one = failing('tcp-refused', { conclusion: concluded('tcp-refused', { at }) });
    const { clock, notices } = setup([one]);
    assert.deepEqual(notices.changed({ ...one, conclusion: concluded('tcp-refused', { at }) }, 'concluded'), []);
    assert.equal(notices.changed({ ...one, conclusion: concluded('no-route') }, 'concluded').length, 1);
    clock.now += repeatMs;
    notices.changed(one, 'concluded');
    const [again] = setup([one]).notices.changed({ ...one, conclusion: concluded('tcp-reset') }, 'concluded');
    assert.equal(again?.kind, 'new');
    const later = setup([one]);
    later.clock.now += repeatMs;
    const [due] = later.notices.due([one]);
    assert.deepEqual([due?.kind, due?.count], ['new', 2], 'the name of the former Event is not known');
    assert.notEqual(due?.name, '');
  });

  it("say how much sooner the agent's pull was, and nothing of other ends", () => {
    const { notices } = setup();
    const over = (more: Partial<Incident>): Incident => failing('tcp-refused', { state: 'over', endedAt: at, ...more });
    const [told] = notices.changed(over({ endedBy: 'agent', pulledAt: at, secondsGained: 240 }), 'ended');
    assert.deepEqual([told?.type, told?.reason, told?.kind], ['Normal', 'ImagePulledSooner', 'new']);
    assert.match(
      told?.message ?? '',
      /^The image reg\.example\/app:1 is on the node\. .*, 240 s before the kubelet's own/,
    );
    const [bare] = notices.changed(over({ endedBy: 'agent', pulledAt: at, secondsGained: null }), 'ended');
    assert.doesNotMatch(bare?.message ?? '', / s before/);
    for (const endedBy of ['kubelet', 'gone'] as const)
      assert.deepEqual(notices.changed(over({ endedBy }), 'ended'), []);
  });

  it('fit what the API server takes, whatever the words', () => {
    const long = 'a'.repeat(240);
    const pods = [waitingPod(`${long}.${'b'.repeat(12)}`), waitingPod(`${'c'.repeat(235)}-----------z`)];
    for (const summary of ['ü😀'.repeat(2000), '\u001b[31m\nred', 'x'.repeat(1019), '']) {
      const { notices } = setup();
      const told = notices.changed(
        failing('tcp-refused', { pods, conclusion: concluded('tcp-refused', { summary }) }),
        'concluded',
      );
      assert.equal(told.length, 2);
      for (const { name, message } of told) {
        assert.ok(Buffer.byteLength(message) <= 1024, `${Buffer.byteLength(message)} bytes`);
        assert.ok(message.isWellFormed());
        assert.doesNotMatch(message, /[\u0000-\u001f]/);
        assert.ok(message.endsWith('[tcp-refused, proven]'), message.slice(-40));
        assert.match(name, /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/);
        assert.ok(name.length <= 253);
      }
    }
  });

  it('hold no secret', () => {
    const { notices } = setup();
    const summary = 'Asked https://user:hunter2@reg.example/x?token=hunter3 with Bearer hunter4hunter4.';
    const remedies = [{ text: 'See https://a:hunter5@b/', command: null }];
    const told = notices.changed(
      failing(null, { conclusion: concluded('tcp-refused', { summary, remedies }) }),
      'concluded',
    );
    assert.equal(told.length, 1);
    assert.doesNotMatch(JSON.stringify(told), /hunter/);
  });

  it('are Events as the kubelet writes them', () => {
    const { clock, notices } = setup();
    const [told] = notices.changed(failing('tcp-refused'), 'concluded');
    assert.ok(told !== undefined);
    assert.deepEqual(eventObject(told, 'worker-3'), {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: told.name, namespace: 'shop' },
      involvedObject: { apiVersion: 'v1', kind: 'Pod', namespace: 'shop', name: 'web-0', uid: 'uid-web-0' },
      type: 'Warning',
      reason: 'ImagePullCauseFound',
      message: told.message,
      firstTimestamp: '2026-11-22T10:46:40Z',
      lastTimestamp: '2026-11-22T10:46:40Z',
      count: 1,
      source: { component: 'pullwhy', host: 'worker-3' },
      reportingComponent: 'pullwhy',
      reportingInstance: 'worker-3',
    });
    clock.now += repeatMs;
    const [again] = notices.due([failing('tcp-refused')]);
    assert.ok(again !== undefined);
    assert.deepEqual(eventPatch(again), {
      message: told.message,
      lastTimestamp: '2026-11-22T11:41:40Z',
      count: 2,
    });
  });
});
