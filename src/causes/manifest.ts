import { deniesExistence, missingPart, namesAt } from '../evidence/missing.ts';
import { refusalsOf } from '../evidence/refusal.ts';
import { requestsOf } from '../evidence/requests.ts';
import { idsOf, probesOf, type View } from '../evidence/view.ts';
import type { ManifestFacts } from '../model/facts.ts';
import { type Cause, type CauseArgs, type Match, remedy } from './cause.ts';
import { doubted } from './refused.ts';

function matchMissing(which: 'repository' | 'tag', view: View): Match[] {
  return refusalsOf(view).flatMap((refusal) => {
    // Nobody may see it, or it is not there: `repository-not-found-or-private`.
    if (deniesExistence(refusal, view)) return [];
    const found = missingPart(refusal, view);
    // Some registries list no tags; MANIFEST_UNKNOWN is then the protocol's word for a missing tag, and not sure.
    if (found !== which && !(found === 'unsure' && which === 'tag')) return [];
    const tags = namesAt(view, refusal.endpoint, 'tags');
    const repositories = namesAt(view, refusal.endpoint, 'repositories');
    const near = (which === 'tag' ? tags : repositories)?.facts.nearest ?? [];
    const lists = [tags, repositories].filter((probe) => probe !== null);
    const match: Match = {
      confidence: found === 'unsure' ? 'likely' : 'proven',
      severity: 'fault',
      evidence: [...idsOf(refusal.probes), ...idsOf(lists)],
      endpoint: refusal.endpoint,
      host: refusal.host,
      alternatives: found === 'unsure' ? ['repository-not-found'] : [],
      args: {
        image: view.plan.image.input,
        host: refusal.host,
        repository: view.plan.image.repository ?? '',
        tag: view.plan.image.digest ?? view.plan.image.tag ?? '',
        nearest: near,
        ...(tags?.status === 'ok'
          ? {
              detail: `${tags.facts.complete ? '' : 'at least '}${tags.facts.count === 1 ? '1 tag' : `${tags.facts.count} tags`}`,
            }
          : {}),
      },
    };
    return [refusal.unsigned === null ? match : doubted(match)];
  });
}

const didYouMean = ({ nearest }: CauseArgs): string =>
  nearest === undefined || nearest.length === 0 ? '' : ` Did you mean ${nearest.join(' or ')}?`;

const isDigest = (tag: string | undefined): boolean => tag?.includes(':') === true;

