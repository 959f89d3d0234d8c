import { type PullQuestion, pullDecision } from './pull-decision.ts';
import { idsOf, probesOf, type View } from './view.ts';

/** The kubelet wants credentials that pulled an image before it starts a pod with it, although the image is here. */
export interface CredentialDemand {
  /** What shows it: the image's probe and the kubelet's records. */
  readonly evidence: readonly string[];
  /** Whether the pod's own credentials were given, and are none of those that pulled it. */
  readonly certain: boolean;
  /** Why, a clause behind a colon. */
  readonly why: string;
}

/**
 * What the kubelet decides by, for an image that is on the node. Of the pod's credentials nothing may be known: then they are
 * taken for none of those that pulled it, and `certain` of the demand says so.
 */
export function pullQuestion(view: View): PullQuestion {
  const { policy } = view.plan.pullPolicy;
  const facts = probesOf(view, 'records').find(({ status }) => status === 'ok')?.facts;
  const { imagePullCredentialsVerificationPolicy: verified, preloadedImagesVerificationAllowlist: allowed } =
    view.plan.kubelet;
  const name = `${view.plan.image.registry}/${view.plan.image.repository}`;
  const question = { policy, present: true };
  if (facts === undefined) return { ...question, verification: null, owner: 'nobody' };
  const { record, nodePods, secrets, serviceAccounts, credentialsFit } = facts;
  const others = secrets.length + serviceAccounts.length > 0 ? 'others' : 'nobody';
  return {
    ...question,
    verification: { policy: verified.value, allowlist: allowed?.value ?? [], name, record },
    // Anonymous pulls and the node's own credentials make an image everybody's.
    owner: nodePods === true ? 'anybody' : credentialsFit === true ? 'pod' : others,
  };
}

/**
 * Whether the kubelet must pull an image all the same that is on the node, as it decides it (KEP-2535; Kubernetes,
 * pkg/kubelet/images/pullmanager: MustAttemptImagePull and image_pull_policies.go): the policy says whether the image
 * needs credentials, the records say whose pulled it. Null: it need not, or that is not known.
 */
export function credentialDemand(view: View): CredentialDemand | null {
  const image = probesOf(view, 'image').find(({ facts }) => facts.present === true);
  const probe = probesOf(view, 'records').find(({ status }) => status === 'ok');
  if (image === undefined || probe === undefined || view.plan.pullPolicy.policy === 'Always') return null;
  if (pullDecision(pullQuestion(view)) === 'start') return null;
  const { record, secrets, serviceAccounts, credentialsFit } = probe.facts;
  const { value, source } = view.plan.kubelet.imagePullCredentialsVerificationPolicy;
  const policy = `imagePullCredentialsVerificationPolicy ${value} (${source === 'default' ? 'the default' : source})`;
  const owners = [
    ...secrets.map((name) => `the pull secret ${name}`),
    ...serviceAccounts.map((name) => `the service account ${name}`),
  ];
  const why =
    owners.length > 0
      ? `it was pulled with ${list(owners)}, and only pods with ${owners.length > 1 ? 'one of these' : 'that'} may use it`
      : record === 'none'
        ? `it has no record of a pull, which ${policy} asks for`
        : record === 'damaged'
          ? `the kubelet's record of its pull (${probe.facts.file ?? probe.facts.directory}) cannot be read`
          : `the kubelet pulled it and has no record of whose credentials were used for this name`;
  return {
    evidence: [...idsOf([image]), ...idsOf([probe])],
    certain: credentialsFit === false || owners.length === 0,
    why,
  };
}

function list(words: readonly string[]): string {
  const shown = words.slice(0, 3).join(' or ');
  return words.length > 3 ? `${shown} or ${words.length - 3} more` : shown;
}
