import type { CheckedBatch, CheckedRecord } from '../parts.ts';
import { addSeqs, hasSeq, type Intervals } from './intervals.ts';
import { checkRow, imageRow, type ObservationRow } from './observations.ts';
import { cleanOrNull, cleanText, keyOf } from './rows.ts';
import type { Value } from './sql.ts';
import { causeWord, timeOf } from './words.ts';

/** Sequence numbers of one stream; a version is its ordinal times this, and the number. No spool counts as far. */
const seqsOfStream = 2 ** 40;

/** A version: the newest record of a subject has the highest, by the order of the node's streams and within them. */
export function versionOf(ordinal: number, seq: number): bigint {
  return BigInt(ordinal) * BigInt(seqsOfStream) + BigInt(seq);
}

/** The row of `pullwhy_investigations` and its document, by the number of the record. */
export type Packed = ReadonlyMap<number, Uint8Array>;

/** What one batch does to the tables: rows for each, no two with the same key. */
export interface BatchPlan {
  /** Records that were not seen before. */
  readonly fresh: number;
  readonly seen: Intervals;
  /** The highest version of what is fresh. */
  readonly version: bigint;
  readonly heartbeat: { readonly version: bigint; readonly text: string } | null;
  readonly facts: {
    readonly version: bigint;
    readonly row: readonly Value[];
    readonly attributes: readonly (readonly Value[])[];
  } | null;
  readonly observations: readonly (readonly Value[])[];
  readonly investigations: readonly (readonly Value[])[];
  readonly documents: readonly (readonly Value[])[];
}

/** Pure: what a batch changes where its stream has `seen` these; null when nothing of it is new. */
export function planBatch(batch: CheckedBatch, ordinal: number, seen: Intervals, packed: Packed): BatchPlan | null {
  const unseen = (seq: number): boolean => seq > 0 && seq < seqsOfStream && !hasSeq(seen, seq);
  const fresh = new Map<number, CheckedRecord>();
  for (const record of batch.records) if (unseen(record.seq)) fresh.set(record.seq, record);
  const refused = batch.refused.filter((seq) => unseen(seq) && !fresh.has(seq));
  if (fresh.size === 0 && refused.length === 0) return null;

  const seqs = [...fresh.keys(), ...refused];
  const versionAt = (seq: number): bigint => versionOf(ordinal, seq);
  // In ascending order, so that what comes later replaces what was before.
  const records = [...fresh.values()].sort((a, b) => a.seq - b.seq);
  const rows = new Map<string, ObservationRow>();
  const found = new Map<string, CheckedRecord & { readonly kind: 'investigation' }>();
  let heartbeat: BatchPlan['heartbeat'] = null;
  let facts: BatchPlan['facts'] = null;
  for (const record of records) {
    const version = versionAt(record.seq);
    switch (record.kind) {
      case 'heartbeat':
        heartbeat = { version, text: JSON.stringify(record.record) };
        break;
      case 'node':
        facts = factsOf(batch, record, version);
        break;
      case 'health':
        for (const check of record.checks) add(checkRow(batch, check, version));
        break;
      case 'incident':
        add(imageRow(batch, record, version));
        break;
      case 'investigation':
        found.set(record.record.investigation.id, record);
    }
  }
  function add(row: ObservationRow): void {
    rows.set(`${row.kind} ${row.subject}`, row);
  }

  const kept = [...found.values()].flatMap((record) => {
    const document = packed.get(record.seq);
    return document === undefined ? [] : [{ record, document }];
  });
  const node = keyOf(batch.node);
  return {
    fresh: fresh.size,
    seen: addSeqs(seen, seqs),
    version: versionAt(seqs.reduce((most, seq) => Math.max(most, seq), 0)),
    heartbeat,
    facts,
    // In the order of their keys: transactions that lock the same rows do so in the same order.
    observations: [...rows.entries()].sort(byKey).map(([, { values }]) => values),
    investigations: kept.map(({ record, document }) =>
      investigationRow(batch, record, versionAt(record.seq), document),
    ),
    documents: kept.map(({ record, document }) => [
      cleanText(record.record.investigation.id),
      node,
      versionAt(record.seq),
      document,
    ]),
  };
}

function byKey([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function factsOf(
  batch: CheckedBatch,
  { record }: CheckedRecord & { readonly kind: 'node' },
  version: bigint,
): BatchPlan['facts'] {
  const node = keyOf(batch.node);
  const values = new Map<string, readonly Value[]>();
  for (const [name, list] of Object.entries(record.attributes)) {
    for (const value of list) values.set(`${name} ${keyOf(value)}`, [node, keyOf(name), keyOf(value)]);
  }
  return {
    version,
    row: [
      node,
      version,
      cleanText(record.agent.version),
      timeOf(record.agent.startedAt, batch),
      JSON.stringify(record.attributes),
      JSON.stringify(record.authorities ?? []),
    ],
    attributes: [...values.values()],
  };
}

function investigationRow(
  batch: CheckedBatch,
  { record: { investigation } }: CheckedRecord & { readonly kind: 'investigation' },
  version: bigint,
  document: Uint8Array,
): readonly Value[] {
  const image = cleanText(investigation.image.normalized ?? investigation.image.input);
  return [
    cleanText(investigation.id),
    keyOf(batch.node),
    version,
    timeOf(investigation.startedAt, batch) ?? batch.receivedAt,
    image,
    keyOf(image),
    investigation.image.registry === null ? null : keyOf(investigation.image.registry),
    investigation.verdict,
    causeWord(investigation.cause),
    cleanOrNull(investigation.confidence),
    cleanText(investigation.summary),
    document.byteLength,
  ];
}
