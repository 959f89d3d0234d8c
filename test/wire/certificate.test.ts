import assert from 'node:assert/strict';
import { certificateInfo, verifyChain } from '../../src/wire/certificate.ts';
import { readTrustPool } from '../../src/wire/trust.ts';
import { type Certificate, readCertificate } from '../../src/wire/x509.ts';
import {
  type CertificateOptions,
  daysFromNow,
  type KeyKind,
  type MadeCertificate,
  makeCertificate,
  makeKeys,
  makePki,
  usages,
} from '../kit/certificates.ts';

const pki = makePki();
const old = { notBefore: daysFromNow(-400), notAfter: daysFromNow(-2) };
const names = ['registry.test'];

function read(made: MadeCertificate): Certificate {
  const certificate = readCertificate(made.der);
  assert.ok(certificate !== null);
  return certificate;
}

function leafBelow(issuer: MadeCertificate, more: Partial<CertificateOptions> = {}): MadeCertificate {
  return makeCertificate({ commonName: 'registry.test', names, issuer, ...more });
}

interface Case {
  readonly sent: readonly MadeCertificate[];
  readonly store?: readonly MadeCertificate[];
  readonly host?: string;
  readonly at?: Date;
}

function check({ sent, store = [pki.root], host = 'registry.test', at }: Case) {
  const pool = readTrustPool(store.map((one) => one.pem));
  return verifyChain(sent.map(read), pool, host, at?.getTime() ?? Date.now());
}

/** Codes of the problems with the index of the certificate; `root` for one of the store. */
function told(verdict: ReturnType<typeof check>): string[] {
  return verdict.problems.map((one) => `${one.code}@${one.root ? 'root' : (one.index ?? '-')}`);
}

