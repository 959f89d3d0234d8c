import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parseReference } from '../../src/image/reference.ts';
import { readRegistriesFile } from '../../src/node/registries-conf.ts';
import { findRegistry, isBlocked, prefixLength, pullSources } from '../../src/node/registries-conf-match.ts';
import { parseToml } from '../../src/node/toml.ts';

function registries(text: string) {
  const parsed = parseToml(text, 'r.conf');
  assert.ok(parsed.ok);
  const file = readRegistriesFile(parsed.value, 'r.conf', false);
  assert.ok(file.ok, file.ok ? '' : file.error.message);
  return file.value.registries;
}

function image(name: string) {
  const parsed = parseReference(name);
  assert.ok(parsed.ok);
  return parsed.value;
}

function asked(conf: string, name: string) {
  const entries = registries(conf);
  const reference = image(name);
  const sources = pullSources(findRegistry(entries, `${reference.domain}/${reference.path}`), reference);
  return sources.ok ? sources.value.map((source) => source.reference.normalized) : `fails: ${sources.error.rewritten}`;
}

const digest = `sha256:${'a'.repeat(64)}`;

describe('registries.conf prefixes', () => {
  for (const [reference, prefix, length] of [
    ['example.com/app', 'example.com', 11],
    ['example.com/app', 'example.com/app', 15],
    ['example.com/application', 'example.com/app', -1],
    ['example.com:5000/app', 'example.com', 11],
    ['example.com.evil.org/app', 'example.com', -1],
    ['example.com/app:1', 'example.com/app', 15],
    [`example.com/app@${digest}`, 'example.com/app', 15],
    ['example.com', 'example.com/app', -1],
    ['a.b.example.com/app', '*.example.com', 15],
    ['a.example.com:5000/app', '*.example.com', 13],
    ['example.com/app', '*.example.com', -1],
    ['other.org/a.example.com/app', '*.example.com', -1],
    ['a.example.community/app', '*.example.com', -1],
  ] as const) {
    it(`${prefix} ${length < 0 ? 'does not match' : 'matches'} ${reference}`, () => {
      assert.equal(prefixLength(reference, prefix), length);
    });
  }

  it('a match is never longer than the reference and ends at a separator', () => {
    const part = fc.stringMatching(/^[a-z0-9]{1,4}$/);
    const host = fc.array(part, { minLength: 1, maxLength: 3 }).map((labels) => labels.join('.'));
    const name = fc
      .tuple(host, fc.array(part, { minLength: 1, maxLength: 3 }))
      .map(([h, path]) => [h, ...path].join('/'));
    fc.assert(
      fc.property(
        name,
        fc.oneof(
          name,
          host,
          host.map((h) => `*.${h}`),
        ),
        (reference, prefix) => {
          const length = prefixLength(reference, prefix);
          assert.ok(length >= -1 && length <= reference.length);
          if (length > 0 && length < reference.length) assert.match(reference.charAt(length), /[:/@]/);
        },
      ),
    );
  });
});

describe('registries.conf pull sources', () => {
  it('takes the longest prefix', () => {
    const conf = `[[registry]]
location = "example.com"
[[registry]]
prefix = "example.com/team"
location = "reg.corp/t"
[[registry]]
prefix = "*.com"
location = "wild.corp"
`;
    assert.deepEqual(asked(conf, 'example.com/team/app:1'), ['reg.corp/t/app:1']);
    assert.deepEqual(asked(conf, 'example.com/teams/app:1'), ['example.com/teams/app:1']);
    assert.deepEqual(asked(conf, 'other.com/app:1'), ['wild.corp/app:1']);
    assert.deepEqual(asked(conf, 'other.org/app:1'), ['other.org/app:1']);
  });

  it('asks the mirrors in order and the registry last', () => {
    const conf = `[[registry]]
prefix = "docker.io"
location = "docker.io"
[[registry.mirror]]
location = "m1.corp:5000/hub"
[[registry.mirror]]
location = "m2.corp"
`;
    assert.deepEqual(asked(conf, 'nginx:1'), [
      'm1.corp:5000/hub/library/nginx:1',
      'm2.corp/library/nginx:1',
      'docker.io/library/nginx:1',
    ]);
    assert.deepEqual(asked(conf, `nginx@${digest}`).at(0), `m1.corp:5000/hub/library/nginx@${digest}`);
  });

  it('carries the port over when the prefix has none', () => {
    const conf = '[[registry]]\nlocation = "example.com"\n[[registry.mirror]]\nlocation = "mirror.corp"';
    assert.deepEqual(asked(conf, 'example.com:5000/app:1'), ['mirror.corp:5000/app:1', 'example.com:5000/app:1']);
  });

  it('keeps the name under a wildcard without a location', () => {
    const conf = '[[registry]]\nprefix = "*.example.com"\n[[registry.mirror]]\nlocation = "mirror.corp/x"';
    assert.deepEqual(asked(conf, 'a.example.com/app:1'), ['mirror.corp/x/app:1', 'a.example.com/app:1']);
  });

  it('uses mirrors by the kind of the pull', () => {
    const conf = `[[registry]]
location = "example.com"
[[registry.mirror]]
location = "digests.corp"
pull-from-mirror = "digest-only"
[[registry.mirror]]
location = "tags.corp"
pull-from-mirror = "tag-only"
[[registry.mirror]]
location = "all.corp"
`;
    assert.deepEqual(asked(conf, 'example.com/app:1'), ['tags.corp/app:1', 'all.corp/app:1', 'example.com/app:1']);
    assert.deepEqual(asked(conf, `example.com/app@${digest}`), [
      `digests.corp/app@${digest}`,
      `all.corp/app@${digest}`,
      `example.com/app@${digest}`,
    ]);
    const byDigest = `[[registry]]
location = "example.com"
mirror-by-digest-only = true
[[registry.mirror]]
location = "m.corp"
`;
    assert.deepEqual(asked(byDigest, 'example.com/app:1'), ['example.com/app:1']);
    assert.deepEqual(asked(byDigest, `example.com/app@${digest}`), [
      `m.corp/app@${digest}`,
      `example.com/app@${digest}`,
    ]);
  });

  for (const [location, name, rewritten] of [
    ['mirror', 'example.com/app:1', 'mirror/app:1'],
    ['docker.io', 'example.com/app:1', 'docker.io/app:1'],
    ['docker://mirror.corp', 'example.com/app:1', 'docker://mirror.corp/app:1'],
    ['Mirror', 'example.com/app:1', 'Mirror/app:1'],
  ] as const) {
    it(`asks nothing at all when a mirror's location gives no complete name: ${location}`, () => {
      const conf = `[[registry]]\nlocation = "example.com"\n[[registry.mirror]]\nlocation = "${location}"`;
      assert.equal(asked(conf, name), `fails: ${rewritten}`);
    });
  }

  it('blocks by the name that is asked for, so a mirror of a blocked registry is still tried', () => {
    const conf =
      '[[registry]]\nlocation = "bad.example"\nblocked = true\n[[registry.mirror]]\nlocation = "mirror.corp"';
    const entries = registries(conf);
    assert.equal(isBlocked(entries, image('bad.example/app:1')), true);
    assert.equal(isBlocked(entries, image('mirror.corp/app:1')), false);
  });
});
