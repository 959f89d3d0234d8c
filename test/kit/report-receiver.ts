import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { ReportBatch, recordSchemas } from '../../src/api/records.ts';
import { checkAgainst, type TSchema } from '../../src/api/schema.ts';

/** What the receiver does with a batch. `late`: kept, and the connection is reset before the answer. */
export type Behaviour =
  | { readonly kind: 'take'; readonly refuse?: (record: ReportBatch['records'][number]) => string | null }
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers?: Record<string, string>;
      readonly body?: string;
    }
  | { readonly kind: 'reset' }
  | { readonly kind: 'late' }
  | { readonly kind: 'silent' };

/** A batch as it came. */
export interface ReceivedBatch {
  readonly at: number;
  readonly headers: IncomingMessage['headers'];
  readonly path: string;
  /** Bytes on the wire. */
  readonly bytes: number;
  /** After decompression. */
  readonly chars: number;
  readonly batch: ReportBatch;
}

/** A collector that keeps what comes and counts: each record by its stream and number. */
export interface ReportReceiver {
  readonly url: string;
  readonly port: number;
  behave: (request: { readonly records: number; readonly chars: number }) => Behaviour;
  /** Every batch that was asked to be kept, repeats too. */
  readonly batches: readonly ReceivedBatch[];
  /** `boot seq` and the record's JSON; the first one counts. */
  readonly kept: ReadonlyMap<string, string>;
  /** What does not fit the published schemas, and records that came again as something else. */
  readonly complaints: readonly string[];
  readonly records: (kind: string) => readonly Record<string, unknown>[];
  readonly close: () => Promise<void>;
}

/** Starts it on loopback; with `tls` over TLS. */
export async function startReportReceiver(tls: ServerOptions | null = null, port = 0): Promise<ReportReceiver> {
  const batches: ReceivedBatch[] = [];
  const kept = new Map<string, string>();
  const complaints: string[] = [];
  const parsed: Record<string, unknown>[] = [];

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const raw = Buffer.concat(chunks);
    const packed = request.headers['content-encoding'] === 'gzip';
    if (!packed) complaints.push('the body is not compressed');
    const text = (packed ? gunzipSync(raw) : raw).toString('utf8');
    const body: unknown = JSON.parse(text);
    const checked = checkAgainst(ReportBatch, body);
    if (!checked.ok) {
      complaints.push(JSON.stringify(checked.error));
      response.writeHead(400).end();
      return;
    }
    const { records, bootId } = checked.value;
    const behaviour = receiver.behave({ records: records.length, chars: text.length });
    if (behaviour.kind === 'reset') return cut(request);
    if (behaviour.kind === 'silent') return;
    if (behaviour.kind === 'answer') {
      response.writeHead(behaviour.status, behaviour.headers).end(behaviour.body ?? '');
      return;
    }
    batches.push({
      at: performance.now(),
      headers: request.headers,
      path: request.url ?? '',
      bytes: raw.length,
      chars: text.length,
      batch: checked.value,
    });
    const refused: { seq: number; pointer: string; detail: string }[] = [];
    for (const [index, record] of records.entries()) {
      const why = behaviour.kind === 'take' ? (behaviour.refuse?.(record) ?? null) : null;
      if (why !== null) {
        refused.push({ seq: record.seq, pointer: `/records/${index}/kind`, detail: why });
        continue;
      }
      const schema: TSchema | undefined = Object.entries(recordSchemas).find(([kind]) => kind === record.kind)?.[1];
      const fits = schema === undefined ? null : checkAgainst(schema, record);
      if (fits === null) complaints.push(`unknown kind ${record.kind}`);
      else if (!fits.ok) complaints.push(`${record.kind} ${JSON.stringify(fits.error)}`);
      const key = `${bootId} ${record.seq}`;
      const json = JSON.stringify(record);
      const before = kept.get(key);
      if (before === undefined) {
        kept.set(key, json);
        parsed.push({ ...record });
      } else if (before !== json) complaints.push(`${key} came again as another record`);
    }
    if (behaviour.kind === 'late') return cut(request);
    const acked = Math.max(...records.map(({ seq }) => seq));
    response.writeHead(202, { 'content-type': 'application/json' }).end(JSON.stringify({ acked, refused }));
  };

  // A connection below TLS cannot be reset from here; it ends in the middle all the same.
  const cut = ({ socket }: IncomingMessage): void => void (tls === null ? socket.resetAndDestroy() : socket.destroy());
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    handle(request, response).catch((error: unknown) => {
      if (!request.socket.destroyed) complaints.push(String(error));
    });
  };
  const server = tls === null ? createHttpServer(listener) : createHttpsServer(tls, listener);
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const address: AddressInfo | string | null = server.address();
  const bound = typeof address === 'object' && address !== null ? address.port : 0;
  const receiver: ReportReceiver = {
    url: `${tls === null ? 'http' : 'https'}://127.0.0.1:${bound}`,
    port: bound,
    behave: () => ({ kind: 'take' }),
    batches,
    kept,
    complaints,
    records: (kind) => parsed.filter((record) => record.kind === kind),
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
  return receiver;
}
