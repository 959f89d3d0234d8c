import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { hostFiles } from '../../src/node/host-files.ts';
import { readTrustStore, type TrustStoreVariables } from '../../src/node/trust-store.ts';

const [one = '', two = '', three = ''] = rootCertificates.map((pem) => `${pem.trim()}\n`);
const none: TrustStoreVariables = { sslCertFile: null, sslCertDir: null };

describe('readTrustStore', () => {
  let root = '';
  const put = async (path: string, text: string) => {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  };
  const read = (variables: TrustStoreVariables = none) => readTrustStore(hostFiles(root), variables);
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'pullwhy-trust-'));
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  it('reads the first bundle and the folders, each certificate once, and names the files that added one', async () => {
    await put('etc/ssl/certs/ca-certificates.crt', `# One\n${one}${two.replaceAll('\n', '\r\n')}${one}`);
    await put('etc/pki/tls/certs/ca-bundle.crt', two);
    await put('etc/ssl/cert.pem', three);
    await put('usr/share/ca-certificates/two.crt', two);
    await symlink('/usr/share/ca-certificates/two.crt', join(root, 'etc/ssl/certs/two.pem'));
    await symlink('two.pem', join(root, 'etc/ssl/certs/0123abcd.0'));
    const store = await read();
    assert.deepEqual(store.files, ['etc/ssl/certs/ca-certificates.crt']);
    assert.equal(store.certificates, 2);
    assert.deepEqual(
      store.pem.map((pem) => new X509Certificate(pem).fingerprint256),
      [one, two].map((pem) => new X509Certificate(pem).fingerprint256),
    );
    assert.deepEqual(store.problems, []);
  });

  it('trusts a file that was only dropped into the folder, but not a link within it', async () => {
    await put('etc/ssl/certs/ca-certificates.crt', one);
    await put('etc/ssl/certs/corp.crt', two);
    await put('etc/pki/tls/certs/other.pem', three);
    await symlink('absent.pem', join(root, 'etc/ssl/certs/x.0'));
    await mkdir(join(root, 'etc/ssl/certs/java'));
    const store = await read();
    assert.deepEqual(store.files, [
      'etc/ssl/certs/ca-certificates.crt',
      'etc/ssl/certs/corp.crt',
      'etc/pki/tls/certs/other.pem',
    ]);
    assert.equal(store.certificates, 3);
  });

  it('takes the bundle of another distribution', async () => {
    await put('etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem', one);
    assert.deepEqual((await read()).files, ['etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem']);
  });

  it('lets SSL_CERT_FILE and SSL_CERT_DIR replace the places', async () => {
    await put('etc/ssl/certs/ca-certificates.crt', one);
    await put('opt/ca.pem', two);
    await put('opt/a/x', three);
    const file = await read({ sslCertFile: '/opt/ca.pem', sslCertDir: null });
    assert.deepEqual(file.files, ['opt/ca.pem', 'etc/ssl/certs/ca-certificates.crt']);
    const both = await read({ sslCertFile: '/opt/ca.pem', sslCertDir: '/opt/none:/opt/a' });
    assert.deepEqual(both.files, ['opt/ca.pem', 'opt/a/x']);
    const missing = await read({ sslCertFile: '/opt/none.pem', sslCertDir: '/opt/none' });
    assert.equal(missing.certificates, 0);
    assert.match(
      missing.problems.map((problem) => `${problem.source} ${problem.message}`).join('\n'),
      /opt\/none\.pem SSL_CERT_FILE names a file that does not exist[\s\S]*No CA certificate/,
    );
  });

  it('passes over what is no certificate for Go: other types, headers, cut and broken blocks', async () => {
    const body = one.split('\n').slice(1, -2);
    const trusted = one.replaceAll('CERTIFICATE', 'TRUSTED CERTIFICATE');
    const headed = `-----BEGIN CERTIFICATE-----\nName: x\n\n${body.join('\n')}\n-----END CERTIFICATE-----\n`;
    const short = `-----BEGIN CERTIFICATE-----\n${body.slice(0, -3).join('\n')}\n-----END CERTIFICATE-----\n`;
    const garbage = '-----BEGIN CERTIFICATE-----\n****\n-----END CERTIFICATE-----\n';
    const endless = `-----BEGIN CERTIFICATE-----\n${body.join('\n')}\n`;
    await put('etc/ssl/certs/ca-certificates.crt', trusted + headed + short + garbage + endless + two);
    const store = await read();
    assert.equal(store.certificates, 1);
    assert.equal(new X509Certificate(store.pem[0] ?? '').fingerprint256, new X509Certificate(two).fingerprint256);
    assert.match(store.problems[0]?.message ?? '', /^2 of its CERTIFICATE blocks/);
  });

  it('warns when there is no store at all', async () => {
    const store = await read();
    assert.deepEqual([store.files, store.pem, store.certificates], [[], [], 0]);
    assert.equal(store.problems[0]?.severity, 'warning');
    assert.equal(store.problems[0]?.cause, 'tls-unknown-authority');
  });

  it('reads what Node’s own list of roots holds, block for block', async () => {
    await put('etc/ssl/certs/ca-certificates.crt', rootCertificates.join('\n'));
    const store = await read();
    assert.equal(store.certificates, rootCertificates.length);
    assert.deepEqual(store.problems, []);
  });
});
