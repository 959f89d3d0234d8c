import { createServer, type IncomingHttpHeaders, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { portOf } from './tcp-server.ts';

/** What becomes of one batch on its way. */
export type Mischief =
  | 'pass'
  /** It arrives, and once more at once and a while later. */
  | 'repeat'
  /** The sender is cut off; what it sent arrives a while later all the same, behind what was sent since. */
  | 'late'
  /** It arrives, and its sender is cut off before the answer. */
  | 'unanswered'
  /** It is lost, and its sender is cut off. */
  | 'lost';

/** A batch that came by. */
export interface PassedBatch {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** A proxy before a collector that does as it likes with reports. */
export interface HostileProxy {
  readonly url: string;
  /** Port of the collector. */
  to: number;
  mischief: () => Mischief;
  /** How long what is late waits, milliseconds. */
  delayMs: () => number;
  readonly batches: readonly PassedBatch[];
  readonly done: ReadonlyMap<Mischief, number>;
  /** Answers of the collector: its status, and how long it asked to wait. */
  readonly answers: readonly { readonly status: number; readonly retryAfter: string | undefined }[];
  /** Sends a batch to the collector; its status. */
  readonly deliver: (batch: PassedBatch) => Promise<number>;
  /** Resolves when nothing that is late is under way. */
  readonly idle: () => Promise<void>;
  readonly close: () => Promise<void>;
}

/** Starts it on loopback; it passes everything on until it is told otherwise. */
export async function startHostileProxy(): Promise<HostileProxy> {
  const batches: PassedBatch[] = [];
  const done = new Map<Mischief, number>();
  const answers: { readonly status: number; readonly retryAfter: string | undefined }[] = [];
  const pending = new Set<Promise<unknown>>();
  const later = (work: () => Promise<unknown>): void => {
    const one: Promise<unknown> = sleep(proxy.delayMs())
      .then(work)
      .catch(() => undefined)
      .finally(() => pending.delete(one));
    pending.add(one);
  };
  const post = (batch: PassedBatch): Promise<{ readonly answer: IncomingMessage; readonly text: string }> =>
    new Promise((resolve, reject) => {
      const { path, headers, body } = batch;
      const asked = request({ host: '127.0.0.1', port: proxy.to, path, method: 'POST', headers, agent: false });
      asked.on('error', reject);
      asked.on('response', (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        answer.on('error', reject);
        answer.on('end', () => {
          answers.push({ status: answer.statusCode ?? 0, retryAfter: answer.headers['retry-after'] });
          resolve({ answer, text });
        });
      });
      asked.end(body);
    });

  const handle = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk);
    const batch = { path: incoming.url ?? '', headers: incoming.headers, body: Buffer.concat(chunks) };
    batches.push(batch);
    const mischief = proxy.mischief();
    done.set(mischief, (done.get(mischief) ?? 0) + 1);
    if (mischief === 'late') later(() => post(batch));
    if (mischief === 'late' || mischief === 'lost') {
      incoming.socket.destroy();
      return;
    }
    const { answer, text } = await post(batch);
    if (mischief === 'repeat') {
      await post(batch);
      later(() => post(batch));
    }
    if (mischief === 'unanswered') incoming.socket.destroy();
    else response.writeHead(answer.statusCode ?? 502, answer.headers).end(text);
  };
  const server = createServer((incoming, response) => {
    handle(incoming, response).catch(() => incoming.socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const proxy: HostileProxy = {
    url: `http://127.0.0.1:${portOf(server)}`,
    to: 0,
    mischief: () => 'pass',
    delayMs: () => 0,
    batches,
    done,
    answers,
    deliver: async (batch) => (await post(batch)).answer.statusCode ?? 0,
    async idle() {
      while (pending.size > 0) await Promise.all(pending);
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return proxy;
}
