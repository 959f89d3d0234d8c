import type { Problem } from '../model/problem.ts';

/** The newest minor version of CRI-O 1.x whose rules are known here. */
const newest = 36;

/**
 * The minor version of CRI-O 1.x, whose number follows Kubernetes: 36 of `1.36.3` and `v1.36`. The newest known when
 * `version` is null or says nothing.
 */
export function crioMinor(version: string | null): number {
  return minorOf(version) ?? newest;
}

/** Says that the newest known rules stand in for a version that is not known; null when it is. */
export function crioVersionProblem(version: string | null): Problem | null {
  if (minorOf(version) !== null) return null;
  const what = version === null ? 'No runtime told its version' : `"${version}" is not a version of CRI-O`;
  const message = `${what}, so the rules of CRI-O 1.${newest}, the newest known, apply.`;
  return { severity: 'warning', cause: 'runtime-unreachable', source: '--runtime-version', message, harmless: true };
}

function minorOf(version: string | null): number | null {
  const minor = /^v?1\.(\d{1,4})(?:\D|$)/.exec(version ?? '')?.[1];
  return minor === undefined ? null : Number(minor);
}

/** From this minor version short names are resolved as crio.conf's short_name_mode says (pkg/config, 1.34). */
export const shortNameModeSince = 34;

/** From this minor version crio.conf's insecure_registries, and the 127.0.0.0/8 in it by default, have no effect. */
export const insecureRegistriesUntil = 35;

/** The pause image that CRI-O uses when crio.conf names none (DefaultPauseImage, pkg/config at each tag). */
export function defaultPauseImage(minor: number): string {
  const tag = minor >= 34 ? '3.10.1' : minor >= 31 ? '3.10' : minor >= 28 ? '3.9' : '3.6';
  return `registry.k8s.io/pause:${tag}`;
}
