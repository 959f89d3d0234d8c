import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import type { CredentialWord } from '../../src/model/journal-facts.ts';
import { credentialWords } from '../../src/signals/credential-words.ts';
import { captures, haveCaptures } from '../kit/captures.ts';

const image = '1.dkr.ecr.eu-west-1.amazonaws.com/team/web:1';
const pod = { namespace: 'team', pod: 'web-0' };

function words(lines: readonly string[], of = [pod], about = image): readonly CredentialWord[] {
  const collected = credentialWords(about);
  lines.forEach((message, index) => {
    collected.line({
      unit: 'kubelet.service',
      message,
      timeUs: 1_795_330_000_000_000 + index * 1_000_000,
      cursor: null,
    });
  });
  return collected.of(of);
}

const klog = (text: string) => `E1122 10:47:10.104452   12293 x.go:1083] ${text}`;
const missing = klog(
  '"Unable to retrieve pull secret, the image pull may not succeed." pod="team/web-0" secret="" err="secret \\"regcred\\" not found"',
);

describe('signals: what the kubelet says of credentials', () => {
  const said: readonly (readonly [string, string, Partial<CredentialWord>])[] = [
    ['kubelet 1.21 to 1.36', missing, { name: 'regcred', pod: 'team/web-0', message: 'secret "regcred" not found' }],
    [
      'kubelet 1.14 to 1.20',
      'W0707 09:20:09.034548   59778 kubelet_pods.go:883] Unable to retrieve pull secret team/regcred for team/web-0 due to secret "regcred" not found.  The image pull may not succeed.',
      { name: 'regcred', pod: 'team/web-0' },
    ],
    [
      'kubelet, event at -v=3',
      klog(
        '"Event occurred" object="team/web-0" kind="Pod" reason="FailedToRetrieveImagePullSecret" message="Unable to retrieve some image pull secrets (regcred, other); attempting to pull the image may not succeed."',
      ),
      { name: 'regcred, other', pod: 'team/web-0' },
    ],
    [
      'kubelet 1.26 to 1.36, a plugin',
      klog(
        'Failed getting credential from external registry credential provider: error execing credential provider plugin ecr-credential-provider for image 1.dkr.ecr.eu-west-1.amazonaws.com/team/web: exit status 1: no EC2 IMDS role found',
      ),
      { kind: 'plugin-failed', name: 'ecr-credential-provider', message: 'exit status 1: no EC2 IMDS role found' },
    ],
  ];
  for (const [seen, line, expected] of said) {
    it(`reads ${seen}`, () => {
      const [word, ...more] = words([line]);
      assert.equal(more.length, 0);
      for (const [name, value] of Object.entries(expected)) assert.equal(Reflect.get(word ?? {}, name), value, name);
    });
  }

  const silent: readonly (readonly [string, string])[] = [
    ['of another pod', missing.replace('team/web-0', 'team/web-1')],
    [
      'of a secret that could not be looked up in time',
      missing.replace(
        'secret \\"regcred\\" not found',
        'failed to sync secret cache: timed out waiting for the condition',
      ),
    ],
    [
      'of a plugin for another image',
      klog(
        'Failed getting credential from external registry credential provider: error execing credential provider plugin p for image 1.dkr.ecr.eu-west-1.amazonaws.com/team/web-two: exit status 1',
      ),
    ],
    ['of a volume', klog('MountVolume.SetUp failed for volume "x" : secret "regcred" not found')],
  ];
  for (const [what, line] of silent) it(`says nothing ${what}`, () => assert.deepEqual(words([line]), []));

  it('keeps the last word of each pod, however many there were, and is bounded', () => {
    assert.equal(words(Array.from({ length: 100 }, () => missing)).length, 1);
    const crowd = Array.from({ length: 2000 }, (_, index) => missing.replace('web-0', `web-${index}`));
    assert.equal(words(crowd).length, 0);
    assert.equal(words([...crowd, missing]).length, 1);
  });

  it('reads what a real kubelet wrote of a pod whose secret is missing, and of no other', function () {
    if (!haveCaptures()) this.skip();
    const text = gunzipSync(readFileSync(`${captures}/containerd-1.7.24-api/kubelet.log.gz`)).toString('utf8');
    const lines = text.split('\n');
    const of = (name: string) =>
      words(lines, [{ namespace: 'ctrd17', pod: name }], 'private.lab.example:15001/team/web:1.0');
    assert.deepEqual(
      of('auth-secret-missing').map(({ kind, name, pod: where }) => [kind, name, where]),
      [['secret-missing', 'regcred-missing', 'ctrd17/auth-secret-missing']],
    );
    for (const other of ['auth-basic', 'auth-secret-ok', 'auth-secret-otherhost']) assert.deepEqual(of(other), []);
  });
});
