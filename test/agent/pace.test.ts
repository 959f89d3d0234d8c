import assert from 'node:assert/strict';
import { startPace } from '../../src/agent/pace.ts';

/** Time that passes when it is told to. */
class Timer {
  private waiting: { readonly at: number; readonly run: () => void } | null = null;
  now = 0;

  readonly later = (ms: number, run: () => void): (() => void) => {
    assert.equal(this.waiting, null, 'two timers at once');
    const mine = { at: this.now + ms, run };
    this.waiting = mine;
    return () => {
      if (this.waiting === mine) this.waiting = null;
    };
  };

  pass(ms: number): void {
    const end = this.now + ms;
    while (this.waiting !== null && this.waiting.at <= end) {
      const { at, run } = this.waiting;
      this.now = at;
      this.waiting = null;
      run();
    }
    this.now = end;
  }
}

describe('agent: pace', () => {
  const state = { busy: false, onWork: (): void => undefined };
  const begin = () => {
    const timer = new Timer();
    const done: number[] = [];
    state.busy = false;
    state.onWork = () => undefined;
    const work = (): void => {
      done.push(timer.now);
      state.onWork();
    };
    return { timer, done, pace: startPace({ busy: () => state.busy, work, later: timer.later }) };
  };

  it('works four times a second while something fails, and once while nothing does', () => {
    const { timer, done } = begin();
    timer.pass(2250);
    assert.deepEqual(done, [250, 1250, 2250]);
    state.busy = true;
    timer.pass(1750);
    assert.deepEqual(done.slice(3), [3250, 3500, 3750, 4000]);
    state.busy = false;
    timer.pass(1500);
    assert.deepEqual(done.slice(7), [4250, 5250]);
  });

  it('works soon after something has happened, however often it happens', () => {
    const { timer, done, pace } = begin();
    timer.pass(350);
    for (let count = 0; count < 5; count++) {
      pace.stir();
      timer.pass(100);
    }
    timer.pass(2000);
    assert.deepEqual(done, [250, 600, 900, 1900]);
  });

  it('takes what happens at work for something that happened', () => {
    const { timer, done, pace } = begin();
    state.onWork = () => {
      if (done.length < 3) pace.stir();
    };
    timer.pass(2000);
    assert.deepEqual(done, [250, 500, 750, 1750]);
  });

  it('does nothing after its end', () => {
    const { timer, done, pace } = begin();
    timer.pass(300);
    pace.stop();
    pace.stir();
    timer.pass(5000);
    assert.deepEqual(done, [250]);
  });

  it('ends at work', () => {
    const { timer, done, pace } = begin();
    state.onWork = () => pace.stop();
    timer.pass(5000);
    assert.deepEqual(done, [250]);
  });
});
