import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describeErrors, hasErrorCode, type RegistryErrors, readRegistryErrors } from '../../src/registry/errors.ts';

const read = (body: unknown): RegistryErrors =>
  readRegistryErrors(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)));

describe('readRegistryErrors', () => {
  /** Name, body, format, and the first error's code, message and detail. */
  const cases: readonly (readonly [string, unknown, string, string | null, string, (string | null)?])[] = [
    [
      'distribution',
      { errors: [{ code: 'MANIFEST_UNKNOWN', message: 'manifest unknown', detail: { Tag: '9' } }] },
      'oci',
      'MANIFEST_UNKNOWN',
      'manifest unknown',
      'Tag: 9',
    ],
    [
      'distribution with a string detail',
      { errors: [{ code: 'NAME_UNKNOWN', message: 'm', detail: 'why' }] },
      'oci',
      'NAME_UNKNOWN',
      'm',
      'why',
    ],
    [
      'Docker Hub denied',
      {
        errors: [
          {
            code: 'UNAUTHORIZED',
            message: 'authentication required',
            detail: [{ Type: 'repository', Class: '', Name: 'library/nope', Action: 'pull' }],
          },
        ],
      },
      'oci',
      'UNAUTHORIZED',
      'authentication required',
      'Type: repository, Name: library/nope, Action: pull',
    ],
    [
      'Docker Hub limit',
      {
        errors: [
          {
            code: 'TOOMANYREQUESTS',
            message:
              'You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit',
          },
        ],
      },
      'oci',
      'TOOMANYREQUESTS',
      'You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit',
    ],
    [
      'Docker Hub token service',
      { details: 'incorrect username or password' },
      'json',
      null,
      'incorrect username or password',
    ],
    [
      'ECR denied',
      { errors: [{ code: 'DENIED', message: 'Your authorization token has expired. Reauthenticate and try again.' }] },
      'oci',
      'DENIED',
      'Your authorization token has expired. Reauthenticate and try again.',
    ],
    ['AWS', { message: 'Not Authorized' }, 'json', null, 'Not Authorized'],
    ['AWS with a type', { __type: 'AccessDeniedException', Message: 'no' }, 'json', 'AccessDeniedException', 'no'],
    [
      'Quay',
      { errors: [{ code: 'UNAUTHORIZED', detail: {}, message: 'access to the requested resource is not authorized' }] },
      'oci',
      'UNAUTHORIZED',
      'access to the requested resource is not authorized',
    ],
    [
      'Harbor',
      {
        errors: [
          {
            code: 'UNAUTHORIZED',
            message:
              'unauthorized to access repository: p/r, action: pull: unauthorized to access repository: p/r, action: pull',
          },
        ],
      },
      'oci',
      'UNAUTHORIZED',
      'unauthorized to access repository: p/r, action: pull: unauthorized to access repository: p/r, action: pull',
    ],
    ['Artifactory', { errors: [{ status: 404, message: 'Not Found' }] }, 'json', null, 'Not Found'],
    ['GitLab', { message: '401 Unauthorized' }, 'json', null, '401 Unauthorized'],
    ['GitLab, a sentence as error', { error: 'HTTP Basic: Access denied' }, 'json', null, 'HTTP Basic: Access denied'],
    [
      'Google APIs',
      { error: { code: 403, message: 'Permission denied', status: 'PERMISSION_DENIED' } },
      'json',
      'PERMISSION_DENIED',
      'Permission denied',
    ],
    [
      'OAuth',
      { error: 'invalid_grant', error_description: 'refresh token expired' },
      'json',
      'invalid_grant',
      'refresh token expired',
    ],
    ['OAuth, code alone', { error: 'unauthorized' }, 'json', 'unauthorized', 'unauthorized'],
    [
      'problem document',
      { type: 'about:blank', title: 'Forbidden', status: 403, detail: 'blocked' },
      'json',
      null,
      'blocked',
      null,
    ],
    ['errors as strings', { errors: ['one', 'two'] }, 'json', null, 'one'],
    [
      'S3',
      '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code><Message>Request has expired</Message><ServerTime>2026-01-01T00:00:00Z</ServerTime></Error>',
      'xml',
      'AccessDenied',
      'Request has expired',
      '2026-01-01T00:00:00Z',
    ],
    ['plain text', '404 page not found\n', 'text', null, '404 page not found'],
    ['a JSON string', '"Too Many Requests"', 'text', null, 'Too Many Requests'],
    ['broken JSON', '{"errors": [', 'text', null, '{"errors": ['],
  ];
  for (const [name, body, format, code, message, detail] of cases) {
    it(`reads ${name}`, () => {
      const errors = read(body);
      assert.equal(errors.format, format);
      assert.deepEqual(errors.errors[0], { code, message, detail: detail ?? null });
    });
  }

  it('reads pages by their title', () => {
    const errors = read(
      '<html>\r\n<head><title>403 Forbidden</title></head><body><center><h1>403 Forbidden</h1></center></body></html>',
    );
    assert.deepEqual(errors, { format: 'html', errors: [], title: '403 Forbidden', excerpt: '403 Forbidden' });
    assert.equal(describeErrors(errors), '403 Forbidden');
  });

  it('knows the empty body', () => {
    assert.deepEqual(read(' \n'), { format: 'empty', errors: [], title: null, excerpt: null });
    assert.equal(describeErrors(read('')), null);
  });

  it('takes JSON without any known member as an excerpt', () => {
    const errors = read({ hello: 'world' });
    assert.deepEqual([errors.format, errors.errors.length, errors.excerpt], ['json', 0, '{"hello":"world"}']);
  });

  it('masks what signs a URL', () => {
    const errors = read({
      errors: [{ code: 'UNKNOWN', message: 'Get "https://s3/x?X-Amz-Signature=abc&X-Amz-Date=d": EOF' }],
    });
    assert.equal(errors.errors[0]?.message, 'Get "https://s3/x?X-Amz-Signature=[secret]&X-Amz-Date=d": EOF');
  });

  it('is bounded in every direction', () => {
    const many = read({ errors: Array.from({ length: 500 }, () => ({ code: 'X', message: 'y'.repeat(50) })) });
    assert.ok(many.errors.length <= 10);
    const long = read({ errors: [{ code: 'C'.repeat(60_000), message: 'no code' }] });
    assert.equal(long.errors[0]?.code, null);
    const deep = readRegistryErrors(
      Buffer.from(`{"errors":[{"code":"X","message":"m","detail":${'['.repeat(20_000)}${']'.repeat(20_000)}}]}`),
    );
    assert.equal(deep.errors[0]?.code, 'X');
    assert.ok((read('z'.repeat(1_000_000)).errors[0]?.message.length ?? 0) < 400);
  });

  it('never throws and never shows a control character', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ maxLength: 200 }), fc.json()), (body) => {
        const errors = read(body);
        const shown = [
          errors.title,
          errors.excerpt,
          ...errors.errors.flatMap((e) => [e.code, e.message, e.detail]),
        ].join('');
        return !/[\u0000-\u001f\u007f]/u.test(shown);
      }),
    );
  });

  it('finds a code in any case', () => {
    assert.ok(hasErrorCode(read({ errors: [{ code: 'denied', message: '' }] }), 'DENIED'));
    assert.ok(!hasErrorCode(read('denied'), 'DENIED'));
  });
});
