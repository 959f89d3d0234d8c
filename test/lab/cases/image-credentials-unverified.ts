import { createHash } from 'node:crypto';
import { Secret } from '../../../src/lib/secret.ts';
import type { LabCase, Situation } from '../case.ts';
import { withCri } from '../containerd.ts';
import { type Lab, users } from '../lab.ts';
import { authFile } from './fronts.ts';

const { name, password } = users.app;
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Whose pull the kubelet noted: a record's owners for the image's own name. */
type Owners = (json: string) => object;

const bySecret: Owners = (json) => ({
  kubernetesSecrets: [{ uid: '1', namespace: 'team', name: 'regcred', credentialHash: sha256(json) }],
});
const byNode: Owners = () => ({ nodePodsAccessible: true });

let serial = 0;

/**
 * An image of private.lab that was pulled with a password, so that it is on the node, and the records that a kubelet keeps
 * of it (pkg/kubelet/images/pullmanager); and what a pod without, or with other, credentials would meet.
 */
function pulled(owners: Owners | null, args: (lab: Lab) => Promise<readonly string[]> = async () => [], settings = '') {
  return async (lab: Lab): Promise<Situation> => {
    const repository = `unverified/case-${serial++}`;
    const image = `private.lab/${repository}:1.0`;
    await lab.push(repository, '1.0');
    const runtime = await lab.runtime();
    const id = await withCri(runtime, async (cri) => {
      const limit = { signal: AbortSignal.timeout(20_000), deadlineMs: 20_000 };
      const result = await cri.pullImage(image, { ...limit, auth: { username: name, password: new Secret(password) } });
      if (!result.ok) throw new Error(result.error.message);
      const status = await cri.imageStatus(image, limit.signal);
      return status.ok ? (status.value.id ?? '') : '';
    });
    const root = '/etc/default/lab-kubelet';
    await lab.nodeFile('default/kubelet', `KUBELET_EXTRA_ARGS="--root-dir=${root} --config=${root}/config.yaml"\n`);
    await lab.nodeFile('default/lab-kubelet/config.yaml', `kind: KubeletConfiguration\n${settings}`);
    await lab.nodeFile('default/lab-kubelet/image_manager/pulling/.keep', '');
    if (owners !== null) {
      const record = {
        kind: 'ImagePulledRecord',
        apiVersion: 'kubelet.config.k8s.io/v1beta1',
        lastUpdatedTime: '2026-11-22T10:47:18Z',
        imageRef: id,
        credentialMapping: { [`private.lab/${repository}`]: owners(JSON.stringify({ username: name, password })) },
      };
      await lab.nodeFile(`default/lab-kubelet/image_manager/pulled/sha256-${sha256(id)}`, JSON.stringify(record));
    }
    return { image, args: ['--pull-policy', 'IfNotPresent', ...(await args(lab))], secrets: [password] };
  };
}

const starts = {
  nearMissOf: ['image-credentials-unverified'],
  pull: 'not-tried', // it is here
} as const;
/** private.lab refuses whoever has no password, but this pod never asks it. */
const unaffected = { ...starts, verdict: 'degraded', cause: 'credentials-missing' } as const;

export const cases: readonly LabCase[] = [
  {
    name: 'another pod’s secret pulled the image, and this pod has none',
    verdict: 'faulty',
    cause: 'image-credentials-unverified',
    underlying: 'credentials-missing',
    nearMissOf: ['credentials-missing', 'pull-policy-always'],
    alsoNames: [/pulled with the pull secret team\/regcred/],
    pull: 'fails',
    prepare: pulled(bySecret),
  },
  {
    name: 'another pod’s secret pulled the image, and this pod’s is refused',
    verdict: 'faulty',
    cause: 'image-credentials-unverified',
    confidence: 'proven',
    underlying: 'credentials-rejected',
    pull: 'fails',
    prepare: pulled(bySecret, (lab) => authFile(lab, 'private.lab', users.guest)),
  },
  {
    name: 'it was put there by hand, and every image is verified',
    verdict: 'faulty',
    cause: 'image-credentials-unverified',
    underlying: 'credentials-missing',
    pull: 'fails',
    prepare: pulled(null, undefined, 'imagePullCredentialsVerificationPolicy: AlwaysVerify\n'),
  },
  {
    ...starts,
    name: 'this pod’s secret has the password that pulled it',
    verdict: 'healthy',
    cause: null,
    prepare: pulled(bySecret, (lab) => authFile(lab, 'private.lab', users.app)),
  },
  { ...unaffected, name: 'the node’s own credentials pulled it: everybody may use it', prepare: pulled(byNode) },
  { ...unaffected, name: 'the kubelet did not pull it: it counts as preloaded', prepare: pulled(null) },
  {
    ...unaffected,
    name: 'another pod’s secret pulled it, and nothing is verified',
    prepare: pulled(bySecret, undefined, 'imagePullCredentialsVerificationPolicy: NeverVerify\n'),
  },
];
