import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { gzipSync } from 'node:zlib';
import { type CollectorPlace, openCollectorClient, type Sent } from '../../../src/agent/collector/collector-client.ts';
import { collectorUrl, isClearRemote } from '../../../src/agent/collector/collector-url.ts';
import { systemEnv } from '../../../src/lib/env.ts';
import { makePki, writeCertificate } from '../../kit/certificates.ts';
import { type Behaviour, type ReportReceiver, startReportReceiver } from '../../kit/report-receiver.ts';

describe('agent: the way to the collector', () => {
  const pki = makePki();
  const folder = mkdtempSync(`${tmpdir()}/pullwhy-collector-client-`);
  const nothing: CollectorPlace = { tokenFile: null, caFile: null, certFile: null, keyFile: null };
  const caFile = `${folder}/ca.pem`;
  const running: ReportReceiver[] = [];
  before(() => writeFileSync(caFile, pki.root.pem));
  after(async () => {
    await Promise.all(running.map((one) => one.close()));
    rmSync(folder, { recursive: true, force: true });
  });

  const receiver = async (tls: Parameters<typeof startReportReceiver>[0] = null): Promise<ReportReceiver> => {
    const one = await startReportReceiver(tls);
    running.push(one);
    return one;
  };
  const secure = { cert: pki.leaf.chainPem, key: pki.leaf.keyPem };
  const body = gzipSync(
    JSON.stringify({
      node: 'node-1',
      bootId: 'b',
      records: [
        {
          seq: 1,
          kind: 'heartbeat',
          at: '2026-11-22T10:00:00.000Z',
          runtimeReady: null,
          openIncidents: 0,
          waitingPods: 0,
          spool: { rows: 0, bytes: 0, dropped: {} },
        },
      ],
    }),
  );
  const post = async (url: string, place: Partial<CollectorPlace> = {}, signal?: AbortSignal): Promise<Sent> => {
    const parts = collectorUrl(url);
    assert.ok(parts !== null);
    const client = openCollectorClient({ ...nothing, ...place }, parts, systemEnv);
    try {
      return await client.post(body, signal ?? AbortSignal.timeout(10_000));
    } finally {
      await client.close();
    }
  };

  it('sends over TLS with a token that is read anew, on one connection', async () => {
    const one = await receiver(secure);
    const tokenFile = `${folder}/token`;
    const parts = collectorUrl(`${one.url}/behind/a/path/`);
    assert.ok(parts !== null);
    const client = openCollectorClient({ ...nothing, tokenFile, caFile }, parts, systemEnv);
    writeFileSync(tokenFile, 'first-token\n');
    assert.deepEqual(await client.post(body, AbortSignal.timeout(10_000)), { kind: 'taken', acked: 1, refused: [] });
    writeFileSync(tokenFile, 'second-token\n');
    assert.equal((await client.post(body, AbortSignal.timeout(10_000))).kind, 'taken');
    await client.close();
    assert.deepEqual(
      one.batches.map(({ headers, path }) => [headers.authorization, path]),
      [
        ['Bearer first-token', '/behind/a/path/v1/reports'],
        ['Bearer second-token', '/behind/a/path/v1/reports'],
      ],
    );
    assert.deepEqual(one.complaints, []);
  });

  it('shows a client certificate', async () => {
    const one = await receiver({ ...secure, requestCert: true, rejectUnauthorized: true, ca: pki.root.pem });
    const { chain, key } = await writeCertificate(folder, 'client', pki.client);
    assert.equal((await post(one.url, { caFile, certFile: chain, keyFile: key })).kind, 'taken');
    const without = await post(one.url, { caFile });
    assert.notEqual(without.kind, 'taken');
    assert.match(noteOf(without), /certFile|not reached/);
  });

  const answers: readonly (readonly [string, Behaviour, Sent['kind'], RegExp])[] = [
    ['413', answer(413), 'too-large', /takes no batch as large/],
    ['429', answer(429, { 'retry-after': '17' }), 'later', /is busy: 429/],
    ['503', answer(503, {}, '{"detail":"The disk is full."}'), 'later', /503 \("The disk is full\."\)/],
    ['500', answer(500), 'later', /cannot take reports now: 500/],
    ['401', answer(401), 'unusable', /refuses an agent without a token: set collector\.tokenFile/],
    ['403', answer(403, {}, '{"detail":"Only as node-2."}'), 'unusable', /lets nothing be written.*Only as node-2/],
    ['404', answer(404), 'unusable', /is collector\.url a collector\?/],
    ['400', answer(400), 'unusable', /answers 400/],
    [
      'a redirect',
      answer(307, { location: 'https://elsewhere.test/v1/reports' }),
      'unusable',
      /not followed: set collector\.url/,
    ],
    ['200 by somebody else', answer(200, {}, '<html>Please log in</html>'), 'unusable', /not as a collector does/],
    ['a reset', { kind: 'reset' }, 'later', /is not reached/],
    ['a reset when it has it', { kind: 'late' }, 'later', /is not reached/],
  ];
  for (const [name, behaviour, kind, words] of answers) {
    it(`says what ${name} means`, async () => {
      const one = await receiver();
      one.behave = () => behaviour;
      const sent = await post(one.url);
      assert.equal(sent.kind, kind, noteOf(sent));
      assert.match(noteOf(sent), words);
      if (name === '429') assert.equal(sent.kind === 'later' ? sent.retryAfterMs : null, 17_000);
    });
  }

  it('names the token file and never the token', async () => {
    const one = await receiver();
    const tokenFile = `${folder}/other-token`;
    writeFileSync(tokenFile, 'sesame-sesame-sesame');
    one.behave = () => ({ kind: 'answer', status: 401, body: '{"detail":"sesame-sesame-sesame is no token of mine"}' });
    const sent = await post(one.url, { tokenFile });
    assert.match(noteOf(sent), /refuses the token of .*other-token/);
    assert.equal(noteOf(sent).includes('sesame'), false);
    writeFileSync(tokenFile, 'two words');
    assert.match(noteOf(await post(one.url, { tokenFile })), /Mend collector\.tokenFile/);
    rmSync(tokenFile);
    const gone = await post(one.url, { tokenFile });
    assert.deepEqual([gone.kind, /is not there.*Mend collector\.tokenFile/.test(noteOf(gone))], ['unusable', true]);
  });

  const certificates = [
    ['an unknown authority', pki.strange, /Set collector\.caFile/],
    ['another name', pki.wrongName, /Set collector\.url to a name/],
    ['its time past', pki.expired, /Renew the collector's certificate/],
    ['itself as authority', pki.selfSigned, /Set collector\.caFile/],
  ] as const;
  for (const [name, made, words] of certificates) {
    it(`does not trust a certificate with ${name}`, async () => {
      const one = await receiver({ cert: made.chainPem === '' ? made.pem : made.chainPem, key: made.keyPem });
      const sent = await post(one.url, { caFile });
      assert.equal(sent.kind, 'unusable');
      assert.match(noteOf(sent), words);
      assert.equal(one.batches.length, 0);
    });
  }

  it('believes no server by the store of this machine that its authority is not in', async () => {
    const one = await receiver(secure);
    const sent = await post(one.url);
    assert.match(noteOf(sent), /is not trusted.*Set collector\.caFile.*this machine's store has it not/);
  });

  it('says that nothing listens, that a name does not resolve, that plain HTTP answers', async () => {
    const one = await receiver();
    assert.match(noteOf(await post(one.url.replace('http:', 'https:'), { caFile })), /does not speak TLS|not trusted/);
    const { port } = one;
    await one.close();
    running.splice(running.indexOf(one), 1);
    assert.match(noteOf(await post(`http://127.0.0.1:${port}`)), /is not reached/);
    const lost = await post('https://collector..test:9450');
    assert.deepEqual([lost.kind, /does not resolve/.test(noteOf(lost))], ['later', true]);
  });

  it('ends with its signal', async () => {
    const one = await receiver();
    one.behave = () => ({ kind: 'silent' });
    const begun = performance.now();
    const sent = await post(one.url, {}, AbortSignal.timeout(300));
    assert.equal(sent.kind, 'later');
    assert.ok(performance.now() - begun < 5000);
  });

  it('knows a collector by its URL, and what would go in clear', () => {
    assert.deepEqual(collectorUrl('https://c.test'), { scheme: 'https', host: 'c.test', port: 443, basePath: '' });
    assert.deepEqual(collectorUrl('http://[::1]:9450/x/'), { scheme: 'http', host: '::1', port: 9450, basePath: '/x' });
    for (const text of ['c.test:9450', 'ftp://c.test', 'https://u:p@c.test', 'https://c.test/?a=1', 'https://', ''])
      assert.equal(collectorUrl(text), null, text);
    const clear = ['http://127.0.0.1:1', 'http://[::1]:1', 'http://localhost', 'https://c.test', 'http://c.test'].map(
      (text) => {
        const url = collectorUrl(text);
        return url === null ? null : isClearRemote(url);
      },
    );
    assert.deepEqual(clear, [false, false, false, false, true]);
  });

  function noteOf(sent: Sent): string {
    return sent.kind === 'taken' ? 'taken' : sent.note;
  }
  function answer(status: number, headers: Record<string, string> = {}, text = ''): Behaviour {
    return { kind: 'answer', status, headers, body: text };
  }
});