describe('verifyChain', () => {
  describe('accepts', () => {
    const cross = makeKeys();
    const twinOld = makeCertificate({ commonName: 'Twin CA', ca: true, key: cross, issuer: pki.strangeRoot });
    const twinNew = makeCertificate({ commonName: 'Twin CA', ca: true, key: cross, issuer: pki.root });
    const expiredCross = makeCertificate({
      commonName: 'New Root',
      ca: true,
      key: cross,
      issuer: pki.strangeRoot,
      ...old,
    });
    const newRoot = makeCertificate({ commonName: 'New Root', ca: true, key: cross });
    const expiredTwin = makeCertificate({
      commonName: 'Pullwhy Test Intermediate',
      ca: true,
      key: pki.intermediate.keys,
      issuer: pki.root,
      ...old,
    });
    const versionOne = makeCertificate({ commonName: 'Old Root', version: 1 });
    const bareRoot = makeCertificate({ commonName: 'Bare Root', ca: true, keyUsage: null, withoutKeyIds: true });
    const cases: Readonly<Record<string, Case & { readonly path: readonly string[] }>> = {
      'a leaf, its intermediate, a root of the store': {
        sent: [pki.leaf, pki.intermediate],
        path: ['registry.test', 'Pullwhy Test Intermediate', 'Pullwhy Test Root'],
      },
      'a chain that includes the root': {
        sent: [pki.leaf, pki.intermediate, pki.root],
        path: ['registry.test', 'Pullwhy Test Intermediate', 'Pullwhy Test Root'],
      },
      'a chain out of order, with strangers': {
        sent: [pki.leaf, pki.strangeRoot, pki.root, pki.intermediate],
        path: ['registry.test', 'Pullwhy Test Intermediate', 'Pullwhy Test Root'],
      },
      'an intermediate in the store as anchor': {
        sent: [pki.leaf],
        store: [pki.intermediate],
        path: ['registry.test', 'Pullwhy Test Intermediate'],
      },
      'a self-signed leaf that is itself in the store': {
        sent: [pki.selfSigned],
        store: [pki.selfSigned],
        path: ['registry.test'],
      },
      'a leaf in the store, whoever signed it': { sent: [pki.leaf], store: [pki.leaf], path: ['registry.test'] },
      'the way that leads to the store, of two cross-signed ones': {
        sent: [leafBelow(twinOld), twinOld, twinNew],
        path: ['registry.test', 'Twin CA', 'Pullwhy Test Root'],
      },
      'a new root in the store beside an expired cross-sign to an old one that was sent': {
        sent: [leafBelow(newRoot), expiredCross],
        store: [newRoot],
        path: ['registry.test', 'New Root'],
      },
      'a valid twin of an expired intermediate': {
        sent: [pki.leaf, expiredTwin, pki.intermediate],
        path: ['registry.test', 'Pullwhy Test Intermediate', 'Pullwhy Test Root'],
      },
      'a version 1 root': { sent: [leafBelow(versionOne)], store: [versionOne], path: ['registry.test', 'Old Root'] },
      'a root without key usage and key identifiers': {
        sent: [leafBelow(bareRoot, { withoutKeyIds: true })],
        store: [bareRoot],
        path: ['registry.test', 'Bare Root'],
      },
      'the right one of two roots with one name': {
        sent: [leafBelow(pki.root)],
        store: [makeCertificate({ commonName: 'Pullwhy Test Root', organization: 'Pullwhy', ca: true }), pki.root],
        path: ['registry.test', 'Pullwhy Test Root'],
      },
      'any extended key usage, and none': {
        sent: [leafBelow(pki.root, { extendedUsages: [usages.any] })],
        path: ['registry.test', 'Pullwhy Test Root'],
      },
      'exactly as many intermediates as a path length allows': (() => {
        const root = makeCertificate({ commonName: 'R', ca: true, pathLength: 1 });
        const middle = makeCertificate({ commonName: 'M', ca: true, pathLength: 0, issuer: root });
        return { sent: [leafBelow(middle), middle], store: [root], path: ['registry.test', 'M', 'R'] };
      })(),
      'names inside the constraints of a CA': (() => {
        const root = makeCertificate({
          commonName: 'R',
          ca: true,
          permitted: ['test', '10.0.0.0/8'],
          excluded: ['bad.test'],
        });
        const leaf = leafBelow(root, { addresses: ['10.1.2.3'] });
        return { sent: [leaf], store: [root], path: ['registry.test', 'R'] };
      })(),
      'the last and the first second of the validity': {
        sent: [pki.expired, pki.intermediate],
        at: pki.expired.notAfter,
        path: ['registry.test', 'Pullwhy Test Intermediate', 'Pullwhy Test Root'],
      },
    };
    for (const [name, { path, ...one }] of Object.entries(cases)) {
      it(name, () => {
        const verdict = check(one);
        assert.deepEqual(told(verdict), []);
        assert.equal(verdict.ok, true);
        assert.deepEqual(
          verdict.path.map((each) => each.commonName),
          path,
        );
        assert.equal(verdict.root, verdict.path.at(-1));
      });
    }
    for (const kind of ['ec', 'p384', 'ed25519', 'rsa2048', 'rsa1024'] as const satisfies readonly KeyKind[]) {
      it(`signatures and keys of kind ${kind}`, () => {
        const root = makeCertificate({ commonName: 'R', ca: true, key: kind, digest: 'sha384' });
        assert.deepEqual(
          told(check({ sent: [leafBelow(root, { key: root.keys, digest: 'sha384' })], store: [root] })),
          [],
        );
      });
    }
  });

  describe('refuses', () => {
    const oldRoot = makeCertificate({ commonName: 'Old Root', ca: true, ...old });
    const oldMiddle = makeCertificate({ commonName: 'Old Middle', ca: true, issuer: pki.root, ...old });
    const notCa = makeCertificate({ commonName: 'No CA', issuer: pki.root });
    const namesake = makeCertificate({ commonName: 'Pullwhy Test Root', organization: 'Pullwhy', ca: true });
    const noSign = makeCertificate({ commonName: 'R', ca: true, keyUsage: 0x80 });
    const cases: Readonly<Record<string, Case & { readonly told: readonly string[]; readonly words?: RegExp }>> = {
      'nothing sent': { sent: [], told: ['tls-certificate@-'] },
      'an expired leaf': {
        sent: [pki.expired, pki.intermediate],
        told: ['tls-expired@0'],
        words: /^the certificate expired on .*clock says/,
      },
      'a leaf one second past its end': {
        sent: [pki.expired, pki.intermediate],
        at: new Date(pki.expired.notAfter.getTime() + 1000),
        told: ['tls-expired@0'],
      },
      'a leaf of the future': {
        sent: [pki.notYetValid, pki.intermediate],
        told: ['tls-not-yet-valid@0'],
        words: /not valid before/,
      },
      'an expired intermediate': {
        sent: [leafBelow(oldMiddle), oldMiddle],
        told: ['tls-expired@1'],
        words: /intermediate certificate "CN=Old Middle" expired/,
      },
      'an expired root in the store': {
        sent: [leafBelow(oldRoot)],
        store: [oldRoot],
        told: ['tls-expired@root'],
        words: /trusted certificate "CN=Old Root" expired/,
      },
      'an expired root of the store that was sent as well': {
        sent: [leafBelow(oldRoot), oldRoot],
        store: [oldRoot],
        told: ['tls-expired@root'],
      },
      'another name': {
        sent: [pki.wrongName, pki.intermediate],
        told: ['tls-hostname@0'],
        words: /is for other\.test, not for registry\.test/,
      },
      'the name only as common name': {
        sent: [pki.commonNameOnly, pki.intermediate],
        told: ['tls-hostname@0'],
        words: /only in its Common Name/,
      },
      'an address that is only a name': {
        sent: [pki.wrongName, pki.intermediate],
        host: '10.0.0.1',
        told: ['tls-hostname@0'],
        words: /only for other\.test/,
      },
      'time and name before the authority': {
        sent: [leafBelow(pki.strangeRoot, { names: ['other.test'], ...old })],
        told: ['tls-expired@0', 'tls-hostname@0', 'tls-unknown-authority@0'],
      },
      'a self-signed leaf': {
        sent: [pki.selfSigned],
        told: ['tls-unknown-authority@0'],
        words: /self-signed and not in the trust store/,
      },
      'an unknown authority that was sent': {
        sent: [pki.strange, pki.strangeRoot],
        told: ['tls-unknown-authority@1'],
        words: /ends in the root "CN=Strange Root", which is not/,
      },
      'a missing intermediate': {
        sent: [pki.leaf],
        told: ['tls-unknown-authority@0'],
        words: /sent only its own certificate.*CN=Pullwhy Test Intermediate, was not sent/,
      },
      'an intermediate below a missing one': {
        sent: [pki.leaf, pki.intermediate],
        store: [pki.strangeRoot],
        told: ['tls-unknown-authority@1'],
        words: /sent 2 certificates; the issuer of "CN=Pullwhy Test Intermediate"/,
      },
      'an empty store': {
        sent: [pki.leaf, pki.intermediate],
        store: [],
        told: ['tls-unknown-authority@1'],
        words: /trust store is empty/,
      },
      'a namesake of the issuer': {
        sent: [leafBelow(namesake)],
        told: ['tls-unknown-authority@0'],
        words: /signed by another key than the certificate of the same issuer name in the trust store/,
      },
      'a forged signature': {
        sent: [leafBelow(pki.root, { signingKeys: makeKeys() })],
        told: ['tls-unknown-authority@0'],
      },
      'a leaf that signs': {
        sent: [leafBelow(notCa), notCa],
        told: ['tls-unknown-authority@0'],
        words: /was sent but is not a certificate authority's/,
      },
      'a CA in the store that may not sign': {
        sent: [leafBelow(noSign)],
        store: [noSign],
        told: ['tls-unknown-authority@0'],
        words: /is in the trust store but is not/,
      },
      'more intermediates than a path length allows': (() => {
        const root = makeCertificate({ commonName: 'R', ca: true, pathLength: 0 });
        const middle = makeCertificate({ commonName: 'M', ca: true, issuer: root });
        return {
          sent: [leafBelow(middle), middle],
          store: [root],
          told: ['tls-certificate@root'],
          words: /only 0 intermediates/,
        };
      })(),
      'a certificate that is not for servers': {
        sent: [leafBelow(pki.root, { extendedUsages: [usages.clientAuth] })],
        told: ['tls-certificate@0'],
        words: /not allowed for servers/,
      },
      'an intermediate that is not for servers': (() => {
        const middle = makeCertificate({
          commonName: 'M',
          ca: true,
          issuer: pki.root,
          extendedUsages: [usages.codeSigning],
        });
        return { sent: [leafBelow(middle), middle], told: ['tls-certificate@1'] };
      })(),
      'a name outside the constraints of a CA': (() => {
        const root = makeCertificate({ commonName: 'R', ca: true, permitted: ['corp.test'] });
        return {
          sent: [leafBelow(root)],
          store: [root],
          told: ['tls-certificate@root'],
          words: /may not sign for registry\.test/,
        };
      })(),
      'another name of the leaf inside the excluded ones': (() => {
        const middle = makeCertificate({ commonName: 'M', ca: true, issuer: pki.root, excluded: ['10.0.0.0/8'] });
        return {
          sent: [leafBelow(middle, { addresses: ['10.255.0.1'] }), middle],
          told: ['tls-certificate@1'],
          words: /10\.255\.0\.1/,
        };
      })(),
      'a critical extension that nobody knows': {
        sent: [leafBelow(pki.root, { unknownCritical: true })],
        told: ['tls-certificate@0'],
        words: /1\.3\.6\.1\.4\.1\.99999\.1/,
      },
      'SHA-1': {
        sent: [leafBelow(pki.root, { digest: 'sha1' })],
        told: ['tls-certificate@0'],
        words: /signed with SHA-1, which Go refuses/,
      },
      'a curve that Go lacks': {
        sent: [leafBelow(pki.root, { key: 'secp256k1' })],
        told: ['tls-certificate@0'],
        words: /curve secp256k1/,
      },
      'an RSA key of 512 bits': {
        sent: [leafBelow(pki.root, { key: 'rsa512' })],
        told: ['tls-certificate@0'],
        words: /RSA key of 512 bits/,
      },
      'a CA’s RSA key of 512 bits': (() => {
        const root = makeCertificate({ commonName: 'R', ca: true, key: 'rsa512' });
        return {
          sent: [leafBelow(root)],
          store: [root],
          told: ['tls-certificate@0'],
          words: /signed with an RSA key of 512 bits/,
        };
      })(),
    };
    for (const [name, { told: expected, words, ...one }] of Object.entries(cases)) {
      it(name, () => {
        const verdict = check(one);
        assert.deepEqual(told(verdict), expected);
        assert.equal(verdict.ok, false);
        assert.deepEqual(verdict.path, []);
        if (words) assert.match(verdict.problems[0]?.message ?? '', words);
      });
    }
  });

  it('does not run for long on a web of cross-signed certificates', () => {
    // CAs of one name and one key that differ in their alternative names: any order of them is a way, 15! in all.
    const key = makeKeys();
    const root = makeCertificate({ commonName: 'Web', ca: true, key });
    const web = Array.from({ length: 15 }, (_, index) =>
      makeCertificate({ commonName: 'Web', ca: true, key, issuer: root, names: [`${index}.test`] }),
    );
    const leaf = leafBelow(root);
    const started = performance.now();
    const verdict = check({ sent: [leaf, ...web], store: [] });
    assert.equal(verdict.ok, false);
    assert.ok(performance.now() - started < 2000);
  });

  it('shows foreign names on one line and clipped', () => {
    const rude = makeCertificate({ commonName: `evil\u001b[31m\n${'x'.repeat(600)}`, names: ['a\u0007.test'] });
    const verdict = check({ sent: [rude] });
    for (const one of verdict.problems) {
      assert.doesNotMatch(one.message, /[\u0000-\u001f]/);
      assert.ok(one.message.length < 1000);
    }
  });
});

