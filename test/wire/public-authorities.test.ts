import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { rootCertificates } from 'node:tls';
import { isPublicAuthority } from '../../src/wire/public-authorities.ts';
import { readCertificate } from '../../src/wire/x509.ts';
import { makePki } from '../kit/certificates.ts';

describe('isPublicAuthority', () => {
  const read = (pem: string) => {
    const certificate = readCertificate(new X509Certificate(pem).raw);
    assert.ok(certificate !== null);
    return certificate;
  };

  it('is true of a root that the public trusts', () => {
    assert.equal(isPublicAuthority([read(rootCertificates[0] ?? '')], 'registry.test', Date.now()), true);
  });

  it('is false of an authority of one’s own, and of none', () => {
    const pki = makePki();
    assert.equal(isPublicAuthority([read(pki.leaf.chainPem), read(pki.root.pem)], 'registry.test', Date.now()), false);
  });
});
