import { compiledCheck } from '../../api/compiled.ts';
import { ReportBatch, ReportReceipt } from '../../api/records.ts';
import type { Env } from '../../lib/env.ts';
import { isRecord } from '../../lib/json.ts';
import { limits } from '../../lib/limits.ts';
import type { Log } from '../../lib/log.ts';
import { nothing, type ProblemReply, type Reply, type Route, route } from '../../serve/route.ts';
import type { CheckedBatch, CheckedRecord, Store, StoreFailure } from '../parts.ts';
import { checkRecord, type Refusal, timeMs } from './checked-record.ts';

/** What became of a batch; of its records `fresh` were new. */
export interface Ingested {
  readonly result: 'taken' | 'misfit' | 'foreign-node' | StoreFailure['reason'];
  readonly records: readonly Pick<CheckedRecord, 'kind'>[];
  readonly refused: number;
  readonly fresh: number;
}

/** What ingest needs. */
export interface IngestNeeds {
  readonly env: Env;
  readonly log: Log;
  readonly store: Pick<Store, 'ingest'>;
  /** For the metrics. */
  readonly ended: (ingested: Ingested) => void;
}

/** No spool counts as far: versions of records are a stream's number and this one, in one integer (parts.ts). */
const mostSeq = 2 ** 40 - 1;

/** Seconds after which an agent sends the same again; its own back-off spreads the fleet. */
const again: Readonly<Record<StoreFailure['reason'], number>> = { busy: 1, gone: 5, full: 30, damaged: 60, other: 5 };

/** What agents send. */
export function ingestRoute({ env, log, store, ended }: IngestNeeds): Route {
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

  const described = route({
    method: 'POST',
    path: '/v1/reports',
    id: 'report',
    summary:
      'Takes a batch of records from one agent, in one transaction. The same batch twice changes nothing. The body may have Content-Encoding gzip, br, deflate or zstd.',
    access: 'report',
    query: nothing,
    body: ReportBatch,
    checkBody: compiledCheck(ReportBatch),
    bodyBytes: limits.reportBytes,
    replies: {
      202: { description: 'it is kept, but what is named as refused', content: { 'application/json': ReportReceipt } },
    },
    problems: {
      403: 'who asks may not report, or not as this node',
      429: 'too much is being taken already; keep it and send it again',
      503: 'the store takes nothing now; keep it and send it again',
    },
    async handle({ body, nodes, at }) {
      const { node, bootId, sentAt, records: given } = body;
      const wrong = misfitOf(body);
      if (wrong !== null) {
        ended({ result: 'misfit', records: [], refused: 0, fresh: 0 });
        return wrong;
      }
      if (nodes !== null && !nodes.includes(node)) {
        ended({ result: 'foreign-node', records: [], refused: 0, fresh: 0 });
        return foreignNode(node, nodes);
      }
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
      const stored = await store.ingest(batch);
      tellStore(stored.ok ? null : stored.error);
      if (!stored.ok) {
        ended({ result: stored.error.reason, records: batch.records, refused: 0, fresh: 0 });
        return storeAway(stored.error);
      }
      ended({ result: 'taken', records: batch.records, refused: refused.length, fresh: stored.value.fresh });
      const acked = given.reduce((most, { seq }) => Math.max(most, seq), 0);
      const receipt: ReportReceipt = { acked, refused: refused.map((one) => ({ ...one })) };
      return { kind: 'json', status: 202, body: receipt };
    },
  });
  return {
    ...described,
    async run(asked) {
      // Before the schema looks at each of a million records.
      const records: unknown = isRecord(asked.body) ? asked.body.records : null;
      if (!Array.isArray(records) || records.length <= mostRecords) return described.run(asked);
      ended({ result: 'misfit', records: [], refused: 0, fresh: 0 });
      return misfit([{ pointer: '/records', detail: `has more than ${mostRecords} records` }]);
    },
  };
}

/** As its schema says. */
const mostRecords = 1000;

/** Refusals that are told of in the log. */
const mostTold = 100;

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

function foreignNode(node: string, nodes: readonly string[]): Reply {
  const who =
    nodes.length === 0 ? 'Who asks is no node' : `Who asks may report as ${nodes.slice(0, 8).join(' or ')} only`;
  return {
    kind: 'problem',
    type: 'urn:pullwhy:problem:foreign-node',
    status: 403,
    detail: `${who}, and the batch is of ${node}. Give each agent credentials of its own node.`,
  };
}

function storeAway({ reason, message }: StoreFailure): Reply {
  return {
    kind: 'problem',
    status: 503,
    detail: `The store takes nothing now: ${message}`,
    headers: { 'retry-after': String(again[reason]) },
  };
}
