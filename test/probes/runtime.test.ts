import assert from 'node:assert/strict';
import { grpcCodes } from '../kit/fake-cri.ts';
import { observe } from '../kit/node-folder.ts';
import { closedPort } from '../kit/tcp-server.ts';
import { useServers } from './servers.ts';

describe('probes: runtime, image, disk, pull', () => {
  const servers = useServers();

  /** A node with this runtime; the registry's port is closed, for it does not matter here. */
  const ask = async (endpoint: string, more: Partial<Parameters<typeof observe>[0]> = {}) =>
    observe({ image: `127.0.0.1:${await closedPort()}/team/app:1.0`, runtimeEndpoint: endpoint, ...more });

  it('asks a healthy runtime who it is, for the image, and where images are kept', async () => {
    const cri = await servers.cri({
      ImageFsInfo: () => ({ answer: { image_filesystems: [{ fs_id: { mountpoint: '/var/lib/images' } }] } }),
      ImageStatus: () => ({ answer: { image: { id: 'sha256:1', size: '5000' } } }),
    });
    const { of } = await ask(cri.endpoint, { files: { 'var/lib/images/x': '' } });
    const [runtime] = of('runtime');
    assert.deepEqual(
      [runtime?.facts.name, runtime?.facts.version, runtime?.facts.ready],
      ['containerd', '1.7.24', true],
    );
    assert.deepEqual([of('image')[0]?.facts.present, of('image')[0]?.facts.id], [true, 'sha256:1']);
    const [disk] = of('disk');
    assert.equal(disk?.facts.path, '/var/lib/images');
    assert.ok((disk?.facts.totalBytes ?? 0) > 0 && (disk?.facts.freeBytes ?? 0) <= (disk?.facts.totalBytes ?? 0));
    assert.equal(of('pull').length, 0, 'nobody asked for a pull');
  });

  it('knows that the image is not there', async () => {
    const cri = await servers.cri();
    const { of } = await ask(cri.endpoint);
    assert.equal(of('image')[0]?.facts.present, false);
  });

  it('does not know whether the image is there when the runtime fails to say', async () => {
    const cri = await servers.cri({ ImageStatus: () => ({ code: grpcCodes.unknown, message: 'database is locked' }) });
    const { of } = await ask(cri.endpoint);
    const [image] = of('image');
    assert.deepEqual([image?.status, image?.facts.present], ['failed', null]);
    assert.match(image?.error?.message ?? '', /database is locked/);
  });

  it('does not look for the file system of a runtime that is elsewhere', async () => {
    const cri = await servers.cri({
      ImageFsInfo: () => ({ answer: { image_filesystems: [{ fs_id: { mountpoint: '/not/here' } }] } }),
    });
    const { all } = await ask(cri.endpoint);
    assert.equal(all.find(({ kind }) => kind === 'disk')?.status, 'skipped');
  });

  it('tells a socket that is not there, and a runtime without CRI', async () => {
    const absent = await ask('unix:///nowhere/cri.sock');
    assert.deepEqual(
      [absent.of('runtime')[0]?.status, absent.of('runtime')[0]?.facts.failure],
      ['failed', 'socket-absent'],
    );
    assert.equal(absent.of('image').length, 0);

    const cri = await servers.cri({}, []);
    const without = await ask(cri.endpoint);
    assert.equal(without.of('runtime')[0]?.facts.failure, 'not-served');
  });

  it('is not ready when it says so', async () => {
    const cri = await servers.cri({
      Status: () => ({
        answer: { status: { conditions: [{ type: 'RuntimeReady', status: false, message: 'no shim' }] } },
      }),
    });
    const { of } = await ask(cri.endpoint);
    assert.deepEqual([of('runtime')[0]?.status, of('runtime')[0]?.facts.ready], ['ok', false]);
  });

  it('pulls when asked to, after the look for the image', async () => {
    const cri = await servers.cri();
    const { of } = await ask(cri.endpoint, { pull: true });
    assert.equal(of('pull')[0]?.status, 'ok');
    assert.match(of('pull')[0]?.facts.imageRef ?? '', /^sha256:/);
    const order = cri.calls
      .map(({ method }) => method)
      .filter((method) => method === 'ImageStatus' || method === 'PullImage');
    assert.deepEqual(order, ['ImageStatus', 'PullImage']);
  });

  it("keeps the runtime's own words, and what they mean", async () => {
    const words = 'failed to pull and unpack image "x": failed to copy: write /var/lib/x: no space left on device';
    const cri = await servers.cri({ PullImage: () => ({ code: grpcCodes.unknown, message: words }) });
    const { of } = await ask(cri.endpoint, { pull: true });
    const [pull] = of('pull');
    assert.deepEqual([pull?.status, pull?.facts.cause], ['failed', 'disk-full']);
    assert.match(pull?.facts.runtimeError ?? '', /no space left on device/);
  });

  it('never pulls over a policy that forbids it', async () => {
    const cri = await servers.cri();
    const { of } = await ask(cri.endpoint, { pull: true, pullPolicy: 'Never' });
    assert.equal(of('pull').length, 0);
    assert.ok(!cri.calls.some(({ method }) => method === 'PullImage'));
  });

  it('tries every credential that fits, one pull each, as the kubelet does', async () => {
    const port = await closedPort();
    const cri = await servers.cri({ PullImage: () => ({ code: grpcCodes.unknown, message: 'pull access denied' }) });
    const { of, all } = await observe({
      image: `127.0.0.1:${port}/team/app:1.0`,
      runtimeEndpoint: cri.endpoint,
      pull: true,
      credentials: {
        [`127.0.0.1:${port}/team`]: { username: 'one', password: 'first-password' },
        [`127.0.0.1:${port}`]: { username: 'two', password: 'second-password' },
      },
    });
    assert.equal(of('pull')[0]?.status, 'failed');
    assert.equal(cri.calls.filter(({ method }) => method === 'PullImage').length, 2);
    assert.match(JSON.stringify(cri.calls), /first-password.*second-password/);
    assert.doesNotMatch(JSON.stringify(all), /first-password|second-password/);
  });
});
