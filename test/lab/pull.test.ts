import { strict as assert } from 'node:assert';
import { Secret } from '../../src/lib/secret.ts';
import { withCri } from './containerd.ts';
import { useLab, users } from './lab.ts';

describe('lab: real pulls', () => {
  const lab = useLab('pulls by a real containerd from real registries');
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

  it('is refused without them', async () => {
    await lab().push('lab/refused', '1.0');
    const basic = await pull('private.lab/lab/refused:1.0');
    assert.ok(!basic.ok);
    assert.match(basic.error.message, /401 Unauthorized/);
    const token = await pull('token.lab/lab/refused:1.0', users.guest);
    assert.ok(!token.ok);
    assert.match(token.error.message, /insufficient_scope|authorization failed/);
  });
});

const both = [
  { os: 'linux', architecture: 'amd64' },
  { os: 'linux', architecture: 'arm64' },
];
