import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { PullEvent } from '../../src/signals/pull-event.ts';
import { PullGrouper } from '../../src/signals/pull-grouper.ts';
import { decodeLine } from '../../src/signals/pull-line.ts';

const second = 1_000_000;
const start = 1_795_344_434 * second;

interface Written {
  readonly at: number;
  readonly unit: 'kubelet.service' | 'containerd.service' | 'crio.service';
  readonly message: string;
}

const kubelet = (at: number, message: string): Written => ({
  at,
  unit: 'kubelet.service',
  message: `E1122 10:47:14.553456   12293 file.go:1] ${message}`,
});
const containerd = (at: number, rest: string): Written => ({
  at,
  unit: 'containerd.service',
  message: `time="2026-11-22T10:47:14.5Z" level=error ${rest}`,
});

const refused = 'dial tcp 10.0.0.1:443: connect: connection refused';
const denied = 'failed to authorize: unexpected status: 401 Unauthorized';

/** The lines of one attempt, a millisecond apart, as they are written. */
const lines = {
  runtime: (at: number, image: string, error: string) =>
    containerd(
      at,
      `msg="PullImage \\"${image}\\" failed" error="failed to pull and unpack image \\"${image}\\": ${error}"`,
    ),
  service: (at: number, image: string, error: string) =>
    kubelet(
      at + 1000,
      `"PullImage from image service failed" err="rpc error: code = Unknown desc = ${error}" image="${image}"`,
    ),
  image: (at: number, image: string, error: string) =>
    kubelet(at + 2000, `"Failed to pull image" err="${error}" image="${image}"`),
  container: (at: number, pod: string, error: string, container = 'app') =>
    kubelet(
      at + 3000,
      `"Unhandled Error" err="container ${container} start failed in pod ${pod}_shop(80ed): ErrImagePull: ${error}"`,
    ),
  sync: (at: number, pod: string, error: string, container = 'app') =>
    kubelet(
      at + 4000,
      `"Error syncing pod, skipping" err="failed to \\"StartContainer\\" for \\"${container}\\" with ErrImagePull: \\"${error}\\"" pod="shop/${pod}" podUID="80ed"`,
    ),
};

function attempt(at: number, pod: string, image: string, error = refused): readonly Written[] {
  return [
    lines.runtime(at, image, error),
    lines.service(at, image, error),
    lines.image(at, image, error),
    lines.container(at, pod, error),
    lines.sync(at, pod, error),
  ];
}

function read(written: readonly Written[]): readonly PullEvent[] {
  const grouper = new PullGrouper();
  const events = written.flatMap(({ at, unit, message }, index) =>
    decodeLine({ unit, message, timeUs: start + at, cursor: `c${index}` }).flatMap((line) => grouper.push(line)),
  );
  return [...events, ...grouper.flush()];
}

const failures = (written: readonly Written[]) => read(written).filter(({ event }) => event === 'pull-failed');

