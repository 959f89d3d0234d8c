import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { networkFailures } from '../../src/model/network-failure.ts';
import { alertName, alertOf, errnoOf, wireError, wireErrorOf } from '../../src/wire/errors.ts';
import { closedPort } from '../kit/tcp-server.ts';

function withCode(code: string, message = 'words', more: object = {}): Error {
  return Object.assign(new Error(message), { code, ...more });
}

describe('wireErrorOf', () => {
  const cases: readonly [unknown, string][] = [
    [withCode('ECONNREFUSED'), 'refused'],
    [withCode('ECONNRESET'), 'reset'],
    [withCode('EPIPE'), 'closed'],
    [withCode('ETIMEDOUT'), 'timeout'],
    [withCode('ENETUNREACH'), 'unreachable'],
    [withCode('EHOSTUNREACH'), 'unreachable'],
    [withCode('EADDRNOTAVAIL'), 'unreachable'],
    [withCode('EPERM'), 'not-permitted'],
    [withCode('EACCES'), 'not-permitted'],
    [withCode('ENOTFOUND'), 'name-not-found'],
    [withCode('EAI_AGAIN'), 'server-failure'],
    [withCode('UND_ERR_CONNECT_TIMEOUT'), 'timeout'],
    [withCode('UND_ERR_HEADERS_TIMEOUT'), 'timeout'],
    [withCode('UND_ERR_SOCKET'), 'closed'],
    [withCode('UND_ERR_SOCKET', 'x', { cause: withCode('ECONNRESET') }), 'reset'],
    [withCode('UND_ERR_HEADERS_OVERFLOW'), 'http-malformed'],
    [withCode('HPE_INVALID_CONSTANT'), 'http-malformed'],
    [withCode('UND_ERR_RES_CONTENT_LENGTH_MISMATCH'), 'body-cut'],
    [withCode('UND_ERR_RES_EXCEEDED_MAX_SIZE'), 'body-too-large'],
    [withCode('ERR_HTTP2_STREAM_ERROR'), 'http-malformed'],
    [withCode('CERT_HAS_EXPIRED'), 'tls-expired'],
    [withCode('ERR_TLS_CERT_ALTNAME_INVALID'), 'tls-hostname'],
    [withCode('UNABLE_TO_VERIFY_LEAF_SIGNATURE'), 'tls-unknown-authority'],
    [withCode('ERR_SSL_WRONG_VERSION_NUMBER'), 'tls-plain-answer'],
    [withCode('ERR_SSL_UNSUPPORTED_PROTOCOL', 'x', { reason: 'unsupported protocol' }), 'tls-protocol'],
    [withCode('ERR_SSL_X', 'error:0A00045C:SSL routines:a:b:c.c:1:SSL alert number 116\n'), 'tls-alert'],
    [withCode('ERR_SSL_X', 'SSL alert number 70'), 'tls-protocol'],
    [new DOMException('timeout', 'TimeoutError'), 'timeout'],
    [new DOMException('gone', 'AbortError'), 'aborted'],
    [new TypeError('fetch failed', { cause: withCode('EHOSTUNREACH') }), 'unreachable'],
    [new AggregateError([withCode('ECONNREFUSED'), withCode('ETIMEDOUT')]), 'refused'],
    [new Error('something new'), 'internal'],
    [withCode('ENEW'), 'internal'],
    ['text', 'internal'],
    [undefined, 'internal'],
    [null, 'internal'],
  ];
  for (const [error, code] of cases) {
    const name = error instanceof Error ? `${error.name} ${errnoOf(error) ?? ''}` : String(error);
    it(`calls ${name} ${code}`, () => {
      const found = wireErrorOf(error, 'asking 10.0.0.1:443');
      assert.equal(found.code, code);
      assert.ok(networkFailures.includes(found.code));
      assert.match(found.message, /^asking 10\.0\.0\.1:443: ./);
    });
  }

  it('maps what the system really emits', async () => {
    const port = await closedPort();
    const error = await new Promise((resolve) => connect(port, '127.0.0.1').once('error', resolve));
    assert.deepEqual(wireErrorOf(error, 'x'), { code: 'refused', message: 'x: connection refused (ECONNREFUSED)' });
  });

  it('does not run in circles of causes', () => {
    const error = new Error('a');
    error.cause = error;
    assert.equal(wireErrorOf(error, 'x').code, 'internal');
  });
});

describe('wireError', () => {
  it('makes one safe line', () => {
    const { message } = wireError('internal', 'at http://user:pass@proxy:3128/\r\nSet-Cookie:\u001b[31m x');
    assert.equal(message, 'at http://[secret]@proxy:3128/ Set-Cookie: [31m x');
    assert.ok(wireError('internal', 'x'.repeat(10_000)).message.length < 2100);
  });
});

describe('alerts', () => {
  it('are known by number', () => {
    assert.equal(alertName(40), 'handshake_failure');
    assert.equal(alertName(255), 'alert 255');
    assert.equal(alertOf(new Error('no alert here')), null);
  });
});
