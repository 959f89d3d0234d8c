import type { FleetReport } from '../../api/fleet-report.ts';
import type { Frozen } from '../../api/schema.ts';
import type { Env } from '../../lib/env.ts';
import { ok, type Result } from '../../lib/result.ts';
import type { Page, PageQuery, Store, StoreFailure } from '../parts.ts';
import { fleetRules } from '../rules.ts';
import { fleetReport, worstFirst } from './fleet-report.ts';

/** What the maker needs. */
export interface ReportMakerNeeds {
  readonly env: Env;
  readonly store: Pick<Store, 'standing' | 'registries' | 'nodes' | 'recovered'>;
  /** Of the collector. */
  readonly version: string;
  readonly startedAt: number;
}

/** A report as of now. */
export type ReportMaker = (asked: {
  /** What it covers, milliseconds before now. */
  readonly spanMs: number;
  /** As in `FleetReportInput`. */
  readonly reportTrouble: string | null;
}) => Promise<Result<Frozen<FleetReport>, StoreFailure>>;

/** Longest lists that are read for one report. */
const most = { incidents: 1000, registries: 1000, nodes: 20_000 } as const;

/** Reads the whole fleet for each report. */
export function openReportMaker({ env, store, version, startedAt }: ReportMakerNeeds): ReportMaker {
  return async ({ spanMs, reportTrouble }) => {
    const now = env.now();
    const from = now - spanMs;
    const heardSince = now - fleetRules.silentAfterMs;
    const standing = await store.standing(from);
    if (!standing.ok) return standing;
    const registries = await all(most.registries, (page) => store.registries(page));
    if (!registries.ok) return registries;
    const nodes = await all(most.nodes, (page) => store.nodes({ ...page, heardSince }));
    if (!nodes.ok) return nodes;
    const totals = await store.recovered(from);
    const documents = standing.value.map(({ document }) => document);
    const open = documents.filter(({ state }) => state === 'open');
    const closed = documents.filter(({ state }) => state === 'closed');
    const cut = [
      ...(open.length > most.incidents ? ['open incidents'] : []),
      ...(closed.length > most.incidents ? ['closed incidents'] : []),
      ...(registries.value.more ? ['registries'] : []),
      ...(nodes.value.more ? ['nodes'] : []),
    ];
    return ok(
      fleetReport({
        ...{ now, from, version, startedAt, cut, reportTrouble },
        open: open.toSorted(worstFirst).slice(0, most.incidents),
        closed: closed.toSorted((a, b) => ((a.closedAt ?? '') < (b.closedAt ?? '') ? 1 : -1)).slice(0, most.incidents),
        registries: registries.value.items,
        nodes: nodes.value.items,
        totals: totals.ok ? totals.value : null,
      }),
    );
  };
}

/** All items of a list, up to `bound`; `more`: there are more. */
async function all<T>(
  bound: number,
  ask: (page: PageQuery) => Promise<Result<Page<T>, StoreFailure>>,
): Promise<Result<{ readonly items: readonly T[]; readonly more: boolean }, StoreFailure>> {
  const items: T[] = [];
  for (let cursor: string | null = null; ; ) {
    const page: Result<Page<T>, StoreFailure> = await ask({ limit: 500, cursor });
    if (!page.ok) return page;
    items.push(...page.value.items);
    cursor = page.value.cursor;
    if (cursor === null || items.length >= bound) return ok({ items: items.slice(0, bound), more: cursor !== null });
  }
}
