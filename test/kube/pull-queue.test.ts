import assert from 'node:assert/strict';
import type { PodPull } from '../../src/kube/pod-pulls.ts';
import { queuedPulls } from '../../src/kube/pull-queue.ts';
import { eventOf, podOf, rowsOf, waiting } from './pod-rows.ts';

describe('kube: the queue of pulls', () => {
  const row = (pod: string, since: number | null): PodPull => {
    const [made] = rowsOf(
      podOf({ status: { containerStatuses: [waiting('app', 'ContainerCreating')] } }, { name: pod }),
      [eventOf('Pulling', 'Pulling image "reg.corp/app:1"', since ?? 1)],
      4000,
    );
    assert.ok(made !== undefined);
    return since === null ? { ...made, tries: { ...made.tries, pullingSince: null } } : made;
  };
  const names = (...args: Parameters<typeof queuedPulls>): unknown =>
    queuedPulls(...args).map(({ pull, behind, place }) => [pull.pod.name, behind.pod.name, place]);
  const rows = [row('c', 30), row('a', 10), row('idle', null), row('b', 20)];

  it('waits behind the oldest where one image is pulled at a time', () => {
    assert.deepEqual(names(rows, { serialize: true, parallel: null }), [
      ['b', 'a', 0],
      ['c', 'a', 1],
    ]);
  });

  it('waits behind as many as are pulled at a time, or not at all', () => {
    assert.deepEqual(names(rows, { serialize: false, parallel: 2 }), [['c', 'a', 0]]);
    assert.deepEqual(names(rows, { serialize: false, parallel: 3 }), []);
    assert.deepEqual(names(rows, { serialize: false, parallel: null }), []);
    assert.deepEqual(names([row('a', 10)], { serialize: true, parallel: null }), []);
  });

  it('does not say who waits of two that began in one second', () => {
    assert.deepEqual(names([row('a', 10), row('b', 10)], { serialize: true, parallel: null }), []);
  });
});
