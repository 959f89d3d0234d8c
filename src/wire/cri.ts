import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Client, ServiceError } from '@grpc/grpc-js';
import type { fromJSON, MethodDefinition, PackageDefinition } from '@grpc/proto-loader';
import type { Env } from '../lib/env.ts';
import { limits } from '../lib/limits.ts';
import { startPatience } from '../lib/patience.ts';
import { fail, ok, type Result } from '../lib/result.ts';
import type { Secret } from '../lib/secret.ts';
import {
  type ContainerdPlugin,
  type CriContainerEvent,
  type CriFilesystem,
  type CriImage,
  type CriImageStatus,
  type CriStatus,
  type CriVersion,
  readEvent,
  readFilesystems,
  readImageRef,
  readImageStatus,
  readImages,
  readPlugins,
  readStatus,
  readVersion,
} from './cri-answers.ts';
import { type CriFailure, callFailure, failure } from './cri-failure.ts';
import { checkUnixSocket } from './unix-socket.ts';

export type {
  ContainerdPlugin,
  CriCondition,
  CriContainerEvent,
  CriFilesystem,
  CriImage,
  CriImageStatus,
  CriStatus,
  CriVersion,
} from './cri-answers.ts';
export type { CriFailure } from './cri-failure.ts';

/** Credentials of one pull, as the kubelet sends them. They are revealed only into the request. */
export interface CriAuth {
  readonly username: string;
  readonly password: Secret;
  /** The registry these are for. Without it containerd offers them to every host that asks, mirrors included. */
  readonly serverAddress?: string;
  readonly identityToken?: Secret;
  readonly registryToken?: Secret;
}

/** What a pull gave: the image's id or digest reference, and how long the runtime took. */
export interface CriPull {
  readonly imageRef: string;
  readonly durationMs: number;
}

/**
 * One connection to a runtime's CRI socket. Every call ends: by an answer, by `signal` (failure `rpc` with code
 * `Canceled`), or by its time limit (failure `silent` with code `DeadlineExceeded`).
 */
export interface CriClient {
  version(signal: AbortSignal): Promise<Result<CriVersion, CriFailure>>;
  /** The verbose status, secrets removed. */
  status(signal: AbortSignal): Promise<Result<CriStatus, CriFailure>>;
  /** Whether an image, given by reference or id, is on the node. */
  imageStatus(image: string, signal: AbortSignal): Promise<Result<CriImageStatus, CriFailure>>;
  listImages(signal: AbortSignal): Promise<Result<readonly CriImage[], CriFailure>>;
  /** containerd answers from a measurement that is some seconds old. */
  imageFsInfo(signal: AbortSignal): Promise<Result<readonly CriFilesystem[], CriFailure>>;
  /** Pulls as the kubelet would. When it ends early, the runtime is told and gives the pull up. */
  pullImage(
    image: string,
    options: { readonly auth?: CriAuth; readonly signal: AbortSignal; readonly deadlineMs: number },
  ): Promise<Result<CriPull, CriFailure>>;
  /**
   * Calls `onEvent` for each container that is created, started, stopped or deleted, until the signal, or until the
   * runtime ends it: with the reason, `Unimplemented` where it serves no events.
   */
  containerEvents(onEvent: (event: CriContainerEvent) => void, signal: AbortSignal): Promise<CriFailure>;
  /** Ends the connection; calls under way fail. */
  close(): void;
}

/** How `openCri` connects. */
export interface CriOptions {
  readonly env: Env;
  /** Until the runtime has answered its first question. */
  readonly connectTimeoutMs: number;
  /** For every call but a pull. */
  readonly callTimeoutMs: number;
  /** Ends the opening early. */
  readonly signal?: AbortSignal;
}

/**
 * Connects to a runtime at `unix:///run/containerd/containerd.sock` (a bare absolute path is taken too, as crictl
 * does) and asks for its version once, so that a client which is handed out has proven that CRI is served there.
 */
export async function openCri(endpoint: string, options: CriOptions): Promise<Result<CriClient, CriFailure>> {
  const path = socketPath(endpoint);
  if (path === null) return fail(failure('not-a-socket', null, `${endpoint} is not a unix:// address`));
  const socket = await checkUnixSocket(path, options.connectTimeoutMs, options.signal);
  if (!socket.ok) return fail(failure(socket.error.kind, null, socket.error.message));

  const { connection, methods } = await connect(path);
  const client = criClient(connection, methods, options);
  // The time that loading took is not the runtime's.
  const first = await call(connection, methods.version, {}, options.connectTimeoutMs, options.signal);
  if (first.ok) return ok(client);
  client.close();
  return fail(first.error);
}

