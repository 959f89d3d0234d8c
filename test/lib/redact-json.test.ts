import assert from 'node:assert/strict';
import { redactJson } from '../../src/lib/redact-json.ts';

describe('redactJson', () => {
  const hidden = [
    'password',
    'passwd',
    'clientSecret',
    'identitytoken',
    'registryToken',
    'auth',
    'auths',
    'headers',
    'api_key',
  ];
  for (const name of hidden) {
    it(`hides what stands under ${name}, at any depth`, () => {
      const text = JSON.stringify(redactJson({ a: [{ [name]: { deep: 'hunter2' } }] }));
      assert.doesNotMatch(text, /hunter2/);
      assert.match(text, /\[secret\]/);
    });
  }

  const shown = ['config_path', 'tokenFile', 'authServer', 'credential_provider', 'sandboxImage', 'authority'];
  for (const name of shown) {
    it(`leaves ${name}`, () => assert.deepEqual(redactJson({ [name]: 'x' }), { [name]: 'x' }));
  }

  it('leaves what is empty, so that a missing password can be seen', () => {
    const empty = { password: '', auth: null, auths: {}, headers: [] };
    assert.deepEqual(redactJson(empty), empty);
  });

  it('takes the userinfo out of URLs', () => {
    assert.deepEqual(redactJson(['http://u:hunter2@proxy.example:3128/']), ['http://proxy.example:3128/']);
  });

  it('ends at a bounded depth', () => {
    let deep: unknown = 'hunter2';
    for (let level = 0; level < 5000; level++) deep = [deep];
    assert.doesNotMatch(JSON.stringify(redactJson(deep)), /hunter2/);
  });
});
