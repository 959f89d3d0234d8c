import type { Rule } from './rule.ts';

/** Words that only a text about an image pull, or about the runtime that pulls, has. */
const aboutPull =
  /\b[Vv]alidating r(?:oot|untime) config: |^(?:denied|unauthorized|DENIED|UNAUTHORIZED): |\b(?:ErrImagePull|ImagePullBackOff|ErrImageNeverPull|ImageInspectError|InvalidImageName|RegistryUnavailable|SignatureValidationFailed)\b|[Pp]ull(?:ing|ed)? (?:and unpack )?(?:the |system )?image|[Ii]mage pull|PullImage|ImageStatus|CannotPull|[Ff]ailed to inspect image|resolve (?:reference|image)|[Ff]ailed to pull [\w.-]{1,255}(?::\d{1,5})?\/[\w./-]{1,255}[:@][\w:.-]{1,140}:? |failed to (?:copy|authorize|do request|solve|extract|register|apply|unpack|commit)\b|sandbox image|httpReade?r?Seeker|trying next host|fetch failed|docker:\/\/|\/v2\/|\/v1\/_ping|\/v1\/repositories|(?:container|docker) registry|reading manifest|(?:reading|writing|fetching|storing) blob|anonymous token|oauth token|bear(?:er)? token|auth token|Error from V2 registry|Not continuing with pull|next endpoint for pull|\/images\/create|Error response from daemon|error from registry|metadata\.v1\.bolt|[Dd]ownload failed|pull access|ApplyLayer|tmpmounts|extraction snapshot|snapshotter|containers\/storage|content\.v1\.content|Mirrors also failed|retrieve auth|from manifest list/;

/** Words of other work that fails with the same network errors: the API server, probes, webhooks, volumes, pod networks. */
const aboutSomethingElse =
  /\/apis?\/[\w.]*\/?v\d|\/(?:healthz|readyz|livez|metrics)\b|\b[Pp]robe (?:failed|errored)|\bwebhook\b|MountVolume|(?:Attach|Unmount|Unmap)Volume|NodeStage|NodePublish|attach or mount volumes|plugin type=|\bCNI\b|network plugin|reflector|[Ff]ailed to (?:watch|list|get lease|update lease|ensure lease)|node lease|VolumeAttachment|:6443\/|:10250\/|kube-apiserver|updating node status|csi\.sock|device plugin|Secret in version/;

/**
 * Lines that speak of a failure and are ordinary: cAdvisor looks for every runtime it knows, once, at the kubelet's start;
 * the kubelet on Google's machines asks for credentials that are seldom set (pkg/credentialprovider/gcp/metadata.go).
 */
const ordinary = /Registration of the \S+ container factory|google-dockercfg(?:-url)?' metadata: http status code: 404/;

/** Whether a rule's words may count in this text. `logged`: the text has the form of a log line. */
export function counts(scope: Rule['scope'], whole: string, logged: boolean): boolean {
  if (ordinary.test(whole)) return false;
  if (scope === 'pull') return true;
  if (aboutPull.test(whole)) return true;
  return scope === 'network' && !logged && !aboutSomethingElse.test(whole);
}

/**
 * A quick look that spares ordinary lines the work: every rule's words contain one of these. A test holds every
 * example of every rule against it.
 */
const trouble = new RegExp(
  [
    'fail',
    'error',
    'unable',
    'cannot',
    'could not',
    "couldn't",
    'refus',
    'time(?:d )?-?out',
    'deadline',
    'denied',
    'forbidden',
    'unauthori',
    'not (?:a directory|found|supported|allowed|been|present|login|have|known|permitted|authorized|exist|accepted|trusted|signed)',
    'unknown',
    'x509',
    'tls',
    'back-?off',
    'never',
    'exceeded',
    'invalid',
    'unexpected',
    'no (?:such|space|route|match|basic|image|unpack|fs|processor|child|address|suitable|dns|answer|realm)',
    'unqualified',
    'missing (?:client|key|realm|parent|or empty)',
    'reset',
    'broken',
    'closed',
    'lost',
    'busy',
    'is down',
    'too ?many',
    'too large',
    'expired',
    'reject',
    'blocked',
    'unavailable',
    'unreachable',
    'misbehaving',
    'cancel',
    'mismatch',
    'unsupported',
    'required',
    'limit',
    'quota',
    'statusnotfound',
    'text/html',
    '<!doctype',
    'eof',
    'status',
    'locked',
    'signature',
    'violation',
    'authority',
    'malformed',
    'stopped after',
    'deprecat',
    "can't",
    'prettyjws',
    'does not',
    'did not',
    "doesn't",
    "don't",
    'verification',
    'try again',
    'gave http',
    'an http request',
    'ambiguous',
    'adding layer',
    'only allowed',
    'make sure',
    'wrong',
    'bad ',
    'must ',
    'should be',
    'schema',
    'insufficient',
    'credentials',
    'login',
    'input/output',
    'read-only',
    'stale',
    'corrupt',
    'short read',
    'reconnect',
    'archive/tar',
    'unpigz',
    'goaway',
    'closing',
    'shutting down',
    'cleaning',
    'loading registries',
    'validating r',
    'would not match',
  ].join('|'),
  'i',
);

/** False where no rule can match; true says nothing. */
export function mayMatter(text: string): boolean {
  return trouble.test(text);
}
