import type { DoneProbe } from '../model/investigation.ts';
import type { IngestFacts, TransferFacts } from '../model/transfer-facts.ts';
import { probesOf, type View } from './view.ts';

/**
 * Silence that is no pause any more. A registry's storage and TCP's own retries take some seconds; a sender that rests
 * for longer than this has stopped for all that a person waits for.
 */
export const stallMs = 10_000;

/**
 * The same where only the file tells: containerd writes whole MiB (its copy fills a buffer of 1 MiB first:
 * core/content/helpers.go), so that 10 s without growth are 100 KiB/s. In a minute that is 17 KiB/s, at which 100 MiB take
 * more than an hour and a half.
 */
export const blindStallMs = 60_000;

/**
 * What a containerd reads that receives no content: questions over CRI, shims, cgroups. A transfer that is slower than
 * this counts as silent: a layer of 10 MiB would take hours.
 */
export const silentBytesPerSecond = 2048;

/** The namespace of everything that containerd does over CRI. */
const criNamespace = 'k8s.io';

/** True while a transfer has not changed for so long that it may have stalled. */
export function isStill(transfer: TransferFacts, nowMs: number): boolean {
  return inFlight(transfer) && transfer.grownBytes === 0 && nowMs - Date.parse(transfer.changedAt) >= stallMs;
}

/** Not all of it has come, and it is not known that nobody fetches it. */
function inFlight({ open, bytes, totalBytes }: TransferFacts): boolean {
  // What is complete is hashed, written out and put in its place, which takes a while for a large layer.
  return open !== false && (totalBytes === null || bytes < totalBytes);
}

/** A transfer that stands still. */
export interface Stall {
  readonly probe: DoneProbe<'ingest'>;
  /** The one that has been still for longest. */
  readonly transfer: TransferFacts;
  /** How many are still. */
  readonly count: number;
  readonly quietMs: number;
  /** Nothing at all comes; else the files say so alone. */
  readonly sure: boolean;
}

/** Digests of all that this image is made of, as far as manifests came. */
export function contentOf(view: View): ReadonlySet<string> {
  const digests = probesOf(view, 'manifest').flatMap(({ facts }) => [
    facts.digest,
    facts.chosen,
    facts.config?.digest ?? null,
    ...facts.layers.map(({ digest }) => digest),
  ]);
  return new Set([view.plan.image.digest, ...digests].filter((digest) => digest !== null));
}

/**
 * A pull whose content is in flight and stands still: this image's, or those of all others. Null: nothing is in flight, or
 * it moves, or it is not known whether anybody fetches it.
 */
export function stallOf(view: View, of: 'image' | 'others'): Stall | null {
  const own = contentOf(view);
  for (const probe of probesOf(view, 'ingest')) {
    const { facts } = probe;
    const flying = facts.transfers
      .filter(({ namespace }) => namespace === criNamespace)
      .filter(({ digest }) => (of === 'image') === (digest !== null && own.has(digest)))
      .filter((transfer) => inFlight(transfer) && fetched(view, facts, transfer, of));
    const quiet = flying.map((transfer) => ({ transfer, quietMs: quietOf(view, facts, transfer, of) }));
    quiet.sort((a, b) => b.quietMs - a.quietMs);
    const [longest] = quiet;
    const [shortest] = quiet.toReversed();
    // One layer that stands still while another comes is no stalled pull yet.
    if (longest === undefined || shortest === undefined || flying.some(({ grownBytes }) => grownBytes > 0)) continue;
    const { receivedBytes, watchedMs } = facts;
    const silent = receivedBytes !== null && receivedBytes <= (silentBytesPerSecond * watchedMs) / 1000;
    const certain = shortest.transfer.open === true && longest.transfer.open === true;
    const sure = silent && certain && shortest.quietMs >= stallMs;
    if (watchedMs === 0 || (!sure && shortest.quietMs < blindStallMs)) continue;
    return { probe, ...longest, count: quiet.length, sure };
  }
  return null;
}

/** Somebody fetches it: the process has it open, or that is not known and the journal says that the pull is under way. */
function fetched(view: View, facts: IngestFacts, { open, startedAt }: TransferFacts, of: 'image' | 'others'): boolean {
  if (open !== null) return open;
  // A pull that began before the runtime has died with its predecessor.
  const alive = facts.runtimeStartedAt !== null && startedAt !== null && startedAt >= facts.runtimeStartedAt;
  const journal = probesOf(view, 'journal')[0]?.facts;
  const told = of === 'image' ? journal?.underWay === true : (journal?.others?.length ?? 0) > 0;
  return alive && told;
}

/** Since its last bytes, or since somebody fetches it, whichever is later. */
function quietOf(view: View, facts: IngestFacts, transfer: TransferFacts, of: 'image' | 'others'): number {
  const journal = of === 'image' ? probesOf(view, 'journal')[0]?.facts : undefined;
  const times = [transfer.changedAt, facts.runtimeStartedAt, journal?.underWaySince ?? null];
  const since = Math.max(...times.map((time) => (time === null ? 0 : Date.parse(time))));
  return Math.max(0, Date.parse(facts.lookedAt) - since);
}

/** Bytes in a second from its beginning to its last bytes; null: it says nothing. */
export function speedOf({ bytes, startedAt, changedAt }: TransferFacts): number | null {
  const took = startedAt === null ? 0 : Date.parse(changedAt) - Date.parse(startedAt);
  return took < 100 || bytes === 0 ? null : (bytes * 1000) / took;
}
