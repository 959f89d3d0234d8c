import assert from 'node:assert/strict';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import type { DoneProbe, Investigation } from '../../src/model/investigation.ts';
import { diagnose, openStage, type Ran, type Stage } from '../kit/diagnose-stage.ts';

const password = 'plugin-Pa55word';

/** What a plugin answers: credentials for one registry. */
function answer(host: string, secret: string): string {
  const auth = { [host]: { username: 'robot', password: secret } };
  const head = { kind: 'CredentialProviderResponse', apiVersion: 'credentialprovider.kubelet.k8s.io/v1' };
  return JSON.stringify({ ...head, cacheKeyType: 'Registry', auth });
}

/** A registry with a password, and a node whose kubelet has a plugin that is this script. */
async function prepare(stage: Stage, script: (host: string) => string): Promise<string> {
  const registry = await stage.registry({ basic: { robot: password } });
  const host = `registry.test:${registry.port}`;
  const flags = '--image-credential-provider-config=/etc/providers.yaml --image-credential-provider-bin-dir=/opt/bin';
  await stage.file('etc/default/kubelet', `KUBELET_EXTRA_ARGS="${flags}"\n`);
  await stage.file(
    'etc/providers.yaml',
    `apiVersion: kubelet.config.k8s.io/v1
kind: CredentialProviderConfig
providers:
  - name: stage-provider
    apiVersion: credentialprovider.kubelet.k8s.io/v1
    matchImages: ["${host}"]
    defaultCacheDuration: 1h
`,
  );
  await stage.file('bin/sh', '#');
  await stage.file('opt/bin/stage-provider', `#!/bin/sh\n${script(host)}\n`);
  await chmod(join(stage.folder, 'root/opt/bin/stage-provider'), 0o755);
  return host;
}

async function run(
  script: (host: string) => string,
  args: readonly string[],
): Promise<Ran & { readonly host: string }> {
  const stage = await openStage();
  try {
    const host = await prepare(stage, script);
    return { ...(await diagnose(stage, { image: `${host}/team/app:1`, args })), host };
  } finally {
    await stage.close();
  }
}

function factsOf({ probes }: Investigation): DoneProbe<'credentials'>['facts'] | undefined {
  const probe = probes.find(
    (one): one is DoneProbe<'credentials'> => one.kind === 'credentials' && one.status !== 'skipped',
  );
  return probe?.facts;
}

const on = ['--credential-providers', 'on'];

describe('pullwhy diagnose, with a credential plugin of the kubelet', function () {
  this.timeout(60_000);

  it('pulls with what it gives, and shows none of it', async () => {
    const { document, stdout, stderr, host } = await run((host) => `cat <<'END'\n${answer(host, password)}\nEND`, on);
    assert.equal(document.verdict, 'healthy', stdout);
    const facts = factsOf(document);
    assert.deepEqual(
      facts?.plugins.map(({ name, outcome, keys }) => [name, outcome, keys]),
      [['stage-provider', 'answered', [host]]],
    );
    assert.deepEqual(facts?.matches, [{ key: host, source: 'credential provider stage-provider', username: 'robot' }]);
    const pair = Buffer.from(`robot:${password}`).toString('base64');
    for (const text of [stdout, stderr]) {
      assert.ok(!text.includes(password) && !text.includes(pair), text);
    }
  });

  it('names it where what it gives is refused', async () => {
    const { document } = await run((host) => `cat <<'END'\n${answer(host, 'stale-Pa55word')}\nEND`, on);
    assert.deepEqual([document.verdict, document.cause], ['faulty', 'credentials-rejected']);
    assert.match(document.summary, /user "robot".*credential provider stage-provider/);
  });

  it('says how it fails', async () => {
    const { document } = await run(() => 'echo "no instance role" >&2; exit 4', on);
    assert.deepEqual([document.verdict, document.cause], ['faulty', 'credential-provider-failed'], document.summary);
    assert.match(document.summary, /stage-provider ends with exit status 4: no instance role/);
    assert.equal(factsOf(document)?.plugins[0]?.exitCode, 4);
  });

  it('says so where it answers without this registry', async () => {
    const { document } = await run(() => `cat <<'END'\n${answer('other.test', password)}\nEND`, on);
    assert.equal(document.cause, 'credentials-missing');
    assert.match(document.summary, /stage-provider answers for other\.test only/);
  });

  it('does not run it from outside of the node, and says that it was not tried', async () => {
    for (const [args, why] of [
      [[], /not tried: it lies on the host/],
      [['--credential-providers', 'off'], /not tried: it was not to be run/],
    ] as const) {
      const { document } = await run(() => 'touch "$0.ran"; exit 1', args);
      assert.deepEqual([document.verdict, document.confidence], ['inconclusive', 'possible']);
      assert.match(document.summary, why);
      const probe = document.probes.find(({ kind }) => kind === 'credentials');
      assert.equal(probe?.status, 'skipped');
    }
  });
});
