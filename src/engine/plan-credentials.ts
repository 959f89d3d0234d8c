import { fail, ok, type Result } from '../lib/result.ts';
import type { PlanBody } from '../model/plan.ts';
import type { Problem } from '../model/problem.ts';
import { nearKeys } from '../node/credential-near.ts';
import {
  type CredentialFile,
  matchMergedCredentials,
  readCredentialFile,
  readNodeCredentials,
} from '../node/credentials.ts';
import type { HostFiles } from '../node/host-files.ts';
import type { RuntimePlan } from '../node/runtime-plan.ts';
import type { ProbeCredential } from '../probes/context.ts';
import { credentialInfo, shownUsername } from '../probes/credential-info.ts';
import type { PlanRequest, RequestError } from './request.ts';

/** Files of credentials, as the kubelet asks them: those of the pod make one keyring, the node's own another behind it. */
export interface CredentialFiles {
  readonly pod: readonly CredentialFile[];
  readonly node: readonly CredentialFile[];
}

/** The files of credentials that apply to this node and this request. */
export interface ReadCredentials {
  readonly files: CredentialFiles;
  readonly problems: readonly Problem[];
}

/**
 * Reads `--auth-file` and the node's own files. A file that is not there is the command line's fault; one that cannot
 * be used is a problem (`pull-secret-invalid`), as it would be a pod's.
 */
export async function readCredentials(
  request: Pick<PlanRequest, 'authFile'>,
  host: HostFiles,
): Promise<Result<ReadCredentials, RequestError>> {
  const node = await readNodeCredentials(host);
  const skipped = node.flatMap(({ source, notices }) =>
    notices
      .filter(({ kind }) => kind === 'unusable')
      .map(({ message }) => notice('runtime-misconfigured', source, message)),
  );
  if (request.authFile === null) return ok({ files: { pod: [], node }, problems: skipped });
  const given = await readCredentialFile(request.authFile);
  if (given.ok) {
    const { source, notices } = given.value;
    const told = notices.map(({ message }) => notice('pull-secret-invalid', source, message));
    return ok({ files: { pod: [given.value], node }, problems: [...told, ...skipped] });
  }
  const { kind, message, source } = given.error;
  if (kind === 'absent' || kind === 'denied' || kind === 'unreadable') return fail({ flag: '--auth-file', message });
  const problem: Problem = { severity: 'error', cause: 'pull-secret-invalid', source, message };
  return ok({ files: { pod: [], node }, problems: [problem, ...skipped] });
}

/** What does not do what its author expects; whether it matters shows when the registry asks for credentials. */
function notice(cause: Problem['cause'], source: string, message: string): Problem {
  return { severity: 'warning', cause, source, message, harmless: true };
}

/** Credentials that would be sent for an image, and where to. */
export interface PlannedCredential extends ProbeCredential {
  readonly key: string;
  readonly source: string;
}

/**
 * The kubelet's matches: those of the pod's keyring, then the node's; the runtime's own only when the request carries none.
 * What plugins give comes behind the node's, once they were asked (evidence/credential-matches.ts).
 */
export function credentialsFor(
  image: PlanBody['image'],
  { pod, node }: CredentialFiles,
  runtime: Pick<RuntimePlan, 'credentials' | 'endpoints'>,
): readonly PlannedCredential[] {
  if (image.registry === null || image.repository === null) return [];
  const target = { domain: image.registry, path: image.repository };
  const ofPod = matchMergedCredentials(pod, target).map((match) => ({ ...match, ofPod: true }));
  const matches = [...ofPod, ...matchMergedCredentials(node, target).map((match) => ({ ...match, ofPod: false }))];
  if (matches.length > 0) {
    // What else an entry holds (identity and registry tokens) the kubelet does not read, so it is sent to nobody.
    return matches.map(({ key, source, username, password, email, ofPod: own }) => ({
      ...{ key, source, username, password, email },
      ofPod: own,
      sentTo: null,
    }));
  }
  const hosts = new Set([image.registry, ...runtime.endpoints.map(({ info }) => originHost(info.url))]);
  return runtime.credentials
    .filter(({ host }) => hosts.has(host))
    .map(({ host, key, source, username, password }) => ({
      key: key ?? host,
      source,
      username,
      password,
      email: '',
      ofPod: false,
      sentTo: host,
    }));
}

/** The matches as documents show them; null for none. */
export function credentialsInfo(
  matches: readonly PlannedCredential[],
  authFile: string | null,
): NonNullable<PlanBody['credentials']> | null {
  const [first] = matches;
  if (first === undefined) return null;
  const source = authFile !== null && first.source === authFile ? '--auth-file' : first.source;
  return { source, username: shownUsername(first.username, first.password), matches: matches.map(credentialInfo) };
}

/** The files' registries, for a person who looks for the one that is missing. */
export function credentialHosts(image: PlanBody['image'], { pod, node }: CredentialFiles): PlanBody['credentialHosts'] {
  const { registry, repository } = image;
  return [...pod, ...node]
    .filter(({ hosts }) => hosts.length > 0)
    .map((file) => {
      const near =
        registry === null || repository === null ? [] : nearKeys(file, { domain: registry, path: repository });
      const ofPod = pod.includes(file);
      const shown = near.slice(0, 8).map(({ key, why, meant }) => ({ key, why, meant: meant && ofPod }));
      return { source: file.source, hosts: file.hosts, ...(shown.length === 0 ? {} : { near: shown }) };
    });
}

function originHost(url: string): string {
  return URL.canParse(url) ? new URL(url).host : '';
}