/** Causes about the image itself. */
export const manifestCauses: readonly Cause[] = [
  {
    id: 'repository-not-found',
    layer: 'manifest',
    scenario: 4,
    title: 'The repository does not exist',
    fixedBy: 'workload',
    proof: 'The registry answers NAME_UNKNOWN to the manifest or to the list of tags.',
    say: (args) =>
      `${args.host ?? 'The registry'} has no ${args.repository === undefined ? 'such repository' : `repository ${args.repository}`}.${didYouMean(args)}`,
    remedies: ({ nearest, image }) => [
      ...(nearest ?? [])
        .slice(0, 1)
        .map((name) =>
          remedy(`Use ${name} if that is the one:`, `kubectl set image deployment/NAME CONTAINER=${name}`),
        ),
      remedy(`Check the path in ${image ?? 'the image name'}, and that the image was pushed there.`),
    ],
    match: (view) => matchMissing('repository', view),
  },
  {
    id: 'tag-not-found',
    layer: 'manifest',
    scenario: 1,
    title: 'The tag does not exist',
    fixedBy: 'workload',
    proof: "The manifest is not there (404), and the repository's list of tags, which does not hold it, is.",
    say: (args) =>
      `${args.repository ?? 'The repository'} exists${args.host === undefined ? '' : ` at ${args.host}`}, and has no ${args.tag === undefined ? 'such tag' : `${isDigest(args.tag) ? 'manifest' : 'tag'} ${args.tag}`}${args.detail === undefined ? '' : ` (${args.detail})`}.${didYouMean(args)}`,
    remedies: ({ nearest, repository, host, tag }) => [
      ...(nearest ?? [])
        .slice(0, 1)
        .map((near) =>
          remedy(
            `Use the tag ${near} if that is the one:`,
            `kubectl set image deployment/NAME CONTAINER=${host ?? 'HOST'}/${repository ?? 'REPOSITORY'}:${near}`,
          ),
        ),
      remedy(
        `${(nearest ?? []).length > 0 ? 'Or push' : 'Push'} the missing ${isDigest(tag) ? 'manifest' : 'tag'}. The pod starts by itself once it is there: the kubelet tries again.`,
      ),
    ],
    match: (view) => matchMissing('tag', view),
  },
  {
    id: 'platform-mismatch',
    layer: 'manifest',
    scenario: 4,
    title: "The image is not made for this node's platform",
    fixedBy: 'workload',
    proof: "The index is read, and none of its platforms fits this node by containerd's rules.",
    say: ({ image, platform, detail }) =>
      `${image ?? 'The image'} is not made for this node (${platform ?? 'its platform'})${detail === undefined ? '' : `: it has ${detail}`}.`,
    remedies: ({ platform }) => [
      remedy(
        `Build and push the image for ${platform ?? 'this platform'} too:`,
        `docker buildx build --platform ${platform ?? 'linux/amd64'} --push -t IMAGE .`,
      ),
      remedy('Or keep the pod on nodes that fit, by a nodeSelector for kubernetes.io/arch.'),
    ],
    match: platformMismatch,
  },
  {
    id: 'manifest-unsupported',
    layer: 'manifest',
    scenario: 4,
    title: 'The runtime cannot use this kind of manifest',
    fixedBy: 'workload',
    proof: "The manifest's media type is read: Docker schema 1, or something that is no container image.",
    say: ({ image, detail }) => `${image ?? 'The image'} is ${detail ?? 'of a kind that this runtime cannot use'}.`,
    remedies: () => [
      remedy(
        'Push it again with a current tool, which writes an OCI or Docker schema 2 image.',
        'docker pull IMAGE && docker push IMAGE',
      ),
    ],
    match: unsupported,
  },
];

function platformMismatch(view: View): Match[] {
  return view.plan.endpoints.flatMap((_, endpoint): Match[] => {
    const { named } = requestsOf(view, endpoint);
    if (named === null) return [];
    const base = { confidence: 'proven' as const, endpoint, host: hostOf(view, endpoint) };
    const args = { image: view.plan.image.input, platform: view.plan.platform.normalized };
    if (named.facts.kind === 'index') {
      if (named.facts.chosen !== null) return [];
      const detail = [...new Set(named.facts.platforms)].slice(0, 12).join(', ');
      return [
        {
          ...base,
          severity: 'fault',
          evidence: [named.id],
          args: { ...args, detail: `${detail === '' ? 'no platform at all' : detail}${atMirror(view, endpoint)}` },
        },
      ];
    }
    // One manifest for another architecture pulls well, and its container does not start (pull-facts, section 17).
    const config = probesOf(view, 'blob').find(
      (probe) => probe.endpoint === endpoint && probe.facts.part === 'config' && probe.facts.platform !== null,
    );
    const platform = config?.facts.platform ?? null;
    if (config === undefined || platform === null || fits(platform, view.plan.platform.accepts)) return [];
    return [
      {
        ...base,
        severity: 'degraded',
        evidence: [named.id, config.id],
        args,
        summary: `${view.plan.image.input} can be pulled, and its containers will not start: it is made for ${platform}, this node is ${view.plan.platform.normalized}.`,
      },
    ];
  });
}

/** Where it is a mirror that has it so: its copy may be another than the registry's. */
function atMirror(view: View, endpoint: number): string {
  return view.plan.endpoints[endpoint]?.role === 'mirror' ? ` at the mirror ${hostOf(view, endpoint) ?? ''}` : '';
}

