import { strict as assert } from 'node:assert';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { askRuntime } from '../../src/engine/ask-runtime.ts';
import { systemEnv } from '../../src/lib/env.ts';
import { hostFiles } from '../../src/node/host-files.ts';
import { discoverRuntime } from '../../src/node/runtime-discovery.ts';
import { type FakeCri, startFakeCri } from '../kit/fake-cri.ts';

describe('asking the runtime', () => {
  let root = '';
  const started: FakeCri[] = [];

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'pullwhy-ask-'));
  });
  afterEach(async () => {
    for (const server of started.splice(0)) await server.close();
    await rm(root, { recursive: true, force: true });
  });

  /** A CRI server at the path that the node names. */
  async function serve(path: string, name: string | null): Promise<void> {
    const server = await startFakeCri(
      { Version: () => ({ answer: { runtime_name: name ?? '', runtime_version: '9.9', runtime_api_version: 'v1' } }) },
      name === null ? [] : ['RuntimeService', 'ImageService'],
    );
    started.push(server);
    await mkdir(dirname(join(root, path)), { recursive: true });
    await rename(server.path, join(root, path));
  }

  async function ask() {
    const host = hostFiles(root);
    const choice = await discoverRuntime(host, { endpoint: null, runtime: null, env: {} });
    assert.ok(choice.ok);
    const at = { env: systemEnv, signal: new AbortController().signal };
    const asked = await askRuntime(host, choice.value, null, at);
    if (asked.cri?.ok === true) asked.cri.value.close();
    return asked;
  }

  it('takes the first socket that serves CRI, past one that only listens', async () => {
    await serve('run/containerd/containerd.sock', null);
    await serve('run/crio/crio.sock', 'cri-o');
    const { runtime, choice, silence } = await ask();
    assert.equal(runtime.name, 'cri-o');
    assert.equal(choice.socketPath, '/run/crio/crio.sock');
    assert.equal(silence, null);
  });

  it('keeps to the first when it serves', async () => {
    await serve('run/containerd/containerd.sock', 'containerd');
    await serve('run/crio/crio.sock', 'cri-o');
    assert.equal((await ask()).runtime.name, 'containerd');
  });

  it('says what the first one does when none serves', async () => {
    await serve('run/containerd/containerd.sock', null);
    const { runtime, silence } = await ask();
    assert.equal(runtime.name, 'containerd');
    assert.equal(silence?.kind, 'not-served');
  });
});
