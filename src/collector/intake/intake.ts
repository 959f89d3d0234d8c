import { compiledCheck } from '../../api/compiled.ts';
import { type RecordKind, ReportBatch, type ReportReceipt } from '../../api/records.ts';
import type { Env } from '../../lib/env.ts';
import { isRecord, parseJson } from '../../lib/json.ts';
import { limits } from '../../lib/limits.ts';
import type { Log } from '../../lib/log.ts';
import { fail, ok, type Result } from '../../lib/result.ts';
import { bodyMisfit, type ProblemReply } from '../../serve/route.ts';
import type { CheckedBatch, CheckedRecord, Store, StoreFailure } from '../parts.ts';
import { openTurns } from '../turns.ts';
import { checkRecord, type Refusal, timeMs } from './checked-record.ts';
import { openRoom } from './room.ts';
import { isSmall, type PackedBody, unpackNow, unpackSoon } from './unpack.ts';

/** A batch as it was sent, by a caller who was let in. Plain data: it can be handed to a thread. */
export interface Delivery extends PackedBody {
  /** The nodes that the caller may report as; null: any. */
  readonly nodes: readonly string[] | null;
  /** When the request's head had come. */
  readonly at: number;
}

/** What became of a batch; of its records `fresh` were new. */
export interface Ingested {
  readonly result: 'taken' | 'misfit' | 'foreign-node' | StoreFailure['reason'];
  /** Of the records that fit. */
  readonly kinds: readonly RecordKind[];
  readonly refused: number;
  readonly fresh: number;
}

/** The answer, and what is counted of it. */
export interface Taken extends Ingested {
  readonly reply: { readonly kind: 'json'; readonly status: 202; readonly body: ReportReceipt } | ProblemReply;
}

/** Takes what agents report, from the body's bytes to the store. */
export interface Intake {
  readonly take: (delivery: Delivery) => Promise<Taken>;
}

/** What it needs. */
export interface IntakeNeeds {
  readonly env: Env;
  readonly log: Log;
  readonly store: Pick<Store, 'ingest'>;
}

/** No spool counts as far: versions of records are a stream's number and this one, in one integer (parts.ts). */
const mostSeq = 2 ** 40 - 1;

/** As its schema says. */
const mostRecords = 1000;

/** Refusals that are told of in the log. */
const mostTold = 100;

/** Seconds after which an agent sends the same again; its own back-off spreads the fleet. */
const again: Readonly<Record<StoreFailure['reason'], number>> = { busy: 1, gone: 5, full: 30, damaged: 60, other: 5 };

const checkBatch = compiledCheck(ReportBatch);

/** Opens it. */
export function openIntake({ env, log, store }: IntakeNeeds): Intake {
  const turns = openTurns(env);
  const room = openRoom(limits.reportsUnpackedBytes);
  let failing: StoreFailure['reason'] | null = null;
  const told = new Set<string>();

  const tellStore = (failure: StoreFailure | null): void => {
    // Not the words: a server that goes down and comes up says something else for each of its connections.
    const now = failure?.reason ?? null;
    if (now === failing) return;
    failing = now;
    if (failure === null) log.info('the store takes reports again');
    else log.error('the store takes no reports; agents keep them', { reason: failure.reason, error: failure.message });
  };
  /** Once for each node and reason: an agent that is newer than its collector does it each minute. */
  const tellRefused = (node: string, { pointer, detail }: Refusal): void => {
    const what = `${node} ${pointer.replace(/\d+/g, '#')} ${detail}`;
    if (told.has(what) || told.size >= mostTold) return;
    told.add(what);
    log.warn('a record was refused', { node, pointer, detail });
  };

  const storeBatch = async (body: ReportBatch, { nodes, at }: Delivery): Promise<Taken> => {
    const { node, bootId, sentAt, records: given } = body;
    const wrong = misfitOf(body);
    if (wrong !== null) return refusal('misfit', wrong);
    if (nodes !== null && !nodes.includes(node)) return refusal('foreign-node', foreignNode(node, nodes));
    const records = new Map<number, CheckedRecord>();
    const refused: Refusal[] = [];
    for (const [index, one] of given.entries()) {
      const checked = checkRecord(one, index);
      if (!checked.ok) {
        refused.push(checked.error);
        tellRefused(node, checked.error);
      } else if (!records.has(one.seq)) records.set(one.seq, checked.value);
    }
    const sent = timeMs(sentAt);
    const batch: CheckedBatch = {
      node,
      bootId,
      receivedAt: env.now(),
      // Against the moment in which the request came, not that in which its body had: what a slow line takes is no offset.
      clockOffsetMs: sent === null ? null : sent - at,
      records: [...records.values()].sort((a, b) => a.seq - b.seq),
      refused: refused.map(({ seq }) => seq).filter((seq) => !records.has(seq)),
    };
    const kinds = batch.records.map(({ kind }) => kind);
    const stored = await store.ingest(batch);
    tellStore(stored.ok ? null : stored.error);
    if (!stored.ok) return { result: stored.error.reason, reply: storeAway(stored.error), kinds, refused: 0, fresh: 0 };
    const acked = given.reduce((most, { seq }) => Math.max(most, seq), 0);
    const receipt: ReportReceipt = { acked, refused: refused.map((one) => ({ ...one })) };
    return {
      result: 'taken',
      reply: { kind: 'json', status: 202, body: receipt },
      ...{ kinds, refused: refused.length, fresh: stored.value.fresh },
    };
  };

  return {
    async take(delivery) {
      const place = await room.enter(limits.reportBytes);
      try {
        const unpacked = isSmall(delivery) ? null : await unpackSoon(delivery, limits.reportBytes);
        const read = await turns((): Result<ReportBatch, Taken> => {
          const whole = unpacked ?? unpackNow(delivery, limits.reportBytes);
          if (whole === 'too-long' || whole === 'damaged') return fail(refusal('misfit', unreadable(whole, delivery)));
          place.takes(whole.length);
          return readBatch(whole);
        });
        return read.ok ? await storeBatch(read.value, delivery) : read.error;
      } finally {
        place.leave();
      }
    },
  };
}

