import assert from 'node:assert/strict';
import { quotedImage } from '../../src/kube/tries.ts';
import { eventOf, iso, podOf, rowsOf, start, waiting } from './pod-rows.ts';

describe('kube: tries', () => {
  it('are one at least where the kubelet says that it failed, and no event tells of it', () => {
    for (const [reason, attempts, exact] of [
      ['ErrImagePull', 1, false],
      ['ImagePullBackOff', 1, false],
      ['RegistryUnavailable', 1, false],
      // Decided at each look: nothing was tried.
      ['InvalidImageName', 0, true],
      ['ErrImageNeverPull', 0, true],
    ] as const) {
      const [row] = rowsOf(podOf({ status: { containerStatuses: [waiting('app', reason)] } }));
      assert.deepEqual([row?.tries.attempts, row?.tries.exact, row?.tries.nextTryAt], [attempts, exact, null], reason);
    }
  });

  const failing = { status: { containerStatuses: [waiting('app', 'ImagePullBackOff')] } };
  const tries = (events: readonly unknown[], at: number, pod = podOf(failing)) => rowsOf(pod, events, at)[0]?.tries;
  const pulling = (first: number, last: number, count: number, more: object = {}): unknown =>
    eventOf('Pulling', 'Pulling image "reg.corp/app:1"', first, { lastTimestamp: iso(last), count, ...more });
  const failed = (first: number, last: number, count: number): unknown =>
    eventOf('Failed', 'Failed to pull image "reg.corp/app:1": x', first, { lastTimestamp: iso(last), count });

  it('start anew with a kubelet that started anew, and so does the back-off', () => {
    const after = tries([pulling(0, 170, 5), failed(0, 170, 5), pulling(200, 212, 2), failed(200, 212, 2)], 215);
    assert.equal(after?.attempts, 7);
    assert.equal(after?.backOff?.ms, 20_000);
  });

  it('are one row of steps for two containers with one image', () => {
    const other = { involvedObject: { uid: 'u1', fieldPath: 'spec.containers{other}' } };
    const shared = tries([pulling(0, 24, 2), failed(0, 24, 2), pulling(10, 10, 1, other)], 30);
    assert.equal(shared?.attempts, 3);
    assert.equal(shared?.backOff?.ms, 40_000);
  });

  it('leave out pulls that succeeded, as Always has them at each restart', () => {
    const pulled = eventOf('Pulled', 'Successfully pulled image "reg.corp/app:1" in 1s (1s including waiting).', 0, {
      count: 30,
      lastTimestamp: iso(50),
    });
    const after = tries([pulling(0, 72, 32), pulled, failed(60, 72, 2)], 75);
    assert.equal(after?.attempts, 2);
    assert.equal(after?.backOff?.ms, 20_000);
  });

  it('under way are none yet, and have no next', () => {
    const first = tries(
      [pulling(90, 90, 1)],
      100,
      podOf({ status: { containerStatuses: [waiting('app', 'ContainerCreating')] } }),
    );
    assert.deepEqual(first, {
      attempts: 0,
      exact: true,
      lastTryAt: null,
      backOff: null,
      nextTryAt: null,
      pullingSince: start + 90_000,
    });
    const again = tries([pulling(0, 90, 4), failed(5, 45, 3)], 95);
    assert.deepEqual([again?.attempts, again?.pullingSince, again?.nextTryAt], [3, start + 90_000, null]);
  });

  it('of which nothing was written for long are under way only where all else is silent too', () => {
    const silent = tries([pulling(0, 90, 4), failed(1, 45, 3)], 600);
    assert.equal(silent?.pullingSince, start + 90_000);
    const filtered = tries([pulling(0, 90, 4), failed(1, 45, 3), eventOf('MissingClusterDNS', 'x', 500)], 600);
    assert.equal(filtered?.pullingSince, null);
    assert.ok((filtered?.attempts ?? 0) > 4 && filtered?.exact === false);
  });

  it('finds the image that a message names first', () => {
    assert.equal(quotedImage('Pulling image "a/b:1"'), 'a/b:1');
    assert.equal(quotedImage('Container image "a" already present on machine'), 'a');
    assert.equal(quotedImage('Failed to apply default image tag "A": couldn\'t parse image name "A"'), 'A');
    assert.equal(quotedImage('rpc error: code = Unknown desc = failed to pull "x"'), null);
  });
});
