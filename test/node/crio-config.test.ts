import assert from 'node:assert/strict';
import { readCrioConfig } from '../../src/node/crio-config.ts';
import { withHost } from './crio-files-kit.ts';

const main = 'etc/crio/crio.conf';
const dropIns = 'etc/crio/crio.conf.d';

describe('crio.conf', () => {
  it('has the defaults of the version', async () => {
    await withHost({}, async (host) => {
      for (const [version, mode, pause, timeout] of [
        ['1.36.3', 'enforcing', 'registry.k8s.io/pause:3.10.1', '0'],
        [null, 'enforcing', 'registry.k8s.io/pause:3.10.1', '0'],
        ['v1.34.0', 'enforcing', 'registry.k8s.io/pause:3.10.1', '0'],
        ['1.33.2', 'disabled', 'registry.k8s.io/pause:3.10', '0'],
        ['1.31.0', 'disabled', 'registry.k8s.io/pause:3.10', '10s'],
        ['1.28.4', 'disabled', 'registry.k8s.io/pause:3.9', '0'],
      ] as const) {
        const config = await readCrioConfig(host, version);
        assert.deepEqual(config.shortNameMode, { value: mode, source: 'default' }, String(version));
        assert.deepEqual(config.pauseImage, { value: pause, source: 'default' });
        assert.equal(config.pullProgressTimeout.value, timeout);
        assert.deepEqual(config.problems, []);
      }
    });
  });

  it('merges drop-ins in the order of their names, folders in it and every ending included', async () => {
    await withHost(
      {
        [main]: `[crio.api]
listen = "/run/other/crio.sock"
[crio.image]
pause_image = "reg.corp/pause:1"
short_name_mode = "disabled"
global_auth_file = "/etc/crio/auth.json"
`,
        [`${dropIns}/10-a.conf`]: '[crio.image]\npause_image = "reg.corp/pause:2"\n',
        [`${dropIns}/20/nested`]: '[crio.image]\npause_image = "reg.corp/pause:3"\n',
        [`${dropIns}/15-b.conf.bak`]: '[crio.image]\nglobal_auth_file = ""\n',
      },
      async (host) => {
        const config = await readCrioConfig(host, '1.36.3');
        assert.deepEqual(config.files, [
          main,
          `${dropIns}/10-a.conf`,
          `${dropIns}/15-b.conf.bak`,
          `${dropIns}/20/nested`,
        ]);
        assert.deepEqual(config.pauseImage, { value: 'reg.corp/pause:3', source: `${dropIns}/20/nested:2` });
        assert.deepEqual(config.shortNameMode, { value: 'disabled', source: `${main}:5` });
        assert.equal(config.globalAuthFile, null);
        assert.equal(config.listen?.value, '/run/other/crio.sock');
        assert.deepEqual(
          config.problems.map(({ severity, source }) => [severity, source]),
          [['warning', `${dropIns}/15-b.conf.bak`]],
        );
      },
    );
  });

  it('does not know short_name_mode before 1.34', async () => {
    await withHost({ [main]: '[crio.image]\nshort_name_mode = "enforcing"\n' }, async (host) => {
      assert.equal((await readCrioConfig(host, '1.33.0')).shortNameMode.value, 'disabled');
    });
  });

  for (const [what, text, line, words] of [
    ['a mode of podman', '[crio.image]\nshort_name_mode = "permissive"', 2, /neither enforcing nor disabled/],
    ['a bad pause image', '[crio.image]\npause_image = "https://reg/pause"', 2, /no image reference/],
    ['a relative policy folder', '[crio.image]\nsignature_policy_dir = "policies"', 2, /not absolute/],
    ['a bad duration', '[crio.image]\npull_progress_timeout = "10 s"', 2, /no duration/],
    ['a wrong type', '[crio.image]\nglobal_auth_file = true', 2, /"global_auth_file" is a boolean, not a string/],
    ['broken TOML', '[crio.image\n', 1, /not valid TOML/],
  ] as const) {
    it(`does not start with ${what}`, async () => {
      await withHost({ [main]: text }, async (host) => {
        const { problems } = await readCrioConfig(host, null);
        assert.equal(problems.length, 1);
        assert.equal(problems[0]?.severity, 'error');
        assert.equal(problems[0]?.source, `${main}:${line}`);
        assert.match(problems[0]?.message ?? '', words);
        assert.match(problems[0]?.message ?? '', /does not start/);
      });
    });
  }

  it('warns of what has no effect', async () => {
    const text = `[crio]
pause_image = "reg.corp/pause:1"
[crio.image]
insecure_registries = ["reg.corp:5000"]
registries = ["docker.io"]
`;
    await withHost({ [main]: text }, async (host) => {
      const { problems } = await readCrioConfig(host, '1.35.0');
      assert.deepEqual(problems.map(({ severity, source }) => `${severity} ${source}`).sort(), [
        `warning ${main}:2`,
        `warning ${main}:4`,
        `warning ${main}:5`,
      ]);
      const older = await readCrioConfig(host, '1.34.9');
      assert.ok(!older.problems.some(({ source }) => source === `${main}:4`));
    });
  });
});
