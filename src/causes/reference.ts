import { type Cause, remedy, sentence } from './cause.ts';

/** The name itself: nothing is asked on the network. Matched from the plan's problems. */
export const referenceCauses: readonly Cause[] = [
  {
    id: 'invalid-image-name',
    layer: 'reference',
    scenario: 1,
    title: 'The image name does not parse',
    fixedBy: 'workload',
    proof: 'The name is read by the distribution reference grammar, and the character that breaks it is named.',
    say: ({ image, detail }) =>
      detail === undefined ? `The image name${quoted(image)} is not a valid reference.` : sentence(detail),
    remedies: () => [
      remedy('Write it as [HOST[:PORT]/]NAME[:TAG][@DIGEST], in lower case, without a scheme, spaces or quotes.'),
      remedy('Find the pods that use it:', 'kubectl get pods -A | grep InvalidImageName'),
    ],
  },
  {
    id: 'short-name-unresolved',
    layer: 'reference',
    scenario: 1,
    title: 'A short image name has no single meaning here',
    fixedBy: 'workload',
    proof: 'The node files registries.conf, its drop-ins and aliases are read as CRI-O reads them.',
    say: ({ image, detail }) =>
      detail === undefined
        ? `CRI-O cannot tell which registry the short name${quoted(image)} stands for.`
        : sentence(detail),
    remedies: ({ image }) => [
      remedy(`Name the registry in the pod: docker.io/library/${image ?? 'NAME'} for one.`),
      remedy(
        'Or set an alias or one unqualified-search-registries entry in etc/containers/registries.conf on the node.',
      ),
    ],
  },
];

function quoted(text: string | undefined): string {
  return text === undefined ? '' : ` ${JSON.stringify(text)}`;
}
