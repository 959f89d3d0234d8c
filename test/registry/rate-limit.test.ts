import assert from 'node:assert/strict';
import { httpDate, isExhausted, type RateLimit, readRateLimit, readRetryAfter } from '../../src/registry/rate-limit.ts';

const now = Date.UTC(2026, 10, 22, 12, 0, 0);
const nothing: RateLimit = {
  limit: null,
  remaining: null,
  windowSeconds: null,
  source: null,
  retryAfterSeconds: null,
  resetAtMs: null,
};

describe('readRateLimit', () => {
  const cases: readonly (readonly [string, Record<string, string>, Partial<RateLimit>])[] = [
    [
      'Docker Hub',
      {
        'ratelimit-limit': '100;w=21600',
        'ratelimit-remaining': '0;w=21600',
        'docker-ratelimit-source': '2001:db8:1:2::/64',
      },
      { limit: 100, remaining: 0, windowSeconds: 21600, source: '2001:db8:1:2::/64' },
    ],
    [
      'GitHub',
      { 'x-ratelimit-limit': '5000', 'x-ratelimit-remaining': '4999', 'x-ratelimit-reset': '1800000000' },
      { limit: 5000, remaining: 4999, resetAtMs: 1_800_000_000_000 },
    ],
    [
      'the draft',
      { 'ratelimit-limit': '10, 10;w=1', 'ratelimit-remaining': '3', 'ratelimit-reset': '7' },
      { limit: 10, remaining: 3, resetAtMs: now + 7000 },
    ],
    ['Retry-After alone', { 'retry-after': '60' }, { retryAfterSeconds: 60 }],
    ['nonsense beside sense', { 'ratelimit-limit': 'many', 'ratelimit-remaining': '5' }, { remaining: 5 }],
  ];
  for (const [name, headers, expected] of cases) {
    it(`reads ${name}`, () => assert.deepEqual(readRateLimit(headers, now), { ...nothing, ...expected }));
  }

  it('is null where nothing is told', () => {
    assert.equal(readRateLimit({ 'content-type': 'x' }, now), null);
    assert.equal(readRateLimit({ 'ratelimit-limit': '-1' }, now), null);
  });

  it('knows an empty quota', () => {
    assert.ok(isExhausted({ ...nothing, remaining: 0 }));
    assert.ok(!isExhausted(nothing));
  });
});

describe('readRetryAfter', () => {
  const cases: readonly (readonly [Record<string, string>, number | null])[] = [
    [{ 'retry-after': '120' }, 120],
    [{ 'retry-after': 'Sun, 22 Nov 2026 12:00:30 GMT' }, 30],
    // The server's clock is an hour ahead of ours: its own Date tells.
    [{ 'retry-after': 'Sun, 22 Nov 2026 13:00:30 GMT', date: 'Sun, 22 Nov 2026 13:00:00 GMT' }, 30],
    [{ 'retry-after': 'Sun, 22 Nov 2026 11:00:00 GMT' }, 0],
    [{ 'retry-after': 'soon' }, null],
    [{ 'retry-after': '1.5' }, null],
    [{}, null],
  ];
  for (const [headers, expected] of cases) {
    it(`${JSON.stringify(headers)} is ${expected}`, () => assert.equal(readRetryAfter(headers, now), expected));
  }
});

describe('httpDate', () => {
  it('takes HTTP dates only', () => {
    assert.equal(httpDate('Sun, 06 Nov 1994 08:49:37 GMT'), 784111777000);
    assert.equal(httpDate('2026-01-01'), null);
    assert.equal(httpDate('1'), null);
  });
});
