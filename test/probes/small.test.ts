import assert from 'node:assert/strict';
import { makeImage } from '../kit/fake-registry.ts';
import { observe } from '../kit/node-folder.ts';
import { useServers } from './servers.ts';

const image = makeImage({ os: 'linux', architecture: 'amd64' }, 100_000);
const repositories = { 'team/app': { '1.0': image } };
const [layer] = image.content.filter(({ bytes }) => bytes.length > 50_000);

describe('probes: small, of a transfer', () => {
  const servers = useServers();

  /** A registry that does this with every request for the layer. */
  const look = async (manner: (request: number) => 'silent' | null) => {
    const registry = await servers.registry({ repositories });
    let asked = 0;
    registry.override = (_, path) =>
      path.endsWith(`/blobs/${layer?.digest}`) && manner(asked++) !== null ? { status: 200, manner: 'silent' } : null;
    const { of } = await observe({ image: `127.0.0.1:${registry.port}/team/app:1.0` });
    return { small: of('small'), registry };
  };

  it('asks for the first bytes of a layer that stands still, and finds that they come', async () => {
    const { small } = await look((request) => (request === 0 ? 'silent' : null));
    assert.deepEqual(
      small.map(({ status, counterfactual, facts }) => [status, counterfactual, facts.bytes]),
      [['ok', true, 64]],
    );
  });

  it('finds that they do not come either', async () => {
    const { small } = await look(() => 'silent');
    assert.deepEqual([small.length, small[0]?.status, small[0]?.error?.code], [1, 'failed', 'timeout']);
  });

  it('asks for nothing where the layer comes', async () => {
    const { small } = await look(() => null);
    assert.equal(small.length, 0);
  });
});
