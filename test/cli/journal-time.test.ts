import assert from 'node:assert/strict';
import { parseTime } from '../../src/cli/journal-time.ts';

const now = Date.parse('2026-11-22T10:00:00Z');
const local = (...parts: [number, number, number, number?, number?, number?]) => new Date(...parts).getTime() * 1000;
const midnight = (day: number) => {
  const today = new Date(now);
  return local(today.getFullYear(), today.getMonth(), today.getDate() + day);
};
const hour = 3_600_000_000;

describe('cli: times as journalctl takes them', () => {
  const cases: readonly (readonly [string, number | null])[] = [
    ['2026-11-22T09:30:00Z', (now - 1_800_000) * 1000],
    ['2026-11-22T10:30:00+01:00', (now - 1_800_000) * 1000],
    ['2026-11-22T10:30:00+0100', (now - 1_800_000) * 1000],
    ['2026-11-22 09:30:00 UTC', (now - 1_800_000) * 1000],
    ['2026-11-22T09:30:00.123456Z', (now - 1_800_000) * 1000 + 123_456],
    ['2026-11-22 10:00', local(2026, 10, 22, 10, 0)],
    ['2026-11-22 10:00:30', local(2026, 10, 22, 10, 0, 30)],
    ['2026-11-22', local(2026, 10, 22)],
    ['08:15', midnight(0) + 8.25 * hour],
    ['now', now * 1000],
    ['today', midnight(0)],
    ['yesterday', midnight(-1)],
    ['tomorrow', midnight(1)],
    ['-1h', now * 1000 - hour],
    ['1h ago', now * 1000 - hour],
    ['90 min ago', now * 1000 - 1.5 * hour],
    ['-1h30min', now * 1000 - 1.5 * hour],
    ['2 days 3h ago', now * 1000 - 51 * hour],
    ['+5min', now * 1000 + hour / 12],
    ['@1795344419', 1_795_344_419_000_000],
    ['@1795344419.5', 1_795_344_419_500_000],
    ['', null],
    ['1h', null],
    ['soon', null],
    ['-1 parsec', null],
    ['2026-02-30', null],
    ['2026-11-22 25:00', null],
    ['-999999999w', null],
  ];
  for (const [text, expected] of cases) {
    it(`reads '${text}'`, () => assert.equal(parseTime(text, now), expected));
  }
});
