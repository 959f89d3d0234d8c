import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { root } from '../arch/sources.ts';
import { must, run } from '../lab/commands.ts';
import { labCache } from '../lab/containerd-versions.ts';
import { unpackedPackage } from '../lab/debian-package.ts';

/** One object of a manifest. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace: string | null;
  readonly object: Record<string, unknown>;
}

/** Objects of an overlay, as `kubectl apply -k` would send them. */
export interface Built {
  readonly name: string;
  readonly objects: readonly Manifest[];
}

const folder = join(root, 'deploy');

/** The newest kubectl that Debian has: the manifests use fields of Kubernetes 1.30. */
const suite = 'sid';

/** Folders of deploy/overlays. */
export function overlays(): readonly string[] {
  return readdirSync(join(folder, 'overlays')).sort();
}

/** Folders of deploy/components. */
export function components(): readonly string[] {
  return readdirSync(join(folder, 'components')).sort();
}

let program: Promise<{ readonly kubectl: string } | { readonly why: string }> | undefined;

/** Finds kubectl, once a process: Debian's, fetched beside the machine's own, else the machine's own. */
export function findKubectl(): Promise<{ readonly kubectl: string } | { readonly why: string }> {
  program ??= find();
  return program;
}

async function find(): Promise<{ readonly kubectl: string } | { readonly why: string }> {
  const debian = existsSync('/usr/bin/apt-get') && existsSync('/usr/bin/dpkg-deb');
  const unpacked = debian ? await unpackedPackage(labCache(), suite, 'kubectl') : { why: 'this is not Debian' };
  for (const kubectl of 'why' in unpacked ? ['kubectl'] : [`${unpacked.folder}/usr/bin/kubectl`, 'kubectl']) {
    const version = await run(kubectl, ['version', '--client']).catch(() => null);
    if (version?.code === 0) return { kubectl };
  }
  return { why: `no kubectl runs here (${'why' in unpacked ? unpacked.why : 'nor does that of Debian'})` };
}

/**
 * Builds `deploy/overlays/NAME` with components of `deploy/components` on top, in a kustomization of its own as a user would
 * write it; `beside`: further folders. What has a path is a folder of deploy/.
 */
export async function build(
  kubectl: string,
  overlay: string,
  more: readonly string[] = [],
  beside: readonly string[] = [],
): Promise<Built> {
  const own = await mkdtemp(join(tmpdir(), 'pullwhy-kustomize-'));
  try {
    const at = (path: string) => relative(own, join(folder, path));
    const base = overlay === 'base' || overlay.includes('/') ? overlay : `overlays/${overlay}`;
    await writeFile(
      join(own, 'kustomization.yaml'),
      JSON.stringify({
        apiVersion: 'kustomize.config.k8s.io/v1beta1',
        kind: 'Kustomization',
        resources: [base, ...beside].map(at),
        components: more.map((name) => at(name.includes('/') ? name : `components/${name}`)),
      }),
    );
    const text = await must(kubectl, ['kustomize', own]);
    return {
      name: [overlay, ...beside, ...more].join(' + '),
      objects: parseAllDocuments(text).map((one) => manifest(one.toJS())),
    };
  } finally {
    await rm(own, { recursive: true, force: true });
  }
}

function manifest(object: unknown): Manifest {
  if (!isObject(object)) throw new Error(`no object: ${JSON.stringify(object)}`);
  const { apiVersion, kind, metadata } = object;
  if (typeof apiVersion !== 'string' || typeof kind !== 'string' || !isObject(metadata)) {
    throw new Error(`no Kubernetes object: ${JSON.stringify(object).slice(0, 200)}`);
  }
  const { name, namespace } = metadata;
  if (typeof name !== 'string') throw new Error(`${kind} without a name`);
  return { apiVersion, kind, name, namespace: typeof namespace === 'string' ? namespace : null, object };
}

/** Whether a value has named parts. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What is at a path, `spec.template.spec`; undefined where nothing is. Names of an object and numbers of a list. */
export function at(value: unknown, path: string): unknown {
  let found = value;
  for (const step of path.split('.')) {
    if (Array.isArray(found)) found = found[Number(step)];
    else if (isObject(found)) found = found[step];
    else return undefined;
  }
  return found;
}

/** The same of a list of objects; empty where there is none. */
export function listAt(value: unknown, path: string): readonly Record<string, unknown>[] {
  const found = at(value, path);
  return Array.isArray(found) ? found.filter(isObject) : [];
}

/** The same of a list of texts. */
export function textsAt(value: unknown, path: string): readonly string[] {
  const found = at(value, path);
  return Array.isArray(found) ? found.filter((one) => typeof one === 'string') : [];
}

/** The only object of a kind. */
export function only({ name, objects }: Built, kind: string): Record<string, unknown> {
  const found = objects.filter((one) => one.kind === kind);
  const [first] = found;
  if (first === undefined || found.length > 1) throw new Error(`${name}: ${found.length} of kind ${kind}`);
  return first.object;
}
