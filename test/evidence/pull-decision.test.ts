import assert from 'node:assert/strict';
import { type PullQuestion, pullDecision, type RecordState } from '../../src/evidence/pull-decision.ts';

const name = 'registry.corp/team/web';
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
