import assert from 'node:assert/strict';
import type { PullRecord } from '../../../src/api/investigation.ts';
import type { PodRow, RegistryRow } from '../../../src/api/node.ts';
import { renderPods, renderPullRecord, renderRegistries } from '../../../src/cli/render/node-text.ts';
import { plainStyle } from '../../../src/cli/render/style.ts';

const at = '2026-11-22T10:00:00.000Z';

function pod(more: Partial<PodRow>): PodRow {
  return {
    namespace: 'shop',
    pod: 'web-1',
    container: 'app',
    image: 'reg.corp/web:1',
    normalized: 'reg.corp/web:1',
    reason: 'ImagePullBackOff',
    cause: 'tag-not-found',
    confidence: 'proven',
    layer: 'manifest',
    underlying: null,
    host: 'reg.corp',
    summary: 'web exists at reg.corp, and has no tag 1.',
    message: 'not found',
    firstSeenAt: at,
    lastSeenAt: at,
    attempts: 1,
    nextTryAt: null,
    nextTryInSeconds: null,
    backOffSeconds: null,
    incident: 'i1',
    investigation: null,
    investigating: false,
    retry: { state: 'waiting', nextCheckAt: null, note: 'The failed hop is looked at again.' },
    ...more,
  };
}

const pods = (rows: readonly PodRow[]): string =>
  renderPods({ apiVersion: 'pullwhy/v1', kind: 'Pods', node: 'worker-3', at, pods: [...rows] }, plainStyle);

function registry(more: Partial<RegistryRow>): RegistryRow {
  return {
    registry: 'reg.corp:5000',
    usedBy: ['images'],
    images: 3,
    verdict: 'healthy',
    cause: null,
    summary: '',
    checkedAt: at,
    nextCheckAt: at,
    since: null,
    hops: [],
    latencyMs: { dns: 0.4, tcp: 12.2, tls: 30, registry: 41 },
    certificate: { notAfter: at, subject: 'reg', daysLeft: 61.9 },
    rateLimit: null,
    mirrors: [],
    findings: [],
    ...more,
  };
}

const registries = (rows: readonly RegistryRow[]): string =>
  renderRegistries(
    { apiVersion: 'pullwhy/v1', kind: 'Registries', node: 'worker-3', at, registries: [...rows] },
    plainStyle,
  );

const pull: PullRecord = {
  apiVersion: 'pullwhy/v1',
  kind: 'Pull',
  id: 'l1',
  node: 'worker-3',
  image: 'nginx:1.27',
  state: 'done',
  reason: 'asked',
  requestedAt: at,
  startedAt: at,
  endedAt: at,
  durationMs: 4210,
  imageRef: 'sha256:aa',
  error: null,
  cause: null,
  summary: 'It was pulled.',
};

/** Everything that acts on a terminal instead of standing in it. */
const hostile = '\u001b[2J\u001b]0;x\u0007\r\nroot:\u202e\u200b\u009b31m';

