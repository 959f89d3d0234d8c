import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { type KubeEvent, readEvent } from '../../src/kube/event.ts';
import { type KubePod, readPod } from '../../src/kube/pod.ts';
import { podPulls } from '../../src/kube/pod-pulls.ts';
import { isRecord } from '../../src/lib/json.ts';
import { honest, natures } from '../captures/natures.ts';
import { captures, haveCaptures, isDisturbance, scenarios } from '../kit/captures.ts';

interface Saved {
  readonly scenario: string;
  readonly pod: KubePod;
  readonly events: readonly KubeEvent[];
  /** The last moment that anything of the capture tells of. */
  readonly now: number;
}

function savedPods(run: string): readonly Saved[] {
  const folder = `${captures}/${run}/api`;
  return readdirSync(folder).map((file) => {
    const saved: unknown = JSON.parse(readFileSync(`${folder}/${file}`, 'utf8'));
    assert.ok(isRecord(saved) && Array.isArray(saved.events));
    const pod = readPod(saved.pod);
    assert.ok(pod.ok, file);
    assert.deepEqual(pod.value.problems, []);
    const events = saved.events.map((one: unknown) => {
      const event = readEvent(one);
      assert.ok(event.ok, file);
      return event.value;
    });
    const now = Math.max(...events.map(({ lastAt }) => lastAt));
    return { scenario: file.slice(0, -5), pod: pod.value, events, now };
  });
}

/** When the kubelet's log has a try of a pod end: its own line for each failed start of a container. */
function triesInLog(run: string, scenario: string, uid: string): readonly number[] {
  const text =
    run === 'containerd-1.7.24-api'
      ? gunzipSync(readFileSync(`${captures}/${run}/kubelet.log.gz`)).toString('utf8')
      : readFileSync(`${captures}/${run}/scenarios/${scenario}.log`, 'utf8');
  const tries: number[] = [];
  for (const line of text.split('\n')) {
    if (!line.includes('pod_workers.go') || !line.includes(uid)) continue;
    if (
      !/with (?:ErrImagePull|RegistryUnavailable|SignatureValidationFailed|ErrImageNeverPull|InvalidImageName):/.test(
        line,
      )
    )
      continue;
    const [, month, day, time] = /^[IWEF](\d\d)(\d\d) (\d\d:\d\d:\d\d\.\d{3})/.exec(line) ?? [];
    tries.push(Date.parse(`2026-${month}-${day}T${time}Z`));
  }
  return tries;
}

const runs = ['containerd-1.7.24-api', 'cri-o-1.36.3-api'] as const;

