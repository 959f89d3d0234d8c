import { strict as assert } from 'node:assert';
import { Secret } from '../../src/lib/secret.ts';
import { withCri } from './containerd.ts';
import { type RuntimeLine, runtimeLines } from './containerd-versions.ts';
import { type Lab, users } from './lab.ts';
import { type Labs, useLabs } from './labs.ts';

describe('lab: real pulls', () => {
  const labs = useLabs('pulls by a real containerd from real registries');
  for (const line of runtimeLines) describe(`containerd ${line}`, () => pulls(() => labs(), line));
});

function pulls(labs: () => Labs, line: RuntimeLine): void {
  let current: Lab | undefined;
  const lab = (): Lab => {
    if (current === undefined) throw new Error('the lab is used before its suite began');
    return current;
  };
  before(async function () {
    this.timeout(60_000);
    if (!labs().has(line)) this.skip();
    current = await labs().on(line);
  });
  afterEach(() => lab().undoAll());

  const pull = async (image: string, auth?: { name: string; password: string }) => {
    const runtime = await lab().runtime();
    return withCri(runtime, (cri) =>
      cri.pullImage(image, {
        signal: AbortSignal.timeout(15_000),
        deadlineMs: 15_000,
        ...(auth === undefined ? {} : { auth: { username: auth.name, password: new Secret(auth.password) } }),
      }),
    );
  };

  it('pulls over TLS with the authority in the node’s trust store', async () => {
    const pushed = await lab().push('lab/tls', '1.0', { platforms: both });
    const pulled = await pull('registry.lab/lab/tls:1.0');
    assert.ok(pulled.ok, JSON.stringify(pulled));
    assert.match(pulled.value.imageRef, /^sha256:/);
    assert.equal(pulled.value.imageRef, pushed.manifests[0]?.config);
  });

  it('pulls over IPv6', async () => {
    await lab().push('lab/six', '1.0');
    const pulled = await pull('registry6.lab/lab/six:1.0');
    assert.ok(pulled.ok, JSON.stringify(pulled));
  });

  it('pulls with a password and with a token', async () => {
    await lab().push('lab/private', '1.0');
    await lab().push('lab/token', '1.0');
    const basic = await pull('private.lab/lab/private:1.0', users.app);
    assert.ok(basic.ok, JSON.stringify(basic));
    const token = await pull('token.lab/lab/token:1.0', users.app);
    assert.ok(token.ok, JSON.stringify(token));
  });

  it(`pulls by ${line === '2.x' ? 'the transfer service' : 'its own client'}`, async () => {
    const pulled = await pull('registry.lab/lab/absent:1.0');
    assert.ok(!pulled.ok);
    assert.match(pulled.error.message, line === '2.x' ? /failed to resolve image: / : /failed to resolve reference /);
  });

  it('is refused without them', async () => {
    await lab().push('lab/refused', '1.0');
    const basic = await pull('private.lab/lab/refused:1.0');
    assert.ok(!basic.ok);
    assert.match(basic.error.message, /401 Unauthorized|no basic auth credentials/); // 1.6, and later ones
    const token = await pull('token.lab/lab/refused:1.0', users.guest);
    assert.ok(!token.ok);
    assert.match(token.error.message, /insufficient_scope|authorization failed/);
  });
}

const both = [
  { os: 'linux', architecture: 'amd64' },
  { os: 'linux', architecture: 'arm64' },
];
