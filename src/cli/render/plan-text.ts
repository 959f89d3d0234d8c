import type { PlanDocument } from '../../model/investigation.ts';
import type { Style } from './style.ts';

/** The document as text. */
export function renderPlanText(document: PlanDocument, _style: Style): string {
  return JSON.stringify(document, null, 1);
}
