import { originOf, partyName } from '../evidence/origin.ts';
import { blindStallMs, contentOf, speedOf, stallMs, stallOf } from '../evidence/transfers.ts';
import { probesOf, type View } from '../evidence/view.ts';
import { partWords, sizeWords, spanWords, speedWords } from '../lib/sizes.ts';
import type { TransferFacts } from '../model/facts.ts';
import type { DoneProbe } from '../model/investigation.ts';
import { type Cause, type Match, remedy } from './cause.ts';

/** How a pull goes whose every hop works: it stands still, is too slow, or was ended from outside. */
export const transferCauses: readonly Cause[] = [
  {
    id: 'pull-timeout',
    layer: 'blob',
    scenario: 3,
    title: 'The pull is too slow for its deadline',
    fixedBy: 'network',
    proof:
      "The content store is watched during a real pull: bytes come until the deadline. Or the runtime's own words.",
    say: ({ host, detail }) =>
      `The pull from ${host ?? 'the registry'} does not end in time${detail === undefined ? '' : `: ${detail}`}.`,
    remedies: () => [
      remedy(
        'Measure the way to the registry; use a nearer mirror, a smaller image, or a longer deadline: --pull-deadline here, image_pull_progress_timeout of containerd, pull_progress_timeout of CRI-O.',
      ),
      remedy(
        "The kubelet has no deadline for pulls, and containerd's ends only pulls that move no bytes: a slow one gets there in the end.",
      ),
    ],
    match: tooSlow,
  },
  {
    id: 'pull-stalled',
    layer: 'blob',
    scenario: 3,
    title: 'A pull is under way and moves no bytes',
    fixedBy: 'network',
    proof:
      "The content store's files in flight are looked at twice: they do not grow, and the runtime's process, which has them open, reads nothing.",
    say: ({ host, detail }) =>
      `A pull from ${host ?? 'the registry'} is under way and moves no bytes${detail === undefined ? '' : `: ${detail}`}.`,
    remedies: ({ host, unit }) => [
      remedy(
        'End it, so that the kubelet pulls anew over a new connection: restart the runtime (containers go on running).',
        `systemctl restart ${unit ?? 'containerd'}`,
      ),
      remedy(
        `If it happens again: a firewall, NAT or proxy on the way forgets connections, or a server behind ${host ?? 'the registry'} stops sending. The connection and its timers:`,
        `ss -tnpo state established | grep ${unit ?? 'containerd'}`,
      ),
      remedy(
        'By itself containerd ends a silent pull after image_pull_progress_timeout (since 1.7; 1 minute at first, 5 now); containerd 1.6 waits for ever.',
      ),
    ],
    match: stalled,
  },
  {
    id: 'pull-canceled',
    layer: 'blob',
    scenario: 7,
    title: 'The node itself ended the pull',
    fixedBy: 'nobody',
    proof:
      'The runtime goes away in the middle of a real pull and serves again; or its own words: the context was canceled.',
    say: ({ detail }) =>
      `The pull was ended by the node itself: a restart, a deletion, or the runtime's progress timeout${detail === undefined ? '' : ` (${detail})`}.`,
    remedies: () => [
      remedy('Pull again: nothing of the way was found broken.'),
      remedy(
        'Look at what happened at that time:',
        'journalctl -u containerd -u kubelet --since "-15min" | grep -iE "cancel|progress|Stopping|Started|starting"',
      ),
    ],
    match: (view) =>
      probesOf(view, 'pull').flatMap(({ id, facts }): Match[] =>
        facts.progress?.ended === 'runtime-restarted'
          ? [
              {
                ...local,
                confidence: 'proven',
                evidence: [id],
                args: {},
                summary: 'The pull was ended by the node itself: the runtime was restarted in the middle of it.',
              },
            ]
          : [],
      ),
  },
];

const local = { severity: 'fault', endpoint: null, host: null } as const;

/** Content of this image stands still now, or stood still when a real pull was given up. */
function stalled(view: View): Match[] {
  const pull = probesOf(view, 'pull')[0];
  // A pull that works shows that whatever stood still does not matter any more.
  if (pull?.status === 'ok') return [];
  const host = contentHost(view);
  const named = { ...local, host };
  const args = host === null ? {} : { host };
  const stall = stallOf(view, 'image');
  if (stall !== null) {
    const { probe, transfer, quietMs, count, sure } = stall;
    const detail = stallWords(transfer, quietMs, count, sure);
    const confidence = sure ? 'proven' : 'likely';
    return [{ ...named, confidence, evidence: [probe.id], args: { ...args, detail } }];
  }
  const progress = pull?.facts.progress;
  const [transfer] = ownTransfers(view);
  if (pull === undefined || progress === undefined || progress.quietMs === null || transfer === undefined) return [];
  const gaveUp = progress.ended === 'deadline' || /context canceled/.test(pull.facts.runtimeError ?? '');
  const sure = progress.exact && progress.quietMs >= stallMs;
  const unwritten = unwrittenMs(view, pull);
  if (!gaveUp || (!sure && unwritten < blindStallMs)) return [];
  const detail = stallWords(transfer, sure ? progress.quietMs : unwritten, ownTransfers(view).length, sure);
  return [{ ...named, confidence: sure ? 'proven' : 'likely', evidence: [pull.id], args: { ...args, detail } }];
}

