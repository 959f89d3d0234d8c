import { posix } from 'node:path';
import type { ImageReference } from '../image/reference.ts';
import type { Problem } from '../model/problem.ts';
import type { CrioConfig } from './crio-config.ts';
import { at } from './crio-fields.ts';
import { crioHome, misconfigured, suspicious, unread } from './crio-files.ts';
import { type HostFiles, sourceName } from './host-files.ts';
import { parseSignaturePolicy, policyFor, type SignaturePolicy } from './signature-policy.ts';

/** What the node's signature policy says to a set of names. */
export interface SignatureVerdict {
  readonly files: readonly string[];
  readonly problems: readonly Problem[];
}

const systemPolicy = '/etc/containers/policy.json';
const userPolicy = `${crioHome}/.config/containers/policy.json`;
const consequence = 'CRI-O refuses every pull because of it.';

/**
 * Applies the policy file that CRI-O would use: the namespace's in signature_policy_dir when there is one, else
 * signature_policy, else root's own, else /etc/containers/policy.json (cri-o server/image_pull.go contextForNamespace;
 * containers/image signature/policy_config.go defaultPolicyPath). Signatures themselves are not verified here.
 */
export async function checkSignaturePolicy(
  host: HostFiles,
  config: Pick<CrioConfig, 'files' | 'signaturePolicy' | 'signaturePolicyDir'>,
  candidates: readonly ImageReference[],
  namespace: string | null,
): Promise<SignatureVerdict> {
  const path = await policyPath(host, config, namespace);
  const source = sourceName(path);
  const text = await host.readText(path);
  if (!text.ok) {
    if (text.error.kind !== 'absent') return { files: [], problems: [unread(text.error)] };
    if (config.signaturePolicy !== null && path === config.signaturePolicy.value) {
      const message = `signature_policy names ${path}, which does not exist; ${consequence}`;
      return { files: [], problems: [misconfigured(config.signaturePolicy.source, message)] };
    }
    // Without CRI-O's own files this is hardly the whole of a node, and says nothing of it.
    if (config.files.length === 0) return { files: [], problems: [] };
    const message = `there is neither ${source} nor ${sourceName(userPolicy)}; CRI-O refuses every pull without a policy.`;
    return { files: [], problems: [suspicious(source, message)] };
  }
  const policy = parseSignaturePolicy(text.value);
  if (!policy.ok) {
    const { line, column, message } = policy.error;
    const problem = misconfigured(
      at(source, line),
      `${source} is invalid at column ${column}: ${message}; ${consequence}`,
    );
    return { files: [source], problems: [problem] };
  }
  const problems: Problem[] = [];
  for (const candidate of candidates) problems.push(...(await judge(host, policy.value, source, candidate)));
  // One candidate that is not refused can be pulled.
  const refused = new Set(problems.filter((problem) => problem.severity === 'error').map((problem) => problem.message));
  if (refused.size >= candidates.length) return { files: [source], problems };
  return { files: [source], problems: problems.map((problem) => ({ ...problem, severity: 'warning' })) };
}

async function policyPath(
  host: HostFiles,
  config: Pick<CrioConfig, 'signaturePolicy' | 'signaturePolicyDir'>,
  namespace: string | null,
): Promise<string> {
  if (namespace !== null && /^[a-z0-9-]+$/.test(namespace)) {
    const own = posix.join(config.signaturePolicyDir.value, `${namespace}.json`);
    if ((await host.info(own)).ok) return own;
  }
  if (config.signaturePolicy !== null) return config.signaturePolicy.value;
  return (await host.info(userPolicy)).ok ? userPolicy : systemPolicy;
}

async function judge(
  host: HostFiles,
  policy: SignaturePolicy,
  source: string,
  image: ImageReference,
): Promise<readonly Problem[]> {
  const { scope, requirements } = policyFor(policy, image);
  for (const { type, line, keyPaths } of requirements) {
    const where = at(source, line);
    if (type === 'reject' || type === 'signedBaseLayer') {
      const why = type === 'reject' ? 'rejects it' : 'wants signedBaseLayer, which containers/image does not implement';
      return [rejected('error', where, `${source} (${scope}) ${why}: CRI-O refuses ${image.normalized}.`)];
    }
    const missing = await missingFiles(host, keyPaths);
    for (const { path, certain } of missing) {
      const message = `${source} (${scope}) demands a signature by the key in ${path}, which does not exist: CRI-O refuses ${image.normalized}.`;
      return [rejected(certain ? 'error' : 'warning', where, message)];
    }
  }
  const wanted = requirements.find(({ type }) => type === 'signedBy' || type === 'sigstoreSigned');
  if (wanted === undefined) return [];
  const message = `${source} (${scope}) demands a signature (${wanted.type}); whether ${image.normalized} has a good one Pullwhy does not verify: CRI-O says so when it pulls (--pull).`;
  return [{ ...rejected('warning', at(source, wanted.line), message), harmless: true }];
}

/** Files that are absent; `certain` when their folder is there, so that it is not only missing from the host root. */
async function missingFiles(
  host: HostFiles,
  paths: readonly string[],
): Promise<readonly { readonly path: string; readonly certain: boolean }[]> {
  const missing: { readonly path: string; readonly certain: boolean }[] = [];
  for (const path of paths) {
    const info = await host.info(path);
    if (info.ok || info.error.kind !== 'absent') continue;
    missing.push({ path, certain: (await host.info(posix.dirname(path))).ok });
  }
  return missing;
}

function rejected(severity: 'error' | 'warning', source: string, message: string): Problem {
  return { severity, cause: 'signature-rejected', source, message };
}
