import type { Investigation } from '../../model/investigation.ts';
import type { Style } from './style.ts';

/** The document as text. */
export function renderText(document: Investigation, _style: Style): string {
  return JSON.stringify(document, null, 1);
}
