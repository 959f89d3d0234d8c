import type { Env } from '../lib/env.ts';
import type { Result } from '../lib/result.ts';
import type { RuntimeInfo } from '../model/plan.ts';
import type { HostFiles } from '../node/host-files.ts';
import { chooseSocket, type RuntimeChoice } from '../node/runtime-discovery.ts';
import { type CriClient, type CriFailure, openCri } from '../wire/cri.ts';

/** What the runtime's socket told. */
export interface AskedRuntime {
  /** Where it was asked in the end. */
  readonly choice: RuntimeChoice;
  /** Null: there is no socket to ask. */
  readonly cri: Result<CriClient, CriFailure> | null;
  readonly runtime: RuntimeInfo;
  /** Why it did not say what it is; null when it did, or when there is none. */
  readonly silence: CriFailure | null;
}

/** A busy runtime takes a second or two for its first answer; a longer silence is one. */
const connectMs = 3500;

/**
 * Connects to the runtime, when there is one, and asks what it is. Of sockets that were only found, the first that
 * serves CRI is taken (contract.md, section 2): a containerd that Docker brought may listen beside a CRI-O.
 */
export async function askRuntime(
  host: HostFiles,
  choice: RuntimeChoice,
  assumedVersion: string | null,
  at: { readonly env: Env; readonly signal: AbortSignal },
): Promise<AskedRuntime> {
  const first = await ask(choice, assumedVersion, at);
  if (first.silence === null || choice.how !== 'socket') return first;
  for (const candidate of choice.candidates) {
    if (candidate.state !== 'listening' || candidate.endpoint === choice.endpoint) continue;
    const other = await ask(await chooseSocket(host, choice, candidate), assumedVersion, at);
    if (other.silence === null) {
      if (first.cri?.ok === true) first.cri.value.close();
      return other;
    }
    if (other.cri?.ok === true) other.cri.value.close();
  }
  return first;
}

async function ask(
  choice: RuntimeChoice,
  assumedVersion: string | null,
  { env, signal }: { readonly env: Env; readonly signal: AbortSignal },
): Promise<AskedRuntime> {
  const { name, endpoint } = choice;
  const base = { ready: null, imagePresent: null, endpoint };
  const assumed = { ...base, name, version: assumedVersion };
  if (endpoint === null) return { choice, cri: null, runtime: assumed, silence: null };
  const cri = await openCri(endpoint, { env, connectTimeoutMs: connectMs, callTimeoutMs: connectMs, signal });
  const version = cri.ok ? await cri.value.version(signal) : cri;
  if (!version.ok) return { choice, cri, runtime: assumed, silence: version.error };
  const { runtimeName, runtimeVersion } = version.value;
  return { choice, cri, runtime: { ...base, name: runtimeName, version: runtimeVersion }, silence: null };
}
