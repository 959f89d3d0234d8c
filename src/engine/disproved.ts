import { goesElsewhere, loadedOf } from '../evidence/difference.ts';
import type { View } from '../evidence/view.ts';
import type { Layer } from '../model/cause-id.ts';
import type { Finding, PullOutcome } from '../model/investigation.ts';

/**
 * A pull by the runtime passed every hop up to the manifest: it resolves a tag or checks a digest at the registry each
 * time. Content it fetches only as far as the node lacks it, so a pull that works says nothing of where layers come from.
 */
const passedByPull: ReadonlySet<Layer> = new Set<Layer>([
  'reference',
  'policy',
  'endpoint',
  'dns',
  'tcp',
  'proxy',
  'tls',
  'registry',
  'auth',
  'manifest',
]);

/**
 * Faults beside what the runtime itself did. A pull that works counts more than a probe: what it passed is disproved as a
 * fault, and stays as a note that a probe disagrees; what it need not have passed stays as it is, and stops nothing now.
 * Where the probes went another way than the runtime does, and no pull was made, their faults are none of its own.
 */
export function besidePull(view: View, pull: PullOutcome, faults: readonly Finding[]): Finding[] {
  if (pull.ok === true) return faults.map((finding) => besideWorkingPull(view, finding));
  const elsewhere = goesElsewhere(view);
  if (pull.ok === false || elsewhere === null) return [...faults];
  return faults.map((finding) =>
    finding.endpoint === null
      ? finding
      : { ...finding, confidence: 'possible', summary: `${elsewhereWords[elsewhere]} ${finding.summary}` },
  );
}

/** Why the probes' faults need not be the runtime's; what they met follows. */
const elsewhereWords = {
  network:
    'The probes ran in another network than the runtime (run this in the network namespace of the node), and there:',
  endpoints: 'The running runtime has other registry settings than the files by which the probes went; by the files:',
};

function besideWorkingPull(view: View, finding: Finding): Finding {
  const { input } = view.plan.image;
  const degraded: Finding = { ...finding, severity: 'degraded' };
  if (passedByPull.has(finding.layer)) {
    if (isPending(view, finding)) {
      const summary = `The runtime pulls ${input} now by what it loaded when it started; after its next start: ${finding.summary}`;
      return { ...degraded, confidence: 'likely', summary };
    }
    const probe = layerWords[finding.layer];
    const summary = `The runtime pulls ${input} all the same, so this stops nothing now; ${probe === undefined ? 'what was read' : `a probe of the ${probe}`} disagrees: ${finding.summary}`;
    return { ...degraded, confidence: 'possible', summary };
  }
  if (finding.layer === 'blob') {
    const summary = `${finding.summary} That the pull of ${input} works here does not disprove it: a pull fetches only the layers that the node lacks.`;
    return { ...degraded, summary };
  }
  return degraded;
}

/** The runtime passes because it has not loaded yet what the probes went by: they are right about its next start. */
function isPending(view: View, { cause, endpoint }: Finding): boolean {
  const facts = loadedOf(view)?.facts;
  if (facts === undefined || endpoint === null) return false;
  if (cause === 'tls-unknown-authority' && facts.files.some((file) => file.of === 'trust' && file.afterStart === true))
    return true;
  return facts.endpoints !== null;
}

const layerWords: Readonly<Partial<Record<Layer, string>>> = {
  dns: 'name lookup',
  tcp: 'connection',
  proxy: 'proxy',
  tls: 'TLS handshake',
  registry: 'registry',
  auth: 'authentication',
  manifest: 'manifest',
};
