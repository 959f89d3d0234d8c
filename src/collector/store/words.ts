import { type CauseId, causeIds, type Layer, layers } from '../../model/cause-id.ts';
import type { Confidence, Verdict } from '../../model/investigation.ts';
import type { CheckedBatch } from '../parts.ts';

const knownCauses: ReadonlyMap<string, CauseId> = new Map(causeIds.map((id) => [id, id]));
const knownLayers: ReadonlyMap<string, Layer> = new Map(layers.map((layer) => [layer, layer]));
const knownVerdicts: ReadonlyMap<string, Verdict> = new Map(
  (['healthy', 'degraded', 'faulty', 'inconclusive'] as const).map((verdict) => [verdict, verdict]),
);
const knownConfidences: ReadonlyMap<string, Confidence> = new Map(
  (['proven', 'likely', 'possible'] as const).map((confidence) => [confidence, confidence]),
);

/** A cause as an agent says it: one that only a later version knows is `unknown` here. */
export function causeWord(word: string | null): CauseId | null {
  return word === null ? null : (knownCauses.get(word) ?? 'unknown');
}

/** A layer; null for one that is not known here. */
export function layerWord(word: string | null): Layer | null {
  return word === null ? null : (knownLayers.get(word) ?? null);
}

/** A verdict as it was stored. */
export function verdictWord(word: string): Verdict {
  return knownVerdicts.get(word) ?? 'inconclusive';
}

/** A confidence as it was stored. */
export function confidenceWord(word: string | null): Confidence | null {
  return word === null ? null : (knownConfidences.get(word) ?? null);
}

/** A node's clock is taken as right up to here: what the way of a batch takes looks like an offset too. */
const toleratedOffsetMs = 2000;

/** Looks are not older than what a spool keeps; a node whose clock stands at 1970 must not have its looks dropped at once. */
const oldestLookMs = 30 * 86_400_000;

/**
 * A time that a node says, by the collector's clock, milliseconds; null when it is none. Never after the batch came: a
 * clock that runs ahead must not make a look the newest for days.
 */
export function timeOf(text: string | null, { clockOffsetMs, receivedAt }: CheckedBatch): number | null {
  const said = text === null ? Number.NaN : Date.parse(text);
  if (Number.isNaN(said)) return null;
  const offset = clockOffsetMs !== null && Math.abs(clockOffsetMs) > toleratedOffsetMs ? clockOffsetMs : 0;
  return Math.round(Math.max(Math.min(said - offset, receivedAt), receivedAt - oldestLookMs));
}

/** A time that may lie in the future, such as a certificate's end; null when it is none. */
export function anyTimeOf(text: string | null | undefined): number | null {
  const said = typeof text === 'string' ? Date.parse(text) : Number.NaN;
  return Number.isNaN(said) ? null : said;
}

/** RFC 3339. */
export function rfc3339(at: number): string {
  return new Date(at).toISOString();
}
