import { promisify } from 'node:util';
import { constants, zstdCompress, zstdCompressSync } from 'node:zlib';
import type { CheckedBatch } from '../parts.ts';
import { type BatchPlan, type Packed, planBatch } from './batch.ts';
import { readIntervals, writeIntervals } from './intervals.ts';
import { keyOf, numberOf, numberOrNull, textOf, unreadable } from './rows.ts';
import { Again, type Database, type Sql } from './sql.ts';
import { attributes, documents, facts, investigations, observations } from './tables.ts';

const compress = promisify(zstdCompress);

/** A tenth of the time of the default for some percent more: documents of a storm come by the thousand. */
const compression = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };

/** What is packed at once, in a tenth of a millisecond: to hand it to a thread takes longer, and memory for each that waits. */
const smallBytes = 128 * 1024;

function pack(document: Buffer): Uint8Array {
  return zstdCompressSync(document, { ...compression, pledgedSrcSize: document.length });
}

/**
 * One batch, in one transaction: what its stream has not seen is applied, the newest of each subject stays. The stream's
 * row is locked, so that the same batch at two collectors is applied once.
 */
export async function ingest(database: Database, batch: CheckedBatch): Promise<{ readonly fresh: number }> {
  if (batch.records.length === 0 && batch.refused.length === 0) return { fresh: 0 };
  // Before the transaction.
  const packed = new Map<number, Uint8Array>();
  for (const record of batch.records) {
    if (record.kind !== 'investigation') continue;
    const document = Buffer.from(JSON.stringify(record.record.investigation));
    packed.set(record.seq, document.length <= smallBytes ? pack(document) : await compress(document, compression));
  }
  return await database.write((sql) => apply(database, sql, batch, packed));
}

async function apply(
  { forUpdate }: Database,
  sql: Sql,
  batch: CheckedBatch,
  packed: Packed,
): Promise<{ readonly fresh: number }> {
  const node = keyOf(batch.node);
  const boot = keyOf(batch.bootId);
  const at = Math.round(batch.receivedAt);
  const [stream] = await sql.all(
    `SELECT ordinal, seen FROM pullwhy_streams WHERE node = $1 AND boot = $2${forUpdate}`,
    [node, boot],
  );
  const seen = readIntervals(stream === undefined ? '' : textOf(stream, 'seen'));
  if (seen === null) throw unreadable('list of what was seen');
  const ordinal = stream === undefined ? await newStream(sql, node, boot, at) : numberOf(stream, 'ordinal');
  const plan = planBatch(batch, ordinal, seen, packed);
  if (plan === null) return { fresh: 0 };

  await sql.run(
    `UPDATE pullwhy_streams SET seen = $3, last_at = CASE WHEN CAST($4 AS BIGINT) > last_at THEN CAST($4 AS BIGINT) ELSE last_at END
     WHERE node = $1 AND boot = $2`,
    [node, boot, writeIntervals(plan.seen), at],
  );
  // This locks the node: the sums below see what another stream of it has written.
  const before = await touchNode(sql, node, at, plan, batch.clockOffsetMs);
  if (plan.facts !== null && before.factsVersion === plan.facts.version) {
    await sql.put(facts, [plan.facts.row]);
    await sql.run('DELETE FROM pullwhy_attributes WHERE node = $1', [node]);
    await sql.put(attributes, plan.facts.attributes);
  }
  if (plan.observations.length > 0) {
    await sql.put(observations, plan.observations);
    await sumUp(sql, node, before);
  }
  if (plan.investigations.length > 0) {
    await sql.put(investigations, plan.investigations);
    await sql.put(documents, plan.documents);
  }
  return { fresh: plan.fresh };
}

