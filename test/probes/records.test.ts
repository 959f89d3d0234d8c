import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { Secret } from '../../src/lib/secret.ts';
import type { PodSecretInfo } from '../../src/model/pod-info.ts';
import type { RecordsFacts } from '../../src/model/records-facts.ts';
import { recordOwners } from '../../src/probes/records.ts';
import type { FakeCriMethods } from '../kit/fake-cri.ts';
import { startFakeCri } from '../kit/fake-cri.ts';
import { observe } from '../kit/node-folder.ts';

const id = `sha256:${'a'.repeat(64)}`;
const file = (name: string) => `sha256-${createHash('sha256').update(name).digest('hex')}`;
const folder = 'var/lib/kubelet/image_manager';
/** Nothing listens there, and nobody is asked for its name. */
const host = '127.0.0.1:9';
const image = `${host}/team/app:1`;

const present: FakeCriMethods = {
  ImageStatus: () => ({ answer: { image: { id, repo_tags: [image], size: '1000' } } }),
};

/** A record as kubelet 1.36 writes it (fs_pullrecords.go; the form of Kubernetes' own test data). */
const record = (mapping: object): string =>
  JSON.stringify({
    kind: 'ImagePulledRecord',
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    lastUpdatedTime: '2026-11-22T10:47:18Z',
    imageRef: id,
    credentialMapping: mapping,
  });
const hash = (json: string) => createHash('sha256').update(json).digest('hex');
const secret = (credentialHash: string) => ({ uid: '1', namespace: 'team', name: 'regcred', credentialHash });

async function look(
  files: Readonly<Record<string, string>>,
  credentials?: Readonly<Record<string, { readonly username: string; readonly password: string }>>,
): Promise<RecordsFacts | undefined> {
  const cri = await startFakeCri(present);
  try {
    const { of } = await observe({
      image,
      files,
      runtimeEndpoint: cri.endpoint,
      ...(credentials === undefined ? {} : { credentials }),
    });
    return of('records')[0]?.facts;
  } finally {
    await cri.close();
  }
}

describe('probes: the kubelet’s records of pulls', () => {
  it('is no part of an investigation on a node that keeps none', async () => assert.equal(await look({}), undefined));

  it('finds no record of what the kubelet did not pull', async () => {
    const facts = await look({ [`${folder}/pulled/${file('sha256:other')}`]: record({}) });
    assert.deepEqual([facts?.record, facts?.file, facts?.nodePods], ['none', null, null]);
  });

  it('finds a pull that began, by the image’s name as the pod has it', async () => {
    const facts = await look({ [`${folder}/pulling/${file(image)}`]: '{"kind":"ImagePullIntent"}' });
    assert.equal(facts?.record, 'intent');
  });

  it('says whose credentials pulled it under this name', async () => {
    const mapping = {
      [`${host}/team/app`]: { kubernetesSecrets: [secret('x')], kubernetesServiceAccounts: [secret('')] },
      [`${host}/team/other`]: { nodePodsAccessible: true },
    };
    const facts = await look({ [`${folder}/pulled/${file(id)}`]: record(mapping) });
    assert.deepEqual(facts, {
      directory: folder,
      record: 'pulled',
      file: `${folder}/pulled/${file(id)}`,
      nodePods: false,
      secrets: ['team/regcred'],
      serviceAccounts: ['team/regcred'],
      credentialsFit: null,
    });
  });

  it('knows what anybody on the node may use', async () => {
    const facts = await look({
      [`${folder}/pulled/${file(id)}`]: record({ [`${host}/team/app`]: { nodePodsAccessible: true } }),
    });
    assert.equal(facts?.nodePods, true);
  });

  it('takes another name of the same image for a pull of its own', async () => {
    const facts = await look({
      [`${folder}/pulled/${file(id)}`]: record({ [`${host}/mirror/app`]: { nodePodsAccessible: true } }),
    });
    assert.deepEqual([facts?.record, facts?.nodePods, facts?.secrets], ['pulled', false, []]);
  });

  for (const [what, text] of [
    ['no JSON', '{'],
    ['of another kind', '{"kind":"ImagePullIntent"}'],
    ['a list', '[]'],
  ] as const) {
    it(`says that a record is damaged: ${what}`, async () => {
      assert.equal((await look({ [`${folder}/pulled/${file(id)}`]: text }))?.record, 'damaged');
    });
  }

  it('knows the pod’s credentials again by their hash, in whatever secret they stand', async () => {
    const pulled = (json: string) => ({
      [`${folder}/pulled/${file(id)}`]: record({ [`${host}/team/app`]: { kubernetesSecrets: [secret(hash(json))] } }),
    });
    const given = (password: string) => ({ [host]: { username: 'app', password } });
    const json = '{"username":"app","password":"right-pw"}';
    assert.equal((await look(pulled(json), given('right-pw')))?.credentialsFit, true);
    assert.equal((await look(pulled(json), given('wrong-pw')))?.credentialsFit, false);
    // As Go's encoder writes them.
    const escaped = '{"username":"app","password":"a\\u003cb\\u0026c\\u003e\\"d"}';
    assert.equal((await look(pulled(escaped), given('a<b&c>"d')))?.credentialsFit, true);
  });

  it('knows the pod’s secret again whose content has changed, and not another of the same name', () => {
    const owners = { kubernetesSecrets: [secret(hash('{"username":"app","password":"old"}'))] };
    const mapping = JSON.parse(record({ [`${host}/team/app`]: owners }));
    const one = { name: 'regcred', from: 'pod', state: 'usable', why: null, keys: [] } as const;
    const known = (namespace: string, secrets: readonly PodSecretInfo[], ofPod = true) => {
      const pod = { namespace, name: 'web', serviceAccount: 'default', secrets, reader: null };
      const credentials = [{ username: 'app', password: new Secret('new'), email: '', ofPod, sentTo: null }];
      return recordOwners(mapping, `${host}/team/app`, { credentials, pod }).credentialsFit;
    };
    assert.equal(known('team', [{ ...one, uid: '1' }]), true);
    assert.equal(known('team', [{ ...one, uid: '2' }]), false, 'made anew');
    assert.equal(known('team', [one]), false);
    assert.equal(known('team', [{ ...one, name: 'other', uid: '1' }]), false);
    assert.equal(known('shop', [{ ...one, uid: '1' }]), false);
    assert.equal(known('team', [{ ...one, uid: '1', state: 'unparseable' }]), false);
    // None of the pod's secrets has an entry for the image: the kubelet compares none.
    assert.equal(known('team', [{ ...one, uid: '1' }], false), null);
  });
});
