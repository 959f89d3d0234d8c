import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { startPatience } from '../../src/lib/patience.ts';
import { startTcpServer } from '../kit/tcp-server.ts';

describe('lib: patience', () => {
  it('ends after its time', async () => {
    const begun = performance.now();
    await new Promise<void>((resolve) => startPatience(100, resolve));
    const took = performance.now() - begun;
    assert.ok(took >= 95, `${took}`);
  });

  it('does not end once it is cleared, in its last moment neither', async () => {
    let ended = 0;
    const short = startPatience(1, () => ended++);
    const long = startPatience(40, () => ended++);
    setTimeout(() => short.clear(), 1);
    await sleep(20);
    long.clear();
    await sleep(60);
    assert.equal(ended, 0);
  });

  it('reads what has come while the program was held up, before it calls anybody silent', async () => {
    const server = await startTcpServer((socket) => socket.write('hello'));
    try {
      const told = await new Promise<string>((resolve) => {
        const socket = connect(server.port, '127.0.0.1');
        const patience = startPatience(150, () => resolve('silence'));
        // Several turns of the loop are needed: it takes the connection, and the answer is sent and read.
        socket.once('data', (data) => {
          patience.clear();
          socket.destroy();
          resolve(data.toString());
        });
        holdUp(400);
      });
      assert.equal(told, 'hello');
    } finally {
      await server.close();
    }
  });

  it('gives a program that is held up all the time a turn for each step', async () => {
    let turns = 0;
    await new Promise<void>((resolve) => {
      const busy = setInterval(() => {
        turns++;
        holdUp(60);
      }, 1);
      startPatience(160, () => {
        clearInterval(busy);
        resolve();
      });
    });
    assert.ok(turns >= 7, `${turns}`);
  });
});

function holdUp(ms: number): void {
  for (const until = performance.now() + ms; performance.now() < until; );
}