/** Gives the node's next ordinal to a stream that was never heard of. */
async function newStream(sql: Sql, node: string, boot: string, at: number): Promise<number> {
  const [row] = await sql.all(
    `INSERT INTO pullwhy_nodes
       (node, first_seen, last_seen, streams, offset_ms, offset_version, heartbeat, heartbeat_version, facts_version, worst, open_images, waiting_pods)
     VALUES ($1, $2, $2, 1, NULL, 0, NULL, 0, 0, NULL, 0, 0)
     ON CONFLICT (node) DO UPDATE SET streams = pullwhy_nodes.streams + 1
     RETURNING streams`,
    [node, at],
  );
  if (row === undefined) throw new Again();
  const ordinal = numberOf(row, 'streams');
  // Another batch of it came first, and the node is locked since: to insert beside it would wait for who has the stream's row
  // and waits for the node's. (An insertion waits for a row that is being changed, also where it would then do nothing.)
  const [known] = await sql.all('SELECT ordinal FROM pullwhy_streams WHERE node = $1 AND boot = $2', [node, boot]);
  if (known !== undefined) throw new Again();
  const made = await sql.run(
    "INSERT INTO pullwhy_streams (node, boot, ordinal, seen, last_at) VALUES ($1, $2, $3, '', $4) ON CONFLICT (node, boot) DO NOTHING",
    [node, boot, ordinal, at],
  );
  // Another collector heard of it in the same moment.
  if (made === 0) throw new Again();
  return ordinal;
}

/** Batches of one node pass each other by seconds; what came so long before the last one was told by a clock that was set back since. */
const clockSetBackMs = 120_000;

/** What a node's row says of its looks. */
export interface Sums {
  /** As it is now: that of this batch, if it is the newest. */
  readonly factsVersion: bigint;
  readonly worst: number | null;
  readonly open: number;
  readonly pods: number;
}

async function touchNode(
  sql: Sql,
  node: string,
  at: number,
  plan: BatchPlan,
  clockOffsetMs: number | null,
): Promise<Sums> {
  const [row] = await sql.all(
    `UPDATE pullwhy_nodes SET
       last_seen = CASE WHEN CAST($2 AS BIGINT) > last_seen OR CAST($2 AS BIGINT) < last_seen - ${clockSetBackMs} THEN CAST($2 AS BIGINT) ELSE last_seen END,
       offset_ms = CASE WHEN CAST($3 AS BIGINT) > offset_version THEN CAST($4 AS DOUBLE PRECISION) ELSE offset_ms END,
       offset_version = CASE WHEN CAST($3 AS BIGINT) > offset_version THEN CAST($3 AS BIGINT) ELSE offset_version END,
       heartbeat = CASE WHEN CAST($5 AS BIGINT) > heartbeat_version THEN CAST($6 AS TEXT) ELSE heartbeat END,
       heartbeat_version = CASE WHEN CAST($5 AS BIGINT) > heartbeat_version THEN CAST($5 AS BIGINT) ELSE heartbeat_version END,
       facts_version = CASE WHEN CAST($7 AS BIGINT) > facts_version THEN CAST($7 AS BIGINT) ELSE facts_version END
     WHERE node = $1
     RETURNING CAST(facts_version AS TEXT) AS facts_version, worst, open_images, waiting_pods`,
    [
      node,
      at,
      clockOffsetMs === null ? 0n : plan.version,
      clockOffsetMs,
      plan.heartbeat?.version ?? 0n,
      plan.heartbeat?.text ?? null,
      plan.facts?.version ?? 0n,
    ],
  );
  // The retention took the node in this moment: it is made anew.
  if (row === undefined) throw new Again();
  return {
    factsVersion: BigInt(textOf(row, 'facts_version')),
    worst: numberOrNull(row, 'worst'),
    open: numberOf(row, 'open_images'),
    pods: numberOf(row, 'waiting_pods'),
  };
}

/** What lists of nodes show and filter by: written where it changed; `before` null: it may have. */
export async function sumUp(sql: Sql, node: string, before: Sums | null): Promise<void> {
  const [row] = await sql.all(
    `SELECT max(severity) AS worst,
            sum(CASE WHEN kind = 'image' AND failing = 1 THEN 1 ELSE 0 END) AS open_images,
            sum(CASE WHEN kind = 'image' AND failing = 1 THEN pods ELSE 0 END) AS waiting_pods
     FROM pullwhy_observations WHERE node = $1`,
    [node],
  );
  if (row === undefined) return;
  const worst = row.worst === null ? null : numberOf(row, 'worst');
  const [open, pods] = [numberOrNull(row, 'open_images') ?? 0, numberOrNull(row, 'waiting_pods') ?? 0];
  if (before !== null && worst === before.worst && open === before.open && pods === before.pods) return;
  await sql.run('UPDATE pullwhy_nodes SET worst = $2, open_images = $3, waiting_pods = $4 WHERE node = $1', [
    node,
    worst,
    open,
    pods,
  ]);
}
