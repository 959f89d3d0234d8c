import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { cacheKeyTypes, type PluginAnswer, readPluginAnswer } from '../../src/node/credential-plugin-answer.ts';
import { openPluginCache } from '../../src/node/credential-plugin-cache.ts';
import { openCredentialPlugins } from '../../src/node/credential-plugins.ts';
import { type CredentialProvider, readCredentialProviders } from '../../src/node/credential-provider.ts';
import { hostFiles } from '../../src/node/host-files.ts';
import { hasEnded } from '../kit/running-process.ts';

const v1 = 'credentialprovider.kubelet.k8s.io/v1';
const image = 'registry.test/team/app';
const password = 's3cret-of-plugin';

/** A response of version v1; members of `more` in place of its own. */
function response(more: object = {}): string {
  return JSON.stringify({
    kind: 'CredentialProviderResponse',
    apiVersion: v1,
    cacheKeyType: 'Registry',
    cacheDuration: '6h',
    auth: { 'registry.test': { username: 'app', password } },
    ...more,
  });
}

interface Node {
  readonly root: string;
  readonly provider: CredentialProvider;
  /** How often the plugin was run. */
  readonly runs: () => Promise<number>;
}

/** A node whose kubelet is set to run a shell script as its plugin. */
async function withPlugin<T>(script: string, use: (node: Node) => Promise<T>, more = ''): Promise<T> {
  const root = await mkdtemp(join(tmpdir(), 'pullwhy-plugin-'));
  try {
    await mkdir(join(root, 'opt/bin'), { recursive: true });
    await mkdir(join(root, 'etc'));
    await mkdir(join(root, 'bin'));
    await writeFile(join(root, 'bin/sh'), '#');
    const program = join(root, 'opt/bin/corp-provider');
    await writeFile(program, `#!/bin/sh\necho run >> ${root}/runs\n${script}\n`);
    await chmod(program, 0o755);
    await writeFile(
      join(root, 'etc/providers.yaml'),
      `apiVersion: kubelet.config.k8s.io/v1
kind: CredentialProviderConfig
providers:
  - name: corp-provider
    apiVersion: ${v1}
    matchImages: ["registry.test"]
    defaultCacheDuration: 10m
${more}`,
    );
    const read = await readCredentialProviders(hostFiles(root), {
      credentialProviderConfig: { value: '/etc/providers.yaml', source: 'flag' },
      credentialProviderBinDir: { value: '/opt/bin', source: 'flag' },
    });
    const [provider] = read?.providers ?? [];
    assert.ok(provider !== undefined, JSON.stringify(read));
    const runs = async () => (await readFile(join(root, 'runs'), 'utf8').catch(() => '')).split('\n').length - 1;
    return await use({ root, provider, runs });
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

const bounds = { timeoutMs: 5000, signal: new AbortController().signal };
const say = (text: string) => `cat <<'END'\n${text}\nEND`;

describe('node: credential plugins', () => {
  it('are run with the arguments, environment and request of the kubelet', async () => {
    const script = `cat > "$0.in"; printf '%s|' "$@" "$MODE" "$PATH" > "$0.args"; ${say(response())}`;
    const more = '    args: ["get", "a b; rm -rf /"]\n    env: [ { name: MODE, value: role-1 } ]\n';
    await withPlugin(
      script,
      async ({ root, provider }) => {
        const given = await openCredentialPlugins(hostFiles(root), () => 0).ask(provider, image, bounds);
        assert.ok(given.ok, JSON.stringify(given));
        const { file, cacheKeyType, cacheMs, cached } = given.value;
        assert.deepEqual([cacheKeyType, cacheMs, cached], ['Registry', 6 * 3_600_000, false]);
        assert.equal(file.source, 'credential provider corp-provider');
        const [entry] = file.entries;
        assert.deepEqual(
          [entry?.key, entry?.scope, entry?.username, entry?.password.reveal()],
          ['registry.test', 'registry.test', 'app', password],
        );
        const plugin = join(root, 'opt/bin/corp-provider');
        assert.deepEqual(JSON.parse(await readFile(`${plugin}.in`, 'utf8')), {
          kind: 'CredentialProviderRequest',
          apiVersion: v1,
          image,
        });
        assert.match(await readFile(`${plugin}.args`, 'utf8'), /^get\|a b; rm -rf \/\|role-1\|\/usr\/local\/sbin/);
      },
      more,
    );
  });

  it('have the environment of the kubelet that runs', async () => {
    await withPlugin(`printf %s "$AWS_REGION $PATH" > "$0.env"; ${say(response())}`, async ({ root, provider }) => {
      await mkdir(join(root, 'proc/71'), { recursive: true });
      await writeFile(join(root, 'proc/71/comm'), 'kubelet\n');
      await writeFile(join(root, 'proc/71/environ'), `AWS_REGION=eu-1\0PATH=${process.env.PATH}\0`);
      assert.ok((await openCredentialPlugins(hostFiles(root), () => 0).ask(provider, image, bounds)).ok);
      assert.equal(await readFile(join(root, 'opt/bin/corp-provider.env'), 'utf8'), `eu-1 ${process.env.PATH}`);
    });
  });

  it('are run again only when the answer may not be kept any more', async () => {
    await withPlugin(say(response({ cacheDuration: '90s' })), async ({ root, provider, runs }) => {
      let now = 0;
      const plugins = openCredentialPlugins(hostFiles(root), () => now);
      const ask = async (name: string) => {
        const given = await plugins.ask(provider, name, bounds);
        assert.ok(given.ok);
        return given.value.cached;
      };
      assert.deepEqual([await ask(image), await ask('registry.test/other'), await runs()], [false, true, 1]);
      now = 90_001;
      assert.deepEqual([await ask(image), await runs()], [false, 2]);
    });
  });

  const failing: readonly (readonly [string, string, RegExp, number | null])[] = [
    ['fails', 'echo "no role for Bearer abcdefghijklmnop" >&2; exit 3', /ends with exit status 3/, 3],
    ['is killed', 'kill -9 $$', /ended by SIGKILL/, null],
    ['says nothing', 'true', /writes nothing/, 0],
    ['says no JSON', `echo 'password: ${password}'`, /something else than JSON/, 0],
    ['answers in another version', say(response({ apiVersion: `${v1}beta1` })), /another apiVersion/, 0],
    ['answers without a cacheKeyType', say(response({ cacheKeyType: '' })), /without a cacheKeyType/, 0],
    ['writes without end', 'yes', /more than 1048576 bytes/, null],
  ];
  for (const [name, script, what, exitCode] of failing) {
    it(`say why, where one ${name}`, async () => {
      await withPlugin(script, async ({ root, provider, runs }) => {
        const plugins = openCredentialPlugins(hostFiles(root), () => 0);
        const given = await plugins.ask(provider, image, bounds);
        assert.ok(!given.ok);
        assert.match(given.error.what, what);
        assert.equal(given.error.exitCode, exitCode);
        assert.doesNotMatch(JSON.stringify(given.error), new RegExp(`${password}|abcdefghijklmnop`));
        await plugins.ask(provider, image, bounds);
        assert.equal(await runs(), 2, 'a failure is not kept');
      });
    });
  }

  it('are not run where they want a token of the service account, nor with arguments that no program can have', async () => {
    const token = `    tokenAttributes: { serviceAccountTokenAudience: corp, requireServiceAccount: true, cacheType: Token }\n`;
    for (const [more, kind] of [
      [token, 'cut'],
      ['    args: ["a\\0b"]\n', 'not-started'],
    ] as const) {
      await withPlugin(
        say(response()),
        async ({ root, provider, runs }) => {
          const given = await openCredentialPlugins(hostFiles(root), () => 0).ask(provider, image, bounds);
          assert.ok(!given.ok);
          assert.deepEqual([given.error.kind, await runs()], [kind, 0]);
        },
        more,
      );
    }
  });

  it('hide what their configuration hands them', async () => {
    await withPlugin(
      'echo "login with $KEY failed" >&2; exit 1',
      async ({ root, provider }) => {
        const given = await openCredentialPlugins(hostFiles(root), () => 0).ask(provider, image, bounds);
        assert.ok(!given.ok);
        assert.equal(given.error.stderr, 'login with [secret] failed');
      },
      '    env: [ { name: KEY, value: AKIA-0123456789 } ]\n',
    );
  });

  const startsAnother = {
    'and wait for it': 'sleep 60 & echo $! > "$0.pid"; wait',
    'and end before it': 'sleep 60 & echo $! > "$0.pid"',
  };
  for (const [how, script] of Object.entries(startsAnother))
    it(`are ended in time, with what they have started ${how}`, async () => {
      await withPlugin(script, async ({ root, provider }) => {
        const begun = performance.now();
        const given = await openCredentialPlugins(hostFiles(root), () => 0).ask(provider, image, {
          ...bounds,
          timeoutMs: 400,
        });
        assert.ok(!given.ok && given.error.kind === 'cut', JSON.stringify(given));
        assert.ok(performance.now() - begun < 4000);
        const pid = Number(await readFile(join(root, 'opt/bin/corp-provider.pid'), 'utf8'));
        assert.ok(await hasEnded(pid), 'what it started still runs');
      });
    });
});

describe('node: the cache of a credential plugin', () => {
  const answer = (cacheKeyType: PluginAnswer['cacheKeyType'], cacheMs: number | null): PluginAnswer => ({
    cacheKeyType,
    cacheMs,
    entries: [],
  });
  const images = ['a.test/x', 'a.test/x/y', 'a.test:5000/x', 'b.test/x'];
  const found = (type: PluginAnswer['cacheKeyType']) => {
    const cache = openPluginCache(1000, () => 0);
    cache.put('a.test/x', answer(type, null));
    return images.filter((one) => cache.get(one) !== null);
  };

  it('keeps an answer for the image, its registry or all', () => {
    assert.deepEqual(found('Image'), ['a.test/x']);
    assert.deepEqual(found('Registry'), ['a.test/x', 'a.test/x/y']);
    assert.deepEqual(found('Global'), images);
  });

  it('keeps it as long as the answer says, else as the configuration', () => {
    for (const [own, byDefault, until] of [
      [null, 1000, 1000],
      [5000, 1000, 5000],
      [0, 1000, null],
      [null, 0, null],
      [300, 0, 300],
    ] as const) {
      let now = 0;
      const cache = openPluginCache(byDefault, () => now);
      cache.put(images[0] ?? '', answer('Image', own));
      assert.equal(cache.get('a.test/x') !== null, until !== null, `${own} ${byDefault}`);
      if (until === null) continue;
      now = until;
      assert.notEqual(cache.get('a.test/x'), null);
      now = until + 1;
      assert.equal(cache.get('a.test/x'), null);
    }
  });
});

describe('node: the answer of a credential plugin', () => {
  it('is read or refused, whatever it is, and no word of it is repeated', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        const read = readPluginAnswer(text, v1);
        assert.ok(!read.ok);
      }),
    );
    fc.assert(
      fc.property(
        fc.record({
          cacheKeyType: fc.constantFrom(...cacheKeyTypes, 'image', null),
          cacheDuration: fc.constantFrom('6h', '0s', null, '-5m', 'secret-word', 7),
          auth: fc.oneof(
            fc.constant(null),
            fc.dictionary(
              fc.string(),
              fc.oneof(fc.record({ username: fc.string(), password: fc.string() }), fc.constant('secret-word')),
            ),
          ),
        }),
        (more) => {
          const read = readPluginAnswer(response(more), v1);
          if (read.ok) {
            assert.equal(read.value.entries.length, Object.keys(more.auth ?? {}).length);
            assert.ok(read.value.cacheMs === null || Number.isFinite(read.value.cacheMs));
          } else assert.doesNotMatch(read.error, /secret-word/);
        },
      ),
    );
  });
});
