import assert from 'node:assert/strict';
import { byteCount, durationMs, isLoopback, listenAddress } from '../../src/settings/values.ts';

describe('settings: values', () => {
  it('reads durations', () => {
    const cases = { '60s': 60_000, '1h30m': 5_400_000, '500ms': 500, '7d': 604_800_000, '5m10s': 310_000 };
    for (const [text, ms] of Object.entries(cases)) assert.equal(durationMs(text), ms, text);
    for (const text of ['', '60', 's', '1h 30m', '-5s', '1.5h', 'daily']) assert.equal(durationMs(text), null, text);
  });

  it('reads sizes', () => {
    const cases = { '64MiB': 67_108_864, '10GiB': 10_737_418_240, '500MB': 500_000_000, '4096B': 4096 };
    for (const [text, count] of Object.entries(cases)) assert.equal(byteCount(text), count, text);
    for (const text of ['', '64', '64M', '64 MiB', '-1B']) assert.equal(byteCount(text), null, text);
  });

  it('reads addresses to listen at, and knows loopback', () => {
    assert.deepEqual(listenAddress('127.0.0.1:9440'), { host: '127.0.0.1', port: 9440 });
    assert.deepEqual(listenAddress('[::1]:80'), { host: '::1', port: 80 });
    assert.deepEqual(listenAddress(':9440'), { host: '::', port: 9440 });
    for (const text of ['', 'localhost:80', '1.2.3.4', '1.2.3.4:70000', '::1:80', '[::1]']) {
      assert.equal(listenAddress(text), null, text);
    }
    assert.ok(isLoopback({ host: '127.8.0.1', port: 1 }));
    assert.ok(!isLoopback({ host: '::', port: 1 }));
  });
});
