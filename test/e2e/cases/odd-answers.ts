import { gzipSync, zstdCompressSync } from 'node:zlib';
import type { DiagnoseCase } from '../../kit/diagnose-case.ts';
import type { Situation, Stage } from '../../kit/diagnose-stage.ts';
import type { FakeAnswer } from '../../kit/fake-registry.ts';
import { startRawHttp } from '../../kit/raw-http.ts';
import { app } from './shared.ts';

/** The answer's own headers are put in place of `HEADERS`, its length in place of `LENGTH`. */
type Head = string;

const chunked = (body: Buffer): Buffer =>
  Buffer.concat([Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from('\r\n0\r\n\r\n')]);

/** A plain registry, each answer of which begins with this head. */
function heads(head: Head, encode: (body: Buffer) => Buffer = (body) => body): (stage: Stage) => Promise<Situation> {
  return async (stage) => {
    const { image } = stage;
    const server = await startRawHttp((socket, request) => {
      const [method = '', path = ''] = request.split(' ');
      const [, kind, name] = /\/(manifests|blobs)\/([^? ]+)/.exec(path) ?? [];
      const content = kind === 'manifests' ? image.manifest : image.content.find(({ digest }) => digest === name);
      const type = kind === 'manifests' ? image.manifest.mediaType : 'application/octet-stream';
      const end = head.includes('\r\n') ? '\r\n' : '\n';
      const own =
        kind === undefined ? '' : `Content-Type: ${type}${end}Docker-Content-Digest: ${content?.digest}${end}`;
      const body = content?.bytes ?? Buffer.from('{}');
      const start = head.replaceAll('LENGTH', String(body.length)).replace('HEADERS', `${own}Connection: close${end}`);
      socket.end(Buffer.concat([Buffer.from(start), ...(method === 'HEAD' ? [] : [encode(body)])]));
    });
    stage.defer(() => server.close());
    await stage.hosts(`registry.test:${server.port}`, `server = "http://registry.test:${server.port}"\n`);
    return { image: `registry.test:${server.port}/team/app:1` };
  };
}

/** A registry whose content comes in another way. */
function content(answer: (bytes: Buffer, layer: boolean) => FakeAnswer, args: readonly string[] = []) {
  return async (stage: Stage): Promise<Situation> => {
    const registry = await stage.registry();
    registry.override = (_, path) => {
      const at = stage.image.content.findIndex(({ digest }) => path.endsWith(digest));
      const bytes = stage.image.content[at]?.bytes;
      return bytes === undefined ? null : answer(Buffer.from(bytes), at > 0);
    };
    return app(registry, args);
  };
}

const coded = (coding: string, body: Buffer): FakeAnswer => ({
  status: 200,
  headers: { 'content-type': 'application/octet-stream', 'content-encoding': coding },
  body,
});
const html = (body: Buffer | string): FakeAnswer => ({ status: 200, headers: { 'content-type': 'text/html' }, body });

const healthy = { verdict: 'healthy', cause: null } as const;
const notContent = {
  verdict: 'faulty',
  cause: 'blob-unreachable',
  underlying: 'registry-invalid-response',
  confidence: 'proven',
} as const;
const noRegistry = { verdict: 'faulty', cause: 'registry-invalid-response', confidence: 'proven' } as const;

/** Answers that are no good HTTP, or come in a way that is not usual, and what the runtimes make of them. */
export const cases: readonly DiagnoseCase[] = [
  {
    name: 'the same length twice, which Go takes',
    prepare: heads('HTTP/1.1 200 OK\r\nHEADERSContent-Length: LENGTH\r\nContent-Length: LENGTH\r\n\r\n'),
    ...healthy,
  },
  {
    name: 'two lengths that differ',
    prepare: heads('HTTP/1.1 200 OK\r\nHEADERSContent-Length: LENGTH\r\nContent-Length: 7LENGTH\r\n\r\n'),
    ...noRegistry,
    says: /lengths contradict/,
  },
  {
    name: 'lines that end in LF alone, which Go takes',
    prepare: heads('HTTP/1.1 200 OK\nHEADERSContent-Length: LENGTH\n\n'),
    ...healthy,
  },
  {
    name: 'a line that is no header',
    prepare: heads('HTTP/1.1 200 OK\r\nHEADERShello\r\nContent-Length: LENGTH\r\n\r\n'),
    ...noRegistry,
    says: /not HTTP/,
  },
  {
    name: '100 Continue that nobody asked for, which Go skips',
    prepare: heads('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nHEADERSContent-Length: LENGTH\r\n\r\n'),
    ...healthy,
  },
  {
    name: '101 that nobody asked for',
    prepare: heads('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n'),
    ...noRegistry,
    says: /101/,
  },
  {
    name: 'a length beside chunks, which Go reads as chunks',
    prepare: heads('HTTP/1.1 200 OK\r\nHEADERSContent-Length: LENGTH\r\nTransfer-Encoding: chunked\r\n\r\n', chunked),
    ...healthy,
  },
  {
    name: 'content that calls itself text/html, and is right',
    prepare: content((bytes) => html(bytes)),
    ...healthy,
    ruledOut: ['blob'],
  },
  {
    name: 'a login text in place of the content, as text/html',
    prepare: content(() => html('Please log in first.')),
    ...notContent,
    says: /HTML page/,
  },
  {
    name: 'content that calls itself text/html, and is cut',
    prepare: content((bytes, layer) => html(layer ? bytes.subarray(0, 600) : bytes)),
    verdict: 'faulty',
    cause: 'blob-unreachable',
    says: /600 of \d+ bytes/,
  },
  {
    name: 'content in gzip, which runtimes undo',
    prepare: content((bytes) => coded('gzip', gzipSync(bytes))),
    ...healthy,
  },
  {
    name: 'content in gzip, with CRI-O',
    prepare: content((bytes) => coded('GZIP', gzipSync(bytes)), ['--runtime', 'cri-o']),
    ...healthy,
  },
  {
    name: 'a layer in gzip that is another',
    prepare: content((bytes, layer) => coded('gzip', gzipSync(layer ? Buffer.alloc(bytes.length, 'x') : bytes))),
    verdict: 'faulty',
    cause: 'digest-mismatch',
    confidence: 'proven',
    says: /gzip/,
  },
  {
    name: 'a layer that says it is in gzip, and is not',
    prepare: content((bytes, layer) => coded(layer ? 'gzip' : 'identity', bytes)),
    ...notContent,
    says: /does not unpack/,
  },
  {
    name: 'content in zstd, which only some runtimes undo',
    prepare: content((bytes) => coded('zstd', zstdCompressSync(bytes))),
    ...healthy,
  },
  {
    name: 'a layer that Apache calls x-gzip, and is right as it is',
    prepare: content((bytes) => coded('x-gzip', bytes)),
    ...healthy,
  },
];
