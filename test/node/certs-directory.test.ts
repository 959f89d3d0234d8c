import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  certificateFailureWords,
  listCertificates,
  loadAuthorities,
  loadClientPair,
} from '../../src/node/certs-directory.ts';
import { hostFiles } from '../../src/node/host-files.ts';
import { makeCertificate } from '../kit/certificates.ts';

describe('a certificate directory', () => {
  let root: string;
  const one = makeCertificate({ commonName: 'one', ca: true });
  const two = makeCertificate({ commonName: 'two' });
  const write = (name: string, text: string) => writeFile(join(root, 'd', name), text);
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'pullwhy-certs-'));
    await mkdir(join(root, 'd', 'folder.crt'), { recursive: true });
    await write('b.crt', 'not PEM');
    await write('a.crt', `junk\n${one.pem}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n${two.pem}`);
    await write('client.cert', two.pem);
    await write('client.key', two.keyPem);
    await write('both.cert', two.keyPem + two.pem);
    await write('other.key', one.keyPem);
    await write('hosts.toml', '');
  });
  after(() => rm(root, { recursive: true, force: true }));

  it('is listed by the endings of its files', async () => {
    const listed = await listCertificates(hostFiles(root), '/d');
    assert.ok(listed.ok);
    assert.deepEqual(listed.value, {
      authorities: ['/d/a.crt', '/d/b.crt'],
      pairs: [
        { cert: '/d/both.cert', key: null },
        { cert: '/d/client.cert', key: '/d/client.key' },
      ],
      strayKeys: ['/d/other.key'],
    });
  });

  it('that is absent is a failure', async () => {
    const listed = await listCertificates(hostFiles(root), '/nowhere');
    assert.ok(!listed.ok);
    assert.equal(listed.error.kind, 'absent');
  });

  it('gives the CA certificates that parse, and fails when none does', async () => {
    const good = await loadAuthorities(hostFiles(root), '/d/a.crt');
    assert.ok(good.ok);
    assert.equal(good.value.match(/BEGIN CERTIFICATE/g)?.length, 2);
    const bad = await loadAuthorities(hostFiles(root), '/d/b.crt');
    assert.ok(!bad.ok);
    assert.equal(certificateFailureWords(bad.error), 'd/b.crt holds no certificate in PEM form');
    const absent = await loadAuthorities(hostFiles(root), '/d/c.crt');
    assert.ok(!absent.ok);
    assert.equal(certificateFailureWords(absent.error), 'd/c.crt does not exist');
  });

  const pairs: [string, string | null, string | null][] = [
    ['/d/client.cert', '/d/client.key', null],
    ['/d/both.cert', null, null],
    ['/d/client.cert', '/d/other.key', 'mismatch'],
    ['/d/client.cert', null, 'no-key'],
    ['/d/client.key', null, 'no-certificate'],
    ['/d/client.cert', '/d', 'unreadable'],
    ['/d/client.cert', '/d/b.crt', 'no-key'],
  ];
  for (const [cert, key, kind] of pairs) {
    it(`pairs ${cert} with ${key ?? 'itself'}: ${kind ?? 'fine'}`, async () => {
      const pair = await loadClientPair(hostFiles(root), cert, key);
      assert.equal(pair.ok ? null : pair.error.kind, kind);
      if (pair.ok) assert.equal(pair.value.key.reveal(), two.keyPem);
    });
  }

  it('refuses an encrypted key', async () => {
    const locked = two.keys.privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' });
    await write('locked.key', locked.toString());
    const pair = await loadClientPair(hostFiles(root), '/d/client.cert', '/d/locked.key');
    assert.equal(pair.ok ? null : pair.error.kind, 'bad-key');
  });
});
