import { parseReference } from '../image/reference.ts';

/** An image's name as it is compared: normalized, or as written where it does not parse. */
export function imageKey(image: string): string {
  const parsed = parseReference(image);
  return parsed.ok ? parsed.value.normalized : image;
}

/** The host that an image's registry is reached at, with its port: Docker Hub's API has another name than its images. */
export function registryHost(image: string): string | null {
  const parsed = parseReference(image);
  if (!parsed.ok) return null;
  return parsed.value.domain === 'docker.io' ? 'registry-1.docker.io' : parsed.value.domain;
}

/** The same for counting what a registry is asked: one name for it however it is written. */
export function countedAs(image: string): string | null {
  return registryHost(image)?.toLowerCase().replace(/:443$/, '') ?? null;
}

/** Says whether names and lines are about one image. */
export interface ImageMatch {
  /** The same image in another spelling: `nginx` is `docker.io/library/nginx:latest`. With digests, these decide. */
  readonly is: (image: string) => boolean;
  /** A line names it somewhere. */
  readonly named: (line: string) => boolean;
}

/** Characters that an image's name may have. */
const token = /[A-Za-z0-9_][\w./:@-]{0,511}/g;

/** Compares with one image. */
export function matchImage(wanted: string): ImageMatch {
  const parsed = parseReference(wanted);
  if (!parsed.ok) {
    return { is: (image) => image === wanted, named: (line) => line.includes(wanted) };
  }
  const { normalized, domain, path, digest } = parsed.value;
  const is = (image: string): boolean => {
    const other = parseReference(image);
    if (!other.ok) return false;
    if (other.value.normalized === normalized) return true;
    const { domain: theirs, path: there, digest: what } = other.value;
    return digest !== null && digest === what && domain === theirs && path === there;
  };
  const last = path.slice(path.lastIndexOf('/') + 1);
  const named = (line: string): boolean => {
    if (!line.includes(last)) return false;
    for (const match of line.matchAll(token)) {
      const [text] = match;
      if (!text.includes(last)) continue;
      // A word alone is an image's name only in quotes: `nginx` is a container's and a pod's name too.
      if (!/[/:@]/.test(text) && line[match.index - 1] !== '"') continue;
      let end = text.length;
      while (end > 0 && ':.@/-'.includes(text[end - 1] ?? '')) end--;
      if (is(text.slice(0, end))) return true;
    }
    return false;
  };
  return { is, named };
}