/** How long nothing was written when a pull ended: a process that reads much else seems to receive bytes all the time. */
function unwrittenMs(view: View, pull: DoneProbe<'pull'>): number {
  const endedAt = (view.startedAtMs ?? 0) + pull.startedMs + pull.durationMs;
  const lastWrites = ownTransfers(view).map(({ changedAt }) => Date.parse(changedAt));
  const quiet = endedAt - Math.max(...lastWrites);
  return Number.isFinite(quiet) && quiet > 0 ? Math.min(quiet, pull.durationMs) : 0;
}

/** Bytes came until the deadline. */
function tooSlow(view: View): Match[] {
  const pull = probesOf(view, 'pull')[0];
  const progress = pull?.facts.progress;
  if (pull === undefined || progress?.ended !== 'deadline' || progress.movedBytes === 0) return [];
  if (stalled(view).length > 0) return [];
  const host = contentHost(view);
  const [transfer] = ownTransfers(view);
  const speed = progress.watchedMs < 1000 ? null : (progress.movedBytes * 1000) / progress.watchedMs;
  const parts = [
    `${sizeWords(progress.movedBytes)} came in ${spanWords(progress.watchedMs)}`,
    ...(speed === null ? [] : [speedWords(speed)]),
    ...(transfer === undefined
      ? []
      : [`${transferName(transfer)} is at ${partWords(transfer.bytes, transfer.totalBytes)}`]),
    `and --pull-deadline ended the pull`,
  ];
  // Whole MiB are written: a pause of some seconds before the end tells nothing, unless the process is seen to read.
  const sure = progress.quietMs !== null && progress.quietMs < stallMs;
  return [
    {
      ...local,
      host,
      confidence: sure ? 'proven' : 'likely',
      evidence: [pull.id],
      args: { ...(host === null ? {} : { host }), detail: parts.join(', ') },
      alternatives: sure ? [] : ['pull-stalled'],
    },
  ];
}

/** What a failed pull had in flight of this image, the least complete first; all that it had where no manifest came. */
function ownTransfers(view: View): TransferFacts[] {
  const content = contentOf(view);
  const transfers = probesOf(view, 'pull')[0]?.facts.progress?.transfers ?? [];
  const open = (one: TransferFacts): number => (one.totalBytes ?? Number.MAX_SAFE_INTEGER) - one.bytes;
  return transfers
    .filter(({ digest }) => content.size === 0 || (digest !== null && content.has(digest)))
    .toSorted((a, b) => open(b) - open(a));
}

/** `layer sha256:0123456789ab stands at 2.0 of 4.0 MiB since 25 s, before at 1.1 MiB/s`. */
export function stallWords(transfer: TransferFacts, quietMs: number, count: number, sure: boolean): string {
  const speed = speedOf(transfer);
  const others = count > 1 ? ` (and ${count - 1} more)` : '';
  const before = speed === null ? '' : `; before, ${speedWords(speed)} came`;
  const amount = sure ? '' : ', at most 1 MiB came';
  return `${transferName(transfer)}${others} stands at ${partWords(transfer.bytes, transfer.totalBytes)} for ${spanWords(quietMs)}${amount}${before}`;
}

/** `layer sha256:0123456789ab`. */
function transferName({ ref, digest }: TransferFacts): string {
  const kind = /^[a-z]+/.exec(ref)?.[0] ?? 'content';
  return digest === null ? kind : `${kind} ${digest.replace(/^([a-z0-9]+:[0-9a-f]{12})[0-9a-f]+$/, '$1')}`;
}

/** Who sends the layers: the last of a layer's redirects at the first endpoint that serves, else the first endpoint. */
function contentHost(view: View): string | null {
  const layer = probesOf(view, 'blob').find(
    ({ status, facts, counterfactual }) =>
      status === 'ok' && facts.part === 'layer' && facts.next === null && !counterfactual,
  );
  const url = layer?.facts.url ?? view.plan.endpoints.find(({ blocked }) => !blocked)?.url;
  const origin = url === undefined ? null : originOf(url);
  return origin === null ? null : partyName(origin);
}
