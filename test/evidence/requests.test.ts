import assert from 'node:assert/strict';
import { refusalsOf } from '../../src/evidence/refusal.ts';
import { requestsOf } from '../../src/evidence/requests.ts';
import { challenge, digest, Scene, type SceneOptions } from '../kit/view.ts';

const mirrored: SceneOptions = {
  image: 'registry.test/team/app:1.0',
  endpoints: [
    { url: 'https://mirror.test/v2', role: 'mirror', reference: 'mirror.test/hub/team/app:1.0' },
    { url: 'https://registry.test/v2' },
  ],
  users: ['app'],
};

const identities = (scene: Scene, endpoint = 0): number[] =>
  requestsOf(scene.view(), endpoint).identities.map(({ index }) => index);

const reached = (options: SceneOptions = {}): Scene => {
  const scene = new Scene(options);
  scene.reach();
  return scene;
};

describe('evidence: requests', () => {
  it('knows nothing before anything was asked', () => {
    const { ping, challenge: put, named, image } = requestsOf(new Scene().view(), 0);
    assert.deepEqual([ping, put, named, image], [null, null, null, null]);
  });

  it('asks as nobody without credentials, else as each of them in turn, four at most', () => {
    assert.deepEqual(identities(new Scene()), [-1]);
    assert.deepEqual(identities(new Scene({ users: ['a', 'b'] })), [0, 1]);
    assert.deepEqual(identities(new Scene({ users: ['a', 'b', 'c', 'd', 'e', 'f'] })), [0, 1, 2, 3]);
  });

  it("offers the pod's credentials to mirrors as the runtime does", () => {
    const containerd = new Scene({ ...mirrored, runtime: { name: 'containerd', asked: false } });
    assert.deepEqual([identities(containerd, 0), identities(containerd, 1)], [[0], [0]]);
    const crio = new Scene({ ...mirrored, runtime: { name: 'cri-o', asked: false } });
    assert.deepEqual([identities(crio, 0), identities(crio, 1)], [[-1], [0]]);
  });

  it('answers bearer before basic, and takes a challenge from a 401 only', () => {
    const scene = reached();
    scene.ping({ status: 401, challenges: [challenge('basic'), challenge('bearer')] });
    assert.equal(requestsOf(scene.view(), 0).challenge?.scheme, 'bearer');
    const open = reached();
    open.ping({ status: 200, challenges: [challenge('bearer')] });
    assert.equal(requestsOf(open.view(), 0).challenge, null);
  });

  it('does not take the bare first request for a refusal while it can be answered', () => {
    const scene = reached({ users: ['app'] });
    scene.ping();
    scene.manifest({ as: 0, authorization: 'none', status: 401, challenges: [challenge('basic')] });
    assert.equal(requestsOf(scene.view(), 0).identities[0]?.refused, false);
    scene.manifest({ as: 0, authorization: 'basic', status: 401, challenges: [challenge('basic')] });
    assert.equal(requestsOf(scene.view(), 0).identities[0]?.refused, true);
  });

  it("takes the image from the index's entry for this platform", () => {
    const scene = reached();
    scene.ping();
    scene.manifest({ kind: 'index', chosen: digest('b'), platforms: ['linux/amd64'] });
    assert.equal(requestsOf(scene.view(), 0).image, null);
    const id = scene.manifest({ part: 'platform', reference: digest('b'), digest: digest('b') });
    assert.equal(requestsOf(scene.view(), 0).image?.id, id);
  });

  it('takes nothing from another endpoint, or from another way to this one', () => {
    const scene = new Scene(mirrored);
    scene.reach();
    scene.ping({ endpoint: 1, address: '192.0.2.11' });
    scene.ping({ proxy: 'http://proxy.test:3128', counterfactual: true });
    assert.equal(requestsOf(scene.view(), 0).ping, null);
  });
});

describe('evidence: refusals', () => {
  const denied = [{ code: 'denied', message: 'no' }];

  it('says who was refused, where, and in which words', () => {
    const scene = reached({ users: ['app'] });
    const ping = scene.ping({ status: 401, challenges: [challenge('bearer')] });
    scene.reach({ host: 'auth.test', address: '192.0.2.50', hop: 'realm' });
    const token = scene.token({ as: 0, status: 403, errors: denied });
    const [refusal] = refusalsOf(scene.view());
    assert.deepEqual(
      [refusal?.at, refusal?.status, refusal?.codes, refusal?.username, refusal?.withCredentials, refusal?.challenge],
      ['token', 403, ['DENIED'], 'app', true, 'bearer'],
    );
    assert.deepEqual(
      refusal?.probes.map(({ id }) => id),
      [ping, token],
    );
    assert.match(refusal?.words ?? '', /403.*no/);
  });

  it('is none when the image came, when it is the party that fails, or when the answer is a limit or a page', () => {
    const came = reached({ users: ['old', 'app'] });
    came.ping({ status: 401, challenges: [challenge('basic')] });
    came.manifest({ as: 0, authorization: 'basic', status: 401 });
    came.manifest({ as: 1, authorization: 'basic' });
    assert.deepEqual(refusalsOf(came.view()), []);
    for (const answer of [
      { status: 500 },
      { status: 429 },
      { status: 403, errors: [{ code: 'TOOMANYREQUESTS', message: '' }] },
      { status: 404, bodyFormat: 'html' },
      { error: 'timeout' as const },
    ]) {
      const scene = reached();
      scene.ping();
      scene.manifest(answer);
      assert.deepEqual(refusalsOf(scene.view()), [], JSON.stringify(answer));
    }
  });

  it('is none while a credential that would be tried next has not been heard', () => {
    const scene = reached({ users: ['old', 'app'] });
    scene.ping({ status: 401, challenges: [challenge('basic')] });
    scene.manifest({ as: 0, authorization: 'basic', status: 401 });
    assert.deepEqual(refusalsOf(scene.view()), []);
    scene.manifest({ as: 1, authorization: 'basic', status: 401 });
    assert.equal(refusalsOf(scene.view())[0]?.username, 'app');
  });

  it('knows that nobody would get what these credentials do not', () => {
    const scene = reached({ users: ['app'] });
    scene.ping({ status: 401, challenges: [challenge('bearer')] });
    scene.reach({ host: 'auth.test', address: '192.0.2.50', hop: 'realm' });
    scene.token({ as: 0, status: 401 });
    assert.equal(refusalsOf(scene.view())[0]?.anonymousWorks, false);
    scene.token({ counterfactual: true });
    scene.manifest({ counterfactual: true, authorization: 'bearer' });
    assert.equal(refusalsOf(scene.view())[0]?.anonymousWorks, true);
  });
});
