import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Readable } from 'node:stream';
import { systemEnv } from '../../src/lib/env.ts';
import { fileLines, lineTimeUs } from '../../src/signals/file-lines.ts';
import { matchImage } from '../../src/signals/image-match.ts';
import type { PullEvent } from '../../src/signals/pull-event.ts';
import { type PullEventOptions, pullEvents } from '../../src/signals/pull-events.ts';
import type { SourceLine } from '../../src/signals/pull-line.ts';
import { captures, disturbances, haveCaptures, isDisturbance, scenarios } from '../kit/captures.ts';

const nowUs = Date.parse('2026-11-22T12:00:00Z') * 1000;

async function collect(
  lines: AsyncIterable<SourceLine>,
  options: Partial<PullEventOptions> = {},
): Promise<PullEvent[]> {
  const events: PullEvent[] = [];
  for await (const event of pullEvents(lines, { env: systemEnv, ...options })) events.push(event);
  return events;
}

async function* linesOf(...messages: readonly string[]): AsyncGenerator<SourceLine> {
  for (const [at, message] of messages.entries()) {
    yield { unit: 'kubelet.service', message, timeUs: nowUs + at, cursor: `c${at}` };
  }
}

const head = 'E1122 10:47:14.553456 1 file.go:1] ';
const failed = (image: string) => `${head}"PullImage from image service failed" err="unexpected EOF" image="${image}"`;

describe('signals: events', () => {
  it("has one pull-failed for each failed attempt of CRI-O's kubelet, as the scenario is called", async function () {
    if (!haveCaptures()) return this.skip();
    const folder = join(captures, 'cri-o-1.36.3-api/scenarios');
    let checked = 0;
    for (const name of readdirSync(folder)) {
      const scenario = basename(name, '.log');
      // The pods of `auth-…` share an image, so lines that name no pod are in the log of each.
      const ofPod = (line: string) => !scenario.startsWith('auth-') || line.includes(scenario);
      const lines = readFileSync(join(folder, name), 'utf8').split('\n').filter(ofPod);
      // The log keeps two of lines that are alike, so of one attempt some kinds of lines may be left out: the most counts.
      const reasons =
        '(?:ErrImagePull|InvalidImageName|ErrImageNeverPull|RegistryUnavailable|SignatureValidationFailed)';
      const kinds = [
        /PullImage from image service failed/,
        new RegExp(`start failed in pod \\S+: ${reasons}: `),
        new RegExp(`"Error syncing pod, skipping" err="failed to \\S+ for \\S+ with ${reasons}: `),
      ];
      const attempts = Math.max(...kinds.map((kind) => lines.filter((line) => kind.test(line)).length));
      const all = await collect(fileLines(Readable.from([lines.join('\n')]), name, nowUs));
      const failures = all.filter(({ event }) => event === 'pull-failed');
      assert.equal(failures.length, attempts, scenario);
      for (const { pod, cause, message, image } of failures) {
        checked++;
        assert.ok(image !== null, scenario);
        if (pod !== scenario) continue;
        const allowed: readonly unknown[] = isDisturbance(message) ? disturbances : (scenarios[scenario] ?? []);
        assert.ok(allowed.includes(cause), `${scenario}: ${cause}: ${message}`);
      }
    }
    assert.ok(checked > 50, `${checked} failures`);
  });

  it('keeps to one image in any spelling, and shows what else names it', async () => {
    const lines = linesOf(
      failed('nginx'),
      failed('reg.example/a:1'),
      `${head}"Something about an image" image="docker.io/library/nginx:latest"`,
      `${head}"Something about a container" name="nginx-1"`,
    );
    const events = await collect(lines, { image: 'library/nginx' });
    assert.deepEqual(
      events.map(({ event, image }) => [event, image]),
      [
        ['pull-failed', 'nginx'],
        ['other', 'library/nginx'],
      ],
    );
  });

  it('gives out what is complete when nothing more is written', async () => {
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    async function* lines(): AsyncGenerator<SourceLine> {
      yield* linesOf(failed('nginx'), `${head}"Failed to pull image" err="unexpected EOF" image="nginx"`);
      await held;
    }
    const events = pullEvents(lines(), { env: systemEnv, live: true })[Symbol.asyncIterator]();
    const first = await events.next();
    assert.equal(first.value?.event, 'pull-failed');
    release();
    assert.equal((await events.next()).done, true);
  });

  it('ends what it reads when nobody reads on', async () => {
    let ended = false;
    async function* lines(): AsyncGenerator<SourceLine> {
      try {
        for (let at = 0; ; at++) {
          yield {
            unit: 'kubelet.service',
            message: failed(`reg.example/a${at}:1`),
            timeUs: nowUs + at * 1e7,
            cursor: null,
          };
        }
      } finally {
        ended = true;
      }
    }
    for await (const _ of pullEvents(lines(), { env: systemEnv })) break;
    assert.ok(ended);
  });

  it('reads the time that a line has', () => {
    const cases: readonly (readonly [string, number | null])[] = [
      ['time="2026-11-22T10:47:14.5Z" level=info', Date.parse('2026-11-22T10:47:14Z') * 1000 + 500_000],
      ['2026-11-22T11:47:14.000001+01:00 stderr F x', Date.parse('2026-11-22T10:47:14Z') * 1000 + 1],
      ['E1121 10:47:14.553456   1 f.go:1] x', new Date(2026, 10, 21, 10, 47, 14).getTime() * 1000 + 553_456],
      ['E1231 10:47:14.553456   1 f.go:1] x', new Date(2025, 11, 31, 10, 47, 14).getTime() * 1000 + 553_456],
      ['nothing', null],
    ];
    for (const [line, expected] of cases) assert.equal(lineTimeUs(line, nowUs), expected, line);
  });

  it('compares names of images', () => {
    const digest = `sha256:${'0'.repeat(64)}`;
    const cases: readonly (readonly [string, string, boolean])[] = [
      ['nginx', 'docker.io/library/nginx:latest', true],
      ['nginx', 'nginx:1.99', false],
      ['nginx', 'quay.io/library/nginx', false],
      [`reg.example/a@${digest}`, `reg.example/a:1@${digest}`, true],
      ['Not An Image', 'Not An Image', true],
    ];
    for (const [wanted, image, same] of cases) assert.equal(matchImage(wanted).is(image), same, `${wanted} ${image}`);
  });
});
