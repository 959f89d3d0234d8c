import { requestsOf } from '../evidence/requests.ts';
import { probesOf, type View } from '../evidence/view.ts';
import type { DoneProbe } from '../model/investigation.ts';
import type { Match } from './cause.ts';

/** Where what came of a layer cannot be unpacked, or unpacks to another thing than the image's config says. */
export function unpackFails(view: View): Match[] {
  const seen = new Set<string>();
  return probesOf(view, 'blob').flatMap((probe): Match[] => {
    const { archive, digest, digestMatches } = probe.facts;
    // The same bytes come of every endpoint, or they are a case of digest-mismatch.
    if (probe.status === 'failed' || probe.counterfactual || archive === undefined || seen.has(digest)) return [];
    const other = otherLayer(view, probe);
    const problem = archive.problem ?? other?.problem ?? null;
    if (problem === null) return [];
    seen.add(digest);
    // Of a layer of which only the beginning was read it is not known that its bytes are those that were pushed.
    const sure = digestMatches === true;
    return [
      {
        confidence: sure ? 'proven' : 'likely',
        severity: 'fault',
        evidence: other === null ? [probe.id] : [probe.id, other.config],
        endpoint: null,
        host: null,
        alternatives: sure ? [] : ['digest-mismatch'],
        args: { image: view.plan.image.input, detail: `${short(digest)} ${problem}` },
      },
    ];
  });
}

/** The layer is an archive, and not the one that the config has at its place. */
function otherLayer(view: View, { endpoint, facts }: DoneProbe<'blob'>): { config: string; problem: string } | null {
  const diffId = facts.archive?.diffId ?? null;
  if (endpoint === null || diffId === null) return null;
  const at = requestsOf(view, endpoint).image?.facts.layers.findIndex(({ digest }) => digest === facts.digest) ?? -1;
  const config = probesOf(view, 'blob').find(
    (probe) => probe.endpoint === endpoint && probe.status === 'ok' && probe.facts.diffIds !== undefined,
  );
  const wanted = config?.facts.diffIds?.[at];
  if (config === undefined || wanted === undefined || wanted === diffId) return null;
  return { config: config.id, problem: `unpacks to ${short(diffId)}, and the image's config says ${short(wanted)}` };
}

/** `sha256:0123456789ab`. */
function short(digest: string): string {
  return digest.slice(0, 19);
}
