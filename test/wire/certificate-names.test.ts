import assert from 'node:assert/strict';
import { hostAddress, matchesHost, reliesOnCommonName } from '../../src/wire/certificate-names.ts';
import { readCertificate } from '../../src/wire/x509.ts';
import { makeCertificate, makeKeys } from '../kit/certificates.ts';

const key = makeKeys();

function certificateFor(names: readonly string[], addresses: readonly string[] = [], commonName = 'cn.test') {
  const certificate = readCertificate(makeCertificate({ commonName, names, addresses, key }).der);
  assert.ok(certificate !== null);
  return certificate;
}

describe('matchesHost', () => {
  // Cases of the rules in crypto/x509: VerifyHostname, matchHostnames, validHostname.
  const cases: readonly [pattern: string, host: string, fits: boolean][] = [
    ['a.test', 'a.test', true],
    ['a.test', 'A.TEST', true],
    ['A.Test', 'a.tesT', true],
    ['a.test', 'a.test.', true],
    ['a.test', 'b.test', false],
    ['a.test', 'x.a.test', false],
    ['*.a.test', 'x.a.test', true],
    ['*.a.test', 'a.test', false],
    ['*.a.test', 'y.x.a.test', false],
    ['x.*.test', 'x.a.test', false],
    ['x*.a.test', 'xy.a.test', false],
    ['*x.a.test', 'yx.a.test', false],
    ['*', 'a', true],
    ['*', 'a.test', false],
    ['*.test', 'a.test', true],
    ['a_b.test', 'a_b.test', true],
    ['*.a.test', 'x_y.a.test', true],
    ['-a.test', '-a.test', true], // not a valid name, but exactly the same
    ['*.a.test', '-x.a.test', false],
    ['a.test.', 'a.test', false],
    ['a.test.', 'a.test.', true],
    ['a..test', 'a..test', true],
    ['', '', false],
    ['.', '.', false],
    ['10.0.0.1', '10.0.0.1', false], // an address matches only addresses
    ['xn--bcher-kva.test', 'xn--bcher-kva.test', true],
  ];
  for (const [pattern, host, fits] of cases) {
    it(`${fits ? 'takes' : 'does not take'} ${JSON.stringify(host)} for ${JSON.stringify(pattern)}`, () => {
      assert.equal(matchesHost(certificateFor([pattern]), host), fits);
    });
  }

  const addresses: readonly [inCertificate: string, host: string, fits: boolean][] = [
    ['10.0.0.1', '10.0.0.1', true],
    ['10.0.0.1', '10.0.0.2', false],
    ['10.0.0.1', '[10.0.0.1]', true],
    ['10.0.0.1', '::ffff:10.0.0.1', true],
    ['2001:db8::1', '2001:db8::1', true],
    ['2001:db8::1', '[2001:DB8:0:0:0:0:0:1]', true],
    ['2001:db8::1', '2001:db8::2', false],
    ['::1', '::1', true],
    ['fe80::1', 'fe80::1%eth0', false], // Go's ParseIP takes no zone
  ];
  for (const [inCertificate, host, fits] of addresses) {
    it(`${fits ? 'takes' : 'does not take'} ${host} for the address ${inCertificate}`, () => {
      assert.equal(matchesHost(certificateFor([], [inCertificate]), host), fits);
    });
  }

  it('never looks at the common name', () => {
    assert.equal(matchesHost(certificateFor([], [], 'cn.test'), 'cn.test'), false);
    assert.equal(reliesOnCommonName(certificateFor([], [], 'cn.test'), 'CN.test'), true);
    assert.equal(reliesOnCommonName(certificateFor([], [], '*.test'), 'cn.test'), true);
    assert.equal(reliesOnCommonName(certificateFor(['other.test'], [], 'cn.test'), 'cn.test'), false);
  });
});

describe('hostAddress', () => {
  it('reads literals only', () => {
    assert.deepEqual(hostAddress('1.2.3.4'), Buffer.from([1, 2, 3, 4]));
    assert.equal(hostAddress('[::ffff:1.2.3.4]')?.toString('hex'), '00000000000000000000ffff01020304');
    assert.equal(hostAddress('1::')?.toString('hex'), `0001${'0'.repeat(28)}`);
    for (const name of ['a.test', '1.2.3', '1.2.3.4.5', 'fe80::1%eth0', '', '[]', '01.2.3.4']) {
      assert.equal(hostAddress(name), null, name);
    }
  });
});
