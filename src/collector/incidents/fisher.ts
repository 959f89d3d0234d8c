/**
 * Fisher's exact test, one-sided, in logarithms: p-values of fleets with a clear answer are far below what a double can
 * hold (12 of 12 against 0 of 188 is 1e-19, 5,000 against 5,000 is 1e-3008).
 */

/** ln(n!) for n below its length; longer fleets make it longer. The same numbers for everybody, so it is kept. */
let logFactorials = new Float64Array([0, 0]);

/** ln(n!), exact to some 1e-12 of itself. */
export function logFactorial(n: number): number {
  if (n >= logFactorials.length) {
    const longer = new Float64Array(Math.max(n + 1, logFactorials.length * 2));
    longer.set(logFactorials);
    // Kahan's sum: ten thousand plain additions would lose digits that stand in the exponent of the p-value.
    let lost = 0;
    for (let i = logFactorials.length; i < longer.length; i++) {
      const term = Math.log(i) - lost;
      const sum = (longer[i - 1] ?? 0) + term;
      lost = sum - (longer[i - 1] ?? 0) - term;
      longer[i] = sum;
    }
    logFactorials = longer;
  }
  return logFactorials[n] ?? 0;
}

/** ln of the number of ways to take `k` of `n`. */
export function logChoose(n: number, k: number): number {
  return logFactorial(n) - logFactorial(k) - logFactorial(n - k);
}

/** A table of two by two: of `failing` nodes `failingWith` have something, of `healthy` ones `healthyWith`. */
export interface Table {
  readonly failingWith: number;
  readonly failing: number;
  readonly healthyWith: number;
  readonly healthy: number;
}

/**
 * ln of the chance that, were the nodes that have it spread among all nodes by lot, at least so many of them would be
 * failing ones: the upper tail of the hypergeometric distribution.
 */
export function logTail({ failingWith, failing, healthyWith, healthy }: Table): number {
  const having = failingWith + healthyWith;
  const all = failing + healthy;
  const most = Math.min(having, failing);
  const least = Math.max(0, having - healthy);
  if (failingWith <= least) return 0;
  const first =
    logChoose(having, failingWith) + logChoose(all - having, failing - failingWith) - logChoose(all, failing);
  // Each term of the tail by the one before it. They fall once past the middle, and the sum ends when they add nothing.
  let term = 1;
  let sum = 1;
  for (let a = failingWith; a < most; a++) {
    term *= ((having - a) * (failing - a)) / ((a + 1) * (all - having - failing + a + 1));
    sum += term;
    if (term < sum * 1e-17) break;
  }
  return Math.min(0, first + Math.log(sum));
}

/** ln of the least chance that any table with these margins can have: when all that can be are failing ones. */
export function logLeast(having: number, failing: number, healthy: number): number {
  const all = failing + healthy;
  return having <= failing
    ? logChoose(failing, having) - logChoose(all, having)
    : logChoose(having, failing) - logChoose(all, failing);
}

/**
 * For how many tests a chance has to be corrected, by Tarone's rule (Biometrics 46, 1990): Bonferroni's, without those
 * that could not have come out significant whatever the nodes did. It is exact, for margins say nothing of the outcome.
 * `leasts`: ln of the least chance of each test.
 */
export function testsThatCount(leasts: readonly number[], logLevel: number): number {
  const sorted = Float64Array.from(leasts).sort();
  let tests = Math.max(1, sorted.length);
  // The smallest number at whose corrected level no more than that many tests could come out significant.
  while (tests > 1 && countUpTo(sorted, logLevel - Math.log(tests - 1)) <= tests - 1) tests--;
  return tests;
}

function countUpTo(sorted: Float64Array, value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? 0) <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}
