import { type Cause, remedy } from './cause.ts';

/** Causes about the choice of endpoint, and the absence of a cause. */
export const endpointCauses: readonly Cause[] = [
  {
    id: 'mirror-failed',
    layer: 'endpoint',
    scenario: 7,
    title: 'A mirror fails, and another endpoint serves the pull',
    fixedBy: 'node',
    proof: "Every configured endpoint is tried by itself, in the runtime's order.",
    say: ({ host, source, detail, underlying }) =>
      `The mirror${host === undefined ? '' : ` ${host}`}${source === undefined ? '' : ` (${source})`} fails; ${detail ?? 'pulls work by another endpoint, after the time that this one costs'}. ${underlying ?? ''}`.trim(),
    remedies: ({ source, host }) => [
      remedy(
        `Repair the mirror${host === undefined ? '' : ` ${host}`}, or take it out of ${source ?? "the node's registry configuration"}: every pull asks it first, and containerd waits up to 30 s for it at each request.`,
      ),
    ],
  },
  {
    id: 'unknown',
    layer: 'endpoint',
    scenario: null,
    title: 'It fails, and the evidence fits no cause',
    fixedBy: 'nobody',
    proof: 'Nothing: this is what is said instead of a guess.',
    say: ({ detail, image }) =>
      `${image ?? 'The image'} cannot be pulled, and the evidence fits no cause that Pullwhy knows${detail === undefined ? '' : `: ${detail}`}.`,
    remedies: () => [
      remedy(
        "The evidence is all here: look at the failed probes, and at the runtime's log of that time.",
        'journalctl -u containerd -u crio --since "-5min"',
      ),
    ],
  },
];
