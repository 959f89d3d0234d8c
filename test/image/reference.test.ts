import assert from 'node:assert/strict';
import { parseReference, type ReferenceErrorKind, repositoryName } from '../../src/image/reference.ts';
import { referenceErrorKinds } from '../../src/image/reference-error-words.ts';

const f64 = 'f'.repeat(64);

describe('parseReference', () => {
  // input, domain, path, tag, digest, normalized (null: as the input)
  const valid: [string, string, string, string | null, string | null, string | null][] = [
    ['nginx', 'docker.io', 'library/nginx', 'latest', null, 'docker.io/library/nginx:latest'],
    ['nginx:1.27', 'docker.io', 'library/nginx', '1.27', null, 'docker.io/library/nginx:1.27'],
    ['team/app', 'docker.io', 'team/app', 'latest', null, 'docker.io/team/app:latest'],
    ['docker.io/nginx', 'docker.io', 'library/nginx', 'latest', null, 'docker.io/library/nginx:latest'],
    ['index.docker.io/nginx:1', 'docker.io', 'library/nginx', '1', null, 'docker.io/library/nginx:1'],
    ['index.docker.io/a/b:1', 'docker.io', 'a/b', '1', null, 'docker.io/a/b:1'],
    ['registry-1.docker.io/nginx:1', 'registry-1.docker.io', 'nginx', '1', null, null],
    [
      `nginx@sha256:${f64}`,
      'docker.io',
      'library/nginx',
      null,
      `sha256:${f64}`,
      `docker.io/library/nginx@sha256:${f64}`,
    ],
    [`quay.io/a/b:1@sha256:${f64}`, 'quay.io', 'a/b', '1', `sha256:${f64}`, null],
    [`quay.io/a@sha512:${f64}${f64}`, 'quay.io', 'a', null, `sha512:${f64}${f64}`, null],
    [`quay.io/a@sha384:${f64}${'0'.repeat(32)}`, 'quay.io', 'a', null, `sha384:${f64}${'0'.repeat(32)}`, null],
    ['localhost/app:1', 'localhost', 'app', '1', null, null],
    ['localhost', 'docker.io', 'library/localhost', 'latest', null, 'docker.io/library/localhost:latest'],
    ['localhost:5000', 'docker.io', 'library/localhost', '5000', null, 'docker.io/library/localhost:5000'],
    ['localhost:5000/app', 'localhost:5000', 'app', 'latest', null, 'localhost:5000/app:latest'],
    ['reg.corp:5000', 'docker.io', 'library/reg.corp', '5000', null, 'docker.io/library/reg.corp:5000'],
    ['test:5000/repo:tag', 'test:5000', 'repo', 'tag', null, null],
    ['reg.corp:99999/app:1', 'reg.corp:99999', 'app', '1', null, null],
    ['192.168.1.1:5000/repo:5050', '192.168.1.1:5000', 'repo', '5050', null, null],
    ['[2001:db8::1]/repo', '[2001:db8::1]', 'repo', 'latest', null, '[2001:db8::1]/repo:latest'],
    ['[2001:db8::1]:5000/repo:tag', '[2001:db8::1]:5000', 'repo', 'tag', null, null],
    ['[:::]/repo:tag', '[:::]', 'repo', 'tag', null, null],
    ['Team/app:1', 'Team', 'app', '1', null, null],
    ['REG.corp/app:1', 'REG.corp', 'app', '1', null, null],
    [
      'b.gcr.io/test.example.com/my-app:test.example.com',
      'b.gcr.io',
      'test.example.com/my-app',
      'test.example.com',
      null,
      null,
    ],
    ['xn--n3h.com/myimage:xn--n3h.com', 'xn--n3h.com', 'myimage', 'xn--n3h.com', null, null],
    [
      'lowercase:Uppercase',
      'docker.io',
      'library/lowercase',
      'Uppercase',
      null,
      'docker.io/library/lowercase:Uppercase',
    ],
    ['foo_bar.com:8080', 'docker.io', 'library/foo_bar.com', '8080', null, 'docker.io/library/foo_bar.com:8080'],
    ['foo_bar.com/app:1', 'foo_bar.com', 'app', '1', null, null],
    ['foo/foo_bar.com:8080', 'docker.io', 'foo/foo_bar.com', '8080', null, 'docker.io/foo/foo_bar.com:8080'],
    [
      'docker---rules/dock__er:_-.',
      'docker.io',
      'docker---rules/dock__er',
      '_-.',
      null,
      'docker.io/docker---rules/dock__er:_-.',
    ],
    [
      `docker.io/${'1a'.repeat(32)}:1`,
      'docker.io',
      `library/${'1a'.repeat(32)}`,
      '1',
      null,
      `docker.io/library/${'1a'.repeat(32)}:1`,
    ],
    [
      `${'1a'.repeat(32)}:1`,
      'docker.io',
      `library/${'1a'.repeat(32)}`,
      '1',
      null,
      `docker.io/library/${'1a'.repeat(32)}:1`,
    ],
    [`reg.corp/${'a'.repeat(255)}:${'t'.repeat(128)}`, 'reg.corp', 'a'.repeat(255), 't'.repeat(128), null, null],
    [
      `${'a'.repeat(247)}:1`,
      'docker.io',
      `library/${'a'.repeat(247)}`,
      '1',
      null,
      `docker.io/library/${'a'.repeat(247)}:1`,
    ],
  ];
  for (const [input, domain, path, tag, digest, normalized] of valid) {
    it(`takes ${input.slice(0, 60)}`, () => {
      const parsed = parseReference(input);
      assert.ok(parsed.ok, parsed.ok ? '' : parsed.error.message);
      const defaultTag = tag === 'latest' && !/:latest/.test(input);
      assert.deepEqual(parsed.value, { input, domain, path, tag, digest, defaultTag, normalized: normalized ?? input });
      assert.equal(repositoryName(parsed.value), `${domain}/${path}`);
    });
  }

  // input, kind, the breaking character's index (null: none), a text that the message must hold
  const invalid: [string, ReferenceErrorKind, number | null, string][] = [
    ['', 'empty', null, 'is empty'],
    [' \n', 'empty', null, 'is empty'],
    ['x'.repeat(5000), 'too-long', null, '4096'],
    ['<image>:1', 'placeholder', 0, '<image>'],
    [`app:$\u007bTAG}`, 'placeholder', 4, `$\u007bTAG}`],
    ['app:$TAG', 'placeholder', 4, '$TAG'],
    ['app:$(TAG)', 'placeholder', 4, '$(TAG)'],
    ['reg.corp/{{ .Values.image }}:1', 'placeholder', 9, '{{ .Values.image }}'],
    ['reg.corp/{{ .Values', 'placeholder', 9, '{{ .Values'],
    ['reg.corp/%IMAGE%:1', 'placeholder', 9, '%IMAGE%'],
    ['<none>:<none>', 'placeholder', 0, '<none>'],
    ['None:None', 'placeholder', 0, 'None'],
    ['"nginx"', 'quote', 0, ': "nginx".'],
    ["nginx:1'", 'quote', 7, ': "nginx:1".'],
    ['\u201cnginx\u201d', 'quote', 0, ': "nginx".'],
    [' nginx', 'whitespace', 0, 'a blank before its first letter'],
    ['nginx:1 ', 'whitespace', 7, 'a blank at its end'],
    ['nginx\n', 'whitespace', 5, 'a line break at its end'],
    ['nginx\u200b:1', 'whitespace', 5, 'zero-width'],
    ['\ufeffnginx', 'whitespace', 0, 'byte order mark'],
    ['ng\u0000inx', 'whitespace', 2, 'U+0000'],
    ['https://reg.corp/app:1', 'scheme', 5, ': "reg.corp/app:1".'],
    ['docker://nginx', 'scheme', 6, ': "nginx".'],
    ['https://harbor.k8s.mybank/release/name:1.1.0', 'scheme', 5, ': "harbor.k8s.mybank/release/name:1.1.0".'],
    ['/team/app', 'leading-slash', 0, ': "team/app".'],
    [f64, 'hex-identifier', null, 'image id'],
    [':tag', 'no-name', 0, 'no repository'],
    [`@sha256:${f64}`, 'no-name', 0, 'no repository'],
    ['reg.corp/', 'no-name', 8, 'ends after its registry host'],
    ['reg.corp/:1', 'no-name', 9, 'no repository'],
    ['[2001:db8::1]:5000', 'no-name', 0, 'no repository behind it'],
    ['fc00::1:5000/app', 'bad-domain', 4, 'without brackets'],
    ['[fe80::1%eth0]:5000/app', 'bad-domain', 8, 'zones'],
    ['[2001:db8:3:4::192.0.2.33]:5000/app', 'bad-domain', 18, 'hexadecimal'],
    ['[::1/app', 'bad-domain', 0, 'closing'],
    ['[::1]x/app', 'bad-domain', 5, 'more than a port'],
    ['[]:1/app', 'bad-domain', 0, 'empty brackets'],
    ['-docker.io/app', 'bad-domain', 0, 'dash'],
    ['docker-.io/app', 'bad-domain', 6, 'dash'],
    ['docker..io/app', 'bad-domain', 7, 'dot'],
    ['.docker/app', 'bad-domain', 0, 'dot'],
    ['reg.corp./app', 'bad-domain', 8, 'dot'],
    ['my_reg:5000/app', 'bad-domain', 2, '"_"'],
    [':5000/app', 'bad-domain', 0, 'nothing before the colon'],
    ['reg.corp:/app', 'bad-port', 8, 'no port'],
    ['reg.corp:50a/app', 'bad-port', 11, 'a port is a number'],
    ['nginx:1.27/nginx:1.27', 'doubled-reference', 10, 'twice'],
    ['Nginx', 'upper-case', 0, ': "nginx".'],
    ['team/App:V1', 'upper-case', 5, ': "team/app:V1".'],
    ['My_Team/app', 'upper-case', 0, ': "my_team/app".'],
    ['test:5000/Uppercase/lowercase:tag', 'upper-case', 10, ': "test:5000/uppercase/lowercase:tag".'],
    ['reg.corp/app$$^/x', 'bad-character', 12, '"$"'],
    ['reg.corp\\app', 'bad-character', 8, ': "reg.corp/app".'],
    ['caf\u00e9/app', 'bad-character', 3, '"\u00e9"'],
    ['team/\u{1f433}', 'bad-character', 5, '"\u{1f433}"'],
    ['dock..er/app', 'bad-domain', 5, 'dot'],
    ['team/dock..er', 'bad-separator', 9, '".."'],
    ['team/dock___er', 'bad-separator', 9, '"___"'],
    ['team/dock-.er', 'bad-separator', 9, '"-."'],
    ['-docker/app', 'bad-separator', 0, 'at the edge'],
    ['docker-/app', 'bad-separator', 6, 'at the edge'],
    ['team/app_', 'bad-separator', 8, 'at the edge'],
    ['docker///docker', 'empty-component', 7, ': "docker/docker".'],
    ['team/app/', 'empty-component', 8, ': "team/app".'],
    [`reg.corp/${'a'.repeat(256)}:1`, 'name-too-long', null, 'shorten it by 1'],
    ['a'.repeat(248), 'name-too-long', null, '256 characters'],
    ['nginx:', 'empty-tag', 5, ': "nginx".'],
    ['nginx:.1', 'bad-tag', 6, 'starts with'],
    ['nginx:1.0+build', 'bad-tag', 9, ': "nginx:1.0_build".'],
    [`nginx:${'t'.repeat(129)}`, 'tag-too-long', 134, '129'],
    ['nginx:1.2:latest', 'doubled-reference', 9, 'second tag'],
    ['reg.corp/app:1/x', 'doubled-reference', 14, 'behind its tag'],
    ['a@b@c', 'doubled-reference', 3, 'second "@"'],
    [`nginx@sha256:${f64}:1`, 'doubled-reference', 77, 'in its digest'],
    ['nginx@', 'empty-digest', 5, ': "nginx".'],
    ['user@reg.corp/app', 'bad-digest', 5, 'no digest algorithm'],
    [`nginx@${f64}`, 'bad-digest', 6, `: "nginx@sha256:${f64}".`],
    [`nginx@256:${f64}`, 'bad-digest', 6, 'sha256'],
    [`nginx@md5:${'f'.repeat(32)}`, 'digest-algorithm', 6, '"md5"'],
    [`nginx@SHA256:${f64}`, 'digest-algorithm', 6, `: "nginx@sha256:${f64}".`],
    ['nginx@sha256:abc', 'digest-length', null, '3 digits'],
    [`nginx@sha256:${f64}0`, 'digest-length', 77, '65 digits'],
    [`nginx@sha256:${'F'.repeat(64)}`, 'digest-hex', 13, `: "nginx@sha256:${f64}".`],
    [`nginx@sha256:${'g'.repeat(64)}`, 'digest-hex', 13, '"g"'],
  ];
  for (const [input, kind, at, text] of invalid) {
    it(`refuses ${JSON.stringify(input.slice(0, 60))}: ${kind}`, () => {
      const parsed = parseReference(input);
      assert.ok(!parsed.ok);
      assert.equal(parsed.error.kind, kind);
      assert.equal(parsed.error.at, at);
      assert.ok(parsed.error.message.includes(text), parsed.error.message);
      const code = at === null ? undefined : input.codePointAt(at);
      assert.equal(parsed.error.character, code === undefined ? null : String.fromCodePoint(code));
    });
  }

  it('has an example for every kind', () => {
    const seen = new Set(invalid.map(([, kind]) => kind));
    assert.deepEqual(
      referenceErrorKinds.filter((kind) => !seen.has(kind)),
      [],
    );
  });

  it('repeats no user name and password that stand behind a scheme', () => {
    for (const input of [
      'https://me:s3cret@reg.corp/app:1',
      'https://me:s3cret@reg.corp/App',
      'http://s3cret@reg.corp/',
    ]) {
      const parsed = parseReference(input);
      assert.ok(!parsed.ok);
      assert.equal(parsed.error.kind, 'scheme');
      assert.ok(!parsed.error.message.includes('s3cret'), parsed.error.message);
    }
  });
});
