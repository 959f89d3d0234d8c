import type { CheckShape, IncidentRecord } from '../../api/records.ts';
import type { Frozen } from '../../api/schema.ts';
import { causeOf } from '../../causes/index.ts';
import { list, nullable, Place, pair, text } from '../../lib/shape.ts';
import type { CauseId, Layer } from '../../model/cause-id.ts';
import type { Confidence, Remedy, Verdict } from '../../model/investigation.ts';
import type { CheckedBatch, Observation } from '../parts.ts';
import { jsonOf, keyOf, numberOf, textOf, textOrNull, unreadable } from './rows.ts';
import type { Row, Value } from './sql.ts';
import { anyTimeOf, causeWord, confidenceWord, layerWord, timeOf, verdictWord } from './words.ts';

/** A row of `pullwhy_observations`, in the order of its columns. */
export interface ObservationRow {
  readonly kind: Observation['kind'];
  /** As in the index. */
  readonly subject: string;
  readonly values: readonly Value[];
}

/** What of an observation no statement looks at: JSON in the row. */
interface Detail {
  readonly subject: string;
  readonly registry: string | null;
  readonly confidence: Confidence | null;
  readonly layer: Layer | null;
  readonly underlying: CauseId | null;
  readonly host: string | null;
  readonly summary: string;
  readonly remedies: readonly Remedy[];
  readonly owners: number;
  readonly since: number | null;
  readonly investigation: string | null;
}

/** The row of a check. */
export function checkRow(batch: CheckedBatch, check: Frozen<CheckShape>, version: bigint): ObservationRow {
  const cause = causeWord(check.cause);
  const { latencyMs, certificateNotAfter, rateLimit } = check;
  const spans = latencyMs ? [latencyMs.dns, latencyMs.tcp, latencyMs.tls, latencyMs.registry] : [];
  const known = spans.filter((span) => span !== null).filter(Number.isFinite);
  return rowOf(batch, version, {
    kind: check.of,
    verdict: check.verdict,
    cause,
    failing: check.verdict !== 'healthy',
    severity: severityOf(check.verdict, cause),
    pods: 0,
    at: timeOf(check.checkedAt, batch) ?? batch.receivedAt,
    measured: [
      known.length === 0 ? null : stepOf(known.reduce((sum, span) => sum + span, 0)),
      anyTimeOf(certificateNotAfter),
      rateLimit?.source == null ? null : keyOf(rateLimit.source),
      wholeOrNull(rateLimit?.limit),
      wholeOrNull(rateLimit?.remaining),
      null,
      null,
    ],
    detail: {
      subject: check.subject,
      registry: check.of === 'registry' ? check.subject : null,
      confidence: confidenceWord(check.confidence),
      layer: layerWord(check.layer),
      underlying: causeWord(check.underlying),
      host: check.host,
      summary: check.summary,
      remedies: [],
      owners: 0,
      since: timeOf(check.since, batch),
      investigation: null,
    },
  });
}

/** The row of an image that does not come to a node, or that came after all. */
export function imageRow(
  batch: CheckedBatch,
  { at, record: { incident } }: { readonly at: number; readonly record: Frozen<IncidentRecord> },
  version: bigint,
): ObservationRow {
  const open = incident.state === 'open';
  const cause = open ? causeWord(incident.cause) : null;
  // Pods that were deleted while they waited prove nothing: nobody knows whether the image would come now.
  const gone = !open && incident.endedBy === 'gone';
  const looked = timeOf(open ? incident.lastSeenAt : incident.endedAt, batch);
  return rowOf(batch, version, {
    kind: 'image',
    verdict: open ? 'faulty' : gone ? 'inconclusive' : 'healthy',
    cause,
    failing: open,
    severity: gone ? -1 : !open ? 0 : cause === null ? 1 : severityOf('faulty', cause),
    pods: open ? incident.pods : 0,
    at: looked ?? timeOf(new Date(at).toISOString(), batch) ?? batch.receivedAt,
    measured: [
      null,
      null,
      null,
      null,
      null,
      open ? null : (incident.endedBy ?? 'nobody'),
      open ? null : incident.secondsGained,
    ],
    detail: {
      subject: incident.normalized ?? incident.image,
      registry: incident.registry,
      confidence: open ? confidenceWord(incident.confidence) : null,
      layer: open ? layerWord(incident.layer) : null,
      underlying: open ? causeWord(incident.underlying) : null,
      host: open ? incident.host : null,
      summary: incident.summary,
      remedies: open ? incident.remedies : [],
      owners: open ? incident.owners : 0,
      since: timeOf(incident.firstSeenAt, batch),
      investigation: incident.investigation,
    },
  });
}

