import type { FleetReport } from '../../api/fleet-report.ts';
import type { Frozen } from '../../api/schema.ts';
import type { Env } from '../../lib/env.ts';
import type { Log } from '../../lib/log.ts';
import { newestReport, writeReport } from '../../lib/report/files.ts';
import type { Result } from '../../lib/result.ts';
import { type KeepTimes, openKept } from '../kept.ts';
import type { StoreFailure } from '../parts.ts';
import { fleetHtml } from './fleet-html.ts';
import { fleetMarkdown } from './fleet-markdown.ts';
import type { ReportMaker } from './report-maker.ts';

/** What the reporter needs. The settings may change while it works. */
export interface FleetReporterNeeds {
  readonly env: Env;
  readonly log: Log;
  readonly make: ReportMaker;
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

/** One report serves everybody who asks within this time: it reads all nodes. Of a large fleet, which takes long, a while more. */
const keepTimes: KeepTimes = { freshMs: () => 2000, staleMs: (tookMs) => (tookMs < 20 ? 2000 : 6000) };

/** After a failure the folder is tried again this much later. */
const againMs = 300_000;

/** In the names of its files. */
const filesOf = 'fleet';

/** Makes it, and writes the reports that are due from then on. */
export function openFleetReporter(needs: FleetReporterNeeds): FleetReporter {
  const { env, log, make, tickMs = 10_000, settleMs = 120_000 } = needs;
  let tryAt = env.monotonic() + settleMs;
  let writing: Promise<void> | null = null;
  let trouble: string | null = null;
  let stopped = false;
  /** Of this process, by the clock that nobody sets. */
  let writtenAt: number | null = null;
  const shared = openKept<Awaited<ReturnType<FleetReporter['report']>>>(env, keepTimes, ({ ok }) => ok);

  const build = (spanMs: number): ReturnType<FleetReporter['report']> =>
    make({ spanMs, reportTrouble: troubleNow(needs.settings(), trouble) });

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
    report: () => shared.get('asked', () => build(askedMs)),
    async stop() {
      stopped = true;
      clearInterval(timer);
      await writing;
    },
  };
}

function troubleNow(settings: ReturnType<FleetReporterNeeds['settings']>, trouble: string | null): string | null {
  if (settings.schedule === 'off') return null;
  if (settings.directory === null)
    return 'report.schedule is set and report.directory is not: there is no place to write them.';
  return trouble;
}
