import assert from 'node:assert/strict';
import { observe } from '../kit/node-folder.ts';
import { image, useServers } from './servers.ts';

describe('probes: names', () => {
  const servers = useServers();

  it('asks for names only after a 404', async () => {
    const registry = await servers.registry();
    const { of } = await observe({ image: `127.0.0.1:${registry.port}/team/app:1.0` });
    assert.equal(of('names').length, 0);
  });

  it('finds the tag that was meant', async () => {
    const tags = { '1.27.3': image, '1.27.4': image, latest: image };
    const registry = await servers.registry({ repositories: { 'team/app': tags } });
    const { of } = await observe({ image: `127.0.0.1:${registry.port}/team/app:1.72.3` });
    const list = of('names').find(({ facts }) => facts.of === 'tags');
    assert.deepEqual(
      [list?.status, list?.facts.count, list?.facts.complete, list?.facts.present, list?.facts.nearest[0]],
      ['ok', 3, true, false, '1.27.3'],
    );
    assert.equal(list?.counterfactual, true);
  });

  it('reads page after page', async () => {
    const registry = await servers.registry();
    registry.override = (_method, path) => {
      if (!path.endsWith('/tags/list')) return null;
      const page = registry.requests.filter((request) => request.includes('/tags/list')).length;
      const link: Record<string, string> =
        page < 3 ? { link: `</v2/team/app/tags/list?n=1&last=t${page}>; rel="next"` } : {};
      return {
        status: 200,
        headers: { 'content-type': 'application/json', ...link },
        body: `{"name":"team/app","tags":["t${page}"]}`,
      };
    };
    const { of } = await observe({ image: `127.0.0.1:${registry.port}/team/app:t9` });
    const list = of('names').find(({ facts }) => facts.of === 'tags');
    assert.deepEqual([list?.facts.count, list?.facts.complete], [3, true]);
  });

  it('stops at pages without an end', async () => {
    const registry = await servers.registry();
    let pages = 0;
    registry.override = (_method, path) => {
      if (!path.endsWith('/tags/list')) return null;
      const link = `</v2/team/app/tags/list?n=1&last=t${++pages}>; rel="next"`;
      const headers = { 'content-type': 'application/json', link };
      return { status: 200, headers, body: `{"name":"team/app","tags":["t${pages}"]}` };
    };
    const { of } = await observe({ image: `127.0.0.1:${registry.port}/team/app:b` });
    const list = of('names').find(({ facts }) => facts.of === 'tags');
    assert.equal(list?.facts.complete, false);
    assert.ok(pages > 1 && pages <= 20, `${pages} pages`);
  });

  it('tells a repository that is not there, and one that lists nothing to nobody', async () => {
    const registry = await servers.registry();
    const { of } = await observe({ image: `127.0.0.1:${registry.port}/team/other:1.0` });
    const list = of('names').find(({ facts }) => facts.of === 'tags');
    assert.deepEqual([list?.status, list?.facts.errors[0]?.code], ['failed', 'NAME_UNKNOWN']);

    const closed = await servers.registry();
    closed.override = (_method, path) => (path.endsWith('/tags/list') ? { status: 403 } : null);
    const refused = await observe({ image: `127.0.0.1:${closed.port}/team/app:2.0` });
    assert.deepEqual(
      refused
        .of('names')
        .filter(({ facts }) => facts.of === 'tags')
        .map(({ status, facts }) => [status, facts.status]),
      [['failed', 403]],
    );
  });
});