describe('certificateInfo', () => {
  it('tells what documents show', () => {
    const info = certificateInfo(read(pki.leaf));
    assert.deepEqual(
      { ...info, serialNumber: '', sha256: '', notBefore: '', notAfter: '' },
      {
        subject: 'CN=registry.test',
        issuer: 'CN=Pullwhy Test Intermediate',
        commonName: 'registry.test',
        serialNumber: '',
        sha256: '',
        notBefore: '',
        notAfter: '',
        dnsNames: ['registry.test', '*.registry.test', 'localhost'],
        ipAddresses: ['127.0.0.1', '0:0:0:0:0:0:0:1'],
        isCa: false,
        selfSigned: false,
        keyType: 'EC P-256',
      },
    );
    assert.match(info.sha256, /^[0-9a-f]{64}$/);
    assert.match(info.serialNumber, /^[0-9A-F]{32}$/);
    assert.equal(info.notAfter, pki.leaf.notAfter.toISOString().replace('.000Z', 'Z'));
    const root = certificateInfo(read(pki.root));
    assert.deepEqual([root.isCa, root.selfSigned, root.subject], [true, true, 'CN=Pullwhy Test Root,O=Pullwhy']);
  });

  it('does not call a namesake self-signed', () => {
    const fake = makeCertificate({ commonName: 'X', issuer: makeCertificate({ commonName: 'X', ca: true }) });
    assert.equal(certificateInfo(read(fake)).selfSigned, false);
  });

  it('shows a bounded number of names', () => {
    const many = makeCertificate({
      commonName: 'cdn',
      names: Array.from({ length: 300 }, (_, index) => `n${index}.test`),
    });
    assert.equal(certificateInfo(read(many)).dnsNames.length, 100);
  });
});
