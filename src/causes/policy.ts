import { credentialDemand } from '../evidence/credential-demand.ts';
import { probesOf, type View } from '../evidence/view.ts';
import { type Cause, remedy, sentence } from './cause.ts';

/** Whether the image is on the node, as the runtime says; null when it was not asked or did not say. */
export function imagePresence(view: View): { present: boolean; id: string } | null {
  const probe = probesOf(view, 'image').find((one) => one.facts.present !== null);
  return probe === undefined || probe.facts.present === null ? null : { present: probe.facts.present, id: probe.id };
}

/** Causes in policies: the pod's, the kubelet's, the runtime's. */
export const policyCauses: readonly Cause[] = [
  {
    id: 'image-never-pull',
    layer: 'policy',
    scenario: 6,
    title: 'imagePullPolicy is Never, and the image is not on the node',
    fixedBy: 'workload',
    proof: 'The runtime is asked for the image (ImageStatus) and does not have it.',
    say: ({ image }) => `${image ?? 'The image'} is not on this node, and imagePullPolicy Never forbids to pull it.`,
    remedies: ({ image }) => [
      remedy('Set imagePullPolicy: IfNotPresent, so that the kubelet pulls what is missing.'),
      remedy('Or put the image on the node beforehand:', `crictl pull ${image ?? 'IMAGE'}`),
    ],
    match: (view) => {
      const presence = imagePresence(view);
      if (view.plan.pullPolicy.policy !== 'Never' || presence === null || presence.present) return [];
      return [
        {
          confidence: 'proven',
          severity: 'fault',
          evidence: [presence.id],
          endpoint: null,
          host: null,
          args: { image: view.plan.image.input },
        },
      ];
    },
  },
  {
    id: 'pull-policy-always',
    layer: 'policy',
    scenario: 6,
    title: 'The image is on the node, and Always asks a registry that fails',
    fixedBy: 'workload',
    proof: 'The runtime has the image, the policy is Always, and the registry cannot be asked.',
    say: ({ image, underlying }) =>
      `${image ?? 'The image'} is on this node already; imagePullPolicy Always asks the registry all the same before each start. ${underlying ?? ''}`.trim(),
    remedies: () => [
      remedy(
        'Set imagePullPolicy: IfNotPresent, with a tag or digest that does not change: the pod then starts from the image on the node.',
        `kubectl patch deployment NAME --type=json -p '[{"op":"replace","path":"/spec/template/spec/containers/0/imagePullPolicy","value":"IfNotPresent"}]'`,
      ),
    ],
  },
  {
    id: 'image-credentials-unverified',
    layer: 'policy',
    scenario: 6,
    title: 'The kubelet wants credentials for an image that is on the node',
    fixedBy: 'workload',
    proof: "The kubelet's records of pulled images and its verification policy.",
    say: ({ image, detail, underlying }) =>
      `${image ?? 'The image'} is on this node, and the kubelet lets only pods use it whose credentials pulled it${detail === undefined ? '' : `: ${detail}`}. ${underlying === undefined ? '' : `So it pulls once more, and cannot. ${underlying}`}`.trim(),
    remedies: () => [
      remedy(
        'Give the pod, or its service account, a pull secret that may pull this image: the kubelet compares it with the one that did.',
      ),
      remedy(
        "Or relax imagePullCredentialsVerificationPolicy in the kubelet's configuration (NeverVerifyAllowlistedImages names images that are everybody's).",
      ),
    ],
    match: (view) => {
      const demand = credentialDemand(view);
      // Under IfNotPresent the kubelet pulls once more, and whether it can is another matter.
      if (demand === null || view.plan.pullPolicy.policy !== 'Never') return [];
      const { input: image } = view.plan.image;
      const { evidence, why: detail, certain } = demand;
      const base = { severity: 'fault' as const, evidence, endpoint: null, host: null };
      const never = 'imagePullPolicy Never forbids to pull it once more, and the pod fails as if it were not there';
      const summary = `${image} is on this node, and the kubelet lets only pods use it whose credentials pulled it: ${detail}; ${never}.`;
      return [{ ...base, confidence: certain ? 'proven' : 'likely', args: { image, detail }, summary }];
    },
  },
  {
    id: 'pull-qps-exceeded',
    layer: 'policy',
    scenario: 7,
    title: "The kubelet's own pull limit is reached",
    fixedBy: 'node',
    proof: "The kubelet's own words; no registry is asked.",
    say: () =>
      "The kubelet's own limit on pulls is reached (registryPullQPS, 5 a second by default); no registry was asked.",
    remedies: () => [
      remedy(
        "It passes by itself; if it recurs, raise registryPullQPS and registryBurst in the kubelet's configuration.",
      ),
    ],
  },
  {
    id: 'signature-rejected',
    layer: 'policy',
    scenario: 7,
    title: 'The signature or image policy rejects the image',
    fixedBy: 'workload',
    proof: "The node's policy.json is read for this image, or the runtime's own words name the policy.",
    say: ({ image, detail, source }) =>
      `The node's image policy rejects ${image ?? 'the image'}${source === undefined ? '' : ` (${source})`}${detail === undefined ? '.' : `: ${sentence(detail)}`}`,
    remedies: () => [
      remedy(
        'Sign the image with a key that the policy names, or change the policy on the node.',
        'cat /etc/containers/policy.json',
      ),
    ],
  },
  {
    id: 'registry-blocked',
    layer: 'policy',
    scenario: 7,
    title: "The node's configuration blocks this registry",
    fixedBy: 'node',
    proof: 'The file registries.conf is read as CRI-O reads it.',
    say: ({ host, source, detail }) =>
      detail === undefined
        ? `${source ?? "The node's registries.conf"} blocks ${host ?? 'this registry'}.`
        : sentence(detail),
    remedies: ({ source }) => [
      remedy(
        `Take "blocked = true" out of ${source ?? 'etc/containers/registries.conf'}, or use an image from a registry that is allowed.`,
      ),
    ],
  },
];
