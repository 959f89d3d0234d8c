import type { FleetReport } from '../../api/fleet-report.ts';
import type { Frozen } from '../../api/schema.ts';
import type { Env } from '../../lib/env.ts';
import type { Log } from '../../lib/log.ts';
import { newestReport, writeReport } from '../../lib/report/files.ts';
import { ok, type Result } from '../../lib/result.ts';
import type { Page, PageQuery, Store, StoreFailure } from '../parts.ts';
import { fleetRules } from '../rules.ts';
import { fleetHtml } from './fleet-html.ts';
import { fleetMarkdown } from './fleet-markdown.ts';
import { fleetReport, worstFirst } from './fleet-report.ts';

/** What the reporter needs. The settings may change while it works. */
export interface FleetReporterNeeds {
  readonly env: Env;
  readonly log: Log;
  readonly store: Pick<Store, 'standing' | 'registries' | 'nodes' | 'recovered'>;
  /** Of the collector. */
  readonly version: string;
  readonly startedAt: number;
  readonly settings: () => {
    readonly schedule: 'off' | 'hourly' | 'daily' | 'weekly';
    readonly directory: string | null;
    /** Reports that are kept. */
    readonly keep: number;
  };
  /** Between two looks whether one is due. */
  readonly tickMs?: number;
  /** A report that is due at the start waits so long, until agents have reported. */
  readonly settleMs?: number;
}

/** Makes reports, asked for and by itself. */
export interface FleetReporter {
  /** As of now, of the last 24 hours. Who asks at the same time shares one. */
  readonly report: () => Promise<Result<Frozen<FleetReport>, StoreFailure>>;
  /** Ends the timer; what is being written is written to its end. */
  readonly stop: () => Promise<void>;
}

const hourMs = 3_600_000;
const periods = { hourly: hourMs, daily: 24 * hourMs, weekly: 7 * 24 * hourMs } as const;

/** What a report that somebody asks for covers. */
const askedMs = 24 * hourMs;

/** One report serves everybody who asks within this time: it reads all nodes. */
const sharedMs = 2000;

/** After a failure the folder is tried again this much later. */
const againMs = 300_000;

/** Longest lists that are read for one report. */
const most = { incidents: 1000, registries: 1000, nodes: 20_000 } as const;

/** In the names of its files. */
const filesOf = 'fleet';

/** Makes it, and writes the reports that are due from then on. */
export function openFleetReporter(needs: FleetReporterNeeds): FleetReporter {
  const { env, log, store, tickMs = 10_000, settleMs = 120_000 } = needs;
  let tryAt = env.monotonic() + settleMs;
  let writing: Promise<void> | null = null;
  let trouble: string | null = null;
  let stopped = false;
  /** Of this process, by the clock that nobody sets. */
  let writtenAt: number | null = null;
  let shared: { readonly at: number; readonly report: ReturnType<FleetReporter['report']> } | null = null;

  const build = async (spanMs: number): ReturnType<FleetReporter['report']> => {
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
        now,
        from,
        version: needs.version,
        startedAt: needs.startedAt,
        open: open.toSorted(worstFirst).slice(0, most.incidents),
        closed: closed.toSorted((a, b) => ((a.closedAt ?? '') < (b.closedAt ?? '') ? 1 : -1)).slice(0, most.incidents),
        registries: registries.value.items,
        nodes: nodes.value.items,
        totals: totals.ok ? totals.value : null,
        cut,
        reportTrouble: troubleNow(needs.settings(), trouble),
      }),
    );
  };

  const failed = (words: string, fields: Readonly<Record<string, string>>): void => {
    if (trouble !== words) log.warn('the report cannot be written', fields);
    trouble = words;
    tryAt = env.monotonic() + againMs;
  };

  const write = async (directory: string, spanMs: number, keep: number): Promise<void> => {
    const at = env.now();
    const newest = await newestReport(directory, filesOf);
    // A report of the future is of a clock that was set back: what is left of its period is not known.
    if (newest !== null && at >= newest && at - newest < spanMs) return;
    if (writtenAt !== null && env.monotonic() - writtenAt < spanMs / 2) return;
    const report = await build(spanMs);
    if (!report.ok) return failed(`The store cannot be read: ${report.error.message}`, { error: report.error.message });
    const texts = {
      json: `${JSON.stringify(report.value, null, 2)}\n`,
      md: fleetMarkdown(report.value),
      html: fleetHtml(report.value),
    };
    const written = await writeReport(directory, filesOf, at, texts, keep);
    if (!written.ok)
      return failed(`${directory} cannot be written: ${written.error}.`, { directory, error: written.error });
    if (trouble !== null) log.info('reports are written again', { directory });
    trouble = null;
    writtenAt = env.monotonic();
    const { verdict, summary } = report.value;
    log.info('a report was written', { file: written.value[0], verdict, summary });
  };

  const tick = (): void => {
    const { schedule, directory, keep } = needs.settings();
    if (schedule === 'off' || directory === null || writing !== null || stopped || env.monotonic() < tryAt) return;
    writing = write(directory, periods[schedule], keep).finally(() => {
      writing = null;
    });
  };
  const timer = setInterval(tick, tickMs);

  return {
    report() {
      const now = env.monotonic();
      if (shared === null || now - shared.at >= sharedMs) shared = { at: now, report: build(askedMs) };
      return shared.report;
    },
    async stop() {
      stopped = true;
      clearInterval(timer);
      await writing;
    },
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

function troubleNow(settings: ReturnType<FleetReporterNeeds['settings']>, trouble: string | null): string | null {
  if (settings.schedule === 'off') return null;
  if (settings.directory === null)
    return 'report.schedule is set and report.directory is not: there is no place to write them.';
  return trouble;
}
