import assert from 'node:assert/strict';
import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';
import { afterFailure, nextTry, syncMs } from '../../src/agent/back-off.ts';
import { openBook } from '../../src/agent/book.ts';
import type { Incident, IncidentChange } from '../../src/agent/parts.ts';
import { limits } from '../../src/lib/limits.ts';
import { fileLines } from '../../src/signals/file-lines.ts';
import type { PullEvent } from '../../src/signals/pull-event.ts';
import { pullEvents } from '../../src/signals/pull-events.ts';
import type { SourceLine } from '../../src/signals/pull-line.ts';
import { captures, haveCaptures } from '../kit/captures.ts';
import { pullEvent } from '../kit/pull-event.ts';

const start = Date.parse('2026-11-22T10:00:00Z');

function clock(at = start) {
  const env = { at, now: () => env.at, monotonic: () => env.at - start, random: () => 0.5 };
  return env;
}

/** A book that hears of everything as it happens: its clock is at least at the line's time. */
function bookOf(
  env: ReturnType<typeof clock>,
  ...more: Parameters<typeof openBook> extends [unknown, ...infer R] ? R : never
) {
  const book = openBook(env, ...more);
  const notice = (one: PullEvent): void => {
    env.at = Math.max(env.at, Date.parse(one.at));
    book.notice(one);
  };
  return { ...book, notice };
}

function event(seconds: number, more: Partial<PullEvent> = {}): PullEvent {
  const at = new Date(start + seconds * 1000).toISOString();
  return pullEvent({ at, cursor: 'c', image: 'registry.lab/team/app:1', ...more });
}

describe('agent: back-off', () => {
  it('doubles from 10 s to 300 s, and starts anew after ten minutes without a failure', () => {
    let at = 0;
    let backOff = afterFailure(null, at);
    const waits = [backOff.ms];
    for (let n = 0; n < 7; n++) {
      at = nextTry(backOff) + 7000;
      backOff = afterFailure(backOff, at);
      waits.push(backOff.ms);
    }
    assert.deepEqual(waits, [10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000, 300_000]);
    assert.equal(afterFailure(backOff, at + 700_000).ms, 10_000);
  });

  it('finds the step of a pod whose first failures were not seen', () => {
    // Two tries 92 s apart: a back-off of 80 s had ended, so 160 s follow.
    assert.equal(afterFailure(afterFailure(null, 0), 92_000).ms, 160_000);
  });
});

