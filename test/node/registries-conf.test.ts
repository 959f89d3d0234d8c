import assert from 'node:assert/strict';
import fc from 'fast-check';
import { readRegistriesFile } from '../../src/node/registries-conf.ts';
import { parseToml } from '../../src/node/toml.ts';

function read(text: string, dropIn = false) {
  const parsed = parseToml(text, 'r.conf');
  assert.ok(parsed.ok, 'the test writes valid TOML');
  return readRegistriesFile(parsed.value, 'r.conf', dropIn);
}

function accepted(text: string, dropIn = false) {
  const result = read(text, dropIn);
  assert.ok(result.ok, result.ok ? '' : result.error.message);
  return result.value;
}

describe('registries.conf, one file', () => {
  it('reads a registry with its mirrors and the lines that set them', () => {
    const file = accepted(`unqualified-search-registries = ["docker.io"]
short-name-mode = "permissive"

[[registry]]
prefix = "docker.io"
location = "reg.corp/hub/"
insecure = true

[[registry.mirror]]
location = "mirror.corp:5000"
insecure = true
pull-from-mirror = "digest-only"
`);
    assert.deepEqual(file.registries, [
      {
        prefix: 'docker.io',
        location: 'reg.corp/hub',
        insecure: true,
        blocked: false,
        mirrorByDigestOnly: false,
        mirrors: [{ location: 'mirror.corp:5000', insecure: true, use: 'digest-only', source: 'r.conf:10' }],
        source: 'r.conf:6',
        blockedSource: 'r.conf:6',
      },
    ]);
    assert.deepEqual(file.search, { registries: ['docker.io'], source: 'r.conf:1' });
    assert.deepEqual(file.shortNameMode, { mode: 'permissive', source: 'r.conf:2' });
  });

  it('takes the location for a missing prefix, and the first of equal prefixes, sorted', () => {
    const file = accepted(`[[registry]]
location = "b.example"
[[registry]]
prefix = "a.example"
location = "one.example"
[[registry]]
prefix = "a.example"
location = "two.example"
`);
    assert.deepEqual(
      file.registries.map(({ prefix, location }) => [prefix, location]),
      [
        ['a.example', 'one.example'],
        ['b.example', 'b.example'],
      ],
    );
  });

  it('keeps an empty search list apart from an absent one', () => {
    assert.deepEqual(accepted('unqualified-search-registries = []').search?.registries, []);
    assert.equal(accepted('').search, null);
  });

  it('matches keys without regard to case, as the decoder of CRI-O does', () => {
    assert.equal(accepted('[[Registry]]\nLocation = "a.example"\nBLOCKED = true').registries[0]?.blocked, true);
  });

  it('reads the old version 1 format', () => {
    const file = accepted(`[registries.search]
registries = ["docker.io", "quay.io"]
[registries.insecure]
registries = ["reg.corp:5000"]
[registries.block]
registries = ["bad.example", "reg.corp:5000"]
`);
    assert.deepEqual(file.search, { registries: ['docker.io', 'quay.io'], source: 'r.conf:2' });
    assert.deepEqual(
      file.registries.map(({ prefix, insecure, blocked }) => ({ prefix, insecure, blocked })),
      [
        { prefix: 'bad.example', insecure: false, blocked: true },
        { prefix: 'reg.corp:5000', insecure: true, blocked: true },
      ],
    );
  });

  it('reads aliases, emptied ones too', () => {
    const file = accepted('[aliases]\nnginx = "docker.io/nginx"\n"team/app" = "quay.io/team/app"\nold = ""\n');
    assert.deepEqual(
      [...file.aliases],
      [
        ['nginx', { target: 'docker.io/library/nginx', source: 'r.conf:2' }],
        ['team/app', { target: 'quay.io/team/app', source: 'r.conf:3' }],
        ['old', { target: null, source: 'r.conf:4' }],
      ],
    );
  });

  it('notes keys that CRI-O ignores in silence', () => {
    const file = accepted('[[registry]]\nlocation = "a.example"\n[[registry.mirrors]]\nlocation = "m.example"\n');
    assert.equal(file.ignored.length, 1);
    assert.equal(file.ignored[0]?.source, 'r.conf:3');
    assert.match(file.ignored[0]?.message ?? '', /"mirrors"/);
  });

  for (const [what, text, line, words] of [
    ['a URL as location', '[[registry]]\nlocation = "https://a.example/"', 2, /URI schemes.*write a\.example/],
    ['a URL as prefix', '[[registry]]\nprefix = "http://a.example"\nlocation = "b.example"', 2, /URI schemes/],
    ['a URL as mirror', '[[registry]]\nlocation = "a.example"\n[[registry.mirror]]\nlocation = "http://m"', 4, /URI/],
    ['neither location nor prefix', '[[registry]]\nblocked = true', 1, /neither location nor prefix/],
    ['a prefix alone', '[[registry]]\nprefix = "a.example"', 2, /no location/],
    [
      'a mirror without location',
      '[[registry]]\nlocation = "a.example"\n[[registry.mirror]]\ninsecure = true',
      3,
      /mirror/,
    ],
    ['a wildcard with a path', '[[registry]]\nprefix = "*.example.com/x"\nlocation = "a.example"', 3, /wildcard/],
    ['a wildcard with a port', '[[registry]]\nprefix = "*.example.com:5000"', 2, /wildcard/],
    [
      'pull-from-mirror on the registry',
      '[[registry]]\nlocation = "a.example"\npull-from-mirror = "all"',
      3,
      /belongs/,
    ],
    [
      'an unknown pull-from-mirror',
      '[[registry]]\nlocation = "a.example"\n[[registry.mirror]]\nlocation = "m.example"\npull-from-mirror = "tags"',
      5,
      /digest-only or tag-only/,
    ],
    [
      'both restrictions of mirrors',
      '[[registry]]\nlocation = "a.example"\nmirror-by-digest-only = true\n[[registry.mirror]]\nlocation = "m.example"\npull-from-mirror = "all"',
      6,
      /only one of them/,
    ],
    [
      'conflicting settings under two prefixes',
      '[[registry]]\nprefix = "x.example"\nlocation = "a.example"\ninsecure = true\n[[registry]]\nprefix = "y.example"\nlocation = "a.example"',
      7,
      /conflicting "insecure"/,
    ],
    ['a search registry with a path', 'unqualified-search-registries = ["quay.io/team"]', 1, /host\[:port\]/],
    ['an unknown mode', 'short-name-mode = "prompt"', 1, /enforcing, permissive or disabled/],
    [
      'a wrong type',
      '[[registry]]\nlocation = "a.example"\ninsecure = "true"',
      3,
      /"insecure" is a string, not a boolean/,
    ],
    ['one table for a list', '[registry]\nlocation = "a.example"', 1, /\[\[registry\]\]/],
    ['both formats', 'short-name-mode = "disabled"\n[registries.search]\nregistries = []', 2, /mixes/],
    ['an alias with a tag', '[aliases]\nnginx = "docker.io/nginx:1"', 2, /without tag/],
    ['an alias without a registry', '[aliases]\nnginx = "library/nginx"', 2, /registry and repository/],
    ['an alias of a full name', '[aliases]\n"quay.io/a" = "quay.io/b"', 2, /not a short name/],
  ] as const) {
    it(`is unusable with ${what}`, () => {
      const result = read(text);
      assert.ok(!result.ok);
      assert.equal(result.error.line, line);
      assert.match(result.error.message, words);
    });
  }

  it('takes the old format in no drop-in', () => {
    const result = read('[registries.search]\nregistries = ["docker.io"]', true);
    assert.ok(!result.ok);
    assert.match(result.error.message, /version 1/);
  });

  it('never throws, whatever the values are', () => {
    const keys = [
      'registry',
      'registries',
      'aliases',
      'unqualified-search-registries',
      'short-name-mode',
      'location',
      'mirror',
      'prefix',
    ];
    const tree = fc.letrec<{ node: unknown }>((tie) => ({
      node: fc.oneof(
        { maxDepth: 4 },
        fc.string(),
        fc.boolean(),
        fc.integer(),
        fc.array(tie('node'), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom(...keys), tie('node'), { maxKeys: 4 }),
      ),
    })).node;
    fc.assert(
      fc.property(tree, fc.boolean(), (value, dropIn) => {
        const table = typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
        readRegistriesFile({ value: table, lineOf: () => null }, 'r.conf', dropIn);
      }),
    );
  });
});
