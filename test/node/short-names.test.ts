import assert from 'node:assert/strict';
import type { ShortNameAlias } from '../../src/node/registries-conf.ts';
import { resolveShortName, type ShortNameRules } from '../../src/node/short-names.ts';

const digest = `sha256:${'b'.repeat(64)}`;

function rules(
  change: {
    mode?: 'enforcing' | 'disabled';
    search?: readonly string[] | null;
    aliases?: Record<string, string>;
    cached?: Record<string, string>;
    mainFile?: string | null;
  } = {},
): ShortNameRules {
  const aliasMap = (entries: Record<string, string> = {}, file = 'r.conf'): ReadonlyMap<string, ShortNameAlias> =>
    new Map(
      Object.entries(entries).map(([name, target]) => [
        name,
        { target: target === '' ? null : target, source: `${file}:9` },
      ]),
    );
  return {
    mode: { value: change.mode ?? 'enforcing', source: 'default' },
    conf: {
      search: change.search == null ? null : { registries: change.search, source: 'r.conf:1' },
      mainFile: change.mainFile === undefined ? 'r.conf' : change.mainFile,
      shortNameMode: { mode: 'permissive', source: 'r.conf:2' },
      aliases: aliasMap(change.aliases),
    },
    cache: { file: 'cache.conf', aliases: aliasMap(change.cached, 'cache.conf'), problem: null },
  };
}

function names(input: string, with_: ShortNameRules) {
  return resolveShortName(input, with_).candidates.map((candidate) => candidate.normalized);
}

describe('short names', () => {
  it('leaves a complete name alone', () => {
    const resolved = resolveShortName('quay.io/team/app:1', rules());
    assert.equal(resolved.shortName, null);
    assert.deepEqual(
      resolved.candidates.map((candidate) => candidate.normalized),
      ['quay.io/team/app:1'],
    );
    assert.deepEqual(resolved.problems, []);
  });

  it('drops the tag beside a digest', () => {
    assert.deepEqual(names(`quay.io/app:1@${digest}`, rules()), [`quay.io/app@${digest}`]);
    assert.deepEqual(names(`app:1@${digest}`, rules({ search: ['quay.io'] })), [`quay.io/app@${digest}`]);
  });

  it('puts the one search registry before it', () => {
    const resolved = resolveShortName('team/app:1', rules({ search: ['quay.io'] }));
    assert.deepEqual(resolved.shortName, { mode: 'enforcing', source: 'r.conf:1', candidates: ['quay.io/team/app:1'] });
    assert.deepEqual(resolved.problems, []);
    assert.deepEqual(names('nginx:1', rules({ search: ['docker.io'] })), ['docker.io/library/nginx:1']);
  });

  it('pulls none of several under enforcing, and says which file to change', () => {
    const resolved = resolveShortName('app:1', rules({ search: ['docker.io', 'quay.io'] }));
    assert.deepEqual(resolved.candidates, []);
    assert.deepEqual(resolved.shortName?.candidates, ['docker.io/library/app:1', 'quay.io/app:1']);
    const [problem] = resolved.problems;
    assert.equal(problem?.cause, 'short-name-unresolved');
    assert.equal(problem?.severity, 'error');
    assert.equal(problem?.source, 'r.conf:1');
    assert.match(problem?.message ?? '', /"permissive" at r\.conf:2 has no effect/);
  });

  it('tries several in order when disabled', () => {
    const resolved = resolveShortName('app:1', rules({ mode: 'disabled', search: ['docker.io', 'quay.io'] }));
    assert.deepEqual(
      resolved.candidates.map((candidate) => candidate.normalized),
      ['docker.io/library/app:1', 'quay.io/app:1'],
    );
    assert.deepEqual(resolved.problems, []);
  });

  it('prefers an alias to search registries, and a recorded one to that', () => {
    const both = rules({ search: ['a.example', 'b.example'], aliases: { app: 'quay.io/conf/app' } });
    assert.deepEqual(names('app:1', both), ['quay.io/conf/app:1']);
    assert.equal(resolveShortName('app:1', both).shortName?.source, 'r.conf:9');
    const recorded = rules({ aliases: { app: 'quay.io/conf/app' }, cached: { app: 'quay.io/own/app' } });
    assert.deepEqual(names(`app@${digest}`, recorded), [`quay.io/own/app@${digest}`]);
    const emptied = rules({ search: ['a.example'], aliases: { app: 'quay.io/conf/app' }, cached: { app: '' } });
    assert.deepEqual(names('app:1', emptied), ['a.example/app:1']);
  });

  it('finds aliases by the whole name as written', () => {
    assert.deepEqual(names('team/app:1', rules({ search: ['a.example'], aliases: { app: 'quay.io/x' } })), [
      'a.example/team/app:1',
    ]);
    assert.deepEqual(names('team/app:1', rules({ aliases: { 'team/app': 'quay.io/x' } })), ['quay.io/x:1']);
  });

  for (const [mainFile, words] of [
    ['r.conf', /r\.conf sets no unqualified-search-registries/],
    [null, /there is no etc\/containers\/registries\.conf/],
  ] as const) {
    it(`has no result without alias and search registries: ${mainFile}`, () => {
      const resolved = resolveShortName('nginx:1', rules({ mainFile }));
      assert.deepEqual(resolved.candidates, []);
      assert.equal(resolved.problems[0]?.cause, 'short-name-unresolved');
      assert.match(resolved.problems[0]?.message ?? '', words);
    });
  }

  it('takes upper case for no host, and then the name is invalid', () => {
    const resolved = resolveShortName('Team/app:1', rules({ search: ['quay.io'] }));
    assert.deepEqual(resolved.candidates, []);
    assert.equal(resolved.problems[0]?.cause, 'invalid-image-name');
    assert.equal(resolveShortName('Team/app:1', rules()).problems[0]?.cause, 'short-name-unresolved');
  });

  it('ends at a broken file of recorded aliases, for short names alone', () => {
    const problem = {
      severity: 'error',
      cause: 'runtime-misconfigured',
      source: 'cache.conf:1',
      message: 'broken',
    } as const;
    const broken = { ...rules({ search: ['quay.io'] }), cache: { file: 'cache.conf', aliases: new Map(), problem } };
    assert.deepEqual(resolveShortName('app:1', broken).problems, [problem]);
    assert.deepEqual(resolveShortName('app:1', broken).candidates, []);
    assert.deepEqual(resolveShortName('quay.io/app:1', broken).problems, []);
  });
});
