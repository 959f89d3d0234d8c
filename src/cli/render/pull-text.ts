import type { PullDocument } from '../../model/investigation.ts';
import type { Style } from './style.ts';

/** The document as text. */
export function renderPullText(document: PullDocument, _style: Style): string {
  return JSON.stringify(document, null, 1);
}

/** The document as Markdown. */
export function renderPullMarkdown(document: PullDocument): string {
  return JSON.stringify(document, null, 1);
}
