import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parseReference } from '../../src/image/reference.ts';
import { parseSignaturePolicy, policyFor, scopesOf } from '../../src/node/signature-policy.ts';
import { parseJsonNodes } from '../../src/node/signature-policy-json.ts';

function image(name: string) {
  const parsed = parseReference(name);
  assert.ok(parsed.ok);
  return parsed.value;
}

describe('policy.json', () => {
  const text = `{
  "default": [{"type": "reject"}],
  "transports": {
    "docker": {
      "": [{"type": "insecureAcceptAnything"}],
      "reg.corp:5000": [{"type": "reject"}],
      "reg.corp:5000/ok": [{"type": "insecureAcceptAnything"}],
      "reg.corp:5000/ok/app:1": [{"type": "reject"}],
      "*.example.com": [{"type": "signedBy", "keyType": "GPGKeys", "keyPaths": ["/k/a.gpg", "/k/b.gpg"]}],
      "a.example.com": [{"type": "sigstoreSigned", "keyPath": "/k/c.pub", "signedIdentity": {"type": "matchRepository"}}]
    },
    "docker-daemon": {"": [{"type": "insecureAcceptAnything"}]}
  }
}`;

  for (const [name, scope, types] of [
    ['reg.corp:5000/x/app:1', 'docker scope "reg.corp:5000"', ['reject']],
    ['reg.corp:5000/ok/app:2', 'docker scope "reg.corp:5000/ok"', ['insecureAcceptAnything']],
    ['reg.corp:5000/ok/app:1', 'docker scope "reg.corp:5000/ok/app:1"', ['reject']],
    ['reg.corp/x/app:1', 'docker default', ['insecureAcceptAnything']],
    ['b.example.com:8443/app:1', 'docker scope "*.example.com"', ['signedBy']],
    ['a.example.com/app:1', 'docker scope "a.example.com"', ['sigstoreSigned']],
    ['example.com/app:1', 'docker default', ['insecureAcceptAnything']],
  ] as const) {
    it(`applies to ${name}: ${scope}`, () => {
      const policy = parseSignaturePolicy(text);
      assert.ok(policy.ok, policy.ok ? '' : policy.error.message);
      const applied = policyFor(policy.value, image(name));
      assert.equal(applied.scope, scope);
      assert.deepEqual(
        applied.requirements.map((requirement) => requirement.type),
        types,
      );
    });
  }

  it('names the files and lines of requirements', () => {
    const policy = parseSignaturePolicy(text);
    assert.ok(policy.ok);
    const [requirement] = policyFor(policy.value, image('x.example.com/app:1')).requirements;
    assert.deepEqual(requirement, { type: 'signedBy', line: 9, keyPaths: ['/k/a.gpg', '/k/b.gpg'] });
  });

  it('takes the default without any scope for the transport', () => {
    const policy = parseSignaturePolicy('{"default": [{"type": "reject"}]}');
    assert.ok(policy.ok);
    assert.equal(policyFor(policy.value, image('nginx')).scope, 'default');
  });

  it('looks scopes up from the reference to the wildcards of its host', () => {
    assert.deepEqual(scopesOf(image('r.a.example.com:5000/t/app:1')), [
      'r.a.example.com:5000/t/app:1',
      'r.a.example.com:5000/t/app',
      'r.a.example.com:5000/t',
      'r.a.example.com:5000',
      '*.a.example.com',
      '*.example.com',
      '*.com',
    ]);
    assert.deepEqual(scopesOf(image('nginx')).slice(0, 2), [
      'docker.io/library/nginx:latest',
      'docker.io/library/nginx',
    ]);
  });

  const any = '[{"type": "insecureAcceptAnything"}]';
  for (const [what, bad, line, words] of [
    ['an unknown key', `{\n "default": ${any},\n "transport": {}\n}`, 3, /unknown key "transport"/],
    ['a repeated key', `{"default": ${any},\n"default": ${any}}`, 2, /twice/],
    ['no default', '{"transports": {}}', 1, /"default" is missing/],
    ['an empty list', '{"default": []}', 1, /must not be empty/],
    ['an unknown type', '{"default":\n [{"type": "accept"}]}', 2, /unknown requirement type "accept"/],
    ['a key too many', '{"default": [{"type": "reject", "keyPath": "/k"}]}', 1, /unknown key "keyPath"/],
    [
      'signedBy without a key',
      '{"default": [{"type": "signedBy", "keyType": "GPGKeys"}]}',
      1,
      /exactly one of keyPath/,
    ],
    [
      'signedBy with two',
      '{"default": [{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/a", "keyData": "YQ=="}]}',
      1,
      /exactly one/,
    ],
    ['a bad keyType', '{"default": [{"type": "signedBy", "keyType": "PGP", "keyPath": "/a"}]}', 1, /keyType "PGP"/],
    [
      'fulcio without Rekor',
      '{"default": [{"type": "sigstoreSigned", "fulcio": {"caPath": "/a", "oidcIssuer": "i", "subjectEmail": "e"}}]}',
      1,
      /fulcio needs/,
    ],
    [
      'a bad identity',
      '{"default": [{"type": "sigstoreSigned", "keyPath": "/a", "signedIdentity": {"type": "exactReference"}}]}',
      1,
      /"dockerReference" is missing/,
    ],
    ['a trailing comma', `{\n "default": ${any},\n}`, 3, /string in double quotes/],
    ['a comment', `// policy\n{"default": ${any}}`, 1, /value is expected/],
    ['two values', `{"default": ${any}}\n{}`, 2, /nothing may follow/],
    ['an empty file', '', 1, /end of the file/],
    ['a list', '[]', 1, /object is expected/],
  ] as const) {
    it(`is invalid with ${what}`, () => {
      const result = parseSignaturePolicy(bad);
      assert.ok(!result.ok);
      assert.equal(result.error.line, line);
      assert.match(result.error.message, words);
    });
  }

  it('agrees with JSON.parse on what is JSON', () => {
    const mutated = fc
      .tuple(fc.json({ maxDepth: 3 }), fc.nat(), fc.constantFrom('', ',', '}', '"', '\\', '\n', '0', ' '))
      .map(([json, at, insert]) => {
        const cut = at % (json.length + 1);
        return json.slice(0, cut) + insert + json.slice(insert === '' ? cut + 1 : cut);
      });
    fc.assert(
      fc.property(fc.oneof(fc.json({ maxDepth: 4 }), mutated, fc.string()), (source) => {
        let valid = true;
        try {
          JSON.parse(source);
        } catch {
          valid = false;
        }
        assert.equal(parseJsonNodes(source).ok, valid, source);
      }),
      { numRuns: 500 },
    );
  });

  it('is bounded in depth', () => {
    const result = parseJsonNodes('['.repeat(100_000));
    assert.ok(!result.ok);
    assert.match(result.error.message, /levels of nesting/);
  });
});
