import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { type ReportReceiver, startReportReceiver } from '../../kit/report-receiver.ts';

const program = fileURLToPath(new URL('../../kit/reporting-process.ts', import.meta.url));

describe('agent: reporting that is killed', function () {
  this.timeout(60_000);
  const folder = mkdtempSync(`${tmpdir()}/pullwhy-killed-`);
  let receiver: ReportReceiver;
  before(async () => {
    receiver = await startReportReceiver();
  });
  after(async () => {
    await receiver.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Runs until it was killed, or by itself; gives what it said it has written. */
  function run(first: string, killAfterMs: number | null): Promise<{ readonly text: string; readonly errors: string }> {
    return new Promise((resolve) => {
      const child = spawn(process.execPath, [program, receiver.url, `${folder}/state`, first], {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { PATH: process.env.PATH },
      });
      let [text, errors] = ['', ''];
      child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
        if (text === '' && killAfterMs !== null) setTimeout(() => child.kill('SIGKILL'), killAfterMs);
        text += chunk;
      });
      child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
        errors += chunk;
      });
      child.on('close', () => resolve({ text, errors }));
    });
  }

  it('loses no record that was written, and counts each once', async () => {
    let asked = 0;
    receiver.behave = ({ records }) => {
      asked++;
      if (records > 60) return { kind: 'answer', status: 413 };
      if (asked % 7 === 0) return { kind: 'answer', status: 429, headers: { 'retry-after': '0' } };
      if (asked % 5 === 0) return { kind: 'reset' };
      return asked % 3 === 0 ? { kind: 'late' } : { kind: 'take' };
    };
    const written = new Set<number>();
    let next = 0;
    let errors = '';
    for (let round = 0; round < 6; round++) {
      const ran = await run(String(next), 150 + round * 130);
      errors += ran.errors;
      for (const line of ran.text.split('\n').slice(0, -1)) written.add(Number(line));
      next = 1_000_000 * (round + 1);
    }
    receiver.behave = () => ({ kind: 'take' });
    errors += (await run('drain', null)).errors;
    assert.ok(written.size > 300, `${written.size}`);
    assert.deepEqual(receiver.complaints, []);
    const arrived = new Map<number, number>();
    for (const json of receiver.kept.values()) {
      const record: { readonly openIncidents: number } = JSON.parse(json);
      arrived.set(record.openIncidents, (arrived.get(record.openIncidents) ?? 0) + 1);
    }
    assert.deepEqual(
      [...written].filter((one) => !arrived.has(one)),
      [],
      `lost:\n${errors}`,
    );
    assert.deepEqual(
      [...arrived].filter(([, times]) => times !== 1),
      [],
      'under two numbers',
    );
    // Numbers of a stream have no gap: nothing was dropped.
    const streams = new Map<string, number[]>();
    for (const key of receiver.kept.keys()) {
      const [boot = '', seq = ''] = key.split(' ');
      streams.set(boot, [...(streams.get(boot) ?? []), Number(seq)]);
    }
    for (const [boot, seqs] of streams)
      assert.deepEqual(
        seqs.sort((a, b) => a - b),
        Array.from({ length: seqs.length }, (_, index) => index + 1),
        boot,
      );
    const repeats = receiver.batches.reduce((sum, { batch }) => sum + batch.records.length, 0) - receiver.kept.size;
    assert.ok(repeats > 0, 'some came twice');
  });
});
