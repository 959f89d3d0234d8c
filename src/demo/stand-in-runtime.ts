import { createServer, type Http2Server, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';

/** A runtime's socket that the demo's agents find on their made-up nodes. */
export interface StandInRuntime {
  /** `unix:///…` */
  readonly endpoint: string;
  readonly stop: () => Promise<void>;
}

/** Unimplemented, of gRPC's status codes. */
const unimplemented = '12';

/**
 * Answers at a Unix socket as a container runtime that is well and has no image: what agents ask each minute, and nothing
 * that would pull. CRI is gRPC over HTTP/2; these few answers are written by hand.
 */
export async function startStandInRuntime(path: string): Promise<StandInRuntime> {
  const answers: Readonly<Record<string, Buffer>> = {
    '/runtime.v1.RuntimeService/Version': Buffer.concat([
      text(1, '0.1.0'),
      text(2, 'containerd'),
      text(3, '2.1.4'),
      text(4, 'v1'),
    ]),
    '/runtime.v1.RuntimeService/Status': part(
      1,
      Buffer.concat(['RuntimeReady', 'NetworkReady'].map((type) => part(1, Buffer.concat([text(1, type), yes(2)])))),
    ),
    '/runtime.v1.ImageService/ListImages': Buffer.alloc(0),
    '/runtime.v1.ImageService/ImageStatus': Buffer.alloc(0),
    '/runtime.v1.ImageService/ImageFsInfo': Buffer.alloc(0),
  };
  const sessions = new Set<ServerHttp2Session>();
  const server: Http2Server = createServer();
  server.on('session', (session) => {
    sessions.add(session);
    session.on('error', () => undefined);
    session.once('close', () => sessions.delete(session));
  });
  server.on('stream', (stream: ServerHttp2Stream, headers) => {
    stream.on('error', () => undefined);
    const asked = headers[':path'];
    const answer = typeof asked === 'string' && Object.hasOwn(answers, asked) ? answers[asked] : undefined;
    const type = { ':status': 200, 'content-type': 'application/grpc' };
    if (answer === undefined) {
      stream.respond({ ...type, 'grpc-status': unimplemented }, { endStream: true });
      return;
    }
    stream.respond(type, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end(framed(answer));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  return {
    endpoint: `unix://${path}`,
    async stop() {
      for (const session of sessions) session.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** A message as gRPC sends it: not compressed, its length before it. */
function framed(message: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** A member of protobuf that has a length; these are shorter than 128 bytes, so it is one byte. */
function part(field: number, value: Buffer): Buffer {
  return Buffer.concat([Buffer.of((field << 3) | 2, value.length), value]);
}

function text(field: number, value: string): Buffer {
  return part(field, Buffer.from(value));
}

function yes(field: number): Buffer {
  return Buffer.of(field << 3, 1);
}