/** An image without a variant fits every variant of its architecture. */
function fits(platform: string, accepts: readonly string[]): boolean {
  return accepts.some((one) => one === platform || one.startsWith(`${platform}/`) || platform.startsWith(`${one}/`));
}

/** What the runtime cannot make an image of. */
function unsupported(view: View): Match[] {
  return view.plan.endpoints.flatMap((_, endpoint): Match[] => {
    const { named, image } = requestsOf(view, endpoint);
    const manifest = named ?? image;
    const unusable = manifest === null ? null : whyUnusable(manifest.facts, view);
    if (manifest === null || unusable === null) return [];
    const { detail, sure, pulls } = unusable;
    const { input } = view.plan.image;
    return [
      {
        confidence: sure ? 'proven' : 'likely',
        severity: pulls ? 'degraded' : 'fault',
        evidence: [manifest.id],
        endpoint,
        host: hostOf(view, endpoint),
        args: { image: input, detail },
        ...(pulls ? { summary: `${input} can be pulled, and no container starts from it: it is ${detail}.` } : {}),
      },
    ];
  });
}

interface Unusable {
  /** What it is, behind "is". */
  readonly detail: string;
  /** The runtime's version is known, and what that does. */
  readonly sure: boolean;
  /** The pull itself works. */
  readonly pulls: boolean;
}

/** What containerd takes for a layer (images/mediatypes.go, IsLayerType). */
const layerTypes = /^application\/vnd\.(?:oci\.image\.layer|docker\.image\.rootfs)\./;

function whyUnusable(facts: ManifestFacts, view: View): Unusable | null {
  const version = probesOf(view, 'runtime')[0]?.facts.version ?? view.runtime.version ?? '';
  const crio = view.runtime.name === 'cri-o';
  const [major = 0, minor = 0] = (/^v?(\d+)\.(\d+)/.exec(version) ?? []).slice(1).map(Number);
  if (facts.kind === 'artifact') {
    const what = facts.artifactType ?? facts.mediaType ?? 'an artifact';
    const pull = probesOf(view, 'pull')[0];
    const layers = facts.layers.some(({ mediaType }) => layerTypes.test(mediaType));
    const since = (minorOf1: number): boolean => major > 1 || (major === 1 && minor >= minorOf1);
    // The transfer service (2.1 on, unless it is switched off) unpacks nothing that has no image's config; the client since
    // 1.7 takes only what is typed as a layer for one, and then has more of them than the config tells of
    // (core/unpack/unpacker.go). CRI-O pulls artifacts for volumes since 1.33.
    const transfers = major > 2 || (major === 2 && minor >= 1);
    const usual = crio ? since(33) : transfers || (since(7) && !layers);
    const pulls = pull === undefined ? usual : pull.status === 'ok';
    const detail = `no container image, but something else that registries keep (${what})`;
    return { detail, sure: pull !== undefined || (version !== '' && !crio && !(transfers && layers)), pulls };
  }
  if (facts.kind === 'schema1') {
    // CRI-O, and containerd before 2.0, still take it; 2.0 by an environment variable only (containerd, RELEASES.md).
    if (crio || major === 1) return null;
    const detail = "in Docker's schema 1, which containerd does not take any more since 2.0";
    return { detail, sure: major > 2 || (major === 2 && minor >= 1), pulls: false };
  }
  if (facts.typeMismatch !== true) return null;
  const detail = `delivered as ${facts.mediaType ?? 'no media type at all'}, which containerd goes by and takes for no image; the registry or a proxy before it sets the wrong Content-Type`;
  return { detail, sure: false, pulls: false };
}

function hostOf(view: View, endpoint: number): string | null {
  const url = view.plan.endpoints[endpoint]?.url;
  return url !== undefined && URL.canParse(url) ? new URL(url).host : null;
}
