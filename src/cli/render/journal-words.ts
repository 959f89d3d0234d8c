import { lastFailure, speaker, timeOfDay } from '../../engine/journal-finding.ts';
import { probesOf } from '../../evidence/view.ts';
import type { Investigation } from '../../model/investigation.ts';
import { viewOf } from './story.ts';
import { count } from './words.ts';

/**
 * What kubelet or runtime wrote last about a failing pull of this image: evidence beside the probes, of what happened
 * then. Null: nothing, or a success came later, or a finding says it already.
 */
export function journalWords(document: Investigation): { readonly head: string; readonly said: string } | null {
  const probe = probesOf(viewOf(document), 'journal')[0];
  const said = probe === undefined ? null : lastFailure(probe.facts);
  if (probe === undefined || said === null) return null;
  if (document.findings.some(({ evidence }) => evidence.includes(probe.id))) return null;
  const { attempts, windowSeconds } = probe.facts;
  const minutes = Math.max(1, Math.round(windowSeconds / 60));
  const often = attempts > 1 ? ` (${count(attempts, 'failed attempt')} in ${minutes} min)` : '';
  const cause = said.cause === null || said.cause === 'unknown' ? '' : ` (${said.cause})`;
  return { head: `${speaker(said)} said at ${timeOfDay(said)}${often}: `, said: `${said.message}${cause}` };
}
