import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

/** What the fake answers to one call: a message (wire names, snake case), a gRPC error, or nothing at all. */
export type FakeAnswer =
  | { readonly answer: object }
  | { readonly code: number; readonly message: string }
  | { readonly silent: true };

/** Handlers by method name; what is missing answers as a healthy, empty containerd would. */
export type FakeCriMethods = Partial<
  Record<
    'Version' | 'Status' | 'ListImages' | 'ImageStatus' | 'PullImage' | 'ImageFsInfo',
    (request: unknown) => FakeAnswer | Promise<FakeAnswer>
  >
>;

/** A running fake runtime. */
export interface FakeCri {
  /** `unix:///…/cri.sock` in a temporary folder of its own. */
  readonly endpoint: string;
  readonly path: string;
  /** Every call that came, in order, with its request as decoded. */
  readonly calls: readonly { readonly method: string; readonly request: unknown }[];
  /** Calls that the client gave up before they were answered. */
  readonly cancelled: readonly string[];
  /** Sends an event to everybody who listens to the containers' events. */
  event(type: string): void;
  close(): Promise<void>;
}

/** gRPC codes that runtimes use. */
export const grpcCodes = {
  canceled: 1,
  unknown: 2,
  deadlineExceeded: 4,
  notFound: 5,
  unimplemented: 12,
  unavailable: 14,
};

const defaults: Required<FakeCriMethods> = {
  Version: () => ({
    answer: { version: '0.1.0', runtime_name: 'containerd', runtime_version: '1.7.24', runtime_api_version: 'v1' },
  }),
  Status: () => ({
    answer: {
      status: {
        conditions: [
          { type: 'RuntimeReady', status: true },
          { type: 'NetworkReady', status: true },
        ],
      },
    },
  }),
  ListImages: () => ({ answer: { images: [] } }),
  // A node on which pods run has its pause image.
  ImageStatus: (request) => ({
    answer: /[/]pause[:@]/.test(JSON.stringify(request)) ? { image: { id: 'sha256:9' } } : {},
  }),
  PullImage: () => ({
    answer: { image_ref: 'sha256:0000000000000000000000000000000000000000000000000000000000000001' },
  }),
  ImageFsInfo: () => ({ answer: { image_filesystems: [] } }),
};

const services: Record<string, readonly (keyof FakeCriMethods)[]> = {
  RuntimeService: ['Version', 'Status'],
  ImageService: ['ListImages', 'ImageStatus', 'PullImage', 'ImageFsInfo'],
};

/**
 * A gRPC server that speaks CRI v1 at a Unix socket. `serve` names the services it has; with one left out its methods
 * are `Unimplemented`, as of a containerd without its CRI plugin. `plugins` are what containerd tells of its own; null: it
 * is no containerd. `at` is the socket's path, for one that takes another's place.
 */
export async function startFakeCri(
  methods: FakeCriMethods = {},
  serve: readonly string[] = ['RuntimeService', 'ImageService'],
  events: 'served' | 'unimplemented' = 'served',
  plugins: readonly object[] | null = null,
  at: string | null = null,
): Promise<FakeCri> {
  const folder = await mkdtemp(join(tmpdir(), 'pullwhy-cri-'));
  const path = at ?? join(folder, 'cri.sock');
  if (at !== null) await mkdir(dirname(at), { recursive: true });
  const protos = ['cri', 'containerd'].map((name) =>
    fileURLToPath(new URL(`../../proto/${name}.proto`, import.meta.url)),
  );
  const descriptor = loadSync(protos, { keepCase: true, longs: String, defaults: true });
  const server = new Server();
  const calls: { method: string; request: unknown }[] = [];
  const cancelled: string[] = [];
  const listeners = new Set<ServerWritableStream<unknown, object>>();
  const listen = (call: ServerWritableStream<unknown, object>): void => {
    calls.push({ method: 'GetContainerEvents', request: call.request });
    listeners.add(call);
    call.on('cancelled', () => listeners.delete(call));
    if (events === 'unimplemented') call.emit('error', { code: grpcCodes.unimplemented, details: 'no events here' });
  };

  for (const service of serve) {
    const definition = descriptor[`runtime.v1.${service}`];
    if (definition === undefined || !isService(definition)) throw new Error(`no service ${service} in the proto file`);
    const names = services[service] ?? [];
    server.addService(definition, {
      ...(service === 'RuntimeService' ? { GetContainerEvents: listen } : {}),
      ...Object.fromEntries(
        names.map((name) => [
          name,
          async (call: ServerUnaryCall<unknown, object>, reply: sendUnaryData<object>): Promise<void> => {
            calls.push({ method: name, request: call.request });
            let open = true;
            // grpc-js says so of every call in the end, of answered ones too.
            call.on('cancelled', () => open && cancelled.push(name));
            const answer = await (methods[name] ?? defaults[name])(call.request);
            open = 'silent' in answer;
            if ('answer' in answer) reply(null, answer.answer);
            else if ('code' in answer) reply({ code: answer.code, details: answer.message }, null);
          },
        ]),
      ),
    });
  }
  const introspection = descriptor['containerd.services.introspection.v1.Introspection'];
  if (plugins !== null && introspection !== undefined && isService(introspection)) {
    server.addService(introspection, {
      Plugins: (_call: unknown, reply: sendUnaryData<object>) => reply(null, { plugins }),
    });
  }
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(`unix://${path}`, ServerCredentials.createInsecure(), (error) =>
      error === null ? resolve() : reject(error),
    );
  });
  return {
    endpoint: `unix://${path}`,
    path,
    calls,
    cancelled,
    event(type) {
      for (const listener of listeners)
        listener.write({ container_id: 'c1', container_event_type: type, created_at: 1 });
    },
    async close() {
      server.forceShutdown();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function isService(value: object): value is Parameters<Server['addService']>[0] {
  return !('format' in value);
}
