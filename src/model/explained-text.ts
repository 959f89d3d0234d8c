import type { CauseId, Layer } from './cause-id.ts';
import type { Confidence, Remedy } from './investigation.ts';

/** What a text means: `pullwhy explain` (contract.md, section 3). `cause` null: it is not about a failing pull. */
export interface ExplainedText {
  /** On one line, control characters neutralised, clipped. */
  readonly text: string;
  readonly cause: CauseId | null;
  readonly confidence: Confidence | null;
  readonly layer: Layer | null;
  readonly image: string | null;
  /** The host that the failing step talked to. */
  readonly registry: string | null;
  readonly underlying: CauseId | null;
  readonly summary: string;
  readonly remedies: readonly Remedy[];
  /** What the same text can mean too, likelier ones first. */
  readonly alternatives: readonly CauseId[];
}
