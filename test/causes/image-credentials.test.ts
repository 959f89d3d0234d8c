import assert from 'node:assert/strict';
import { conclude } from '../../src/engine/conclude.ts';
import type { RecordsFacts } from '../../src/model/records-facts.ts';
import { holds, misses } from '../kit/cause-cases.ts';
import { challenge, Scene, type SceneOptions } from '../kit/view.ts';

const owned: Partial<RecordsFacts> = {
  record: 'pulled',
  file: 'var/lib/kubelet/image_manager/pulled/sha256-1',
  nodePods: false,
  secrets: ['team/regcred'],
};
const policy = (value: string, list: readonly string[] = []): NonNullable<SceneOptions['kubelet']> => ({
  imagePullCredentialsVerificationPolicy: { value, source: 'var/lib/kubelet/config.yaml:9' },
  preloadedImagesVerificationAllowlist: { value: list, source: 'var/lib/kubelet/config.yaml:10' },
});

/** The image is on the node, with these records of the kubelet's. */
function present(records: Partial<RecordsFacts> | null, options: SceneOptions = {}): { scene: Scene; ids: string[] } {
  const scene = new Scene({ policy: 'Never', ...options });
  scene.runtime();
  const ids = [scene.image(true)];
  if (records !== null) ids.push(scene.records(records));
  return { scene, ids };
}

/** The registry wants credentials, and there are none. */
function refuses(scene: Scene): string[] {
  scene.reach();
  const ping = scene.ping({ status: 401, challenges: [challenge('basic')] });
  return [ping, scene.manifest({ status: 401, challenges: [challenge('basic')] })];
}

describe('causes: image-credentials-unverified', () => {
  const never = { endpoint: null };

  holds(
    'image-credentials-unverified',
    'another pod pulled it with a secret, and Never forbids to pull it for this one',
    () => {
      const { scene, ids } = present(owned);
      return {
        scene,
        evidence: ids,
        ...never,
        confidence: 'likely',
        says: /pulled with the pull secret team\/regcred/,
      };
    },
  );
  holds('image-credentials-unverified', 'the credentials that were given did not pull it', () => {
    const { scene, ids } = present({ ...owned, credentialsFit: false });
    return { scene, evidence: ids, ...never };
  });
  holds('image-credentials-unverified', 'the kubelet began to pull it and noted nothing more', () => {
    const { scene, ids } = present({ record: 'intent' });
    return { scene, evidence: ids, ...never };
  });
  holds('image-credentials-unverified', 'it was pulled under another name', () => {
    const { scene, ids } = present({ ...owned, secrets: [] });
    return { scene, evidence: ids, ...never };
  });
  holds('image-credentials-unverified', 'every image needs credentials, and this one was put here by hand', () => {
    const { scene, ids } = present({}, { kubelet: policy('AlwaysVerify') });
    return { scene, evidence: ids, ...never, says: /AlwaysVerify \(var\/lib\/kubelet\/config\.yaml:9\)/ };
  });
  holds('image-credentials-unverified', 'it is not on the list of those that need none', () => {
    const { scene, ids } = present({}, { kubelet: policy('NeverVerifyAllowlistedImages', ['registry.test/other']) });
    return { scene, evidence: ids, ...never };
  });

  const near: readonly (readonly [string, Partial<RecordsFacts> | null, SceneOptions?])[] = [
    ['this kubelet keeps no records', null],
    ['the kubelet did not pull it: preloaded', {}],
    ['nobody’s or the node’s credentials pulled it', { ...owned, nodePods: true, secrets: [] }],
    ['the pod’s own credentials pulled it', { ...owned, credentialsFit: true }],
    ['the policy verifies nothing', owned, { kubelet: policy('NeverVerify') }],
    ['it is on the list', owned, { kubelet: policy('NeverVerifyAllowlistedImages', ['registry.test/team/app']) }],
    ['its path is on the list', owned, { kubelet: policy('NeverVerifyAllowlistedImages', ['registry.test/team/*']) }],
  ];
  for (const [name, records, options] of near) {
    misses('image-credentials-unverified', name, () => present(records, options).scene, null);
  }
  misses(
    'image-credentials-unverified',
    'Always asks the registry for everybody',
    () => {
      const { scene } = present(owned, { policy: 'Always' });
      refuses(scene);
      return scene;
    },
    'pull-policy-always',
  );

  describe('under IfNotPresent', () => {
    const options: SceneOptions = { policy: 'IfNotPresent' };

    it('is primary when the registry refuses the pull that the kubelet makes all the same', () => {
      const { scene, ids } = present(owned, options);
      const shown = refuses(scene);
      const { verdict, findings } = conclude(scene.view());
      assert.equal(verdict, 'faulty');
      const [first, second] = findings;
      assert.equal(first?.cause, 'image-credentials-unverified');
      assert.equal(first?.underlying, 'credentials-missing');
      assert.deepEqual(first?.evidence, [...ids, ...shown]);
      assert.equal(second?.cause, 'credentials-missing');
      assert.equal(second?.severity, 'fault');
    });

    it('is no fault when the registry gives the image', () => {
      const { scene } = present(owned, options);
      scene.serve();
      const { verdict, findings, summary } = conclude(scene.view());
      assert.deepEqual([verdict, findings], ['healthy', []]);
      assert.match(summary, /can be pulled/);
    });

    it('carries a registry that is down', () => {
      const { scene } = present(owned, options);
      scene.dns('registry.test', 'name-not-found');
      const [first] = conclude(scene.view()).findings;
      assert.deepEqual([first?.cause, first?.underlying], ['image-credentials-unverified', 'dns-name-not-found']);
    });

    it('never makes a fault of an image that starts as it is', () => {
      const { scene } = present({ ...owned, credentialsFit: true }, options);
      refuses(scene);
      const { verdict, findings } = conclude(scene.view());
      assert.deepEqual([verdict, findings[0]?.cause], ['degraded', 'credentials-missing']);
    });
  });
});
