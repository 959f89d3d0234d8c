import assert from 'node:assert/strict';
import { conclude } from '../../src/engine/conclude.ts';
import { type PullQuestion, pullDecision, type RecordState } from '../../src/evidence/pull-decision.ts';
import { challenge, Scene } from '../kit/view.ts';

const name = 'registry.corp/team/web';
const image = `${name}:1`;
const policies = ['Always', 'IfNotPresent', 'Never'] as const;
const records: readonly RecordState[] = ['none', 'intent', 'pulled', 'damaged'];
const owners = ['anybody', 'pod', 'others', 'nobody'] as const;
const lists: readonly (readonly string[])[] = [
  [],
  [name],
  ['registry.corp/*'],
  ['registry.corp/tea'],
  ['web', 'other/*'],
];
const verifications = [
  'NeverVerify',
  'NeverVerifyPreloadedImages',
  'NeverVerifyAllowlistedImages',
  'AlwaysVerify',
] as const;

/** The steps of image_manager.go and image_pull_manager.go one by one, with what each would return. */
function kubelet({ policy, present, verification, owner }: PullQuestion): 'start' | 'pull' | 'refuse' {
  // imagePullPrecheck: the runtime is not asked under Always.
  const imageRef = policy === 'Always' || !present ? '' : 'sha256:1';
  if (imageRef === '' && policy === 'Never') return 'refuse';
  if (imageRef !== '') {
    if (verification === null) return 'start';
    if (!mustAttempt(verification, owner)) return 'start';
  }
  if (policy === 'Never') return 'refuse';
  return 'pull';
}

function mustAttempt(
  { policy, allowlist, record }: NonNullable<PullQuestion['verification']>,
  owner: PullQuestion['owner'],
): boolean {
  if (record === 'damaged') return true; // GetImagePulledRecord gives an error
  const pulledByKubelet = record === 'pulled' || record === 'intent';
  const required = {
    NeverVerify: false,
    NeverVerifyPreloadedImages: pulledByKubelet,
    NeverVerifyAllowlistedImages: !(allowlist.includes(name) || allowlist.includes('registry.corp/*')),
    AlwaysVerify: true,
  }[policy];
  if (required !== true) return false;
  if (record !== 'pulled') return true; // pulledRecord == nil
  if (owner === 'nobody') return true; // no entry of CredentialMapping, or an empty one
  if (owner === 'anybody') return false; // NodePodsAccessible
  return owner !== 'pod';
}

/** An investigation on a node that stands like this, of a registry that gives the image or wants credentials for it. */
function concluded({ policy, present, verification, owner }: PullQuestion, serves: boolean) {
  const source = 'var/lib/kubelet/config.yaml:1';
  const scene = new Scene({
    image,
    policy,
    kubelet: {
      imagePullCredentialsVerificationPolicy: { value: verification?.policy ?? '', source },
      preloadedImagesVerificationAllowlist: { value: verification?.allowlist ?? [], source },
    },
  });
  scene.runtime();
  scene.image(present);
  const record = verification?.record ?? 'none';
  const pulled = record === 'pulled';
  if (present)
    scene.records({
      record,
      nodePods: pulled ? owner === 'anybody' : null,
      secrets: pulled && (owner === 'others' || owner === 'pod') ? ['team/regcred'] : [],
      credentialsFit: pulled && (owner === 'others' || owner === 'pod') ? owner === 'pod' : null,
    });
  if (serves) scene.serve();
  else {
    scene.reach();
    scene.ping({ status: 401, challenges: [challenge('basic')] });
    scene.manifest({ status: 401, challenges: [challenge('basic')] });
  }
  return conclude(scene.view());
}

describe('evidence: what the kubelet decides about an image', () => {
  it('is what its own steps come to, for every combination', () => {
    let seen = 0;
    for (const policy of policies)
      for (const present of [true, false])
        for (const owner of owners) {
          const alone = { policy, present, owner, verification: null };
          assert.equal(pullDecision(alone), kubelet(alone));
          for (const record of records)
            for (const verify of verifications)
              for (const allowlist of lists) {
                const question = { policy, present, owner, verification: { policy: verify, allowlist, name, record } };
                assert.equal(pullDecision(question), kubelet(question), JSON.stringify(question));
                seen++;
              }
        }
    assert.equal(seen, 3 * 2 * 4 * 4 * 4 * 5);
  });

  it('is what an investigation concludes, for every combination, whatever the registry does', () => {
    let seen = 0;
    for (const policy of policies)
      for (const present of [true, false])
        for (const owner of owners)
          for (const record of records)
            for (const verify of verifications)
              for (const allowlist of lists)
                for (const serves of [true, false]) {
                  const verification = { policy: verify, allowlist, name, record };
                  const expected = kubelet({ policy, present, owner, verification });
                  const { verdict, findings } = concluded({ policy, present, owner, verification }, serves);
                  const what = JSON.stringify({ policy, present, owner, record, verify, allowlist, serves, findings });
                  const [first] = findings;
                  seen++;
                  if (expected === 'start') {
                    assert.equal(verdict, serves ? 'healthy' : 'degraded', what);
                  } else if (expected === 'refuse') {
                    assert.equal(verdict, 'faulty', what);
                    assert.equal(first?.cause, present ? 'image-credentials-unverified' : 'image-never-pull', what);
                  } else if (serves) {
                    assert.equal(verdict, 'healthy', what);
                  } else {
                    const unverified = present && policy !== 'Always' ? 'image-credentials-unverified' : null;
                    const always = present && policy === 'Always' ? 'pull-policy-always' : null;
                    assert.equal(verdict, 'faulty', what);
                    assert.equal(first?.cause, unverified ?? always ?? 'credentials-missing', what);
                  }
                }
    assert.equal(seen, 3 * 2 * 4 * 4 * 4 * 5 * 2);
  });

  it('in words: what people are caught by', () => {
    const ask = (
      policy: PullQuestion['policy'],
      record: RecordState,
      owner: PullQuestion['owner'],
      verify = 'NeverVerifyPreloadedImages',
    ) => pullDecision({ policy, present: true, owner, verification: { policy: verify, allowlist: [], name, record } });
    assert.equal(ask('Always', 'pulled', 'anybody'), 'pull', 'Always asks the registry whatever is here');
    assert.equal(ask('IfNotPresent', 'none', 'nobody'), 'start', 'preloaded: everybody may');
    assert.equal(ask('IfNotPresent', 'pulled', 'others'), 'pull', "pulled with another's secret");
    assert.equal(ask('Never', 'pulled', 'others'), 'refuse', 'and reads as if it were absent');
    assert.equal(ask('IfNotPresent', 'none', 'nobody', 'AlwaysVerify'), 'pull', 'preloaded, and verified all the same');
    assert.equal(ask('IfNotPresent', 'damaged', 'anybody', 'NeverVerify'), 'pull', 'a damaged record beats the policy');
  });
});
