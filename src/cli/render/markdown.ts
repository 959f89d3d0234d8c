import type { Investigation, PlanDocument } from '../../model/investigation.ts';

/** The document as Markdown. */
export function renderMarkdown(document: Investigation): string {
  return JSON.stringify(document, null, 1);
}

/** The plan as Markdown. */
export function renderPlanMarkdown(document: PlanDocument): string {
  return JSON.stringify(document, null, 1);
}
