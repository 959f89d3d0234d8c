import { strict as assert } from 'node:assert';
import { progress, statusLine } from '../../src/cli/progress.ts';
import { systemEnv } from '../../src/lib/env.ts';

function terminal(isTTY: boolean): {
  isTTY: boolean;
  columns: number;
  written: string[];
  write: (text: string) => void;
} {
  const written: string[] = [];
  return { isTTY, columns: 60, written, write: (text) => void written.push(text) };
}

const started = (id: string, target: string) => ({ kind: 'started' as const, id, title: 'TCP connection', target });

describe('cli/progress', () => {
  it('writes nothing where there is no terminal, or one that cannot go back', () => {
    for (const [isTTY, term] of [
      [false, 'xterm'],
      [true, 'dumb'],
    ] as const) {
      const stream = terminal(isTTY);
      const shown = progress(statusLine(stream, systemEnv, term));
      shown.onEvent(started('p1', '10.0.0.1:443'));
      shown.end();
      assert.deepEqual(stream.written, []);
    }
  });

  it('shows one line, within the width, without foreign control characters, and takes it away', () => {
    const stream = terminal(true);
    const shown = progress(statusLine(stream, systemEnv, 'xterm'));
    shown.onEvent(started('p1', '10.0.0.1:443'));
    shown.onEvent(started('p2', `evil\u001b[2J.test${'x'.repeat(100)}`));
    shown.end();
    assert.match(stream.written[0] ?? '', /0 done, looking at: TCP connection \(10\.0\.0\.1:443\)/);
    for (const text of stream.written) {
      const bare = text.replace('\r\u001b[K', '');
      assert.doesNotMatch(bare, /[\u0000-\u001f]/);
      assert.ok(bare.length < 60);
    }
    assert.equal(stream.written.at(-1), '\r\u001b[K');
  });

  it('counts the seconds, and stops when it ends', () => {
    let now = 0;
    const stream = terminal(true);
    const line = statusLine(stream, { ...systemEnv, monotonic: () => now }, undefined);
    now = 4200;
    line.show('pulling nginx');
    assert.match(stream.written.at(-1) ?? '', /pulling nginx \(4 s\)$/);
    line.end();
  });
});