interface Parts {
  readonly kind: Observation['kind'];
  readonly verdict: Verdict;
  readonly cause: CauseId | null;
  readonly failing: boolean;
  readonly severity: number;
  readonly pods: number;
  readonly at: number;
  readonly measured: readonly Value[];
  readonly detail: Detail;
}

function rowOf(batch: CheckedBatch, version: bigint, parts: Parts): ObservationRow {
  const { kind, verdict, cause, failing, severity, pods, at, measured, detail } = parts;
  const subject = keyOf(detail.subject);
  return {
    kind,
    subject,
    values: [
      keyOf(batch.node),
      kind,
      subject,
      version,
      detail.registry === null ? null : keyOf(detail.registry),
      failing ? 1 : 0,
      severity,
      verdict,
      cause,
      wholeOrNull(pods) ?? 0,
      at,
      Math.round(batch.receivedAt),
      ...measured,
      packDetail(detail, subject),
    ],
  };
}

/** A whole number that both databases have room for: JSON's own may be of any size. */
function wholeOrNull(value: number | null | undefined): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : null;
}

/** What an observation says of its node: a typing error in a workload is no fault of the node. */
function severityOf(verdict: Verdict, cause: CauseId | null): number {
  if (cause !== null && causeOf(cause).fixedBy === 'workload') return 0;
  return { healthy: 0, inconclusive: 1, degraded: 2, faulty: 3 }[verdict];
}

/** Latencies are kept in steps of a twentieth, so that a median of thousands is a count of some tens of groups. */
const stepFactor = Math.log(1.05);

/** The step of a latency. */
export function stepOf(ms: number): number {
  return ms <= 0.01 ? -95 : Math.round(Math.log(ms) / stepFactor);
}

/** The latency of a step, milliseconds with three digits. */
export function msOfStep(step: number): number {
  return Number(Math.exp(step * stepFactor).toPrecision(3));
}

/** As it lies in the row: a list, for its members' names would be most of it; without what the row's own columns say. */
function packDetail(detail: Detail, subject: string): string {
  const { registry, confidence, layer, underlying, host, summary, remedies, owners, since, investigation } = detail;
  const texts = [
    detail.subject === subject ? null : detail.subject,
    registry === subject ? null : registry,
    registry === subject,
    confidence,
    layer,
    underlying,
    host,
    summary,
    remedies.map((remedy) => [remedy.text, remedy.command]),
    wholeOrNull(owners) ?? 0,
    since,
    investigation,
  ];
  return JSON.stringify(texts);
}

function unpackDetail(text: string, subject: string): Detail {
  const part = jsonOf(text, 'detail', (value) => (Array.isArray(value) && value.length === 12 ? value : null));
  const textAt = (index: number): string | null => {
    const value: unknown = part[index];
    if (value !== null && typeof value !== 'string') throw unreadable('detail');
    return value;
  };
  const numberAt = (index: number): number | null => {
    const value: unknown = part[index];
    if (value !== null && typeof value !== 'number') throw unreadable('detail');
    return value;
  };
  const remedies: unknown = part[8];
  if (!remediesShape(remedies, new Place())) throw unreadable('detail');
  return {
    subject: textAt(0) ?? subject,
    registry: part[2] === true ? subject : textAt(1),
    confidence: confidenceWord(textAt(3)),
    layer: layerWord(textAt(4)),
    underlying: causeWord(textAt(5)),
    host: textAt(6),
    summary: textAt(7) ?? '',
    remedies: remedies.map(([words, command]) => ({ text: words, command })),
    owners: numberAt(9) ?? 0,
    since: numberAt(10),
    investigation: textAt(11),
  };
}

const remediesShape = list(pair(text, nullable(text)));

/** The columns that `readObservation` wants. */
export const observationColumns =
  'node, kind, subject, CAST(version AS TEXT) AS version, verdict, cause, pods, at, received_at, detail';

/** An observation from its row. */
export function readObservation(row: Row): Observation {
  const detail = unpackDetail(textOf(row, 'detail'), textOf(row, 'subject'));
  return {
    node: textOf(row, 'node'),
    kind: kindWord(textOf(row, 'kind')),
    subject: detail.subject,
    registry: detail.registry,
    verdict: verdictWord(textOf(row, 'verdict')),
    cause: causeWord(textOrNull(row, 'cause')),
    confidence: detail.confidence,
    layer: detail.layer,
    underlying: detail.underlying,
    host: detail.host,
    summary: detail.summary,
    remedies: detail.remedies,
    pods: numberOf(row, 'pods'),
    owners: detail.owners,
    at: numberOf(row, 'at'),
    since: detail.since,
    receivedAt: numberOf(row, 'received_at'),
    investigation: detail.investigation,
  };
}

/** A kind as it was stored. */
export function kindWord(word: string): Observation['kind'] {
  return word === 'registry' || word === 'image' ? word : 'node';
}
