import { requestsOf } from '../evidence/requests.ts';
import { probesOf, type View } from '../evidence/view.ts';
import type { DiskFacts } from '../model/facts.ts';
import type { PlacedSetting } from '../model/plan.ts';
import { matchBreaks } from './break-match.ts';
import { type Cause, type CauseArgs, type Match, remedy } from './cause.ts';
import { clockSkew, skewWords } from './clock.ts';
import { unpackFails } from './unpack.ts';

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
    proof:
      "A layer's first bytes are read: they are no archive in a form that the runtime unpacks. Else the runtime's own words: the layer came, and applying it failed.",
    say: ({ detail }) => `A layer arrived and cannot be unpacked${detail === undefined ? '' : ` (${detail})`}.`,
    remedies: ({ image }) => [
      remedy(
        'If it happens with this image only, its layer is damaged, or packed in a way that this runtime does not know: build and push it again.',
      ),
      remedy(
        'Else take away what is half there and pull again:',
        `crictl rmi ${image ?? 'IMAGE'}; crictl pull ${image ?? 'IMAGE'}`,
      ),
    ],
    match: unpackFails,
  },
  {
    id: 'filesystem-error',
    layer: 'node',
    scenario: 7,
    title: "The node's file system refuses to be written",
    fixedBy: 'node',
    proof:
      "The mounts that the runtime's process sees are read: the one that holds images is read-only. Else the runtime's own words: not permitted, or an input/output error.",
    say: ({ path, detail }) =>
      `The runtime cannot write where it keeps images${path === undefined ? '' : `, ${path}`}${detail === undefined ? '' : ` (${detail})`}.`,
    remedies: ({ path }) => [
      remedy(
        "Look at the mount and at the kernel's messages:",
        `findmnt -T ${path ?? '/var/lib/containerd'}; dmesg | tail -50`,
      ),
      remedy(
        'A file system that the kernel made read-only after an error needs a check (fsck) while it is not mounted, and perhaps another disk; until then drain the node.',
      ),
    ],
    match: readOnly,
  },
];

/** Every mount once, though several folders of the runtime lie on it. */
function byFileSystem(view: View): { readonly ids: readonly string[]; readonly facts: DiskFacts }[] {
  const groups = new Map<string, { ids: string[]; facts: DiskFacts }>();
  for (const { id, facts } of probesOf(view, 'disk')) {
    const key = `${facts.mount?.point} ${facts.totalBytes} ${facts.freeBytes} ${facts.totalInodes} ${facts.freeInodes}`;
    const known = groups.get(key);
    if (known === undefined) groups.set(key, { ids: [id], facts });
    else known.ids.push(id);
  }
  return [...groups.values()];
}

/** No probe writes: that a mount is read-only is in the kernel's own table. */
function readOnly(view: View): Match[] {
  return byFileSystem(view).flatMap(({ ids, facts }): Match[] => {
    const { path, mount } = facts;
    if (mount === undefined || mount.readOnly === null) return [];
    const what = `the ${mount.type} file system at ${mount.point}`;
    const detail = mount.emergency
      ? `the kernel met an error in ${what} and writes to it no more`
      : mount.readOnly === 'mount'
        ? `${what} is mounted read-only there`
        : `${what} is read-only`;
    return [
      { confidence: 'proven', severity: 'fault', evidence: ids, endpoint: null, host: null, args: { path, detail } },
    ];
  });
}

/** Full, too full for this image, or soon full. */
function diskFull(view: View): Match[] {
  const needed = imageBytes(view);
  return byFileSystem(view).flatMap(({ ids, facts }): Match[] => {
    const { path, freeBytes, freeInodes, totalInodes } = facts;
    const base = { severity: 'fault' as const, evidence: ids, endpoint: null, host: null };
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
    const soon = nearlyFull(facts, present(view) ? null : needed, view.plan.kubelet.imageGCHighThresholdPercent);
    return soon === null ? [] : [{ ...base, severity: 'degraded', args: { path, detail: soon.why }, ...soon }];
  });
}

/**
 * What will stop pulls before long. The kubelet looks at the use of the image file system as a whole number of percent,
 * 100 less what is free (pkg/kubelet/images/image_gc_manager.go); from imageGCHighThresholdPercent on it removes images,
 * and its default eviction limits are 15 % of the bytes and 5 % of the inodes (imagefs.available, imagefs.inodesFree).
 */
function nearlyFull(
  { path, totalBytes, freeBytes, totalInodes, freeInodes }: DiskFacts,
  needed: number | null,
  threshold: PlacedSetting<number> | undefined,
): { readonly why: string; readonly summary: string; readonly confidence: Match['confidence'] } | null {
  const of = `The file system that holds images (${path})`;
  const used = totalBytes === 0 ? 0 : 100 - Math.floor((100 * freeBytes) / totalBytes);
  if (needed !== null && needed * unpackedTimes > freeBytes) {
    const why = `${bytes(freeBytes)} are free, and this image's layers take ${bytes(needed)} packed and about twice as much again unpacked`;
    return { why, summary: `${of} may be too small for this image: ${why}.`, confidence: 'possible' };
  }
  const { value: most, source } = threshold ?? { value: gcThresholdPercent, source: 'default' };
  if (used >= most) {
    const why = `${used} % are used`;
    const set = source === 'default' ? '' : ` (${source})`;
    const then = `From ${most} %${set} on the kubelet removes images that no container uses, and evicts pods when that is not enough`;
    return {
      why,
      summary: `${of} is nearly full: ${why}, ${bytes(freeBytes)} are free. ${then}.`,
      confidence: 'proven',
    };
  }
  if (totalInodes > 0 && freeInodes / totalInodes < leastInodesFree) {
    const why = `${Math.floor(100 - (100 * freeInodes) / totalInodes)} % of the inodes are used`;
    const then = 'Below 5 % free the kubelet evicts pods; its collection of images counts bytes, not inodes';
    return { why, summary: `${of} is nearly out of inodes: ${why}. ${then}.`, confidence: 'proven' };
  }
  return null;
}

/** imageGCHighThresholdPercent's default, and what the default eviction limit imagefs.available<15% amounts to. */
const gcThresholdPercent = 85;
/** The default eviction limit imagefs.inodesFree. */
const leastInodesFree = 0.05;
/** A layer is kept packed and unpacked: once, and twice as much again for what gzip saves on programs and libraries. */
const unpackedTimes = 3;

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