describe('agent: book', () => {
  it('makes one incident of all pods that wait for an image, in any spelling', () => {
    const env = clock();
    const book = bookOf(env);
    book.notice(event(0, { image: 'nginx' }));
    book.notice(event(1, { image: 'docker.io/library/nginx:latest', pod: 'web-1' }));
    book.notice(event(1.2, { image: 'nginx', event: 'back-off', pod: 'web-1', cause: 'back-off-only' }));
    const [incident, ...others] = book.open();
    assert.equal(others.length, 0);
    assert.deepEqual(
      incident?.pods.map(({ pod, attempts, reason }) => [pod, attempts, reason]),
      [
        ['web-0', 1, 'ErrImagePull'],
        ['web-1', 1, 'ImagePullBackOff'],
      ],
    );
    assert.equal(incident?.saidCause, 'tcp-refused');
    assert.equal(incident?.registry, 'registry-1.docker.io');
  });

  it('does not take an image that is here for the end of those who ask the registry all the same', () => {
    const env = clock();
    const policies: Record<string, 'Always' | 'IfNotPresent'> = { 'web-0': 'Always', 'web-1': 'IfNotPresent' };
    const known = { policyOf: ({ pod }: { pod: string | null }) => policies[pod ?? ''] ?? null, waits: () => true };
    const book = bookOf(env, { open: [], over: [] }, known);
    book.notice(event(0));
    book.notice(event(1, { pod: 'web-1' }));
    const key = book.open()[0]?.key ?? '';
    env.at += 10_000;
    book.images(new Set([key]));
    assert.deepEqual(
      book.open().map(({ pods }) => pods.map(({ pod }) => pod)),
      [['web-0']],
    );
    book.podsEnded(() => 'gone');
    // The kubelet wants credentials for what is here: it pulls once more.
    book.notice(event(10, { pod: 'web-1' }));
    env.at += 10_000;
    const unverified = {
      investigation: 'i',
      at: env.at,
      verdict: 'faulty',
      cause: 'image-credentials-unverified',
      confidence: 'proven',
      underlying: null,
      layer: 'policy',
      host: null,
      summary: '',
      remedies: [],
      notBefore: null,
    } as const;
    book.conclude(key, unverified);
    book.images(new Set([key]));
    assert.equal(book.open().length, 1);
    book.conclude(key, { ...unverified, cause: 'tcp-refused', layer: 'tcp' });
    book.images(new Set([key]));
    assert.equal(book.open().length, 0);
    assert.equal(book.over(0).at(-1)?.endedBy, 'kubelet');
    // What makes room is counted: as many as are kept can be there again.
    for (let n = 0; n < limits.agentPods; n++) book.notice(event(20, { pod: `p-${n}` }));
    assert.equal(book.open()[0]?.pods.length, limits.agentPods);
  });

  it('tells of the opening, of another cause, of more pods and of the end, and not of repetitions', () => {
    const book = bookOf(clock());
    const told: string[] = [];
    book.onChange((_, change: IncidentChange) => told.push(change));
    book.notice(event(0));
    book.notice(event(11));
    book.notice(event(12, { event: 'back-off', cause: 'back-off-only' }));
    book.notice(event(33, { cause: 'tag-not-found' }));
    book.notice(event(34, { cause: 'unknown' }));
    book.notice(event(35, { pod: 'web-1', cause: 'tag-not-found' }));
    book.notice(event(60, { event: 'pull-succeeded', cause: null }));
    assert.deepEqual(told, ['opened', 'signal', 'pods', 'ended']);
    assert.equal(book.open().length, 0);
    assert.equal(book.over(start)[0]?.endedBy, 'kubelet');
  });

  it('gives the runtime’s line to the pod that is known, and the pod’s name to a line without', () => {
    const book = bookOf(clock());
    book.notice(event(0, { pod: null, namespace: null, container: null, source: 'containerd' }));
    assert.equal(book.open()[0]?.pods[0]?.pod, null);
    book.notice(event(0.3));
    const [incident] = book.open();
    assert.deepEqual(
      incident?.pods.map(({ pod, attempts }) => [pod, attempts]),
      [['web-0', 1]],
    );
  });

  it('counts a try for the pod that the kubelet names, whoever is known when the runtime tells of it', () => {
    const book = bookOf(clock());
    const unnamed = { pod: null, namespace: null, container: null, source: 'containerd' } as const;
    for (const [seconds, pod] of [
      [0, 'web-0'],
      [4, 'web-1'],
      [7, 'web-2'],
      [19, 'web-0'],
    ] as const) {
      book.notice(event(seconds, { ...unnamed, event: 'pull-started', cause: null }));
      book.notice(event(seconds + 1, { ...unnamed, cause: 'dns-timeout' }));
      assert.equal(book.open()[0]?.saidCause, 'dns-timeout');
      assert.equal(book.open()[0]?.lastSeenAt, start + (seconds + 1) * 1000);
      book.notice(event(seconds + 1.1, { pod, cause: 'dns-timeout' }));
    }
    assert.deepEqual(
      book.open()[0]?.pods.map(({ pod, attempts, backOffMs }) => [pod, attempts, backOffMs]),
      [
        ['web-0', 2, 20_000],
        ['web-1', 1, 10_000],
        ['web-2', 1, 10_000],
      ],
    );
  });

  it('finds the step of a try by when its pull began, whoever told first that it failed', () => {
    const unnamed = { pod: null, namespace: null, container: null, source: 'containerd' } as const;
    const waits = [true, false].map((runtime) => {
      const book = bookOf(clock());
      book.notice(event(0));
      // It began after 10 s and hung for 80 s: without its beginning it would be the try after 80 s.
      book.notice(event(12, { ...unnamed, event: 'pull-started', cause: null }));
      if (runtime) book.notice(event(92, unnamed));
      book.notice(event(92.1));
      return book.open()[0]?.pods[0]?.backOffMs;
    });
    assert.deepEqual(waits, [20_000, 20_000]);
  });

  it('ends by a pull that worked whose image is enough for them, and of the others the one that pulled', () => {
    const policies: Record<string, 'Always' | 'IfNotPresent'> = {
      'always-0': 'Always',
      'always-1': 'Always',
      'web-1': 'IfNotPresent',
    };
    const known = { policyOf: ({ pod }: { pod: string | null }) => policies[pod ?? ''] ?? null, waits: () => true };
    const book = bookOf(clock(), { open: [], over: [] }, known);
    const pods = () => book.open().map((incident) => incident.pods.map(({ pod, attempts }) => [pod, attempts]));
    for (const [at, pod] of ['always-0', 'always-1', 'web-0', 'web-1'].entries()) book.notice(event(at, { pod }));
    const [before] = book.open();
    const worked = { event: 'pull-succeeded', cause: null } as const;
    const unnamed = { pod: null, namespace: null, container: null, source: 'containerd' } as const;
    book.notice(event(14, { pod: 'web-1', event: 'back-off', cause: 'back-off-only' }));
    // It was read late: who failed since does so with the image here.
    book.notice(event(12, { ...worked, pod: 'always-1' }));
    assert.deepEqual(pods(), [
      [
        ['always-0', 1],
        ['web-1', 1],
      ],
    ]);
    book.notice(event(20, { ...worked, ...unnamed }));
    assert.deepEqual(pods(), [[['always-0', 1]]]);
    assert.equal(book.open()[0]?.id, before?.id);
    // Nobody else waits: it is its own.
    book.notice(event(30, { ...worked, ...unnamed }));
    assert.deepEqual(
      book.over(0).map(({ id, endedBy, pods: rows }) => [id, endedBy, rows.length]),
      [[before?.id, 'kubelet', 1]],
    );
  });

  it('ends what nobody tries any more after three minutes of silence, and a long pull only after an hour', () => {
    const env = clock();
    const book = bookOf(env);
    book.notice(event(0));
    book.notice(event(0, { image: 'big:1' }));
    book.notice(event(10, { image: 'big:1', event: 'pull-started', cause: null }));
    env.at = start + 200_000;
    book.tick();
    assert.deepEqual(
      book.open().map(({ image }) => image),
      ['big:1'],
    );
    assert.equal(book.over(start)[0]?.endedBy, 'gone');
    env.at = start + 3_700_000;
    book.tick();
    assert.deepEqual(book.open(), []);
  });

  it('counts what the agent’s pull gained, and ends when nothing fails after it', () => {
    const env = clock();
    const book = bookOf(env);
    for (const at of [0, 12, 35, 80, 165]) book.notice(event(at));
    const [key = ''] = book.open().map((incident) => incident.key);
    env.at = start + 200_000;
    book.pulled(key, env.at);
    book.notice(event(200.1, { event: 'pull-succeeded', source: 'containerd', cause: null, pod: null }));
    assert.equal(book.open().length, 1, 'the kubelet did not look yet');
    env.at += 21_000;
    book.tick();
    const [over] = book.over(start);
    // The fifth failure at 165 s is followed by 160 s: the next try would have come at 325 s.
    assert.deepEqual([over?.endedBy, over?.secondsGained], ['agent', 125]);
  });

  it('gains nothing for a pod that always pulls: it goes on failing', () => {
    const env = clock();
    const book = bookOf(env);
    book.notice(event(0));
    const [key = ''] = book.open().map((incident) => incident.key);
    book.pulled(key, start + 5000);
    env.at = start + 24_000;
    book.notice(event(23, { event: 'back-off', cause: 'back-off-only' }));
    book.tick();
    assert.equal(book.open().length, 1);
  });

  it('takes its pull back where pods fail on and on all the same, and not for what was under way or is said meanwhile', () => {
    const env = clock();
    const policies: Record<string, 'Always' | 'IfNotPresent'> = { 'web-0': 'Always', 'web-1': 'IfNotPresent' };
    const known = { policyOf: ({ pod }: { pod: string | null }) => policies[pod ?? ''] ?? null, waits: () => true };
    const book = bookOf(env, { open: [], over: [] }, known);
    for (const pod of ['web-0', 'web-1', 'web-2']) book.notice(event(0, { pod }));
    const key = book.open()[0]?.key ?? '';
    book.notice(event(4, { pod: null, namespace: null, source: 'containerd', event: 'pull-started', cause: null }));
    env.at = start + 5000;
    book.pulled(key, env.at);
    // It had begun before, and hung.
    book.notice(event(22));
    book.notice(event(22, { event: 'back-off', cause: 'back-off-only' }));
    book.notice(event(23, { pod: null, namespace: null, source: 'containerd', event: 'pull-started', cause: null }));
    assert.equal(book.open()[0]?.pulledAt, start + 5000);
    assert.equal(book.open()[0]?.pods.length, 3);
    // Nobody knows the policy of web-2, but who waits half a minute with the image here asks the registry all the same.
    book.notice(event(30, { pod: 'web-2', event: 'back-off', cause: 'back-off-only' }));
    const told: string[] = [];
    book.onChange((_, change) => told.push(change));
    book.notice(event(31));
    const said = () => {
      const [incident] = book.open();
      return [incident?.pulledAt, incident?.conclusion, incident?.pods.map(({ pod, policy }) => [pod, policy])];
    };
    const expected = [
      null,
      null,
      [
        ['web-0', 'Always'],
        ['web-2', 'Always'],
      ],
    ];
    assert.deepEqual(said(), expected);
    env.at += 10_000;
    book.images(new Set([key]));
    assert.deepEqual(said(), expected);
    assert.deepEqual(told, ['signal']);
  });

  it('takes an image that CRI lists for pulled, unless it failed just now', () => {
    const env = clock();
    const book = bookOf(env);
    book.notice(event(0));
    const [key = ''] = book.open().map((incident) => incident.key);
    env.at = start + 1000;
    book.images(new Set([key]));
    book.images(null);
    assert.equal(book.open().length, 1);
    env.at = start + 5000;
    book.images(new Set([key]));
    assert.equal(book.open().length, 0);
  });

  it('goes on where it stopped', () => {
    const env = clock();
    const book = bookOf(env);
    book.notice(event(0));
    book.notice(event(12));
    const again = bookOf(env, { open: book.open(), over: [] });
    assert.deepEqual(again.open(), book.open());
    again.notice(event(34));
    assert.equal(again.open()[0]?.pods[0]?.backOffMs, 40_000);
  });

  it('takes the time in which it was closed for no silence, and hears again who waits', () => {
    const env = clock();
    const before = bookOf(env);
    before.notice(event(0));
    before.notice(event(0, { image: 'other:1' }));
    before.notice(event(0, { image: 'pulled:1' }));
    before.pulled(before.open()[2]?.key ?? '', start + 1000);
    env.at += 900_000;
    const env2 = { ...clock(env.at), monotonic: () => env2.at - start - 900_000 };
    const book = bookOf(env2, { open: before.open(), over: [] });
    book.tick();
    assert.equal(book.open().length, 3);
    env2.at += 21_000;
    book.tick();
    assert.deepEqual(
      book.over(0).map(({ image, endedBy }) => [image, endedBy]),
      [['pulled:1', 'agent']],
    );
    book.notice(event(930));
    env2.at = start + 900_000 + 181_000;
    book.tick();
    assert.deepEqual(
      book.open().map(({ image, id }) => [image, id]),
      [['registry.lab/team/app:1', before.open()[0]?.id]],
    );
    assert.equal(book.over(0).at(-1)?.endedBy, 'gone');
  });

  it('gives what changed without a word once, and nothing when nothing did', () => {
    const env = clock();
    const book = bookOf(env);
    book.notice(event(0));
    book.notice(event(0, { image: 'other:1' }));
    assert.deepEqual(book.untold(), []);
    book.notice(event(12));
    assert.deepEqual(
      book.untold().map(({ image, pods }) => [image, pods[0]?.attempts]),
      [['registry.lab/team/app:1', 2]],
    );
    book.tick();
    assert.deepEqual(book.untold(), []);
  });

  it('is bounded in images and pods', () => {
    const env = clock();
    const book = bookOf(env);
    let ended = 0;
    book.onChange((_: Incident, change) => {
      if (change === 'ended') ended++;
    });
    for (let n = 0; n < limits.agentIncidents + 10; n++) book.notice(event(n, { image: `registry.lab/app:${n}` }));
    assert.equal(book.open().length, limits.agentIncidents);
    assert.equal(ended, 10);
  });

  it('beyond its bound counts each pod once, as long as it waits, and goes on with its image', () => {
    const env = clock();
    const book = bookOf(env);
    for (let n = 0; n < limits.agentPods; n++) book.notice(event(0, { pod: `web-${n}` }));
    const told: string[] = [];
    book.onChange(({ image }, change) => image === 'other:1' && told.push(change));
    const [first, second] = ['registry.lab/team/app:1', 'other:1'];
    const say = (seconds: number, pod: string, image = first): void => {
      book.notice(event(seconds, { pod, image, event: 'back-off', cause: 'back-off-only' }));
      book.tick();
    };
    for (let n = 0; n < 5; n++) for (const pod of ['a', 'b', 'c']) say(n * 12, pod);
    for (let n = 0; n < 5; n++) say(60 + n * 12, 'd', second);
    const [all, other] = book.open();
    assert.deepEqual([all?.pods.length, all?.morePods], [limits.agentPods, 3]);
    assert.deepEqual([other?.pods.length, other?.morePods, told], [0, 1, ['opened']]);
    // A restart knows how many they were, until they were heard again.
    const env2 = clock(env.at);
    const again = bookOf(env2, { open: book.open(), over: [] });
    again.tick();
    assert.deepEqual(
      again.open().map(({ morePods }) => morePods),
      [3, 1],
    );
    // Everybody else is silent: there is room.
    say(170, 'a');
    say(182, 'a');
    say(194, 'a');
    assert.deepEqual(
      book.open().map(({ pods, morePods }) => [pods.map(({ pod }) => pod), morePods]),
      [
        [['a'], 2],
        [[], 1],
      ],
    );
    env.at = start + 400_000;
    book.tick();
    assert.equal(book.open().length, 0);
  });
});

