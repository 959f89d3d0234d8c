import assert from 'node:assert/strict';
import { parseScope, pullScope, tokenScopes } from '../../src/registry/scope.ts';
import { needsNamespace, repositoryUrls } from '../../src/registry/urls.ts';

describe('scopes', () => {
  it('ask for the pull and for what the challenge names, each once, sorted', () => {
    assert.equal(pullScope('library/nginx'), 'repository:library/nginx:pull');
    assert.deepEqual(tokenScopes('b/c', 'repository:b/c:pull repository:a:pull,push'), [
      'repository:a:pull,push',
      'repository:b/c:pull',
    ]);
    assert.deepEqual(tokenScopes(null, null), []);
    assert.deepEqual(tokenScopes('x', null), ['repository:x:pull']);
  });

  const cases: readonly (readonly [string, unknown])[] = [
    ['repository:library/nginx:pull,push', { type: 'repository', name: 'library/nginx', actions: ['pull', 'push'] }],
    ['repository:host:5000/x:pull', { type: 'repository', name: 'host:5000/x', actions: ['pull'] }],
    ['registry:catalog:*', { type: 'registry', name: 'catalog', actions: ['*'] }],
    ['repository:x:', { type: 'repository', name: 'x', actions: [] }],
    ['repository', null],
    ['a:b', null],
    [':x:pull', null],
  ];
  for (const [scope, expected] of cases) it(`${scope} is read`, () => assert.deepEqual(parseScope(scope), expected));
});

describe('repositoryUrls', () => {
  const urls = (base: string, namespace: string | null = null) => {
    const made = repositoryUrls({ base, repository: 'library/nginx', namespace });
    assert.ok(made !== null);
    return made;
  };

  it('builds on the base as it is', () => {
    const hub = urls('https://registry-1.docker.io/v2');
    assert.equal(hub.ping.href, 'https://registry-1.docker.io/v2/');
    assert.equal(hub.manifest('1.27').href, 'https://registry-1.docker.io/v2/library/nginx/manifests/1.27');
    assert.equal(hub.blob('sha256:ab').href, 'https://registry-1.docker.io/v2/library/nginx/blobs/sha256:ab');
    assert.equal(hub.tags(100).href, 'https://registry-1.docker.io/v2/library/nginx/tags/list?n=100');
    assert.equal(hub.catalog(null).href, 'https://registry-1.docker.io/v2/_catalog');
    assert.equal(
      urls('http://m:5000/art/api/docker/hub/').manifest('1').href,
      'http://m:5000/art/api/docker/hub/library/nginx/manifests/1',
    );
    assert.equal(urls('http://[::1]:5000/v2').ping.href, 'http://[::1]:5000/v2/');
  });

  it('names the registry to a mirror, but not at the version check', () => {
    const mirror = urls('https://mirror.corp/v2', 'docker.io');
    assert.equal(mirror.manifest('1').href, 'https://mirror.corp/v2/library/nginx/manifests/1?ns=docker.io');
    assert.equal(mirror.tags(5).href, 'https://mirror.corp/v2/library/nginx/tags/list?n=5&ns=docker.io');
    assert.equal(mirror.ping.search, '');
  });

  it('does not let a reference break out of its path', () => {
    assert.equal(
      urls('https://r/v2').manifest('../../x?y#z').href,
      'https://r/v2/library/nginx/manifests/..%2F..%2Fx%3Fy%23z',
    );
  });

  it('drops userinfo and refuses what is not HTTP', () => {
    assert.equal(urls('https://u:p@r/v2').ping.href, 'https://r/v2/');
    assert.equal(repositoryUrls({ base: 'ftp://r/v2', repository: 'x', namespace: null }), null);
    assert.equal(repositoryUrls({ base: 'nothing', repository: 'x', namespace: null }), null);
  });

  it('knows which endpoints containerd names the registry to', () => {
    assert.equal(needsNamespace('registry-1.docker.io', 'docker.io'), false);
    assert.equal(needsNamespace('quay.io', 'quay.io'), false);
    assert.equal(needsNamespace('mirror:5000', 'docker.io'), true);
    assert.equal(needsNamespace('registry-1.docker.io', 'quay.io'), true);
  });
});
