import { limits } from '../lib/limits.ts';
import { redactText } from '../lib/redact.ts';
import type { CauseId } from '../model/cause-id.ts';
import { findImage, findPlace, findRegistry, type Place, withoutNames } from './place.ts';
import { type Reading, readInPlace } from './readings.ts';
import { counts, mayMatter } from './relevance.ts';
import type { Confidence, Rule } from './rule.ts';
import { rules } from './rules.ts';
import { type Unwrapped, unwrap } from './unwrap.ts';

/** What a text about a failing pull means. */
export interface Explanation {
  readonly cause: CauseId;
  readonly confidence: Confidence;
  /** What the same text can mean too, likelier ones first; never the cause itself. */
  readonly alternatives: readonly CauseId[];
  /** The image as the text names it. */
  readonly image: string | null;
  /** The host that the failing step talked to. */
  readonly registry: string | null;
  /** Of a cause that carries another (`blob-unreachable`, `sandbox-image-unavailable`, …): the other. */
  readonly underlying: CauseId | null;
  /** The error that everything else wraps, without the secrets of URLs. */
  readonly innermost: string;
  /** The rule that matched. */
  readonly rule: string;
  /** What the rule captured: `nameserver`, `address`, `status`, `notAfter`, …, and `mirrorOf`. */
  readonly details: Readonly<Record<string, string>>;
}

/**
 * What a pod event, a log line of the kubelet or a runtime, or an error of crictl, ctr, docker or podman means. Null:
 * the text is not about a failing pull. A failing pull without a known reason is `unknown`; never a guess.
 */
export function explainMessage(text: string): Explanation | null {
  const bounded = bound(text);
  if (!mayMatter(bounded)) return null;
  const message = unwrap(bounded);
  return message.attempts.length > 1 ? explainAttempts(message) : explainOne(message);
}

/** The middle of an overlong text is left out: who speaks stands at its beginning, the innermost error at its end. */
function bound(text: string): string {
  const half = limits.explainedChars / 2;
  return text.length <= limits.explainedChars ? text : `${text.slice(0, half)} … ${text.slice(-half)}`;
}

/** The kubelet tried several credentials: what the registry said about the image beats what happened on the way. */
function explainAttempts(message: Unwrapped): Explanation | null {
  const explained = message.attempts
    .map((attempt) => explainOne({ ...unwrap(attempt), logged: message.logged }, message.whole))
    .filter((explanation) => explanation !== null);
  const chosen =
    explained.find(({ cause }) => answers.has(cause)) ??
    explained.find(({ cause }) => cause !== 'unknown') ??
    explained[0];
  if (chosen === undefined) return explainOne({ ...message, attempts: [] });
  const image = findImage(message.whole, message.image) ?? chosen.image;
  // With several attempts there were several credentials, so none of them was missing.
  if (chosen.cause !== 'credentials-missing') return { ...chosen, image };
  const alternatives: readonly CauseId[] = [
    'credentials-missing',
    ...chosen.alternatives.filter((other) => other !== 'credentials-rejected'),
  ];
  return { ...chosen, image, cause: 'credentials-rejected', alternatives };
}

/** Causes that are the registry's own answer about the image or the one who asks. */
const answers: ReadonlySet<CauseId> = new Set<CauseId>([
  'rate-limited',
  'credentials-missing',
  'credentials-rejected',
  'credentials-expired',
  'access-denied',
  'source-address-blocked',
  'repository-not-found',
  'repository-not-found-or-private',
  'tag-not-found',
  'platform-mismatch',
  'manifest-unsupported',
]);

function explainOne(message: Unwrapped, around: string = message.whole): Explanation | null {
  const place = findPlace(around, message.main);
  const named = findImage(message.whole, message.image);
  const found = firstMatch(withoutNames(message.main, named), around, message.logged);
  if (found === null && !place.sandbox) return null;

  const groups = found?.match.groups ?? {};
  const image = named ?? groups.image ?? null;
  const registry = findRegistry(message, place, message.host ?? groups.registry ?? null, image);
  const reading = readInPlace(found === null ? nothingSaid : baseOf(found.rule), {
    place,
    rule: found?.rule.id ?? 'sandbox',
    whole: message.whole,
    image,
    registry,
    mirrors: message.mirrors.length === 0 ? 'none' : message.upstreamSpoke ? 'beside-upstream' : 'alone',
  });
  return {
    cause: reading.cause,
    confidence: reading.confidence,
    alternatives: [...new Set(reading.alternatives)].filter((other) => other !== reading.cause),
    image,
    registry,
    underlying: reading.underlying,
    innermost: redactText(message.innermost),
    rule: found?.rule.id ?? 'sandbox',
    details: detailsOf(groups, place),
  };
}

const nothingSaid: Reading = { cause: 'unknown', confidence: 'possible', alternatives: [], underlying: null };

function baseOf(rule: Rule): Reading {
  return { cause: rule.cause, confidence: rule.confidence, alternatives: rule.alternatives ?? [], underlying: null };
}

function firstMatch(text: string, around: string, logged: boolean): { rule: Rule; match: RegExpExecArray } | null {
  for (const rule of rules) {
    const match = rule.pattern.exec(text);
    if (match !== null && counts(rule.scope, around, logged)) return { rule, match };
  }
  return null;
}

/** Groups that have a place of their own in an explanation. */
const placed = new Set(['image', 'registry']);

function detailsOf(groups: Readonly<Record<string, string | undefined>>, place: Place): Record<string, string> {
  const details: Record<string, string> = {};
  for (const [name, value] of Object.entries(groups)) {
    if (value !== undefined && value !== '' && !placed.has(name)) details[name] = redactText(value);
  }
  if (place.mirrorOf !== null) details.mirrorOf = place.mirrorOf;
  return details;
}
