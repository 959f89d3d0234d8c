import assert from 'node:assert/strict';
import fc from 'fast-check';
import { logChoose, logLeast, logTail, testsThatCount } from '../../../src/collector/incidents/fisher.ts';

/** The tail by whole numbers. */
function exactTail(a: number, failing: number, c: number, healthy: number): number {
  const choose = (n: number, k: number): bigint => {
    if (k < 0 || k > n) return 0n;
    let ways = 1n;
    for (let i = 0; i < k; i++) ways = (ways * BigInt(n - i)) / BigInt(i + 1);
    return ways;
  };
  const having = a + c;
  let sum = 0n;
  for (let i = a; i <= Math.min(having, failing); i++)
    sum += choose(having, i) * choose(failing + healthy - having, failing - i);
  return Number((sum * 10n ** 30n) / choose(failing + healthy, failing)) / 1e30;
}

describe("collector: Fisher's exact test", () => {
  it('knows the lady who tastes tea', () => {
    // Four of four cups: one chance in seventy.
    assert.ok(Math.abs(Math.exp(logTail({ failingWith: 4, failing: 4, healthyWith: 0, healthy: 4 })) - 1 / 70) < 1e-12);
    const three = Math.exp(logTail({ failingWith: 3, failing: 4, healthyWith: 1, healthy: 4 }));
    assert.ok(Math.abs(three - 17 / 70) < 1e-12);
  });

  it('agrees with whole numbers', () => {
    fc.assert(
      fc.property(fc.nat(40), fc.nat(40), fc.nat(60), fc.nat(60), (a, b, c, d) => {
        fc.pre(a + b > 0 && c + d > 0);
        const expected = exactTail(a, a + b, c, c + d);
        const found = Math.exp(logTail({ failingWith: a, failing: a + b, healthyWith: c, healthy: c + d }));
        assert.ok(Math.abs(found - expected) <= 1e-9 * expected + 1e-25, `${found} ${expected}`);
      }),
    );
  });

  it('goes on where a double ends', () => {
    const chance = logTail({ failingWith: 5000, failing: 5000, healthyWith: 0, healthy: 5000 });
    assert.ok(Math.abs(chance + logChoose(10_000, 5000)) < 1e-6);
    assert.ok(chance < -6000);
  });

  it('has no chance below the least that the margins allow', () => {
    fc.assert(
      fc.property(fc.nat(30), fc.nat(30), fc.nat(30), fc.nat(30), (a, b, c, d) => {
        fc.pre(a + c > 0 && a + b > 0);
        const chance = logTail({ failingWith: a, failing: a + b, healthyWith: c, healthy: c + d });
        assert.ok(chance >= logLeast(a + c, a + b, c + d) - 1e-9);
      }),
    );
  });

  it('counts only tests that could come out significant', () => {
    const level = Math.log(0.001);
    assert.equal(testsThatCount([], level), 1);
    assert.equal(testsThatCount(Array(500).fill(Math.log(0.5)), level), 1);
    assert.equal(testsThatCount([...Array(500).fill(Math.log(0.5)), ...Array(7).fill(-50)], level), 7);
    assert.equal(testsThatCount(Array(40).fill(-50), level), 40);
  });
});
