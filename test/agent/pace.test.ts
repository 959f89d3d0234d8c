import assert from 'node:assert/strict';
import { openPace } from '../../src/agent/pace.ts';

describe('agent: pace', () => {
  const marks = (pace: ReturnType<typeof openPace>, ticks: number): string =>
    Array.from({ length: ticks }, () => (pace.due() ? 'x' : '.')).join('');

  it('uses each tick while something fails, and one of four while nothing does', () => {
    let busy = false;
    const pace = openPace(() => busy);
    assert.equal(marks(pace, 8), 'x...x...');
    busy = true;
    assert.equal(marks(pace, 8), 'xxxxxxxx');
    busy = false;
    assert.equal(marks(pace, 8), 'x...x...');
  });

  it('uses the next one after something has happened', () => {
    const pace = openPace(() => false);
    assert.equal(marks(pace, 2), 'x.');
    pace.stir();
    assert.equal(marks(pace, 6), 'xxx...');
  });
});