describe('kube: pods as a real API server has them', () => {
  before(function () {
    if (!haveCaptures()) this.skip();
  });

  for (const run of runs)
    it(`gives the rows of ${run}, with reason and cause`, () => {
      let rows = 0;
      for (const { scenario, pod, events, now } of savedPods(run)) {
        const waiting = pod.images.filter(({ state }) => state === 'waiting');
        const found = podPulls(pod, events, now);
        assert.equal(found.length, waiting.length, `${scenario}: one row for each container that waits`);
        for (const row of found) {
          rows++;
          const [container] = waiting;
          assert.equal(row.name, 'app');
          assert.equal(row.kind, 'container');
          assert.equal(row.reason, container?.reason);
          assert.equal(row.policyGiven, true);
          if (container?.reason === 'ContainerCreating') {
            assert.equal(row.state, 'pulling');
            assert.equal(row.cause, null);
            assert.ok(row.tries.pullingSince !== null);
            continue;
          }
          assert.equal(row.state, 'failing');
          const ofSecret = scenario === 'auth-secret-missing' ? (['pull-secret-missing'] as const) : [];
          const accepted = [...ofSecret, ...(scenarios[scenario] ?? []), ...(natures[scenario] ?? []), ...honest];
          assert.ok(
            row.cause !== null && (accepted.includes(row.cause) || isDisturbance(row.message)),
            `${scenario}: ${row.cause} of ${row.message}`,
          );
          assert.ok(!honest.includes(row.cause) || row.message === '', `${scenario}: no better than ${row.cause}`);
          const lacks = scenario === 'auth-secret-missing';
          assert.deepEqual(row.missingSecrets, lacks ? ['regcred-missing'] : []);
          if (lacks && !isDisturbance(row.message)) assert.equal(row.cause, 'pull-secret-missing');
        }
      }
      assert.ok(rows > 15, `${rows} rows`);
    });

  it('counts the tries that the kubelet made by its own log, and nothing else', () => {
    let exact = 0;
    let counted = 0;
    for (const run of runs)
      for (const { scenario, pod, events, now } of savedPods(run)) {
        const [row] = podPulls(pod, events, now);
        if (row === undefined || row.state !== 'failing') continue;
        if (row.reason !== 'ErrImagePull' && row.reason !== 'ImagePullBackOff') continue;
        const log = triesInLog(run, scenario, pod.uid);
        const before = log.filter((at) => at <= now + 1500);
        // A log of one scenario leaves out lines of a kind after the second.
        if (run === 'containerd-1.7.24-api') {
          counted++;
          const off = Math.abs(row.tries.attempts - before.length);
          if (off === 0) exact++;
          assert.ok(off <= 1, `${run} ${scenario}: ${row.tries.attempts} tries, ${before.length} by the log`);
        }
        const { nextTryAt, lastTryAt, backOff, pullingSince } = row.tries;
        if (pullingSince !== null) {
          // A try that is under way: the log has its end only later.
          assert.equal(nextTryAt, null);
          assert.ok(now - pullingSince < 60_000 && log.every((at) => at < pullingSince || at > now), scenario);
          continue;
        }
        assert.ok(nextTryAt !== null && lastTryAt !== null && backOff !== null, scenario);
        assert.ok(backOff.ms >= 10_000 && backOff.ms <= 300_000);
        assert.ok(
          nextTryAt > now - 31_000,
          `${run} ${scenario}: the next try was to be ${(now - nextTryAt) / 1000} s ago`,
        );
      }
    console.log(`      tries counted right: ${exact} of ${counted}`);
    assert.ok(counted >= 35 && exact / counted > 0.9, `${exact} of ${counted}`);
  });

  it('tells when the kubelet tries next, and what it has tried since its last word', () => {
    const run = 'containerd-1.7.24-api';
    let foretold = 0;
    let reckoned = 0;
    let right = 0;
    for (const { scenario, pod, events, now } of savedPods(run)) {
      const [row] = podPulls(pod, events, now);
      // Pulls that take long end long after they began, and the log has their ends.
      if (row?.reason !== 'ImagePullBackOff' || /timeout|stall|late|truncated/.test(scenario)) continue;
      const log = triesInLog(run, scenario, pod.uid);
      // As the events stood after the n-th try: nothing later was written.
      const at = (n: number): readonly KubeEvent[] =>
        [
          events.find(({ reason }) => reason === 'Pulling'),
          events.find(({ message }) => message.startsWith('Failed to pull')),
        ]
          .filter((event) => event !== undefined)
          .map((event) => ({ ...event, count: n + 1, lastAt: Math.floor((log[n] ?? 0) / 1000) * 1000 }));
      for (let n = 1; n + 1 < log.length; n++) {
        const [ended = 0, next = 0] = [log[n], log[n + 1]];
        const [soon] = podPulls(pod, at(n), ended + 3000);
        assert.equal(soon?.tries.attempts, n + 1, scenario);
        const late = (next - (soon?.tries.nextTryAt ?? 0)) / 1000;
        assert.ok(late > -1 && late < 22, `${scenario}: try ${n + 2} came ${late} s after its time`);
        foretold++;
      }
      for (let n = 2; n + 2 < log.length; n++) {
        const later = (log[n + 2] ?? 0) + 25_000;
        const [row] = podPulls(pod, at(n), later);
        reckoned++;
        assert.ok(
          Math.abs((row?.tries.attempts ?? 0) - (n + 3)) <= 1,
          `${scenario}: ${row?.tries.attempts} and ${n + 3}`,
        );
        if (row?.tries.attempts === n + 3) right++;
        assert.equal(row?.tries.exact, false);
      }
    }
    console.log(`      next tries foretold: ${foretold}; reckoned right: ${right} of ${reckoned}`);
    assert.ok(foretold > 100 && right / reckoned > 0.95);
  });

  it('counts what is decided at each look', () => {
    for (const { scenario, pod, events, now } of savedPods('containerd-1.7.24-api')) {
      if (scenario !== 'never-absent' && scenario !== 'invalid-name') continue;
      const [row] = podPulls(pod, events, now);
      assert.ok(row !== undefined && row.tries.attempts > 5, `${scenario}: ${row?.tries.attempts}`);
      assert.ok((row.tries.nextTryAt ?? 0) >= now - 15_000);
    }
  });
});
