import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { servicesOf } from '../kit/agent-services.ts';
import { startHttpAgent } from '../kit/http-agent.ts';
import { type Call, head, httpCallers, json } from '../kit/http-callers.ts';
import { until } from '../kit/until.ts';

describe('serve: a crowd of callers who are not let in', () => {
  const { start, open, status, close } = httpCallers(startHttpAgent);
  const maxConcurrent = 8;
  /** As the agent has it. */
  const maxConnections = maxConcurrent + 64;
  let folder: string;
  let tokenFile: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pullwhy-crowd-'));
    tokenFile = join(folder, 'token');
    await writeFile(tokenFile, 'right\n');
    await chmod(tokenFile, 0o600);
  });
  afterEach(close);
  after(() => rm(folder, { recursive: true }));

  /** A body that does not come. */
  const unsent = (line: string): string => head(line, `${json}Content-Length: 100000\r\n`);
  const crowd = (port: number, text: string, size = maxConnections): Call[] =>
    Array.from({ length: size }, () => open(port, text));

  for (const [what, line, expected] of [
    ['refused', 'POST /v1/pulls', 401],
    ['sent to nowhere', 'POST /nope', 404],
  ] as const) {
    it(`does not keep liveness out by bodies that do not come, ${what}`, async () => {
      const { port } = await start({ maxConcurrent, gate: { mode: 'token', tokenFile } });
      const calls = crowd(port, unsent(line));
      await until('the answers', () => calls.every(({ got }) => got().startsWith(`HTTP/1.1 ${expected} `)));
      for (let n = 0; n < 5; n++) assert.equal(await status(port, head('GET /healthz')), 200);
    });
  }

  it('does not keep liveness out while it is found out who they are', async () => {
    let asked = 0;
    const review = (): Promise<never> => {
      asked++;
      return new Promise(() => undefined);
    };
    const { port } = await start({ maxConcurrent: 100, gate: { mode: 'kubernetes', reviewer: { review } } });
    for (let n = 0; n < 100 + 64; n++) open(port, head('GET /v1/pods', `Authorization: Bearer t${n}\r\n`));
    await until('reviews', () => asked > 0);
    for (let n = 0; n < 5; n++) assert.equal(await status(port, head('GET /healthz')), 200);
  });

  it('does not push out those who were let in and wait for their answers', async () => {
    const services = servicesOf();
    let end: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      end = resolve;
    });
    let begun = 0;
    const investigator = {
      ...services.investigator,
      async investigate(...order: Parameters<typeof services.investigator.investigate>) {
        begun++;
        await held;
        return services.investigator.investigate(...order);
      },
    };
    const { port } = await start({
      maxConcurrent,
      gate: { mode: 'token', tokenFile },
      services: { investigator, maxPerCaller: () => 100 },
    });
    const order = head('POST /v1/investigations', `${json}Authorization: Bearer right\r\nContent-Length: 13\r\n`);
    const working = crowd(port, `${order}{"image":"x"}`, 4);
    await until('the work', () => begun === 4);
    const calls = crowd(port, unsent('POST /v1/pulls'), 2 * maxConnections);
    await until('the end of some', () => calls.filter(({ socket }) => socket.destroyed).length >= maxConnections);
    end();
    for (const { got } of working) await until('the answer', () => got().startsWith('HTTP/1.1 200 '));
  });

  it('gives place again when an answer was given, on a connection that stays', async () => {
    const { port } = await start({ maxConcurrent, gate: { mode: 'token', tokenFile } });
    const calls = crowd(port, head('GET /v1/pods', 'Authorization: Bearer right\r\n'), maxConcurrent);
    await until('the answers', () => calls.every(({ got }) => got().includes('HTTP/1.1 ')));
    crowd(port, head('GET /healthz'));
    await until('their end', () => calls.every(({ socket }) => socket.destroyed));
  });
});
