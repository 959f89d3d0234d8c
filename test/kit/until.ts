import assert from 'node:assert/strict';

/** Waits so many milliseconds. */
export function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Waits until something holds; the error says what was waited for. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, ms = 10_000): Promise<void> {
  const limit = performance.now() + ms;
  for (let pause = 10; !(await holds()); pause = Math.min(pause * 1.5, 50)) {
    assert.ok(performance.now() < limit, `it did not come within ${ms} ms: ${what}`);
    await wait(pause);
  }
}
