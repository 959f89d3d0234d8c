import type { NodeReport } from '../../api/report.ts';

/** Filled in below. */
export function reportHtml(report: NodeReport): string {
  return `<!doctype html><title>${report.verdict}</title>`;
}
