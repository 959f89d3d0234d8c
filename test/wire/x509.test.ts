import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { readTrustPool } from '../../src/wire/trust.ts';
import { readCertificate, subjectOf } from '../../src/wire/x509.ts';
import { makeCertificate, makePki } from '../kit/certificates.ts';

const pki = makePki();
const debianStore = '/etc/ssl/certs/ca-certificates.crt';

describe('readCertificate', () => {
  it('agrees with OpenSSL on every certificate of the machine’s own store', function () {
    if (!existsSync(debianStore)) {
      console.log(`      ${debianStore} is absent: left out`);
      this.skip();
    }
    const blocks = readFileSync(debianStore, 'utf8').match(/-----BEGIN[^-]*-----[^-]*-----END[^-]*-----/g) ?? [];
    assert.ok(blocks.length > 50);
    for (const block of blocks) {
      const openssl = new X509Certificate(block);
      const ours = readCertificate(openssl.raw);
      assert.ok(ours !== null, openssl.subject);
      assert.equal(ours.notBefore, openssl.validFromDate.getTime());
      assert.equal(ours.notAfter, openssl.validToDate.getTime());
      assert.equal(ours.signatureOid, openssl.signatureAlgorithmOid);
      assert.equal(ours.basicConstraints?.isCa ?? false, openssl.ca);
      assert.equal(ours.commonName ?? undefined, /^CN=(.*)$/m.exec(openssl.subject)?.[1]?.replace(/\\(.)/g, '$1'));
      assert.ok(ours.isSignedBy(ours) || ours.signatureOid.endsWith('.4'), openssl.subject);
      assert.deepEqual(ours.unknownCritical, []);
    }
  });

  it('reads a version 1 certificate', () => {
    const read = readCertificate(makeCertificate({ commonName: 'v1', version: 1 }).der);
    assert.deepEqual([read?.version, read?.basicConstraints, read?.hasSan], [1, null, false]);
  });

  it('reads dates beyond 2049', () => {
    const far = new Date('2075-06-30T12:00:00Z');
    assert.equal(readCertificate(makeCertificate({ commonName: 'x', notAfter: far }).der)?.notAfter, far.getTime());
  });

  it('refuses what is cut, padded or empty', () => {
    const { der } = pki.leaf;
    assert.equal(readCertificate(Buffer.alloc(0)), null);
    assert.equal(readCertificate(Buffer.concat([der, Buffer.from([0])])), null);
    for (let end = 0; end < der.length; end += 7) assert.equal(readCertificate(der.subarray(0, end)), null);
  });

  it('never throws on changed bytes', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(
          pki.leaf.der,
          pki.root.der,
          makeCertificate({ commonName: 'c', ca: true, permitted: ['a.test', '10.0.0.0/8'] }).der,
        ),
        fc.array(fc.tuple(fc.nat(2000), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 6 }),
        (der, changes) => {
          const bytes = Buffer.from(der);
          for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
          const read = readCertificate(bytes);
          read?.publicKey();
          read?.isSignedBy(read);
          subjectOf(bytes);
        },
      ),
      { numRuns: 2000 },
    );
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => readCertificate(Buffer.from(bytes)) === null));
  });
});

describe('readTrustPool', () => {
  const read = (...pem: string[]) => readTrustPool(pem);

  it('finds certificates by subject, in order, each once', () => {
    const namesake = makeCertificate({ commonName: 'Strange Root', ca: true });
    const pool = read(pki.strangeRoot.pem + pki.root.pem, namesake.pem + pki.root.pem);
    assert.equal(pool.size, 3);
    assert.deepEqual(
      pool.bySubject(namesake.subjectDer).map((one) => one.raw),
      [pki.strangeRoot.der, namesake.der],
    );
    assert.deepEqual(pool.bySubject(pki.leaf.subjectDer), []);
    const root = readCertificate(pki.root.der);
    const leaf = readCertificate(pki.leaf.der);
    assert.ok(root !== null && leaf !== null);
    assert.equal(pool.contains(root), true);
    assert.equal(pool.contains(leaf), false);
  });

  it('passes over comments, keys, other blocks and broken ones, as Go does', () => {
    const broken = pki.root.pem.replace(/\n.{10}/, '\n');
    const other = pki.leaf.pem.replaceAll('CERTIFICATE', 'TRUSTED CERTIFICATE');
    const pool = read(
      `# a comment\n${pki.client.keyPem}${broken}${other}${pki.root.pem}-----BEGIN CERTIFICATE-----\nAAAA\n`,
    );
    assert.equal(pool.size, 1);
    assert.equal(pool.skipped, 1);
  });

  it('takes Windows line ends', () => {
    assert.equal(read(pki.root.pem.replaceAll('\n', '\r\n')).size, 1);
  });

  it('reads a machine’s store whole', function () {
    if (!existsSync(debianStore)) this.skip();
    const text = readFileSync(debianStore, 'utf8');
    assert.equal(read(text).size, text.match(/BEGIN CERTIFICATE/g)?.length);
  });

  it('is linear in what it is given', () => {
    const started = performance.now();
    read(`-----BEGIN CERTIFICATE-----${' '.repeat(200_000)}\n${'\n'.repeat(200_000)}-`.repeat(10));
    assert.ok(performance.now() - started < 2000);
  });
});