describe('cli/render/node-text', () => {
  it('shows what waits, why, and what happens next', () => {
    assert.equal(
      pods([
        pod({
          nextTryInSeconds: 35,
          attempts: 3,
          retry: { ...pod({}).retry, nextCheckAt: '2026-11-22T10:00:02.000Z' },
        }),
        pod({ pod: 'web-2', container: null, nextTryInSeconds: 0 }),
        pod({
          incident: 'i2',
          image: 'docker.io/library/nginx:1.27',
          pod: null,
          container: null,
          reason: 'ErrImagePull',
          cause: null,
          confidence: null,
          investigating: true,
          summary: 'The image does not come.',
          retry: { state: 'off', nextCheckAt: null, note: 'retry.mode is off.' },
        }),
      ]),
      `3 containers of worker-3 wait for 2 images.

✗ reg.corp/web:1
  web exists at reg.corp, and has no tag 1.
  cause: tag-not-found, proven
  - shop/web-1, container app
    ImagePullBackOff, failed 3 times; the kubelet tries again in 35 s
  - shop/web-2
    ImagePullBackOff, failed once; the kubelet's next try is due
  → The failed hop is looked at again. Next look in 2 s.

✗ docker.io/library/nginx:1.27
  The image does not come.
  cause: not known yet, is being looked at
  - no pod: a pull by hand
    ErrImagePull, failed once
  → retry.mode is off.
`,
    );
  });

  it('says so when nothing waits, without a promise that every image comes', () => {
    assert.equal(pods([]), '✓ No pod of worker-3 is known to wait for an image.\n');
  });

  it('shows some pods of an image, and how many more there are', () => {
    const text = pods(Array.from({ length: 110 }, (_, n) => pod({ pod: `web-${n}` })));
    assert.match(text, /^110 containers of worker-3 wait for 1 image\.\n/);
    assert.match(text, /- shop\/web-7, container app\n.*\n {2}- and 102 containers more\n/);
    assert.ok(text.split('\n').length < 30);
  });

  it('shows registries, the broken ones first, with what is known of each', () => {
    assert.equal(
      registries([
        registry({
          registry: 'docker.io',
          rateLimit: { limit: 100, remaining: 3, windowSeconds: 21600, source: null },
        }),
        registry({
          registry: 'new.corp',
          verdict: 'inconclusive',
          checkedAt: null,
          latencyMs: { dns: null, tcp: null, tls: null, registry: null },
          certificate: null,
        }),
        registry({
          verdict: 'degraded',
          cause: 'tls-certificate-expiring',
          summary: 'The certificate of reg.corp:5000 ends in 5 days.',
          certificate: { notAfter: at, subject: 'reg', daysLeft: 5.4 },
          mirrors: [
            { url: 'https://m1', verdict: 'faulty' },
            { url: 'https://m2', verdict: 'healthy' },
          ],
        }),
        registry({
          registry: 'dead.corp',
          verdict: 'faulty',
          cause: 'tcp-refused',
          summary: 'The port 443 of dead.corp (10.1.2.3) refuses connections.',
          since: '2026-11-22T08:54:30.000Z',
          latencyMs: { dns: 3, tcp: null, tls: null, registry: null },
          certificate: null,
        }),
      ]),
      `✗ dead.corp      faulty for 65 min
    The port 443 of dead.corp (10.1.2.3) refuses connections.
    cause: tcp-refused
    dns 3 ms
? new.corp       not checked yet
! reg.corp:5000  degraded
    The certificate of reg.corp:5000 ends in 5 days.
    cause: tls-certificate-expiring
    dns <1 ms, tcp 12 ms, tls 30 ms, registry 41 ms, certificate ends in 5 days,
    2 mirrors, 1 faulty
✓ docker.io      healthy
    dns <1 ms, tcp 12 ms, tls 30 ms, registry 41 ms, certificate ends in
    61 days, 3 of 100 pulls left
`,
    );
    assert.equal(registries([]), 'No registry is known to be in use on worker-3 yet.\n');
  });

  it('shows a pull in each state', () => {
    const text = (more: Partial<PullRecord>): string => renderPullRecord({ ...pull, ...more }, plainStyle);
    assert.equal(text({}), '✓ nginx:1.27 was pulled on worker-3 in 4.2 s\n  sha256:aa\n');
    assert.match(text({ state: 'queued', imageRef: null }), /^\? nginx:1\.27 waits for its turn on worker-3/);
    assert.match(text({ state: 'pulling', imageRef: null }), /is still being pulled on worker-3, and goes on/);
    assert.equal(
      text({
        state: 'failed',
        imageRef: null,
        cause: 'tag-not-found',
        summary: 'There is no tag 1.27.',
        error: 'not found',
      }),
      `✗ nginx:1.27 was not pulled on worker-3
  There is no tag 1.27.
  cause: tag-not-found

The runtime's own words:
  not found
`,
    );
  });

  it('lets nothing act on the terminal, and stays within 80 columns but for names', () => {
    const long = 'word '.repeat(100);
    const texts = [
      pods([
        pod({
          namespace: hostile,
          pod: hostile,
          container: hostile,
          image: `reg/${hostile}`,
          reason: hostile,
          summary: hostile + long,
          retry: { state: 'waiting', nextCheckAt: null, note: hostile + long },
        }),
      ]),
      registries([registry({ registry: hostile, verdict: 'faulty', summary: hostile + long })]),
      renderPullRecord(
        { ...pull, state: 'failed', image: hostile, node: hostile, summary: hostile + long, error: hostile },
        plainStyle,
      ),
    ];
    for (const text of texts) {
      assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e]/);
      for (const line of text.split('\n')) assert.ok(line.length <= 80, line);
    }
  });
});
