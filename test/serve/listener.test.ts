import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { systemEnv } from '../../src/lib/env.ts';
import { openLog } from '../../src/lib/log.ts';
import { openListener, usualTimes } from '../../src/serve/listener.ts';

const log = openLog({ env: systemEnv, write: () => undefined, settings: () => ({ level: 'error', format: 'json' }) });

describe('serve: a server that takes many connections at once', () => {
  const open = (port: number, acceptors = 32) =>
    openListener({
      who: 'collector',
      listen: { host: '127.0.0.1', port },
      tls: null,
      maxConnections: 1000,
      times: usualTimes,
      acceptors,
      log,
    });

  it('takes them in while it is busy, and has its port alone', async () => {
    const started = await open(0).start((_request, response) => void response.end('{}'));
    assert.ok(started.ok);
    const { port } = started.value.address;
    const second = await open(port).start(() => undefined);
    assert.ok(!second.ok);
    assert.match(second.error, /something listens there already/);

    const count = 400;
    let turns = 0;
    let busy = true;
    const work = (): void => {
      turns++;
      for (const until = performance.now() + 5; performance.now() < until; );
      if (busy) setImmediate(work);
    };
    work();
    const answered = await Promise.all(
      Array.from(
        { length: count },
        () =>
          new Promise<boolean>((resolve) => {
            const socket = connect(port, '127.0.0.1');
            socket.on('error', () => resolve(false));
            socket.once('data', (data) => {
              socket.destroy();
              resolve(data.includes('200 OK'));
            });
            socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
          }),
      ),
    );
    busy = false;
    assert.ok(answered.every(Boolean));
    // One of each socket in a turn: with a single one it takes as many turns as there are connections.
    assert.ok(turns < count / 2, `${turns} turns for ${count} connections`);
    await started.value.stop();
    const again = await open(port).start((_request, response) => void response.end('{}'));
    assert.ok(again.ok, 'the port is free again');
    await again.value.stop();
  });
});
