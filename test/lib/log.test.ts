import assert from 'node:assert/strict';
import { type LogLevel, openLog } from '../../src/lib/log.ts';

function stage(level: LogLevel, format: 'json' | 'text') {
  const lines: string[] = [];
  const env = { now: () => Date.parse('2026-11-22T10:00:00.5Z'), monotonic: () => 0, random: () => 0 };
  return { lines, log: openLog({ env, write: (line) => void lines.push(line), settings: () => ({ level, format }) }) };
}

describe('lib: log', () => {
  it('writes one JSON object for each line', () => {
    const { lines, log } = stage('info', 'json');
    log.debug('left out');
    log.warn('a pull failed', { image: 'x:1', tries: 3, cause: null, gone: undefined });
    assert.deepEqual(
      lines.map((line) => JSON.parse(line)),
      [{ time: '2026-11-22T10:00:00.500Z', level: 'warn', msg: 'a pull failed', image: 'x:1', tries: 3, cause: null }],
    );
  });

  it('writes text for people', () => {
    const { lines, log } = stage('debug', 'text');
    log.debug('looked', { at: 'registry.lab', why: 'no answer' });
    assert.deepEqual(lines, ['2026-11-22T10:00:00.500Z DEBUG looked at=registry.lab why="no answer"\n']);
  });

  it('keeps what others wrote to one line, and secrets out of it', () => {
    for (const format of ['json', 'text'] as const) {
      const { lines, log } = stage('info', format);
      log.error('failed', {
        error: 'get https://user:hunter22@x/\nINFO forged line\u001b[31m Authorization: Basic dXNlcjpodW50ZXIyMg==',
      });
      assert.equal(lines.length, 1);
      assert.equal(lines[0]?.indexOf('\n'), (lines[0]?.length ?? 0) - 1);
      assert.doesNotMatch(lines[0] ?? '', /hunter22|dXNlcjpodW50ZXIyMg|\u001b/);
    }
  });
});
