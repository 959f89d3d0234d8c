import assert from 'node:assert/strict';
import {
  hasExplicitDomain,
  isShortName,
  kubeletImage,
  qualifyShortName,
  splitReference,
} from '../../src/image/reference.ts';

const f64 = 'f'.repeat(64);

describe('names without a registry', () => {
  const table: [string, boolean, boolean][] = [
    // input, hasExplicitDomain, isShortName
    ['nginx', false, true],
    ['nginx:1', false, true],
    ['team/app', false, true],
    ['Team/app', true, true],
    ['my_reg.corp/app', true, true],
    ['reg.corp/app', true, false],
    ['reg:5000/app', true, false],
    ['localhost/app', true, false],
    ['[::1]:5000/app', true, false],
    ['reg.corp', false, true],
    ['https://reg.corp/app', true, false],
    ['Nginx', false, false],
  ];
  for (const [input, explicit, short] of table) {
    it(input, () => {
      assert.equal(hasExplicitDomain(input), explicit);
      assert.equal(isShortName(input), short);
    });
  }

  it('a short name under a search registry is checked whole', () => {
    const good = qualifyShortName('quay.io', 'team/app:1');
    assert.ok(good.ok);
    assert.equal(good.value.normalized, 'quay.io/team/app:1');
    const bad = qualifyShortName('quay.io', 'Team/app');
    assert.ok(!bad.ok);
    assert.equal(bad.error.kind, 'upper-case');
  });

  it('splits without normalizing', () => {
    assert.deepEqual(splitReference('team/app:1'), { name: 'team/app', domain: 'team', tag: '1', digest: null });
    assert.deepEqual(splitReference('app'), { name: 'app', domain: null, tag: null, digest: null });
    assert.equal(splitReference('app:'), null);
    assert.equal(splitReference(`app@sha256:${'F'.repeat(64)}`), null);
  });

  it('the kubelet appends only the tag', () => {
    assert.deepEqual(kubeletImage('nginx'), { ok: true, value: 'nginx:latest' });
    assert.deepEqual(kubeletImage('nginx:1'), { ok: true, value: 'nginx:1' });
    assert.deepEqual(kubeletImage(`nginx@sha256:${f64}`), { ok: true, value: `nginx@sha256:${f64}` });
    assert.equal(kubeletImage('Nginx').ok, false);
  });
});