/**
 * Asks the containerd behind a socket for its plugins: those for pulls, with why one did not load. It answers where CRI
 * is not served too; any other program answers `not-served`.
 */
export async function askPlugins(
  endpoint: string,
  { callTimeoutMs, signal }: { readonly callTimeoutMs: number; readonly signal: AbortSignal },
): Promise<Result<readonly ContainerdPlugin[], CriFailure>> {
  const path = socketPath(endpoint);
  if (path === null) return fail(failure('not-a-socket', null, `${endpoint} is not a unix:// address`));
  const { connection, methods } = await connect(path);
  try {
    const answer = await call(connection, methods.plugins, {}, callTimeoutMs, signal);
    return answer.ok ? ok(readPlugins(answer.value)) : fail(answer.error);
  } finally {
    connection.close();
  }
}

/** A connection, made at its first call. gRPC is loaded here: on a machine without a runtime nothing of it is needed. */
async function connect(path: string): Promise<{ readonly connection: Client; readonly methods: Methods }> {
  // By `default`: both are CommonJS, of which a bundle's dynamic import has no named exports.
  const [{ default: grpc }, { default: loader }] = await Promise.all([
    import('@grpc/grpc-js'),
    import('@grpc/proto-loader'),
  ]);
  const connection = new grpc.Client(`unix://${path}`, grpc.credentials.createInsecure(), {
    'grpc.max_receive_message_length': limits.criMessageBytes,
    'grpc.max_send_message_length': limits.criMessageBytes,
    'grpc.enable_http_proxy': 0,
    'grpc.enable_retries': 0,
    'grpc.enable_channelz': 0,
    'grpc.service_config_disable_resolution': 1,
    'grpc.use_local_subchannel_pool': 1,
  });
  methodsKnown ??= readMethods(loadDescriptor(loader));
  return { connection, methods: methodsKnown };
}

/** Read once: each reading makes its own types and the code for them, a megabyte for each connection of an agent's. */
let methodsKnown: Methods | null = null;

/** The path of a unix endpoint, or null when it is not one. */
function socketPath(endpoint: string): string | null {
  if (endpoint.startsWith('/')) return endpoint;
  return /^unix:(?:\/\/)?(\/.*)$/s.exec(endpoint)?.[1] ?? null;
}

function criClient(connection: Client, methods: Methods, options: CriOptions): CriClient {
  async function ask<T>(
    method: AnyMethod,
    request: object,
    read: (answer: unknown) => T,
    signal: AbortSignal,
    timeoutMs = options.callTimeoutMs,
  ): Promise<Result<T, CriFailure>> {
    const answer = await call(connection, method, request, timeoutMs, signal);
    return answer.ok ? ok(read(answer.value)) : fail(answer.error);
  }

  return {
    version: (signal) => ask(methods.version, {}, readVersion, signal),
    status: (signal) => ask(methods.status, { verbose: true }, readStatus, signal),
    imageStatus: (image, signal) => ask(methods.imageStatus, { image: { image } }, readImageStatus, signal),
    listImages: (signal) => ask(methods.listImages, {}, readImages, signal),
    imageFsInfo: (signal) => ask(methods.imageFsInfo, {}, readFilesystems, signal),
    async pullImage(image, { auth, signal, deadlineMs }) {
      const started = options.env.monotonic();
      const request = auth === undefined ? { image: { image } } : { image: { image }, auth: authMessage(auth) };
      const pulled = await ask(methods.pullImage, request, readImageRef, signal, deadlineMs);
      if (!pulled.ok) return pulled;
      return ok({ imageRef: pulled.value, durationMs: options.env.monotonic() - started });
    },
    containerEvents: (onEvent, signal) =>
      listen(connection, methods.events, (event) => onEvent(readEvent(event)), signal),
    close: () => connection.close(),
  };
}

function authMessage(auth: CriAuth): object {
  return {
    username: auth.username,
    password: auth.password.reveal(),
    server_address: auth.serverAddress ?? '',
    identity_token: auth.identityToken?.reveal() ?? '',
    registry_token: auth.registryToken?.reveal() ?? '',
  };
}

/**
 * One unary call that ends by itself. The time limit is our own timer and not gRPC's deadline, so that it can be told
 * apart from a `DeadlineExceeded` of the runtime, which is what containerd makes of a registry's timeout.
 */