/** A batch, by the schema of its envelope. */
function readBatch(bytes: Uint8Array): Result<ReportBatch, Taken> {
  const value = parseJson(new TextDecoder().decode(bytes));
  // Not the parser's own words: they repeat a part of the body, which may hold a password.
  if (value === undefined) return fail(refusal('misfit', problem(400, 'The body is no JSON, or too deep.')));
  // Before the schema looks at each of a million records.
  const records: unknown = isRecord(value) ? value.records : null;
  if (Array.isArray(records) && records.length > mostRecords) {
    const many = { pointer: '/records', detail: `has more than ${mostRecords} records` };
    return fail(refusal('misfit', misfit([many])));
  }
  const checked = checkBatch(value);
  return checked.ok ? ok(checked.value) : fail(refusal('misfit', bodyMisfit(checked.error)));
}

function refusal(result: 'misfit' | 'foreign-node', reply: ProblemReply): Taken {
  return { result, reply, kinds: [], refused: 0, fresh: 0 };
}

function unreadable(why: 'too-long' | 'damaged', { coding }: PackedBody): ProblemReply {
  if (why === 'damaged') return problem(400, `The body is not what its Content-Encoding says (${coding}).`);
  const most = limits.reportBytes;
  return problem(413, `The body is longer than ${most} bytes when it is unpacked: send it in smaller parts.`);
}

function problem(status: number, detail: string): ProblemReply {
  return { kind: 'problem', status, detail };
}

/** What of the envelope no schema says. */
function misfitOf({ node, bootId, sentAt, records }: ReportBatch): ProblemReply | null {
  const errors: { readonly pointer: string; readonly detail: string }[] = [];
  if (!/^[A-Za-z0-9_.:-]+$/.test(node))
    errors.push({ pointer: '/node', detail: 'has other characters than letters, digits and _.:-' });
  if (!/^[\x21-\x7e]+$/.test(bootId))
    errors.push({ pointer: '/bootId', detail: 'has other characters than printable ones of ASCII' });
  if (sentAt !== undefined && timeMs(sentAt) === null)
    errors.push({ pointer: '/sentAt', detail: 'is no time as in 2026-11-22T10:46:40.120Z' });
  const far = records.findIndex(({ seq }) => seq > mostSeq);
  if (far >= 0) errors.push({ pointer: `/records/${far}/seq`, detail: `is more than ${mostSeq}` });
  return errors.length === 0 ? null : misfit(errors);
}

function misfit(errors: readonly { readonly pointer: string; readonly detail: string }[]): ProblemReply {
  const words = errors.slice(0, 1).map(({ pointer, detail }) => ` ${pointer} ${detail}.`);
  return { kind: 'problem', status: 422, detail: `The body does not fit.${words.join('')}`, errors };
}

function foreignNode(node: string, nodes: readonly string[]): ProblemReply {
  const who =
    nodes.length === 0 ? 'Who asks is no node' : `Who asks may report as ${nodes.slice(0, 8).join(' or ')} only`;
  return {
    kind: 'problem',
    type: 'urn:pullwhy:problem:foreign-node',
    status: 403,
    detail: `${who}, and the batch is of ${node}. Give each agent credentials of its own node.`,
  };
}

function storeAway({ reason, message }: StoreFailure): ProblemReply {
  return {
    kind: 'problem',
    status: 503,
    detail: `The store takes nothing now: ${message}`,
    headers: { 'retry-after': String(again[reason]) },
  };
}
