import type { Verdict } from '../model/investigation.ts';

/** Exit statuses that scripts rely on (contract.md, section 2). */
export const exitStatus = {
  ok: 0,
  faulty: 1,
  usage: 2,
  inconclusive: 3,
} as const;

/** The exit status of an investigation. */
export function exitStatusOf(verdict: Verdict): number {
  if (verdict === 'faulty') return exitStatus.faulty;
  return verdict === 'inconclusive' ? exitStatus.inconclusive : exitStatus.ok;
}
