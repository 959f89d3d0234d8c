import { ReportBatch, ReportReceipt } from '../../api/records.ts';
import { limits } from '../../lib/limits.ts';
import { nothing, type Route, rawRoute } from '../../serve/route.ts';
import type { Ingested, Intake } from '../intake/intake.ts';
import { isPacked } from '../intake/unpack.ts';

/** What ingest needs. */
export interface IngestNeeds {
  readonly intake: Intake;
  /** For the metrics. */
  readonly ended: (ingested: Ingested) => void;
}

/** What agents send. */
export function ingestRoute({ intake, ended }: IngestNeeds): Route {
  return rawRoute({
    method: 'POST',
    path: '/v1/reports',
    id: 'report',
    summary:
      'Takes a batch of records from one agent, in one transaction. The same batch twice changes nothing. The body may have Content-Encoding gzip, br, deflate or zstd.',
    access: 'report',
    query: nothing,
    body: ReportBatch,
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
      if (!isPacked(body)) throw new Error('a report is handed on as it came');
      const { reply, ...ingested } = await intake.take({ ...body, nodes, at });
      ended(ingested);
      return reply;
    },
  });
}
