import assert from 'node:assert/strict';
import { mkdir, rename, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { readAliasCache, readRegistriesConf } from '../../src/node/registries-conf-files.ts';
import { withHost } from './crio-files-kit.ts';

const main = 'etc/containers/registries.conf';
const dropIns = 'etc/containers/registries.conf.d';

describe('registries.conf and its drop-ins', () => {
  it('is empty without any file, and not broken', async () => {
    await withHost({}, async (host) => {
      const conf = await readRegistriesConf(host);
      assert.equal(conf.usable, true);
      assert.equal(conf.mainFile, null);
      assert.deepEqual(conf.problems, []);
    });
  });

  it('merges drop-ins by name; one with the same prefix replaces the entry whole', async () => {
    await withHost(
      {
        [main]: `unqualified-search-registries = ["docker.io", "quay.io"]
[[registry]]
location = "example.com"
insecure = true
[[registry.mirror]]
location = "mirror.corp"
[aliases]
app = "quay.io/one/app"
`,
        [`${dropIns}/20-b.conf`]: '[[registry]]\nlocation = "example.com"\n',
        [`${dropIns}/10-a.conf`]: 'unqualified-search-registries = []\n[aliases]\napp = "quay.io/two/app"\n',
        [`${dropIns}/notes.txt`]: 'not TOML',
        [`${dropIns}/deeper/30.conf`]: 'unqualified-search-registries = ["never.example"]',
      },
      async (host) => {
        const conf = await readRegistriesConf(host);
        assert.deepEqual(conf.files, [main, `${dropIns}/10-a.conf`, `${dropIns}/20-b.conf`]);
        assert.deepEqual(conf.search, { registries: [], source: `${dropIns}/10-a.conf:1` });
        assert.equal(conf.registries.length, 1);
        assert.deepEqual(conf.registries[0]?.mirrors, []);
        assert.equal(conf.registries[0]?.insecure, false);
        assert.equal(conf.registries[0]?.source, `${dropIns}/20-b.conf:2`);
        assert.equal(conf.aliases.get('app')?.target, 'quay.io/two/app');
        assert.deepEqual(conf.problems, []);
      },
    );
  });

  for (const [what, text, source] of [
    ['is not TOML', '[[registry]]\nlocation = \n', `${dropIns}/50.conf:2`],
    ['fails a check', '[[registry]]\nlocation = "https://a.example"\n', `${dropIns}/50.conf:2`],
    ['is in the old format', '[registries.search]\nregistries = ["docker.io"]\n', `${dropIns}/50.conf:1`],
  ] as const) {
    it(`breaks as a whole when one drop-in ${what}`, async () => {
      await withHost(
        { [main]: '[[registry]]\nlocation = "a.example"\n', [`${dropIns}/50.conf`]: text },
        async (host) => {
          const conf = await readRegistriesConf(host);
          assert.equal(conf.usable, false);
          assert.equal(conf.problems.length, 1);
          const [problem] = conf.problems;
          assert.equal(problem?.severity, 'error');
          assert.equal(problem?.cause, 'runtime-misconfigured');
          assert.equal(problem?.source, source);
          assert.match(problem?.message ?? '', /every pull of this node fails/);
        },
      );
    });
  }

  it("reads root's own file in the place of the system's", async () => {
    await withHost(
      {
        [main]: 'unqualified-search-registries = ["docker.io"]',
        [`${dropIns}/10.conf`]: 'not TOML',
        'root/.config/containers/registries.conf': 'unqualified-search-registries = ["quay.io"]',
      },
      async (host) => {
        const conf = await readRegistriesConf(host);
        assert.deepEqual(conf.search?.registries, ['quay.io']);
        assert.equal(conf.usable, true);
        assert.deepEqual(
          conf.problems.map(({ severity }) => severity),
          ['warning'],
        );
      },
    );
  });

  it('ignores a drop-in folder that is a link, and fails on a link to a folder inside it', async () => {
    await withHost({ 'srv/conf.d/10.conf': 'x = [' }, async (host, root) => {
      await mkdir(join(root, 'etc/containers'), { recursive: true });
      await symlink('/srv/conf.d', join(root, dropIns));
      const linked = await readRegistriesConf(host);
      assert.equal(linked.usable, true);
      assert.match(linked.problems[0]?.message ?? '', /symbolic link/);

      await rename(join(root, dropIns), join(root, 'etc/containers/gone'));
      await mkdir(join(root, dropIns));
      await symlink('/srv/conf.d', join(root, dropIns, 'x.conf'));
      const inside = await readRegistriesConf(host);
      assert.equal(inside.usable, false);
      assert.match(inside.problems[0]?.message ?? '', /is not a file/);
    });
  });

  it('passes over a link to nothing', async () => {
    await withHost({ [`${dropIns}/10.conf`]: '' }, async (host, root) => {
      await symlink('/nowhere', join(root, dropIns, '20.conf'));
      assert.equal((await readRegistriesConf(host)).usable, true);
    });
  });

  it("reads root's recorded aliases apart", async () => {
    const path = 'var/cache/containers/short-name-aliases.conf';
    await withHost({ [path]: '[aliases]\napp = "quay.io/team/app"\n' }, async (host) => {
      const cache = await readAliasCache(host);
      assert.equal(cache.file, path);
      assert.deepEqual(cache.aliases.get('app'), { target: 'quay.io/team/app', source: `${path}:2` });
    });
    await withHost({ [path]: '[aliases]\napp = "app"\n' }, async (host) => {
      const cache = await readAliasCache(host);
      assert.equal(cache.problem?.source, `${path}:2`);
      assert.match(cache.problem?.message ?? '', /every short name fails/);
    });
  });
});
