import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { startThread } from '../../../src/collector/threads/calls.ts';

const calls = new URL('../../../src/collector/threads/calls.ts', import.meta.url).href;

/** What the thread of these tests can be asked for. */
type Asked = {
  readonly double: (number: number) => Promise<number>;
  readonly length: (bytes: Uint8Array) => Promise<number>;
  readonly fall: () => Promise<never>;
};

describe('collector: calls of a thread', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pullwhy-calls-'));
    await writeFile(
      join(folder, 'thread.mjs'),
      `import { parentPort, workerData } from 'node:worker_threads';
       import { answerCalls, cannotBegin, logThrough } from '${calls}';
       logThrough(parentPort).warn('begun', { of: workerData.of });
       if (workerData.of === 'nothing') cannotBegin(parentPort, 'There is nothing to do.');
       else answerCalls(parentPort, {
         double: async (number) => number * 2,
         length: async (bytes) => bytes.length,
         fall: async () => { throw new Error('fallen'); },
       }, async () => undefined);`,
    );
  });
  after(() => rm(folder, { recursive: true, force: true }));

  function start(of: string) {
    const lines: string[] = [];
    const say = (message: string, fields = {}): void => void lines.push(`${message} ${JSON.stringify(fields)}`);
    const module = pathToFileURL(join(folder, 'thread.mjs'));
    const log = { debug: say, info: say, warn: say, error: say };
    return { lines, thread: startThread<Asked>(module, { log, workerData: { of } }) };
  }

  it('each gets its own answer, and its lines come to the log', async () => {
    const { thread, lines } = start('numbers');
    const started = await thread;
    assert.ok(started.ok);
    const { call, hand, stop } = started.value;
    assert.deepEqual(await Promise.all([1, 2, 3].map((number) => call('double', number))), [2, 4, 6]);
    const bytes = new Uint8Array(5);
    assert.equal(await hand(bytes.buffer, 'length', bytes), 5);
    assert.equal(bytes.length, 0, 'the thread has them now');
    assert.deepEqual(lines, ['begun {"of":"numbers"}']);
    await stop();
  });

  it('says why it cannot begin', async () => {
    assert.deepEqual(await start('nothing').thread, { ok: false, error: 'There is nothing to do.' });
  });

  it('ends the process with its defect', async () => {
    const run = async (text: string): Promise<{ readonly code: unknown; readonly text: string }> => {
      const script = join(folder, 'process.mjs');
      await writeFile(
        script,
        `import { startThread } from '${calls}';
         const log = { debug() {}, info() {}, warn() {}, error() {} };
         const { value } = await startThread(new URL('./thread.mjs', import.meta.url), { log, workerData: {} });
         setTimeout(() => process.exit(0), 10_000);
         ${text}`,
      );
      return new Promise((resolve) => {
        execFile(process.execPath, [script], (error, _out, text) => resolve({ code: error?.code ?? 0, text }));
      });
    };
    const defect = await run(`value.call('fall');`);
    assert.equal(defect.code, 1);
    assert.match(defect.text, /fallen/);
    const unknown = await run(`value.call('none');`);
    assert.equal(unknown.code, 1);
    assert.match(unknown.text, /asked for none, which it does not know/);
  });
});
