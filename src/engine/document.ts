import { credentialTries } from '../evidence/credential-tries.ts';
import { probesOf, type View } from '../evidence/view.ts';
import type { Investigation } from '../model/investigation.ts';
import type { RuntimeInfo } from '../model/plan.ts';
import { conclude } from './conclude.ts';

/** The document of an investigation: pure, so that a saved one can be concluded again. */
export function documentOf(
  view: View,
  head: { id: string; node: string; startedAt: string; durationMs: number },
  runtime: RuntimeInfo,
): Investigation {
  const { verdict, findings, endpoints, ruledOut, pull, summary } = conclude(view);
  const first = verdict === 'healthy' ? undefined : findings[0];
  const tries = credentialTries(view);
  const { endpoints: _, ...plan } = view.plan;
  return {
    apiVersion: 'pullwhy/v1',
    kind: 'Investigation',
    ...head,
    ...plan,
    verdict,
    cause: first?.cause ?? null,
    confidence: first?.confidence ?? null,
    // What fits no cause lies in no layer (contract: the table of causes has a dash there).
    layer: first === undefined || first.cause === 'unknown' ? null : first.layer,
    underlying: first?.underlying ?? null,
    summary,
    findings,
    ruledOut,
    ...(tries.length === 0 ? {} : { credentialTries: tries }),
    probes: view.probes,
    endpoints,
    runtime: runtimeOf(view, runtime),
    pull,
  };
}

function runtimeOf(view: View, known: RuntimeInfo): RuntimeInfo {
  const runtime = probesOf(view, 'runtime')[0]?.facts;
  const image = probesOf(view, 'image')[0]?.facts;
  return {
    name: runtime?.name ?? known.name,
    version: runtime?.version ?? known.version,
    ready: runtime?.failure === null ? runtime.ready : null,
    imagePresent: image?.present ?? null,
    endpoint: known.endpoint,
  };
}
