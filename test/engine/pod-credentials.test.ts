import assert from 'node:assert/strict';
import fc from 'fast-check';
import { conclude } from '../../src/engine/conclude.ts';
import { credentialsFor } from '../../src/engine/plan-credentials.ts';
import { matchesOf } from '../../src/evidence/credential-matches.ts';
import { credentialTries } from '../../src/evidence/credential-tries.ts';
import type { CredentialFile } from '../../src/node/credentials.ts';
import { parseCredentials } from '../../src/node/credentials.ts';
import { challenge, Scene } from '../kit/view.ts';

const image = {
  input: 'reg.test/team/app:1',
  normalized: 'reg.test/team/app:1',
  registry: 'reg.test',
  repository: 'team/app',
  tag: '1',
  digest: null,
};

/** Keys that serve the image, and some that do not. */
const keys = [
  'reg.test',
  'https://reg.test/v2/',
  'reg.test/team',
  '*.test',
  'reg.test/te',
  'other.test',
  'reg.test:443',
];
const serving = new Set(['reg.test', 'https://reg.test/v2/', 'reg.test/team', '*.test', 'reg.test/te']);

function fileOf(source: string, entries: readonly string[]): CredentialFile {
  const auths = Object.fromEntries(entries.map((key) => [key, { username: `${source} ${key}`, password: 'p' }]));
  const parsed = parseCredentials(JSON.stringify({ auths }), source, 'dockerconfigjson');
  assert.ok(parsed.ok);
  return parsed.value;
}

const someKeys = fc.uniqueArray(fc.constantFrom(...keys), { maxLength: 4 });

describe('engine: the credentials of a pod', () => {
  it('come before the node’s, each keyring sorted backwards, and none is lost or added', () => {
    fc.assert(
      fc.property(fc.array(someKeys, { maxLength: 3 }), fc.array(someKeys, { maxLength: 1 }), (secrets, node) => {
        const pod = secrets.map((entries, index) => fileOf(`Secret shop/s${index}`, entries));
        const files = node.map((entries) => fileOf('var/lib/kubelet/config.json', entries));
        const found = credentialsFor(image, { pod, node: files }, { credentials: [], endpoints: [] });
        const firstOfNode = found.findIndex(({ ofPod }) => !ofPod);
        const own = firstOfNode < 0 ? found : found.slice(0, firstOfNode);
        assert.ok(own.every(({ source }) => source.startsWith('Secret shop/')));
        assert.ok(found.slice(own.length).every(({ source, ofPod }) => !ofPod && source.startsWith('var/')));
        const wanted = [...secrets.flat(), ...node.flat()].filter((key) => serving.has(key));
        assert.deepEqual(found.map(({ key }) => key).sort(), wanted.sort());
        const bare = own.map(({ key }) => (key === 'https://reg.test/v2/' ? 'reg.test' : key));
        assert.deepEqual(bare, [...bare].sort().reverse());
      }),
    );
  });

  it('are followed by what plugins give', () => {
    const scene = new Scene({ users: ['node'] });
    const view = scene.view();
    const match = { key: 'registry.test', source: 'credential provider ecr', username: 'AWS' };
    const facts = { image: 'registry.test/team/app', plugins: [], matches: [match] };
    const probe = {
      id: 'p99',
      kind: 'credentials' as const,
      target: 'ecr',
      hop: 'node' as const,
      endpoint: null,
      counterfactual: false,
      startedMs: 0,
      durationMs: 1,
      status: 'ok' as const,
      error: null,
      facts,
    };
    const found = matchesOf({ ...view, probes: [...view.probes, probe] });
    assert.deepEqual(
      found.map(({ username }) => username),
      ['node', 'AWS'],
    );
  });

  it('are not said to be all refused where some were not tried', () => {
    const users = ['a', 'b', 'c', 'd', 'e'];
    const scene = new Scene({ users });
    scene.reach();
    scene.ping({ status: 401, challenges: [challenge('basic')] });
    for (const index of [0, 1, 2, 3]) scene.manifest({ as: index, status: 401, authorization: 'basic' });
    const tries = credentialTries(scene.view()).map(({ username, outcome }) => [username, outcome]);
    assert.deepEqual(
      tries.slice(0, 4),
      users.slice(0, 4).map((user) => [user, 'refused']),
    );
    assert.deepEqual(tries.at(-1), ['e', 'not-tried']);
    assert.equal(conclude(scene.view()).findings[0]?.confidence, 'likely');
  });

  it('tell of their own end where they are refused', () => {
    const expiresAt = '2026-11-22T07:00:00.000Z';
    const scene = new Scene({
      users: ['a'],
      lifetimes: [{ expiresAt, issuedAt: null, by: 'the claim exp of the token' }],
    });
    scene.reach();
    scene.ping({ status: 401, challenges: [challenge('basic')] });
    scene.manifest({ as: 0, status: 401, authorization: 'basic' });
    assert.match(
      credentialTries(scene.view())[0]?.words ?? '',
      /; expired at 2026-11-22T07:00:00\.000Z \(the claim exp/,
    );
  });
});
