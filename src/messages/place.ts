/** Where in a pull the failing step was, as the text tells it. */
export interface Place {
  /** The request that failed last: its URL's host and path, query without values but `ns`. */
  readonly host: string | null;
  readonly path: string | null;
  /** The first request that the text names, where a later one went to another host. */
  readonly firstHost: string | null;
  /** `?ns=` of the request: it went to a mirror of this registry. */
  readonly mirrorOf: string | null;
  /** The failing step was a request for a token. */
  readonly token: 'anonymous' | 'oauth' | 'unknown' | null;
  /** The failing step was the transfer of a layer or the config. */
  readonly blob: boolean;
  /** The image is the sandbox (pause) image that the runtime pulls by itself. */
  readonly sandbox: boolean;
  /** The connection that failed was one to a proxy. */
  readonly proxy: boolean;
  /** containerd's note about one endpoint of several. */
  readonly nextHost: boolean;
}

const requestUrl =
  /\b(?:Get|Head|Post|GET|HEAD|POST|request to|status code|dialing|registry endpoint|content at)[: ]+"?(https?:\/\/[^\s"]+?)(?=["\s]|:\s|:$|$)/g;
const tokenPath = /\/(?:token|oauth2?|jwt\/auth|v2\/auth|service\/token|auth\/realms)\b|[?&](?:service|scope)=/;
const blobPath = /\/blobs\/|\/docker\/registry\/v2\/|\/registry-v2\/|\/images\/sha256|\/containers\/images\//;
const blobWords =
  /failed to copy|httpReade?r?Seeker|error pulling image configuration|download failed after attempts|(?:writing|reading|fetching|storing|copying) blob|parsing image configuration|failed commit on ref|"(?:layer|config)-sha256/;

/** Reads the place from an unwrapped message (`whole` for who wraps it, `main` for what failed). */
export function findPlace(whole: string, main: string): Place {
  const urls = [...main.matchAll(requestUrl)].map((match) => match[1] ?? '');
  const last = urls.at(-1) ?? null;
  const url = last === null ? null : splitUrl(last);
  const tokenWords = /failed to fetch (anonymous|oauth) token/.exec(main)?.[1];
  const token =
    tokenWords === 'anonymous' || tokenWords === 'oauth'
      ? tokenWords
      : (last !== null && (tokenPath.test(last) || /^https?:\/\/auth\./.test(last))) ||
          /[Rr]equesting bear(?:er)? token|retrieve auth token/.test(main)
        ? 'unknown'
        : null;
  const manifest = last !== null && /\/manifests\//.test(last) && !blobPath.test(last.replace(/\/manifests\/.*/, ''));
  return {
    host: url?.host ?? null,
    path: url?.path ?? null,
    firstHost: urls[0] === undefined ? null : splitUrl(urls[0]).host,
    mirrorOf: last === null ? null : namespaceOf(last),
    token,
    blob: token === null && !manifest && ((last !== null && blobPath.test(last)) || blobWords.test(main)),
    sandbox: isSandbox(whole),
    proxy: /proxyconnect tcp: |socks connect /.test(main),
    nextHost: /^(?:trying next host|fetch failed)/.test(whole),
  };
}

/**
 * `failed to get sandbox image` is containerd's; CRI-O and dockershim fail with the pull's own words inside the
 * creation of a sandbox, where nothing else speaks of a registry.
 */
function isSandbox(whole: string): boolean {
  if (/failed to (?:get|inspect|pull) sandbox image/.test(whole)) return true;
  return (
    /[Ff]ailed (?:to )?create (?:pod )?sandbox|CreatePodSandbox|RunPodSandbox|creating pod sandbox/.test(whole) &&
    /failed pulling image|failed to (?:pull (?:and unpack )?|get )image|pinging (?:container|docker)|docker:\/\/|\/v2\/|reading manifest|unable to pull/.test(
      whole,
    )
  );
}

function splitUrl(url: string): { host: string; path: string } {
  const [, host = '', path = ''] = /^https?:\/\/([^/?#]*)([^?#]*)/.exec(url) ?? [];
  return { host: host.replace(/^.*@/, ''), path };
}

function namespaceOf(url: string): string | null {
  const value = /[?&]ns=([^&]+)/.exec(url)?.[1];
  if (value === undefined) return null;
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

/** Where the kubelet names the image, as the pod's spec has it. */
const kubeletPlaces: readonly RegExp[] = [
  /(?:Failed to pull image|Failed to inspect image|Failed to apply default image tag|Back-off pulling image|Container image|PullImage|Pull image) ["'`](?<image>[^"'`]+)["'`]/,
  /[Cc]ancel pulling image "?(?<image>[^\s"]+)"? because/,
  /image pull failed for (?<image>\S+?),? (?:because|this may be)/,
  /&Container\{Name:[^,]{0,300},Image:(?<image>[^,]{1,4096}),/,
];

/** A reference with a registry or a path, and perhaps a tag: what is surely an image where words are not in quotes. */
const bare = String.raw`(?<image>[\w.-]{1,255}(?::\d{1,5})?(?:/[\w.-]{1,128}){1,16}(?::[\w.-]{1,128})?(?:@\w{1,20}:[0-9a-f]{32,128})?)`;

/** Where runtimes and clients name it, likelier places first. */
const runtimePlaces: readonly RegExp[] = [
  /(?:failed to get sandbox image|failed to pull (?:and unpack )?image|(?:resol)?ve reference|failed pulling image|converter for|short-name|parse image (?:reference|name)|parsing image name) "(?:docker:\/\/)?(?<image>[^"]+)"/,
  /but image name (?<image>\S+) returns ambiguous/,
  /image repository (?<image>[\w.-]+[:/]\S+?):? /,
  /(?:failed|unable|[Ee]rror|trying) to (?:pull|resolve)(?: images?)?(?: repository)? (?<image>[\w.-]+(?:[:/][\w.@-]+)+)(?=:? |:?$)/,
  /manifest for (?<image>\S+) not found/,
  /(?:pull access denied for|[Rr]epository) (?<image>[\w.-]+(?::\d+)?\/[\w./:@-]+?)(?=,| not found)/,
  /docker:\/\/(?<image>[^\s"]+?)(?="|:? |:?$)/,
  /failed to resolve image: (?<image>\S+): not found/,
  /failed to solve: (?<image>\S+): /,
  /Failed to pull (?<image>[\w.-]+\/[\w./:@-]+?): /,
  /generate (?<image>\S+) image source error/,
];

/** Rarer places, each with a word that such a text must have: to look for that costs less than the pattern. */
const rarePlaces: readonly (readonly [word: string, place: RegExp])[] = [
  ['find image', /Unable to find image '(?<image>[^'\s]+)' locally/],
  ['ulling image "', /[Pp]ulling image "(?<image>[^"]+)"/],
  ["couldn't parse", /couldn't parse image (?:name|reference) "(?<image>[^"]+)"/],
  ['metadata for', /load metadata for (?<image>[^\s"]+?): /],
  ['ulling image ', new RegExp(`[Pp]ulling image ${bare} failed`)],
  [' pull ', new RegExp(`\\b(?:docker|podman|nerdctl|crictl) (?:image )?pull ${bare}(?=[:"'\\s]|$)`)],
  [': not found', new RegExp(`(?:^|: |[Ii]mage "?)${bare}"?: not found`)],
];

/** The image that the text is about, as it names it; null when it names none. `field`: a log line's own field. */
export function findImage(whole: string, field: string | null): string | null {
  return (
    firstNamed(kubeletPlaces, whole) ??
    field ??
    firstNamed(runtimePlaces, whole) ??
    rarelyNamed(whole) ??
    requestedImage(whole) ??
    pulledByDockerd(whole) ??
    requestedRepository(whole)
  );
}

function firstNamed(places: readonly RegExp[], whole: string): string | null {
  for (const place of places) {
    const image = place.exec(whole)?.groups?.image;
    if (image !== undefined && image !== '') return image;
  }
  return null;
}

function rarelyNamed(whole: string): string | null {
  for (const [word, place] of rarePlaces) {
    const image = whole.includes(word) ? place.exec(whole)?.groups?.image : undefined;
    if (image !== undefined && image !== '') return image;
  }
  return null;
}

/** The image of a manifest's URL, or of containers/image's `reading manifest TAG in REPOSITORY`. */
function requestedImage(whole: string): string | null {
  if (!whole.includes('manifest')) return null;
  const read = /reading manifest (?<tag>\S+) in (?<repository>[^\s"]+?):? /.exec(whole)?.groups;
  if (read?.tag !== undefined && read.repository !== undefined) return joined(read.repository, read.tag);
  const url =
    /https?:\/\/(?<host>[^/\s"]+)\/v2\/(?<repository>[^\s"?]+?)\/manifests\/(?<tag>[^\s"?]+?)(?=[?\s"]|:\s|:?$)/.exec(
      whole,
    );
  if (url?.groups === undefined) return null;
  const { host = '', repository = '', tag = '' } = url.groups;
  const asked = namespaceOf(whole.slice(url.index).split(/[\s"]/)[0] ?? '') ?? host;
  return joined(`${hubName(asked)}/${repository}`, tag);
}

/** dockerd names tag and repository apart. */
function pulledByDockerd(whole: string): string | null {
  if (!whole.includes('ulling image (')) return null;
  const { tag, repository } =
    /[Pp]ulling image \((?<tag>[^\s)]{1,200})\) from (?<repository>[^\s,]+?)(?=[,:]? |$)/.exec(whole)?.groups ?? {};
  return tag === undefined || repository === undefined ? null : joined(repository, tag);
}

/** The repository that a layer's URL, or the scope of a token, names: the text has no more of the image. */
function requestedRepository(whole: string): string | null {
  if (!whole.includes('/blobs/') && !whole.includes('scope=')) return null;
  const blob = /https?:\/\/(?<host>[^/\s"]+)\/v2\/(?<repository>[^\s"?]+?)\/blobs\//.exec(whole)?.groups;
  if (blob?.host !== undefined && blob.repository !== undefined) return `${hubName(blob.host)}/${blob.repository}`;
  const token = /https?:\/\/[^/\s"]{1,300}\/[^\s"?]{0,300}\?(?<query>[^\s"]+)/.exec(whole)?.groups;
  if (token?.query === undefined) return null;
  const query = new URLSearchParams(token.query.replace(/:$/, ''));
  const repository = /^repository:([a-z\d][\w./-]*):[\w,*]+$/.exec(query.get('scope') ?? '')?.[1];
  // The service is the registry's name where it is a name at all; else the realm often lies elsewhere.
  const service = query.get('service') ?? '';
  if (repository === undefined || !/^[\w-]+(?:\.[\w-]+)+(?::\d+)?$/.test(service)) return null;
  return `${hubName(service)}/${repository}`;
}

/** Docker Hub's names for itself on the wire, as references have it. */
function hubName(host: string): string {
  return host === 'registry-1.docker.io' || host === 'registry.docker.io' ? 'docker.io' : host;
}

function joined(repository: string, tag: string): string {
  return /^\w+:[0-9a-f]{32,}$/.test(tag) ? `${repository}@${tag}` : `${repository}:${tag}`;
}

/** The host that the failing step talked to, with its port where one is given; null when the text does not tell. */
export function findRegistry(
  { whole, main }: { readonly whole: string; readonly main: string },
  place: Place,
  field: string | null,
  image: string | null,
): string | null {
  if (place.host !== null && place.host !== '') return place.host;
  const named =
    /pulling from host (?<host>\S+) failed/.exec(main)?.groups?.host ??
    /pinging (?:container |docker )?(?:registry )?(?<host>[\w.-]+(?::\d+)?): /.exec(main)?.groups?.host ??
    /registry (?<host>\S+) is blocked in /.exec(main)?.groups?.host ??
    field ??
    /\(Mirrors also failed: \[(?<host>[\w.-]+(?::\d+)?)\//.exec(whole)?.groups?.host ??
    /pulling image \([^)]{0,200}\) from (?<host>[\w.-]+(?::\d+)?)\//.exec(main)?.groups?.host ??
    /reading manifest \S+ in (?<host>[\w.-]+(?::\d+)?)\//.exec(main)?.groups?.host;
  if (named !== undefined && named !== null) return named;
  const fromImage = registryOf(image) ?? registryOf(/(?:and unpack|pull) image "([^"]+)"/.exec(main)?.[1] ?? null);
  if (fromImage !== null) return fromImage;
  if (place.proxy) return /dial tcp (?<address>\S+): /.exec(main)?.groups?.address ?? null;
  if (/Docker Hub|docker\.com\/increase-rate-limit/.test(main)) return 'docker.io';
  const looked = /lookup (?<host>[^\s:]+)/.exec(main)?.groups?.host;
  if (looked !== undefined) return looked;
  // Docker resolves a bare name to Docker Hub by itself; what CRI-O makes of it, the text does not tell.
  const dockerWords = /Error response from daemon|manifest for |docker login|no matching manifest/.test(main);
  return image !== null && dockerWords && /^[a-z\d]/.test(image) ? 'docker.io' : null;
}

/** The registry that a reference names itself; null for a short name (distribution/reference, splitDockerDomain). */
function registryOf(image: string | null): string | null {
  if (image === null) return null;
  const [first, ...rest] = image.replace(/^https?:\/\//, '').split('/');
  if (first === undefined || rest.length === 0) return null;
  return /[.:]|^localhost$|[A-Z<>*]/.test(first) ? first : null;
}

/** A text names its image in at most a handful of forms; more would only cost time. */
const maxReferences = 8;

/**
 * `main` without the names of images, so that a repository called `x509` or `ratelimited` is not read as an error:
 * references in quotes, in URLs and behind `docker://` are replaced by ones that say nothing.
 */
export function withoutNames(main: string, image: string | null): string {
  const references = new Set<string>();
  if (image !== null) references.add(image);
  for (const match of main.matchAll(/(?:image|reference|PullImage|converter for) "([^"]+)"/g)) {
    if (references.size < maxReferences) references.add(match[1] ?? '');
  }
  return masked(main, references)
    .replace(/\/v2\/[^\s"?]+/g, (path) => path.replace(requestPath, '/v2/r/$1/t'))
    .replace(/docker:\/\/[^\s"]+?(?="|:? |:?$)/g, 'docker://r')
    .replace(/reading manifest \S+ in [^\s"]+?(?=:? )/g, 'reading manifest t in r')
    .replace(/((?:Pulled|[Pp]ulling|pull) image )[\w.-]+[:/][^\s"]+?(?=:? )/g, '$1r');
}

/** The rest of a registry's URL behind its host, as far as it names the image. Anchored: it is tried once for each URL. */
const requestPath = /^\/v2\/.+\/(manifests|blobs|tags|referrers)\/[^:]+(?::[0-9a-f]{32,})?/;

/** No text names its image more often; each costs the rules the length of what stands in its place. */
const maxMasked = 64;

/** `text` with the references replaced. Their number is bounded, for what stands in their place may hold one of them again. */
function masked(text: string, references: ReadonlySet<string>): string {
  let left = maxMasked;
  let rest = text;
  for (const reference of references) {
    if (reference === '') continue;
    // A bare name such as `denied` is a word too: only in quotes is it surely the image.
    const [named, instead] = /[/:@]/.test(reference) ? [reference, 'reference.example/r:t'] : [`"${reference}"`, '"r"'];
    if (rest.includes(named)) rest = rest.replaceAll(named, (found) => (left-- > 0 ? instead : found));
  }
  return rest;
}
