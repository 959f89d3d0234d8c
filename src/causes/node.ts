import { requestsOf } from '../evidence/requests.ts';
import { probesOf, type View } from '../evidence/view.ts';
import { matchBreaks } from './break-match.ts';
import { type Cause, type CauseArgs, type Match, remedy } from './cause.ts';
import { clockSkew, skewWords } from './clock.ts';

/** Below this nothing can be written that a pull needs: containerd's database grows by pages. */
const leastBytes = 1024 * 1024;

const df = ({ path }: CauseArgs): string =>
  `df -h ${path ?? '/var/lib/containerd'}; df -i ${path ?? '/var/lib/containerd'}`;

/** Causes on the node itself. */
export const nodeCauses: readonly Cause[] = [
  {
    id: 'clock-skew',
    layer: 'node',
    scenario: 7,
    title: "The node's clock is wrong",
    fixedBy: 'node',
    proof: "The node's clock is compared with the Date of the answers and with the validity of certificates.",
    say: ({ detail }) =>
      `This node's clock is wrong${detail === undefined ? '' : ` (${detail})`}, so valid certificates or tokens look invalid.`,
    remedies: () => [remedy('Set the clock, and repair its synchronisation:', 'timedatectl; chronyc tracking')],
    match: matchBreaks(['tls'], (hop, view) => {
      const skew = clockSkew(hop, view);
      if (skew === null) return null;
      const sure = skew.witnesses > 1;
      return {
        confidence: sure ? 'proven' : 'likely',
        alternatives: sure ? [] : [skew.offsetMs > 0 ? 'tls-certificate-expired' : 'tls-certificate-not-yet-valid'],
        evidence: skew.evidence,
        args: { host: hop.way.host, detail: skewWords(skew.offsetMs) },
      };
    }),
  },
  {
    id: 'disk-full',
    layer: 'node',
    scenario: 7,
    title: 'The image file system is full',
    fixedBy: 'node',
    proof:
      "Free bytes and inodes of the file system that the runtime names are read, and compared with the image's size.",
    say: ({ path, detail }) =>
      `The file system that holds images (${path ?? 'on this node'}) is full${detail === undefined ? '' : `: ${detail}`}.`,
    remedies: (args) => [
      remedy('Look at what is used, bytes and inodes:', df(args)),
      remedy('Remove images that no container uses:', 'crictl rmi --prune'),
      remedy(
        "The kubelet's image garbage collection starts at imageGCHighThresholdPercent (85 %) and counts bytes, not inodes.",
      ),
    ],
    match: diskFull,
  },
  {
    id: 'unpack-failed',
    layer: 'node',
    scenario: 7,
    title: 'A layer cannot be unpacked',
    fixedBy: 'node',
    proof: "The runtime's own words: the layer came, and applying it failed.",
    say: ({ detail }) => `A layer arrived and cannot be unpacked${detail === undefined ? '' : ` (${detail})`}.`,
    remedies: () => [
      remedy('Take away what is half there and pull again:', 'crictl rmi IMAGE; crictl pull IMAGE'),
      remedy(
        'If it happens with this image only, its layer is damaged or of a compression that this runtime does not know.',
      ),
    ],
  },
  {
    id: 'filesystem-error',
    layer: 'node',
    scenario: 7,
    title: "The node's file system refuses to be written",
    fixedBy: 'node',
    proof: "The runtime's own words: read-only, not permitted, or an input/output error.",
    say: ({ detail }) => `The runtime cannot write where it keeps images${detail === undefined ? '' : ` (${detail})`}.`,
    remedies: () => [
      remedy("Look at the mount and at the kernel's messages:", 'findmnt -T /var/lib/containerd; dmesg | tail -50'),
    ],
  },
];

/** Full, or too full for this image. */
function diskFull(view: View): Match[] {
  const needed = imageBytes(view);
  return probesOf(view, 'disk').flatMap(({ id, facts }): Match[] => {
    const { path, freeBytes, freeInodes, totalInodes } = facts;
    const base = { severity: 'fault' as const, evidence: [id], endpoint: null, host: null };
    const say = (detail: string, confidence: Match['confidence']): Match[] => [
      { ...base, confidence, args: { path, detail } },
    ];
    if (freeBytes < leastBytes) return say(`${bytes(freeBytes)} are free`, 'proven');
    if (totalInodes > 0 && freeInodes === 0) return say('no inode is free, though bytes are', 'proven');
    if (needed !== null && needed > freeBytes && !present(view)) {
      return say(
        `${bytes(freeBytes)} are free, and this image's layers take ${bytes(needed)} before they are unpacked`,
        'likely',
      );
    }
    return [];
  });
}

function present(view: View): boolean {
  return probesOf(view, 'image').some((probe) => probe.facts.present === true);
}

function imageBytes(view: View): number | null {
  for (const [endpoint] of view.plan.endpoints.entries()) {
    const { image } = requestsOf(view, endpoint);
    if (image !== null) return image.facts.layers.reduce((sum, layer) => sum + layer.size, 0);
  }
  return null;
}

/** `12.3 MiB`. */
function bytes(count: number): string {
  if (count < 1024) return `${count} bytes`;
  const units = ['KiB', 'MiB', 'GiB', 'TiB'];
  let value = count / 1024;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value.toFixed(value < 10 ? 1 : 0)} ${units[unit]}`;
}