describe('agent: back-off of a real kubelet', () => {
  before(function () {
    if (!haveCaptures()) this.skip();
  });

  it('is predicted', async () => {
    const run = 'containerd-1.7.24-api';
    const book = bookOf(clock());
    let [right, tries] = [0, 0];
    const wrong: string[] = [];
    const began = new Map<string, number>();
    const env = clock(Date.parse('2026-11-22T12:00:00Z'));
    for await (const one of pullEvents(bothLogs(`${captures}/${run}`), { env })) {
      if (one.event === 'pull-started' && one.image !== null) began.set(one.image, Date.parse(one.at));
      if (one.event === 'pull-failed' && one.image !== null && one.pod !== null) {
        const known = book
          .open()
          .flatMap(({ image, pods }) => pods.map((pod) => ({ image, ...pod })))
          .find(({ image, pod, container }) => image === one.image && pod === one.pod && container === one.container);
        // Of the first tries the step is a guess; from the second on it is known.
        if (known !== undefined && known.nextTryAt !== null && known.attempts >= 1) {
          tries++;
          const failedAt = Date.parse(one.at);
          const begin = began.get(one.image) ?? failedAt;
          const late = (begin > (known.lastTryAt ?? 0) ? begin : failedAt) - known.nextTryAt;
          if (late >= -1000 && late <= syncMs.most + 2000) right++;
          else wrong.push(`${one.pod}: ${late} ms after ${known.backOffMs} ms`);
        }
      }
      book.notice(one);
    }
    assert.ok(tries > 20, `${tries} tries`);
    assert.ok(right / tries > 0.95, wrong.join('\n'));
  });
});

/** Lines of kubelet and runtime in one order, as a journal has them. */
async function* bothLogs(folder: string): AsyncGenerator<SourceLine> {
  const lines: SourceLine[] = [];
  for (const name of ['containerd', 'kubelet']) {
    const stream = createReadStream(`${folder}/${name}.log.gz`).pipe(createGunzip());
    for await (const line of fileLines(stream, `${name}.service`, Date.parse('2026-11-22T12:00:00Z') * 1000))
      lines.push(line);
  }
  yield* lines.sort((a, b) => a.timeUs - b.timeUs);
}