function call(
  connection: Client,
  method: AnyMethod,
  request: object,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<Result<unknown, CriFailure>> {
  if (signal?.aborted) return Promise.resolve(fail(canceled));
  return new Promise((resolve) => {
    let early: CriFailure | null = null;
    const stop = (why: CriFailure): void => {
      early = why;
      under.cancel();
    };
    const onAbort = (): void => stop(canceled);
    const patience = startPatience(timeoutMs, () =>
      stop(failure('silent', 'DeadlineExceeded', `no answer within ${Math.round(timeoutMs)} ms`)),
    );
    signal?.addEventListener('abort', onAbort, { once: true });
    const under = connection.makeUnaryRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request,
      (error: ServiceError | null, answer?: object) => {
        patience.clear();
        signal?.removeEventListener('abort', onAbort);
        if (early !== null) resolve(fail(early));
        else resolve(error === null ? ok(answer) : fail(callFailure(error.code, error.details)));
      },
    );
  });
}

/** A stream of answers, until the signal or the other side ends it. */
function listen(
  connection: Client,
  method: AnyMethod,
  onAnswer: (answer: unknown) => void,
  signal: AbortSignal,
): Promise<CriFailure> {
  if (signal.aborted) return Promise.resolve(canceled);
  return new Promise((resolve) => {
    const stream = connection.makeServerStreamRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      {},
    );
    const onAbort = (): void => stream.cancel();
    signal.addEventListener('abort', onAbort, { once: true });
    const end = (why: CriFailure): void => {
      signal.removeEventListener('abort', onAbort);
      resolve(why);
    };
    stream.on('data', onAnswer);
    stream.on('error', (error: ServiceError) =>
      end(signal.aborted ? canceled : callFailure(error.code, error.details)),
    );
    stream.on('end', () => end(failure('rpc', 'Unavailable', 'the runtime ended the stream of events')));
  });
}

const canceled: CriFailure = failure('canceled', 'Canceled', 'the question was withdrawn before the runtime answered');

type AnyMethod = MethodDefinition<object, object>;
type Methods = Readonly<
  Record<
    'version' | 'status' | 'events' | 'imageStatus' | 'listImages' | 'imageFsInfo' | 'pullImage' | 'plugins',
    AnyMethod
  >
>;
type Loader = {
  readonly fromJSON: typeof fromJSON;
  readonly loadSync: (files: string[], options: object) => PackageDefinition;
};

/**
 * The descriptor of proto/. In the bundle its JSON form lies beside the code; from source the text is parsed.
 */
function loadDescriptor(loader: Loader): PackageDefinition {
  const options = { keepCase: true, longs: String, enums: String, defaults: true };
  const json = new URL('./proto/cri.json', import.meta.url);
  if (existsSync(json)) {
    const descriptor: unknown = JSON.parse(readFileSync(json, 'utf8'));
    if (isDescriptor(descriptor)) return loader.fromJSON(descriptor, options);
  }
  const files = ['cri', 'containerd'].map((name) =>
    fileURLToPath(new URL(`../../proto/${name}.proto`, import.meta.url)),
  );
  return loader.loadSync(files, options);
}

function isDescriptor(value: unknown): value is Parameters<typeof fromJSON>[0] {
  return typeof value === 'object' && value !== null && 'nested' in value;
}

function readMethods(descriptor: PackageDefinition): Methods {
  const method = (service: string, name: string, of = 'runtime.v1'): AnyMethod => {
    for (const [key, value] of Object.entries(descriptor[`${of}.${service}`] ?? {})) {
      if (key === name && isMethod(value)) return value;
    }
    throw new Error(`proto/ has no method ${of}.${service}.${name}`);
  };
  return {
    version: method('RuntimeService', 'Version'),
    status: method('RuntimeService', 'Status'),
    events: method('RuntimeService', 'GetContainerEvents'),
    imageStatus: method('ImageService', 'ImageStatus'),
    listImages: method('ImageService', 'ListImages'),
    imageFsInfo: method('ImageService', 'ImageFsInfo'),
    pullImage: method('ImageService', 'PullImage'),
    plugins: method('Introspection', 'Plugins', 'containerd.services.introspection.v1'),
  };
}

function isMethod(value: unknown): value is AnyMethod {
  return typeof value === 'object' && value !== null && 'requestSerialize' in value && 'responseDeserialize' in value;
}
