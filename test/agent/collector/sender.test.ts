import assert from 'node:assert/strict';
import { gunzipSync } from 'node:zlib';
import type { Sent } from '../../../src/agent/collector/collector-client.ts';
import { openSender } from '../../../src/agent/collector/sender.ts';
import { openSpool } from '../../../src/agent/collector/spool.ts';
import type { RecordKind } from '../../../src/api/records.ts';
import { openLog } from '../../../src/lib/log.ts';

describe('agent: the sender', () => {
  /** A sender whose collector answers as told, in virtual time. */
  function stage(
    answer: (batch: { readonly records: readonly { readonly seq: number }[] }) => Sent,
    random = () => 0.5,
  ) {
    const time = { at: 0 };
    const env = { now: () => 1_763_800_000_000 + time.at, monotonic: () => time.at, random };
    const lines: string[] = [];
    const log = openLog({
      env,
      write: (line) => void lines.push(line),
      settings: () => ({ level: 'debug', format: 'text' }),
    });
    const ended: string[] = [];
    const lost: Record<string, number> = {};
    const spool = openSpool({
      env,
      log,
      node: 'node-1',
      directory: null,
      maxBytes: 10_000_000,
      maxAgeMs: 7 * 86_400_000,
      newId: () => 'boot',
      onDropped: (kind, count) => {
        lost[kind] = (lost[kind] ?? 0) + count;
      },
    });
    const posts: { readonly at: number; readonly seqs: readonly number[]; readonly text: string }[] = [];
    let pending: Promise<unknown> = Promise.resolve();
    const sender = openSender({
      env,
      log,
      node: 'node-1',
      spool,
      client: {
        server: 'https://collector.test:9450',
        post(body) {
          const text = gunzipSync(body).toString('utf8');
          const batch: { readonly records: readonly { readonly seq: number }[] } = JSON.parse(text);
          posts.push({ at: time.at, seqs: batch.records.map(({ seq }) => seq), text });
          const sent = Promise.resolve(answer(batch));
          pending = sent;
          return sent;
        },
      },
      ended: (result) => void ended.push(result),
    });
    /** Lets time pass as the agent's timer does. */
    const pass = async (ms: number): Promise<void> => {
      for (const until = time.at + ms; time.at < until; ) {
        time.at += 250;
        spool.tick();
        const before = posts.length;
        sender.tick();
        // The compression is made by another thread.
        for (let turn = 0; turn < 200 && sender.busy(); turn++) await new Promise((resolve) => setTimeout(resolve, 1));
        if (posts.length > before) await pending;
      }
    };
    const push = (count: number, kind: RecordKind = 'incident', chars = 10): void => {
      for (let at = 0; at < count; at++)
        spool.push({ kind, subject: null, record: { kind, at, filler: 'x'.repeat(chars) } });
    };
    return { time, spool, sender, posts, lines, ended, lost, pass, push };
  }
  const all = ({ records }: { readonly records: readonly { readonly seq: number }[] }): Sent => ({
    kind: 'taken',
    acked: Math.max(...records.map(({ seq }) => seq)),
    refused: [],
  });

  it('sends a change within a second and the rest within half a minute, and nothing when there is nothing', async () => {
    const { time, sender, posts, pass, push } = stage(all);
    await pass(20_000);
    assert.equal(posts.length, 0);
    push(1);
    const pushed = time.at;
    sender.wake('now');
    await pass(1000);
    assert.equal(posts.length, 1);
    assert.ok((posts[0]?.at ?? 0) - pushed <= 1000);
    assert.match(posts[0]?.text ?? '', /^\{"node":"node-1","bootId":"boot","sentAt":"[^"]+Z","records":\[\{"seq":1,/);
    push(1, 'investigation');
    sender.wake('usual');
    const then = time.at;
    await pass(30_000);
    assert.equal(posts.length, 2);
    assert.ok((posts[1]?.at ?? 0) - then >= 5000);
    assert.match(sender.state().note, /taken by https:\/\/collector\.test/);
    assert.equal(sender.state().state, 'following');
    await sender.stop();
  });

  it('keeps batches small, and sends four a second at most', async () => {
    const { spool, posts, pass, push, time, sender } = stage(all);
    push(900);
    push(20, 'investigation', 200_000);
    await pass(40_000);
    assert.equal(spool.size().rows, 0);
    for (const { text, seqs } of posts) assert.ok(seqs.length <= 500 && (text.length < 600_000 || seqs.length === 1));
    for (const [index, { at }] of posts.entries()) {
      const before = posts[index - 1]?.at;
      if (before !== undefined) assert.ok(at - before >= 250);
    }
    assert.deepEqual(
      posts.flatMap(({ seqs }) => seqs),
      Array.from({ length: posts.at(-1)?.seqs.at(-1) ?? 0 }, (_, at) => at + 1),
    );
    assert.ok(time.at > 0);
    await sender.stop();
  });

  it('backs off with full jitter from one second to five minutes, and sends the same again', async () => {
    let away = true;
    const draws: number[] = [];
    const random = (): number => {
      const drawn = (draws.length * 0.37) % 1;
      draws.push(drawn);
      return drawn;
    };
    const { posts, pass, push, sender, lines, ended } = stage(
      (batch) => (away ? { kind: 'later', note: 'It is away.', retryAfterMs: null } : all(batch)),
      random,
    );
    push(3);
    sender.wake('now');
    await pass(86_400_000 / 24);
    const gaps = posts.slice(1).map(({ at }, index) => at - (posts[index]?.at ?? 0));
    assert.ok(gaps.every((gap) => gap <= 300_250));
    assert.ok(
      gaps.slice(0, 3).every((gap) => gap <= 8250),
      gaps.join(),
    );
    assert.ok(Math.max(...gaps) > 150_000);
    // An hour away: some tens of tries, not thousands.
    assert.ok(posts.length < 60, `${posts.length}`);
    assert.equal(new Set(posts.map(({ seqs }) => seqs.join())).size, 1);
    assert.equal(lines.filter((line) => line.includes('takes no reports')).length, 1);
    away = false;
    await pass(300_000);
    assert.equal(ended.at(-1), 'taken');
    assert.equal(lines.filter((line) => line.includes('the collector takes reports')).length, 1);
    await sender.stop();
  });

  it('comes back when it was told to, a little later, and not before for anything', async () => {
    let busy = true;
    const { posts, pass, push, sender, time } = stage((batch) =>
      busy ? { kind: 'later', note: 'It is busy.', retryAfterMs: 60_000 } : all(batch),
    );
    push(1);
    sender.wake('now');
    await pass(1000);
    busy = false;
    const first = posts[0]?.at ?? 0;
    push(1);
    sender.wake('now');
    await pass(59_000);
    assert.equal(posts.length, 1);
    await pass(15_000);
    assert.equal(posts.length, 3);
    assert.ok((posts[1]?.at ?? 0) - first >= 60_000 && (posts[1]?.at ?? 0) - first <= 74_000);
    assert.ok(time.at < 80_000);
    await sender.stop();
  });

  it('halves what is too large down to one record, drops that, and grows again', async () => {
    const { posts, pass, push, spool, lost, lines, sender } = stage((batch) =>
      batch.records.some(({ seq }) => seq === 13) ? { kind: 'too-large', note: 'Too large.' } : all(batch),
    );
    push(20);
    sender.wake('now');
    await pass(20_000);
    assert.deepEqual(
      posts.slice(0, 6).map(({ seqs }) => seqs.length),
      [20, 10, 10, 5, 3, 2],
      'half of it each time, and twice as much after each that is taken',
    );
    assert.ok(posts.some(({ seqs }) => seqs.join() === '13'));
    assert.deepEqual([lost, spool.size().rows], [{ incident: 1 }, 0]);
    assert.equal(lines.filter((line) => line.includes('no record as large')).length, 1);
    push(30);
    sender.wake('now');
    await pass(3000);
    assert.equal(posts.at(-1)?.seqs.length, 30);
    await sender.stop();
  });

  it('drops what is refused, and says so once for each place', async () => {
    const { pass, push, sender, spool, lost, lines } = stage((batch) => {
      const acked = Math.max(...batch.records.map(({ seq }) => seq));
      const refused = batch.records
        .filter(({ seq }) => seq % 2 === 0)
        .map(({ seq }, index) => ({ seq, pointer: `/records/${index * 2 + 1}/incident/id`, detail: 'is no text' }));
      return { kind: 'taken', acked, refused };
    });
    push(10);
    sender.wake('now');
    await pass(2000);
    assert.deepEqual([lost, spool.size().rows], [{ incident: 5 }, 0]);
    const told = lines.filter((line) => line.includes('refuses a record'));
    assert.equal(told.length, 1);
    assert.match(told[0] ?? '', /pointer=\/records\/1\/incident\/id detail="is no text"/);
    await sender.stop();
  });

  it('says what has to be mended, and asks seldom until it is', async () => {
    let wrong = true;
    const { posts, pass, push, sender, lines } = stage((batch) =>
      wrong ? { kind: 'unusable', note: 'The token is refused: mend it.' } : all(batch),
    );
    push(1);
    sender.wake('now');
    await pass(600_000);
    assert.ok(posts.length >= 3 && posts.length < 10, `${posts.length}`);
    assert.equal(sender.state().state, 'unreadable');
    assert.equal(lines.filter((line) => /ERROR.*mend it/.test(line)).length, 1);
    wrong = false;
    await pass(300_000);
    assert.equal(sender.state().state, 'following');
    await sender.stop();
  });

  it('keeps what an answer does not acknowledge', async () => {
    const { pass, push, sender, spool } = stage(() => ({ kind: 'taken', acked: 2, refused: [] }));
    push(5);
    sender.wake('now');
    await pass(5000);
    assert.equal(spool.size().rows, 3);
    assert.match(sender.state().note, /acknowledges 2 of 3/);
    await sender.stop();
  });
});
