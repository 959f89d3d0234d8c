import { setTimeout as sleep } from 'node:timers/promises';
import { isStill } from '../evidence/transfers.ts';
import { probesOf, type View } from '../evidence/view.ts';
import type { IngestFacts } from '../model/facts.ts';
import {
  type ContentStoreLook,
  defaultIngestFolder,
  ingestFolder,
  type StoredTransfer,
} from '../node/content-store.ts';
import type { ProbeContext } from './context.ts';
import type { Probe, ProbeInput } from './probe.ts';
import { transferFacts } from './transfer-watch.ts';

/** Between two looks: long enough to see bytes come, short beside the other probes. */
const glanceMs = 1000;

/** Where nothing came for a while, it is watched for so long: a slow sender may rest for a second or two. */
const watchMs = 5000;

/**
 * What containerd fetches right now, looked at twice: how far each layer is, when its last bytes came, whether more come.
 * CRI-O keeps nothing on the disk by which one could tell, so it is not looked at there.
 */
export const ingestProbe: Probe<'ingest', ProbeInput & { readonly folder: string }> = {
  kind: 'ingest',
  title: 'Content in flight',
  cost: 'free',
  budgetMs: watchMs + 2000,
  proves: {
    ok: 'what the runtime is fetching right now was seen, and whether bytes come',
    failed: 'never: a content store that cannot be looked at was not checked',
  },
  inputs: (view) => {
    const folder = ingestFolderOf(view);
    return folder === null
      ? []
      : [{ key: 'ingest', target: folder, hop: 'node', endpoint: null, counterfactual: false, folder }];
  },
  run: async ({ folder }, context, signal) => {
    const first = await context.lookAtTransfers(folder);
    if (!first.ok) return { status: 'skipped', message: words[first.error](folder) };
    const begun = context.env.monotonic();
    let last = first.value;
    const facts = (): IngestFacts => factsOf(folder, first.value, last, context.env.monotonic() - begun, context);
    const until = Math.min(watchMs, context.patience(watchMs));
    for (;;) {
      // What nobody has open does not move.
      const flying = last.transfers.filter(({ open }) => open !== false);
      const watched = context.env.monotonic() - begun;
      const enough = watched >= glanceMs && !facts().transfers.some((one) => isStill(one, context.env.now()));
      if (flying.length === 0 || enough || watched >= until || signal.aborted) break;
      await sleep(Math.min(glanceMs, until - watched), undefined, { signal }).catch(() => undefined);
      const next = await context.lookAtTransfers(folder);
      if (!next.ok) break;
      last = next.value;
    }
    return { status: 'ok', error: null, facts: facts() };
  },
};

/** Where this node's containerd fetches to, as it told of itself; null: it is no containerd, or did not tell. */
export function ingestFolderOf(view: View): string | null {
  const runtime = probesOf(view, 'runtime').find(({ status }) => status === 'ok');
  const mounts = runtime?.facts.imageFileSystems ?? [];
  if (runtime?.facts.name !== 'containerd' || mounts.length === 0) return null;
  return mounts.map(ingestFolder).find((one) => one !== null) ?? defaultIngestFolder;
}

const words = {
  absent: (folder: string) => `${folder} is not here: nothing was pulled yet, or it lies elsewhere.`,
  denied: (folder: string) => `This user may not look into ${folder}.`,
  failed: (folder: string) => `${folder} cannot be looked at.`,
};

function factsOf(
  path: string,
  first: ContentStoreLook,
  last: ContentStoreLook,
  watchedMs: number,
  { env, runtimeProcess }: Pick<ProbeContext, 'env' | 'runtimeProcess'>,
): IngestFacts {
  const before = new Map<string, StoredTransfer>(first.transfers.map((one) => [one.id, one]));
  const read = last.readBytes !== null && first.readBytes !== null ? last.readBytes - first.readBytes : null;
  const startedAtMs = runtimeProcess?.startedAtMs ?? null;
  return {
    path,
    watchedMs: last === first ? 0 : Math.round(watchedMs),
    lookedAt: new Date(env.now()).toISOString(),
    receivedBytes: last === first || read === null ? null : Math.max(0, read),
    runtimeStartedAt: startedAtMs === null ? null : new Date(startedAtMs).toISOString(),
    transfers: last.transfers.map((one) => transferFacts(one, before.get(one.id)?.bytes ?? 0)),
    more: last.more,
  };
}
