import type { PodRow, RegistryRow } from '../../api/node.ts';
import type { NodeReport } from '../../api/report.ts';
import type { Env } from '../../lib/env.ts';
import type { Log } from '../../lib/log.ts';
import { writeReport } from '../../lib/report/files.ts';
import type { NodeHealth } from '../health/health.ts';
import type { Incident, Reporter, SourceState } from '../parts.ts';
import { nodeReport } from './node-report.ts';
import { reportHtml } from './report-html.ts';
import { reportMarkdown } from './report-markdown.ts';

/** How often a report is written by itself. */
export type ReportSchedule = 'off' | 'hourly' | 'daily' | 'weekly';

/** What the reporter needs. The settings may change while it works. */
export interface ReporterNeeds {
  readonly env: Env;
  readonly log: Log;
  readonly node: string;
  /** Of the agent. */
  readonly version: string;
  readonly startedAt: number;
  readonly incidents: () => readonly Incident[];
  /** Incidents that ended since then. */
  readonly past: (from: number) => readonly Incident[];
  readonly rows: () => readonly PodRow[];
  readonly registries: () => readonly RegistryRow[];
  readonly local: () => NodeHealth;
  readonly sources: () => readonly SourceState[];
  /** Why nothing is kept over restarts; null: it is. */
  readonly trouble: () => string | null;
  readonly lastTime: (name: string) => number | null;
  readonly saveTime: (name: string, at: number) => void;
  readonly settings: () => {
    readonly schedule: ReportSchedule;
    readonly directory: string | null;
    /** Reports that are kept. */
    readonly keep: number;
  };
}

const hourMs = 3_600_000;
const periods: Readonly<Record<Exclude<ReportSchedule, 'off'>, number>> = {
  hourly: hourMs,
  daily: 24 * hourMs,
  weekly: 7 * 24 * hourMs,
};

/** What a report that somebody asks for covers. */
const askedMs = 24 * hourMs;

/** A report that is due at the start waits until registries have been checked. */
const settleMs = 120_000;

/** After a failure the folder is tried again this much later. */
const againMs = 300_000;

const scheduleName = 'report';

/** Makes it. `tick` writes the report that is due; `report` gives one at any time. */
export function openReporter(needs: ReporterNeeds): Reporter & { readonly tick: () => void } {
  const { env, log, node, version, startedAt } = needs;
  const from = env.monotonic() + settleMs;
  let tryAt = from;
  let writing: Promise<void> | null = null;
  let trouble: string | null = null;
  let stopped = false;

  const build = (spanMs: number): NodeReport => {
    const now = env.now();
    return nodeReport({
      node,
      now,
      from: now - spanMs,
      version,
      startedAt,
      incidents: needs.incidents(),
      past: needs.past(now - spanMs),
      rows: needs.rows(),
      registries: needs.registries(),
      health: needs.local(),
      sources: needs.sources(),
      stateTrouble: needs.trouble(),
      reportTrouble: troubleNow(needs.settings(), trouble),
    });
  };

  const write = async (directory: string, spanMs: number, keep: number): Promise<void> => {
    const at = env.now();
    const report = build(spanMs);
    const texts = {
      json: `${JSON.stringify(report, null, 2)}\n`,
      md: reportMarkdown(report),
      html: reportHtml(report),
    };
    const written = await writeReport(directory, node, at, texts, keep);
    if (written.ok) {
      if (trouble !== null) log.info('reports are written again', { directory });
      trouble = null;
      needs.saveTime(scheduleName, at);
      log.info('a report was written', { file: written.value[0], verdict: report.verdict, summary: report.summary });
      return;
    }
    const words = `${directory} cannot be written: ${written.error}.`;
    if (trouble !== words) log.warn('the report cannot be written', { directory, error: written.error });
    trouble = words;
    tryAt = env.monotonic() + againMs;
  };

  return {
    tick() {
      const { schedule, directory, keep } = needs.settings();
      if (schedule === 'off' || directory === null || writing !== null || stopped || env.monotonic() < tryAt) return;
      const now = env.now();
      const last = needs.lastTime(scheduleName);
      const period = periods[schedule];
      // A clock that was set back: the time that is left is not known, so it counts from now.
      if (last !== null && last > now) needs.saveTime(scheduleName, now);
      else if (last === null || now - last >= period) {
        writing = write(directory, period, keep).finally(() => {
          writing = null;
        });
      }
    },
    report: () => build(askedMs),
    async stop() {
      stopped = true;
      await writing;
    },
  };
}

function troubleNow(settings: ReturnType<ReporterNeeds['settings']>, trouble: string | null): string | null {
  if (settings.schedule === 'off') return null;
  if (settings.directory === null)
    return 'report.schedule is set and report.directory is not: there is no place to write them.';
  return trouble;
}
