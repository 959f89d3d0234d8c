import assert from 'node:assert/strict';
import { readEvent } from '../../src/kube/event.ts';
import { iso, start } from './pod-rows.ts';

describe('kube: an event', () => {
  it('is read in the newer form, too', () => {
    const event = readEvent({
      involvedObject: { uid: 'u1', fieldPath: 'spec.initContainers{wait}' },
      reason: 'BackOff',
      message: '(combined from similar events): Back-off pulling image "x"',
      eventTime: '2026-11-22T10:00:01.123456Z',
      series: { count: 9, lastObservedTime: '2026-11-22T10:03:01.000000Z' },
      firstTimestamp: null,
      lastTimestamp: null,
      metadata: { creationTimestamp: iso(1) },
    });
    assert.ok(event.ok);
    assert.deepEqual(event.value, {
      podUid: 'u1',
      container: 'wait',
      reason: 'BackOff',
      message: 'Back-off pulling image "x"',
      combined: true,
      count: 9,
      firstAt: start + 1123,
      lastAt: start + 181_000,
    });
  });
});
