import { asksForMissingPause } from '../evidence/sandbox.ts';
import type { View } from '../evidence/view.ts';
import type { Finding, Verdict } from '../model/investigation.ts';
import { carryBy } from './findings.ts';
import { startsWithoutPull } from './local-image.ts';

/** The finding that the pause image of the node cannot be had; not that of an investigation of that image itself. */
export function isPauseFinding({ cause, endpoint }: Finding): boolean {
  return cause === 'sandbox-image-unavailable' && endpoint === null;
}

/**
 * What a missing pause image adds to the verdict on another image. The image asked for may well be pulled, and still no
 * pod starts here, with it or with any other: where it is proven that the pause image is neither here nor to be had, the
 * node is `faulty`, though a pull of the image works, for who asks why a pod does not start is answered by that. What is
 * wrong with the image itself comes first, for that was asked. An image that is on the node is never `faulty`
 * (contract.md, rules of the verdict).
 */
export function withPause(
  view: View,
  verdict: Verdict,
  findings: readonly Finding[],
  pause: readonly Finding[],
): { readonly verdict: Verdict; readonly findings: readonly Finding[] } {
  if (pause.length === 0) return { verdict, findings };
  const told = startsWithoutPull(view) ? pause.map((one): Finding => ({ ...one, severity: 'degraded' })) : pause;
  if (verdict === 'faulty') return { verdict, findings: [...findings, ...told] };
  if (told.some(({ severity }) => severity === 'fault')) return { verdict: 'faulty', findings: [...told, ...findings] };
  return { verdict: verdict === 'healthy' ? 'degraded' : verdict, findings: [...findings, ...told] };
}

/** The image asked for is the pause image itself: then what keeps it away keeps every pod from starting. */
export function asPause(view: View, faults: readonly Finding[]): Finding[] {
  const pause = asksForMissingPause(view);
  const [first, ...rest] = faults;
  // A node that can pull nothing at all has another trouble than this image.
  if (pause === null || first === undefined || ['runtime', 'reference', 'node', 'policy'].includes(first.layer)) {
    return [...faults];
  }
  return [carryBy('sandbox-image-unavailable', first, { image: pause.image, source: pause.source }), ...rest];
}
