import { readLogLine, unquoteOnce } from './log-line.ts';

/** A message without the layers that say who passed it on. */
export interface Unwrapped {
  /** The whole message, unquoted to the last level, in one line. */
  readonly whole: string;
  /** `whole` less what other endpoints and other attempts said: where rules are searched. */
  readonly main: string;
  /** What is left when every known wrapper is taken off `main`. */
  readonly innermost: string;
  /** What the mirrors said that CRI-O lists; empty where there are none. */
  readonly mirrors: readonly string[];
  /** False where mirrors spoke and the text ends before the upstream did. */
  readonly upstreamSpoke: boolean;
  /** The errors of a kubelet that tried several credentials; empty where there was one attempt. */
  readonly attempts: readonly string[];
  readonly logged: boolean;
  readonly image: string | null;
  readonly host: string | null;
}

/** Deepest quoting seen is 4 levels; each level doubles the backslashes. */
const maxQuoting = 12;

/** Takes every layer off a text: log forms, quoting, the wrappers of kubelet, runtimes and gRPC. */
export function unwrap(text: string): Unwrapped {
  const line = readLogLine(tidy(text));
  let whole = line.text;
  for (let level = 0; level < maxQuoting && /\\["\\]/.test(whole); level++) whole = unquoteOnce(whole);
  whole = whole.replace(/\\n/g, ' ').replace(/\s+/g, ' ').trim();
  const { main, mirrors, upstreamSpoke } = withoutMirrors(withoutArtifact(whole));
  const innermost = peel(main);
  return {
    whole,
    main,
    innermost,
    mirrors,
    upstreamSpoke,
    attempts: splitAttempts(innermost),
    logged: line.logged,
    image: line.image,
    host: line.host,
  };
}

/** Repairs what terminals, viewers and format strings do to a message. */
function tidy(text: string): string {
  return (
    text
      // k9s draws a line at the left edge of a wrapped text; the break may lie within a word.
      .replace(/\s*\n\s*│ ?/g, '')
      .replace(/[│┃]/g, ' ')
      .replace(/\r?\n/g, ' ')
      // A URL that went through a format string: `%2F` became `%!F(MISSING)`. Which digits stood there is lost.
      .replace(/%!([A-Fa-f])\(MISSING\)/g, '%2$1')
      .trim()
  );
}

/** CRI-O since 1.34 tries an image that fails as an OCI artifact too; that half is noise for an image. */
function withoutArtifact(text: string): string {
  const at = text.indexOf('; artifact err: ');
  return at === -1 ? text : text.slice(0, at);
}

/**
 * CRI-O: `(Mirrors also failed: [m1: …] [m2: …]): upstream: …`. The upstream's error is the main one; where the text has
 * none, the mirrors' errors are.
 */
function withoutMirrors(text: string): { main: string; mirrors: readonly string[]; upstreamSpoke: boolean } {
  const opening = /\(Mirrors also failed: */.exec(text);
  if (opening === null) return { main: text, mirrors: [], upstreamSpoke: true };
  const mirrors: string[] = [];
  let depth = 0;
  let start = 0;
  let at = opening.index + opening[0].length;
  for (; at < text.length; at++) {
    const char = text[at];
    if (char === '[' && depth++ === 0) start = at + 1;
    else if (char === ']' && depth > 0 && --depth === 0) mirrors.push(text.slice(start, at));
    else if (char === ')' && depth === 0) break;
  }
  if (depth > 0) mirrors.push(text.slice(start));
  const rest = text.slice(at + 1).replace(/^\s*:\s*/, '');
  const before = text.slice(0, opening.index);
  const upstreamSpoke = rest !== '';
  return { main: before + (upstreamSpoke ? rest : mirrors.join(' ')), mirrors, upstreamSpoke };
}

/** An image or a path between quotes or bare. */
const name = String.raw`(?:"[^"]*"|[^\s"]+)`;

/** What programs put in front of an error they pass on, all versions. Each is taken off the front of the text. */
const wrappers: readonly RegExp[] = [
  // The kubelet.
  String.raw`(?:spec|status)\.\w+\{[^}]*\}: `,
  String.raw`Failed to pull image ${name}(?: from pod ${name} and container ${name})?:? `,
  String.raw`Failed to pull image: `,
  String.raw`Error syncing pod(?: [\w-]+ \("[^"]*"\))?, skipping: `,
  String.raw`Unhandled Error: `,
  String.raw`(?:failed to )?"?(?:StartContainer|CreatePodSandbox)"? for ${name} with \w+: `,
  String.raw`failed to "?(?:StartContainer|CreatePodSandbox)"? for ${name} with \w+: `,
  String.raw`Back-off pulling image ${name}: `,
  String.raw`(?:ErrImagePull|ImagePullBackOff|ImageInspectError|RegistryUnavailable|SignatureValidationFailed|InvalidImageName|ErrImageNeverPull|CreatePodSandboxError): `,
  String.raw`(?:init )?container (?:&Container\{.*\}|\S+ ?)?(?: ?start failed)(?: in pod \S+)?: `,
  String.raw`PullImage ${name} from image service failed: `,
  String.raw`PullImage from image service failed: `,
  String.raw`PullImage ${name} failed(?:, error)?: `,
  String.raw`Pull image ${name} failed: `,
  String.raw`image pull failed for ${name} because (?:the registry is unavailable|the signature validation failed): `,
  String.raw`Failed to (?:inspect image|apply default image tag) ${name}: `,
  String.raw`(?:RunPodSandbox from runtime service failed|RunPodSandbox for .{0,400}? failed, error|CreatePodSandbox for pod ${name} failed|Failed (?:to )?create (?:pod )?sandbox(?: for pod)?(?: ${name})?): `,
  String.raw`GenericPLEG: Unable to retrieve pods: `,
  // gRPC, with the slips of those who retype it.
  String.raw`rpc error: code ?= ?\w+ ?d\S{2,3} ?= ?`,
  String.raw`(?:connection error: desc = |all SubConns are in TransientFailure, latest connection error: )`,
  // crictl, ctr, nerdctl, kubeadm, docker's client.
  String.raw`(?:ctr|docker|crictl|nerdctl|podman|error|Error|ERROR|WARNING): `,
  String.raw`\[(?:ERROR|WARNING) \w+\]: `,
  String.raw`pulling image(?: failed)?: `,
  String.raw`(?:failed to pull|Failed to pull) (?:images? )?${name}: (?:output: )?`,
  String.raw`output: `,
  String.raw`failed to solve(?: with frontend \S+)?: (?:${name}: )?`,
  String.raw`failed to pull images? (?:from )?${name}: `,
  // containerd.
  String.raw`failed to pull and unpack image ${name}: `,
  String.raw`failed to pull image ${name}: `,
  String.raw`failed to get sandbox image ${name}: `,
  String.raw`failed to resolve (?:reference ${name}|image): `,
  String.raw`trying next host(?: -)?: `,
  String.raw`fetch failed: `,
  String.raw`failed to copy: `,
  String.raw`httpReade?r?Seeker: failed open: `,
  String.raw`failed to do request: `,
  String.raw`failed to authorize: `,
  String.raw`failed to fetch (?:anonymous|oauth) token: `,
  String.raw`pull access denied, repository does not exist or may require authorization: (?=authorization failed: |server message: )`,
  String.raw`authorization failed: `,
  String.raw`failed to unpack image on snapshotter \S+: `,
  String.raw`failed to extract layer (?:\([^)]*\) to \S+ as ${name}|\S+): `,
  String.raw`mount callback failed on \S+: `,
  String.raw`error unpacking image: `,
  String.raw`failed to create containerd container: `,
  String.raw`failed commit on ref ${name}: `,
  // CRI-O and containers/image.
  String.raw`unable to pull image(?: or OCI artifact)?: `,
  String.raw`pull image(?: err)?: `,
  String.raw`[Ee]?r?r?o?r? ?[Ii]nitializing (?:source|image from source) (?:docker://)?\S+: `,
  String.raw`(?:[Ee]rror )?pinging (?:container |docker )?(?:registry )?\S+: `,
  String.raw`pinging docker registry returned: `,
  String.raw`(?:[Ee]rror )?reading manifest \S+ in \S+: `,
  String.raw`(?:[Ee]rror )?choosing (?:an )?image (?:instance )?from manifest list \S+: `,
  String.raw`copying system image from manifest list: `,
  String.raw`(?:[Ee]rror )?(?:parsing image (?:name|configuration)(?: \S+)?|determining manifest MIME type for \S+): `,
  String.raw`(?:trying to reuse|writing|reading|fetching|storing) blob(?: \S+)?(?: to file ${name})?: `,
  String.raw`(?:happened during read|[Rr]equesting bear(?:er)? token|unable to retrieve auth token): `,
  // dockerd.
  String.raw`Error response from daemon: `,
  String.raw`\{"message":`,
  String.raw`(?:CannotPullContainerError|API error \(\d+\)): `,
  String.raw`error pulling image configuration: `,
  String.raw`download failed after attempts=\d+: `,
  String.raw`(?:Not continuing with pull after error|Error from V2 registry|Attempting next endpoint for pull after error|Handler for .{0,80} returned error): `,
  String.raw`(?:failed to register layer|Untar re-exec error|Error processing tar file\([^)]*\)): `,
  String.raw`Error pulling image \([^)]*\) from [^,]+, `,
  // Go's net/http.
  String.raw`(?:Get|Head|Post|GET|HEAD|POST) "?https?://[^\s"]+"?: `,
  String.raw`proxyconnect tcp: `,
  String.raw`(?:net/http|http): HTTP/1\.x transport connection broken: `,
  String.raw`tls: failed to verify certificate: `,
].map((source) => new RegExp(`^(?:${source})`));

/** What programs put behind an error. */
const tails: readonly RegExp[] = [/: (?:ErrImagePull|ImagePullBackOff)"?$/, /, error: exit status \d+$/, /"\}$/, /"$/];

/** Takes wrappers off both ends until none fits. */
function peel(text: string): string {
  let inner = text;
  for (let rounds = 0; rounds < 64; rounds++) {
    const before = inner;
    inner = inner.replace(/^["\s]+(?=\S)/, '');
    for (const wrapper of wrappers) {
      const rest = inner.replace(wrapper, '');
      if (rest !== inner && rest.trim() !== '') inner = rest;
    }
    for (const tail of tails) {
      // A quotation mark that closes one inside the text belongs to it.
      if (tail.source === '"$' && (inner.match(/"/g)?.length ?? 0) % 2 === 0) continue;
      inner = inner.replace(tail, '');
    }
    if (inner === before) break;
  }
  return inner.trim();
}

/** `[rpc error: …, rpc error: …]`: the kubelet's aggregate, one error for each credential that it tried. */
function splitAttempts(text: string): readonly string[] {
  if (!text.startsWith('[')) return [];
  const body = text.slice(1).replace(/\]$/, '');
  const parts = body.split(
    /, (?=rpc error: |failed to |unable to |Error |Error response|initializing |pinging |reading |Get |Head |pull |\w+: )/,
  );
  return parts.length > 1 ? parts : [];
}
