import type { CauseId, Layer } from '../model/cause-id.ts';
import type { LoadedFacts, StartFile } from '../model/facts.ts';
import type { DoneProbe } from '../model/investigation.ts';
import { probesOf, type View } from './view.ts';

/** What the running runtime has otherwise than the files that the probes go by, and that explains its failure. */
export type Difference = {
  /** The probe that shows it, and those that show that the way by the files is open. */
  readonly evidence: readonly string[];
  readonly facts: LoadedFacts;
  /** `proven`: it is shown that the runtime lacks what makes the probes pass; `likely`: it could lack it. */
  readonly confidence: 'proven' | 'likely';
} & (
  | {
      /** Registry settings; `settings` are those that lead elsewhere, and that it said itself it has otherwise. */
      readonly kind: 'settings';
      readonly settings: NonNullable<LoadedFacts['settings']>;
      readonly files?: never;
    }
  /** Its configuration changed after it started, and it does not tell what it has loaded. */
  | { readonly kind: 'changed'; readonly files: readonly StartFile[] }
  /** Certificates that the files have by now. `anchor`: the one that the probes trusted. */
  | { readonly kind: 'trust'; readonly files: readonly StartFile[]; readonly anchor: string | null }
  /** It sees other files under these names: it lives in another mount namespace. */
  | { readonly kind: 'other-files'; readonly files: readonly StartFile[] }
);

/** The runtime's process, once it has been looked at. */
export function loadedOf(view: View): DoneProbe<'loaded'> | null {
  return probesOf(view, 'loaded')[0] ?? null;
}

/**
 * Why a pull fails in whose way the probes find no fault: what the running runtime has loaded against what the files say
 * now. `cause` and `layer` are what its own words mean, null where nobody knows; `serves`: the probes get the image by
 * the files. Null: no difference was found that could make this failure.
 */
export function differenceOf(
  view: View,
  words: { readonly cause: CauseId | null; readonly layer: Layer | null; readonly serves: boolean },
): Difference | null {
  const probe = loadedOf(view);
  if (probe === null || (words.layer !== null && !ofTheWay.has(words.layer))) return null;
  const { facts } = probe;
  const shown = [probe.id];

  if (words.cause === 'tls-unknown-authority') {
    const passed = verified(view);
    // A handshake that the probes could not do shows nothing of the trust store.
    if (passed.length > 0) {
      const evidence = [...shown, ...passed.map(({ id }) => id)];
      const anchor = passed[0]?.facts.anchor ?? null;
      const changed = facts.files.filter((file) => file.of === 'trust' && file.afterStart === true);
      const other = facts.files.filter((file) => file.of === 'trust' && isOther(file));
      if (other.length > 0) return { kind: 'other-files', files: other, evidence, facts, confidence: 'likely' };
      if (changed.length > 0) {
        return { kind: 'trust', files: changed, anchor, evidence, facts, confidence: 'proven' };
      }
    }
  }
  if (facts.endpoints !== null && facts.settings !== null) {
    const settings = facts.settings.filter(({ name }) => name.startsWith('registry.'));
    // By the files the image comes, by what is loaded it does not: that is the difference.
    const confidence = words.serves ? 'proven' : 'likely';
    if (settings.length > 0) return { kind: 'settings', settings, evidence: shown, facts, confidence };
  }
  const other = facts.files.filter((file) => file.of === 'settings' && isOther(file));
  if (other.length > 0) return { kind: 'other-files', files: other, evidence: shown, facts, confidence: 'likely' };
  const changed = facts.files.filter((file) => file.of === 'settings' && file.afterStart === true);
  // A runtime that told what it has loaded, and has nothing otherwise, can still have other secrets: those it does not tell.
  const told = facts.settings !== null && !aboutSecrets.has(words.cause ?? 'unknown');
  // CRI-O takes its files again at SIGHUP (cri-o pkg/config/reload.go), which leaves no trace: the file's time says nothing.
  const reloads = view.runtime.name === 'cri-o';
  if (changed.length > 0 && !told && !reloads) {
    return { kind: 'changed', files: changed, evidence: shown, facts, confidence: 'likely' };
  }
  return null;
}

/**
 * The probes do not go where the runtime goes: another network, or other endpoints than it has loaded. Then what they
 * find does not count for it, and only a pull tells.
 */
export function goesElsewhere(view: View): 'network' | 'endpoints' | null {
  const facts = loadedOf(view)?.facts;
  if (facts === undefined) return null;
  if (facts.sameNetwork === false) return 'network';
  return facts.endpoints === null ? null : 'endpoints';
}

/** Layers of a failure that settings, trust or environment can make; a full disk is none of them. */
const ofTheWay: ReadonlySet<Layer> = new Set<Layer>([
  'endpoint',
  'dns',
  'tcp',
  'proxy',
  'tls',
  'registry',
  'auth',
  'manifest',
]);

const aboutSecrets: ReadonlySet<CauseId> = new Set<CauseId>([
  'credentials-missing',
  'credentials-rejected',
  'credentials-expired',
  'access-denied',
]);

function isOther({ seen }: StartFile): boolean {
  return seen === 'other' || seen === 'absent';
}

/** The handshakes of the runtime's own way that the trust store of the files let pass; none when it let one fail. */
function verified(view: View): DoneProbe<'tls'>[] {
  const own = probesOf(view, 'tls').filter(({ counterfactual, facts }) => !counterfactual && !facts.verificationOff);
  const untrusted = own.some(({ facts }) => facts.failedChecks.includes('tls-unknown-authority'));
  return untrusted ? [] : own.filter(({ status }) => status === 'ok');
}