describe('signals: attempts', () => {
  it('makes one event of the five lines of an attempt', () => {
    assert.deepEqual(read(attempt(0, 'web', 'reg.example/a:1')), [
      {
        at: '2026-11-22T10:47:14.000000Z',
        cursor: 'c4',
        unit: 'kubelet.service',
        source: 'kubelet',
        event: 'pull-failed',
        image: 'reg.example/a:1',
        pod: 'web',
        namespace: 'shop',
        container: 'app',
        cause: 'tcp-refused',
        confidence: 'likely',
        underlying: null,
        message: `ErrImagePull: ${refused}`,
      },
    ]);
  });

  it('knows two attempts by their lines, at one moment and after each other', () => {
    const two = [...attempt(0, 'web', 'reg.example/a:1'), ...attempt(10 * second, 'web', 'reg.example/a:1')];
    assert.equal(failures(two).length, 2);
    const pods = ['web-1', 'web-2', 'web-3'].map((pod) => attempt(0, pod, 'reg.example/a:1'));
    const mixed = [0, 1, 2, 3, 4].flatMap((at) => pods.flatMap((one) => one.slice(at, at + 1)));
    assert.deepEqual(
      failures(mixed)
        .map(({ pod }) => pod)
        .sort(),
      ['web-1', 'web-2', 'web-3'],
    );
  });

  it('takes pulls by other clients of the runtime for attempts of their own', () => {
    const events = failures([lines.runtime(-500, 'reg.example/a:1', refused), ...attempt(0, 'web', 'reg.example/a:1')]);
    assert.deepEqual(events.map(({ pod, source }) => [pod, source]).sort(), [
      [null, 'containerd'],
      ['web', 'kubelet'],
    ]);
  });

  it('takes several credentials for one attempt, however long each takes', () => {
    for (const apart of [second, 40 * second]) {
      const events = failures([
        lines.runtime(0, 'reg.example/a:1', denied),
        lines.service(0, 'reg.example/a:1', denied),
        lines.runtime(apart, 'reg.example/a:1', denied),
        lines.service(apart, 'reg.example/a:1', denied),
        lines.container(apart, 'web', denied),
        lines.sync(apart, 'web', denied),
      ]);
      assert.equal(events.length, 1, `${apart} µs apart`);
      assert.equal(events[0]?.pod, 'web');
      assert.equal(events[0]?.at, '2026-11-22T10:47:14.000000Z');
    }
  });

  it('does not repeat what the line about the whole pod says minutes later', () => {
    const late = 120 * second;
    const both = `"Error syncing pod, skipping" err="[failed to \\"StartContainer\\" for \\"app\\" with ErrImagePull: \\"${refused}\\", failed to \\"StartContainer\\" for \\"side\\" with ErrImagePull: \\"${refused}\\"]" pod="shop/web"`;
    const events = failures([
      ...attempt(0, 'web', 'reg.example/a:1').slice(0, 4),
      lines.runtime(late, 'reg.example/b:1', refused),
      lines.service(late, 'reg.example/b:1', refused),
      lines.image(late, 'reg.example/b:1', refused),
      lines.container(late, 'web', refused, 'side'),
      kubelet(late + 4000, both),
      ...attempt(late + 20 * second, 'web', 'reg.example/a:1'),
    ]);
    assert.deepEqual(
      events.map(({ container, image }) => [container, image]),
      [
        ['app', 'reg.example/a:1'],
        ['side', 'reg.example/b:1'],
        ['app', 'reg.example/a:1'],
      ],
    );
  });

  it("gives a mirror's error to its image, and the registry's to the pull", () => {
    const info = (at: number, rest: string) => containerd(at, `msg=${rest}`);
    const events = read([
      info(0, '"PullImage \\"reg.example/a:1\\""'),
      info(
        1,
        `"trying next host" error="failed to do request: Head \\"https://m.example/v2/a/manifests/1?ns=reg.example\\": ${refused}" host=m.example`,
      ),
      info(2, '"trying next host - response was http.StatusNotFound" host=n.example'),
      info(3, '"trying next host - response was http.StatusNotFound" host=reg.example'),
      lines.runtime(4, 'reg.example/a:1', 'reg.example/a:1: not found'),
    ]);
    assert.deepEqual(
      events.map(({ event, image, cause }) => [event, image, cause]),
      [
        ['pull-started', 'reg.example/a:1', null],
        ['mirror-tried', 'reg.example/a:1', 'tcp-refused'],
        ['mirror-tried', 'reg.example/a:1', 'tag-not-found'],
        ['pull-failed', 'reg.example/a:1', 'tag-not-found'],
      ],
    );
  });

  it('names what CRI-O pulled as it was asked for', () => {
    const crio = (at: number, message: string): Written => ({
      at,
      unit: 'crio.service',
      message: `time="2026-11-22 10:47:14.5Z" level=info msg="${message}" id=4f7f name=/runtime.v1.ImageService/PullImage`,
    });
    const events = read([
      crio(0, 'Pulling image: quay.io/a/b:1'),
      crio(9e6, `Pulled image: quay.io/a/b@sha256:${'0'.repeat(64)}`),
    ]);
    assert.deepEqual(
      events.map(({ event, image }) => [event, image]),
      [
        ['pull-started', 'quay.io/a/b:1'],
        ['pull-succeeded', 'quay.io/a/b:1'],
      ],
    );
  });

  it('gives out what is open when the clock was set back', () => {
    const events = read([
      ...attempt(0, 'web', 'reg.example/a:1'),
      ...attempt(-86_400 * second, 'web', 'reg.example/a:1'),
    ]);
    assert.deepEqual(
      events.map(({ at }) => at.slice(0, 10)),
      ['2026-11-22', '2026-11-21'],
    );
  });

  it('counts the same attempts in whatever order their lines come', () => {
    const one = fc.record({
      pod: fc.constantFrom('web-1', 'web-2', 'web-3', 'web-4'),
      image: fc.constantFrom('reg.example/a:1', 'reg.example/b:1'),
      error: fc.constantFrom(refused, denied, 'unexpected EOF'),
      at: fc.integer({ min: 0, max: 900_000 }),
    });
    const some = fc.uniqueArray(one, { minLength: 1, maxLength: 4, selector: ({ pod }) => pod });
    fc.assert(
      fc.property(some, fc.infiniteStream(fc.nat()), (attempts, keys) => {
        const written = attempts.flatMap(({ at, pod, image, error }) => attempt(at, pod, image, error));
        const shuffled = written
          .map((line) => ({ line, key: keys.next().value }))
          .sort((a, b) => a.key - b.key)
          .map(({ line }) => line);
        const pods = failures(shuffled).map(({ pod }) => pod);
        assert.deepEqual(pods.sort(), attempts.map(({ pod }) => pod).sort());
      }),
      { numRuns: 300 },
    );
  });

  it('keeps a bounded number of attempts open', () => {
    const many = Array.from({ length: 5000 }, (_, at) => lines.runtime(at, `reg.example/a${at}:1`, refused));
    const grouper = new PullGrouper();
    let given = 0;
    for (const { at, unit, message } of many) {
      for (const line of decodeLine({ unit, message, timeUs: start + at, cursor: null }))
        given += grouper.push(line).length;
    }
    assert.ok(given > 3500, `${given} given out early`);
    assert.equal(given + grouper.flush().length, 5000);
  });
});
