import assert from 'node:assert/strict';
import { conclude } from '../../src/engine/conclude.ts';
import { credentialTries } from '../../src/evidence/credential-tries.ts';
import type { PodInfo, PodSecretInfo } from '../../src/model/pod-info.ts';
import { holds, misses } from '../kit/cause-cases.ts';
import { challenge, Scene } from '../kit/view.ts';

const reader = 'pullwhy-system:pullwhy-agent';
const grant = `kubectl create rolebinding pullwhy-pull-secrets -n shop --clusterrole=pullwhy-pull-secrets --serviceaccount=${reader}`;

function pod(state: PodSecretInfo['state'], why: string | null, more: Partial<PodInfo> = {}): { pod: PodInfo } {
  const secret = { name: 'regcred', from: 'pod' as const, state, why, keys: [] };
  return {
    pod: { namespace: 'shop', name: 'web-0', serviceAccount: 'default', secrets: [secret], reader: null, ...more },
  };
}

const missing = pod('missing', 'does not exist in the namespace shop');
const wrongType = pod('wrong-type', 'has the type Opaque');
const unparseable = pod('unparseable', 'is not valid JSON');
const unread = pod('unknown', 'is not read (kubernetes.readSecrets is off)', { reader });

/** Basic authentication is demanded and nobody asks. */
function nobody(scene: Scene): string[] {
  scene.reach();
  const ping = scene.ping({ status: 401, challenges: [challenge('basic')] });
  const manifest = scene.manifest({ status: 401, challenges: [challenge('basic')] });
  return [ping, manifest];
}

/** The credentials are sent and refused; nobody gets this status. */
function refused(scene: Scene, anonymous: number): string[] {
  scene.reach();
  const ping = scene.ping({ status: 401, challenges: [challenge('basic')] });
  scene.manifest({ as: 0, status: 401, challenges: [challenge('basic')], authorization: 'none' });
  const manifest = scene.manifest({ as: 0, status: 401, authorization: 'basic' });
  scene.manifest({ status: anonymous, counterfactual: true });
  return [ping, manifest];
}

/** A token that opens nothing is all that nobody gets. */
function hidden(scene: Scene): string[] {
  scene.reach();
  const ping = scene.ping({ status: 401, challenges: [challenge('bearer')] });
  scene.reach({ host: 'auth.test', hop: 'realm', address: '192.0.2.11' });
  const token = scene.token();
  const manifest = scene.manifest({ status: 401, authorization: 'bearer', challenges: [challenge('bearer')] });
  return [ping, token, manifest];
}

describe('causes: the pull secrets of a pod', () => {
  holds('pull-secret-missing', 'the API server has none of this name, and the registry wants credentials', () => {
    const scene = new Scene(missing);
    return {
      scene,
      evidence: nobody(scene),
      says: /shop\/regcred does not exist in the namespace shop, by the API server's word for the pod shop\/web-0/,
    };
  });
  holds('pull-secret-missing', 'the same, where the registry hides whether the image is there', () => {
    const scene = new Scene(missing);
    return { scene, evidence: hidden(scene), confidence: 'likely', alternatives: ['repository-not-found-or-private'] };
  });
  misses(
    'pull-secret-missing',
    'the image is public: the pod starts without it',
    () => {
      const scene = new Scene(missing);
      scene.serve();
      return scene;
    },
    null,
  );
  holds('pull-secret-invalid', 'it has a type that the kubelet does not take', () => {
    const scene = new Scene(wrongType);
    return { scene, evidence: nobody(scene), says: /the secret shop\/regcred has the type Opaque/ };
  });
  holds(
    'pull-secret-invalid',
    'it cannot be decoded: the kubelet pulls nothing for the pod, not even what is public',
    () => {
      const scene = new Scene(unparseable);
      scene.serve();
      return {
        scene,
        evidence: [],
        endpoint: null,
        says: /pulls no image for the pod shop\/web-0.*regcred is not valid JSON/,
      };
    },
  );
  misses(
    'pull-secret-invalid',
    'a type that the kubelet passes over, and a public image',
    () => {
      const scene = new Scene(wrongType);
      scene.serve();
      return scene;
    },
    null,
  );
  holds('credentials-missing', 'the secret was not read: it may be right or wrong', () => {
    const scene = new Scene(unread);
    return {
      scene,
      evidence: nobody(scene),
      confidence: 'possible',
      alternatives: ['credentials-rejected', 'credentials-expired', 'pull-secret-invalid', 'pull-secret-missing'],
      says: /the pod shop\/web-0 has the pull secret shop\/regcred, not tried, for it is not read/,
    };
  });
  holds('repository-not-found-or-private', 'the secret was not read, and the registry hides', () => {
    const scene = new Scene(unread);
    return { scene, evidence: hidden(scene), confidence: 'possible', says: /shop\/regcred, not tried/ };
  });
  holds('credentials-rejected', 'those of the node are refused, and the pod has a secret that was not read', () => {
    const scene = new Scene({ ...unread, users: ['node'] });
    return { scene, evidence: refused(scene, 401), confidence: 'likely' };
  });

  it('leave the verdict open where one that was not read may help, and say how to have it tried', () => {
    for (const meet of [nobody, hidden]) {
      const scene = new Scene(unread);
      meet(scene);
      const { verdict, findings } = conclude(scene.view());
      assert.equal(verdict, 'inconclusive');
      assert.equal(findings[0]?.remedies.find(({ command }) => command === grant)?.command, grant);
    }
  });

  it('stop the pod where one cannot be decoded, whatever the registry says', () => {
    const scene = new Scene(unparseable);
    scene.serve();
    assert.equal(conclude(scene.view()).verdict, 'faulty');
  });

  it('name the one that the service account has got since', () => {
    const secrets = [
      {
        name: 'regcred',
        from: 'later' as const,
        state: 'unknown' as const,
        why: 'is named by the service account default and not by the pod, which was made before',
        keys: [],
      },
    ];
    const scene = new Scene(pod('usable', null, { secrets }));
    nobody(scene);
    const { verdict, findings } = conclude(scene.view());
    assert.deepEqual(
      [verdict, findings[0]?.cause, findings[0]?.confidence],
      ['faulty', 'credentials-missing', 'proven'],
    );
    assert.match(findings[0]?.summary ?? '', /regcred is named by the service account default.*made anew/);
  });

  it('are told one by one: what was answered with each, and without any', () => {
    const scene = new Scene({ ...pod('usable', null), users: ['app'] });
    refused(scene, 200);
    const tries = credentialTries(scene.view()).map(({ source, username, outcome, status }) => [
      source,
      username,
      outcome,
      status,
    ]);
    assert.deepEqual(tries, [
      ['--auth-file', 'app', 'refused', 401],
      [null, null, 'accepted', 200],
    ]);
    const [first] = conclude(scene.view()).findings;
    assert.equal(first?.cause, 'credentials-rejected');
    assert.match(first?.summary ?? '', /without them the image can be pulled/);
  });
});
