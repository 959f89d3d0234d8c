import { type Cause, remedy } from './cause.ts';

/**
 * What the kubelet does while nothing is wrong with the image itself. Decided where all else is known to work
 * (`src/engine/kubelet-finding.ts`): these are true only of what no other cause explains.
 */
export const kubeletCauses: readonly Cause[] = [
  {
    id: 'pull-queued',
    layer: 'kubelet',
    scenario: 7,
    title: "The pod waits behind another image's pull",
    fixedBy: 'node',
    proof:
      "The kubelet's configuration allows no more pulls at a time than its and the runtime's journals, and the content store, show to be under way.",
    say: ({ image, detail, source }) =>
      `${image ?? 'The image'} waits in the kubelet's queue${detail === undefined ? '' : ` behind ${detail}`}: ${source ?? 'one image is pulled at a time'}.`,
    remedies: () => [
      remedy(
        'See to the pull in front; ending it lets the next one begin (containers go on running):',
        'systemctl restart containerd',
      ),
      remedy("Set serializeImagePulls: false and maxParallelImagePulls in the kubelet's configuration."),
    ],
  },
  {
    id: 'back-off-only',
    layer: 'kubelet',
    scenario: null,
    title: 'The kubelet only waits for its next try',
    fixedBy: 'nobody',
    proof:
      "Everything that was probed works now, and by its rule and the times of the failed tries in its journal the kubelet's back-off has not ended.",
    say: ({ date, seconds }) =>
      `Nothing is wrong any more: the kubelet only waits for its next try${date === undefined ? '' : ` at ${date}`}${seconds === undefined ? '' : `, in ${seconds} s`}.`,
    remedies: ({ image, detail }) => [
      ...(detail === 'always'
        ? []
        : [
            remedy(
              "Pull it now, and the pod starts at the kubelet's next look (policy IfNotPresent):",
              `pullwhy pull ${image ?? 'IMAGE'}`,
            ),
          ]),
      remedy('Or delete the pod: its successor starts without back-off.'),
    ],
  },
];
