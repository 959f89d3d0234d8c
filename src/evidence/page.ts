import type { HttpFacts } from '../model/facts.ts';
import type { DoneProbe } from '../model/investigation.ts';

/**
 * True for an HTML page in the place of the registry's own answer: a portal's, a gateway's, the wrong server's. A registry
 * that has just said what it is (the header of the version check) may have its 404 put into other words by what stands
 * before it, as ingresses with error pages of their own do: that is still the answer "not here".
 */
export function isForeignPage(of: HttpFacts, ping: DoneProbe<'registry'> | null): boolean {
  if (of.bodyFormat !== 'html') return false;
  const known = ping?.facts.apiVersion?.startsWith('registry/2') === true && ping.facts.way === of.way;
  return !(of.status === 404 && known);
}
