/**
 * A registry in this process, for answers that no packaged one gives: Docker Hub's headers and refusals, ECR's wording,
 * layers behind a redirect, a captive portal in its place.
 *
 *   const image = makeImage({ os: 'linux', architecture: 'amd64' });
 *   const registry = await startFakeRegistry({ repositories: { 'library/app': { '1.0': image } }, token: { users: { app: 'pw' } } });
 *   registry.base                                   // http://127.0.0.1:PORT/v2
 *   registry.override = fakeAnswers.ecrExpired;     // from now on every request gets this
 *   await registry.close();
 */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import { Secret } from '../../src/lib/secret.ts';
import { readTokenClaims } from '../../src/registry/token-claims.ts';
import { tarOf } from './tar.ts';
import { portOf } from './tcp-server.ts';

/** Content with its digest and type. */
export interface FakeContent {
  readonly digest: string;
  readonly mediaType: string;
  readonly bytes: Buffer;
}

/** What an image is built for. */
export interface FakePlatform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

/** A manifest and everything below it. */
export interface FakeImage {
  readonly manifest: FakeContent;
  /** Null for an index. */
  readonly platform: FakePlatform | null;
  readonly content: readonly FakeContent[];
}

/** One answer, complete. */
export interface FakeAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | Buffer;
  /**
   * What becomes of it: `silent` never sends it, `close` ends the connection in its place, `stall` sends the headers and
   * half of the body and then nothing, `cut` sends as much and ends the connection.
   */
  readonly manner?: 'silent' | 'close' | 'stall' | 'cut';
}

/** What the registry holds and how it behaves. */
export interface FakeRegistryOptions {
  /** Repository → tag → image. Digests work for whatever is held. */
  readonly repositories?: Readonly<Record<string, Readonly<Record<string, FakeImage>>>>;
  /** Bearer tokens from its own `/token`; anonymous ones for public repositories. */
  readonly token?: {
    readonly users: Readonly<Record<string, string>>;
    readonly publicRepositories?: readonly string[];
    /** The status of POST, as of services that know GET alone. */
    readonly postStatus?: number;
    /** Another service's URL. */
    readonly realm?: string;
  };
  /** Basic authentication instead. */
  readonly basic?: Readonly<Record<string, string>>;
  /** Blobs are a 307 to this origin plus the blob's path and a signature. */
  readonly blobOrigin?: string;
  /** Added to every answer. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly tls?: { readonly cert: string; readonly key: string };
  /** 127.0.0.1, or another address of loopback. */
  readonly address?: string;
  /** A free one. */
  readonly port?: number;
}

/** One that runs. */
export interface FakeRegistry {
  readonly base: string;
  readonly origin: string;
  readonly port: number;
  /** `METHOD path?query` in order. */
  readonly requests: readonly string[];
  /** The Authorization headers of those requests; null where there was none. */
  readonly authorizations: readonly (string | null)[];
  /** Answers everything from now on, when set; null from the function means: as usual. */
  override: FakeAnswer | ((method: string, path: string, authorization: string | null) => FakeAnswer | null) | null;
  close(): Promise<void>;
}

const types = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar',
};

/** Any bytes as content. */
export function makeContent(mediaType: string, value: unknown): FakeContent {
  const bytes = Buffer.isBuffer(value) ? value : Buffer.from(JSON.stringify(value));
  return { digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`, mediaType, bytes };
}

/** An image for one platform with one layer of `layerBytes` bytes, a plain tar archive. */
export function makeImage(platform: FakePlatform, layerBytes = 1024): FakeImage {
  const file = Buffer.alloc(Math.max(0, layerBytes - 512), `${platform.os}/${platform.architecture} `);
  // Without the blocks of zeros at its end, which no reader needs.
  const layer = makeContent(types.layer, tarOf('platform', file).subarray(0, layerBytes));
  const config = makeContent(types.config, { ...platform, rootfs: { type: 'layers', diff_ids: [layer.digest] } });
  const manifest = makeContent(types.manifest, {
    schemaVersion: 2,
    mediaType: types.manifest,
    config: descriptor(config),
    layers: [descriptor(layer)],
  });
  return { manifest, platform, content: [config, layer] };
}

/** The image with one more layer, the smallest of all, that lies at `urls` and nowhere else. */
export function withForeignLayer(image: FakeImage, urls: readonly string[]): FakeImage {
  const foreign = { ...descriptor(makeContent(types.layer, 'foreign')), urls };
  const { layers, ...rest } = JSON.parse(image.manifest.bytes.toString('utf8'));
  return { ...image, manifest: makeContent(types.manifest, { ...rest, layers: [foreign, ...layers] }) };
}

/** An index over images, each with its platform, and an attestation as buildx adds it. */
export function makeIndex(images: readonly FakeImage[]): FakeImage {
  const entries = images.map((image) => ({ ...descriptor(image.manifest), platform: image.platform }));
  const attestation = makeContent(types.manifest, { schemaVersion: 2, layers: [] });
  const index = makeContent(types.index, {
    schemaVersion: 2,
    mediaType: types.index,
    manifests: [...entries, { ...descriptor(attestation), platform: { os: 'unknown', architecture: 'unknown' } }],
  });
  return { manifest: index, platform: null, content: images.flatMap((image) => [image.manifest, ...image.content]) };
}

function descriptor(content: FakeContent): { mediaType: string; digest: string; size: number } {
  return { mediaType: content.mediaType, digest: content.digest, size: content.bytes.length };
}

/** Answers as seen from registries and from what stands in their place (wording: pull-facts, section 12). */
export const fakeAnswers = {
  hubRateLimit: {
    status: 429,
    headers: {
      'content-type': 'application/json',
      'ratelimit-limit': '100;w=21600',
      'ratelimit-remaining': '0;w=21600',
      'docker-ratelimit-source': '203.0.113.9',
      'retry-after': '60',
    },
    body: errorBody(
      'TOOMANYREQUESTS',
      'You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit',
    ),
  },
  ecrExpired: {
    status: 403,
    headers: { 'content-type': 'application/json; charset=utf-8' },
    body: errorBody('DENIED', 'Your authorization token has expired. Reauthenticate and try again.'),
  },
  ecrBasicChallenge: {
    status: 401,
    headers: {
      'content-type': 'text/plain; charset=utf-8',
      'www-authenticate': 'Basic realm="https://1.dkr.ecr.eu-central-1.amazonaws.com/",service="ecr.amazonaws.com"',
    },
    body: 'Not Authorized\n',
  },
  googleDenied: {
    status: 403,
    headers: { 'content-type': 'application/json' },
    body: errorBody(
      'DENIED',
      'Permission "artifactregistry.repositories.downloadArtifacts" denied on resource "projects/p/locations/eu/repositories/r" (or it may not exist)',
    ),
  },
  s3Expired: {
    status: 403,
    headers: { 'content-type': 'application/xml' },
    body: '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>',
  },
  captivePortal: {
    status: 200,
    headers: { 'content-type': 'text/html; charset=utf-8' },
    body: '<!DOCTYPE html><html><head><title>Guest network login</title></head><body>Accept the terms</body></html>',
  },
  gatewayDown: {
    status: 502,
    headers: { 'content-type': 'text/html' },
    body: '<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body><center><h1>502 Bad Gateway</h1></center><hr><center>nginx</center></body></html>',
  },
} as const satisfies Record<string, FakeAnswer>;

/** The protocol's error body. */
export function errorBody(code: string, message: string, detail?: unknown): string {
  return JSON.stringify({ errors: [{ code, message, ...(detail === undefined ? {} : { detail }) }] });
}

/** Starts one on a port of loopback. */
export async function startFakeRegistry(options: FakeRegistryOptions = {}): Promise<FakeRegistry> {
  const requests: string[] = [];
  const authorizations: (string | null)[] = [];
  const sockets = new Set<Socket>();
  const server: Server = options.tls === undefined ? createServer() : createTlsServer({ ...options.tls });
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, options.address ?? '127.0.0.1', resolve);
  });
  const port = portOf(server);
  const host = options.address?.includes(':') === true ? `[${options.address}]` : (options.address ?? '127.0.0.1');
  const origin = `${options.tls === undefined ? 'http' : 'https'}://${host}:${port}`;

  const registry: FakeRegistry = {
    base: `${origin}/v2`,
    origin,
    port,
    requests,
    authorizations,
    override: null,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const method = request.method ?? 'GET';
      const url = new URL(request.url ?? '/', origin);
      requests.push(`${method} ${url.pathname}${url.search}`);
      authorizations.push(request.headers.authorization ?? null);
      const { override } = registry;
      const authorization = request.headers.authorization ?? null;
      const forced = typeof override === 'function' ? override(method, url.pathname, authorization) : override;
      const form = new URLSearchParams(Buffer.concat(chunks).toString());
      const answer = forced ?? respond(options, origin, method, url, authorization, form);
      const body = Buffer.from(answer.body ?? '');
      if (answer.manner === 'silent') return;
      if (answer.manner === 'close') return void request.socket.destroy();
      response.writeHead(answer.status, {
        'content-length': body.length,
        ...options.headers,
        ...mutable(answer.headers),
      });
      if (method === 'HEAD' || answer.manner === undefined)
        return void response.end(method === 'HEAD' ? undefined : body);
      response.flushHeaders();
      response.write(body.subarray(0, body.length / 2));
      if (answer.manner === 'cut') setTimeout(() => request.socket.destroy(), 30);
    });
  });
  return registry;
}

function mutable(headers: FakeAnswer['headers']): Record<string, string | string[]> {
  return Object.fromEntries(
    Object.entries(headers ?? {}).map(([name, value]) => [name, typeof value === 'string' ? value : [...value]]),
  );
}

const json = { 'content-type': 'application/json' };

function respond(
  options: FakeRegistryOptions,
  origin: string,
  method: string,
  url: URL,
  authorization: string | null,
  form: URLSearchParams,
): FakeAnswer {
  if (url.pathname === '/token' && options.token !== undefined)
    return giveToken(options.token, method, url, authorization, form);
  if (url.pathname !== '/v2' && !url.pathname.startsWith('/v2/')) return { status: 404, body: '404 page not found\n' };
  const found = /^\/v2\/(.+)\/(manifests|blobs|tags)\/([^/]+)$/u.exec(url.pathname);
  const repository = found?.[1] ?? null;

  const refusal = authorize(options, origin, authorization, repository);
  if (refusal !== null) return refusal;
  if (found === null || repository === null) {
    return { status: 200, headers: { ...json, 'docker-distribution-api-version': 'registry/2.0' }, body: '{}' };
  }
  const [, , kind = '', name = ''] = found;
  const held = Object.hasOwn(options.repositories ?? {}, repository) ? options.repositories?.[repository] : undefined;
  if (held === undefined) {
    return {
      status: 404,
      headers: json,
      body: errorBody('NAME_UNKNOWN', 'repository name not known to registry', { name: repository }),
    };
  }
  if (kind === 'tags')
    return { status: 200, headers: json, body: JSON.stringify({ name: repository, tags: Object.keys(held) }) };
  const everything = Object.values(held).flatMap((image) => [image.manifest, ...image.content]);
  const content =
    (Object.hasOwn(held, name) ? held[name]?.manifest : undefined) ?? everything.find((one) => one.digest === name);
  if (kind === 'manifests') {
    if (content === undefined) {
      return { status: 404, headers: json, body: errorBody('MANIFEST_UNKNOWN', 'manifest unknown', { Tag: name }) };
    }
    return {
      status: 200,
      headers: { 'content-type': content.mediaType, 'docker-content-digest': content.digest },
      body: content.bytes,
    };
  }
  if (content === undefined)
    return { status: 404, headers: json, body: errorBody('BLOB_UNKNOWN', 'blob unknown to registry') };
  if (options.blobOrigin !== undefined) {
    return {
      status: 307,
      headers: { location: `${options.blobOrigin}${url.pathname}?X-Amz-Signature=0123456789abcdef` },
    };
  }
  return { status: 200, headers: { 'content-type': 'application/octet-stream' }, body: content.bytes };
}

function authorize(
  options: FakeRegistryOptions,
  origin: string,
  authorization: string | null,
  repository: string | null,
): FakeAnswer | null {
  const denied = errorBody('UNAUTHORIZED', 'authentication required');
  if (options.basic !== undefined) {
    const user = basicUser(options.basic, authorization);
    if (user !== null) return null;
    return { status: 401, headers: { ...json, 'www-authenticate': 'Basic realm="fake"' }, body: denied };
  }
  if (options.token === undefined) return null;
  const scope = repository === null ? '' : `,scope="repository:${repository}:pull"`;
  const challenge = `Bearer realm="${options.token.realm ?? `${origin}/token`}",service="fake"${scope}`;
  const claims = authorization?.startsWith('Bearer ') === true ? grantedBy(authorization.slice(7)) : null;
  if (claims !== null && (repository === null || claims.includes(repository))) return null;
  const error = claims === null ? '' : ',error="insufficient_scope"';
  return { status: 401, headers: { ...json, 'www-authenticate': `${challenge}${error}` }, body: denied };
}

function giveToken(
  token: NonNullable<FakeRegistryOptions['token']>,
  method: string,
  url: URL,
  authorization: string | null,
  form: URLSearchParams,
): FakeAnswer {
  if (method === 'POST' && token.postStatus !== undefined) return { status: token.postStatus };
  const fields = method === 'POST' ? form : url.searchParams;
  const scopes = fields.getAll('scope').flatMap((scope) => scope.split(' '));
  let user: string | null = null;
  if (method === 'POST') {
    const name = form.get('username') ?? '';
    if (token.users[name] === undefined || token.users[name] !== form.get('password')) return wrongPassword;
    user = name;
  } else if (authorization !== null) {
    user = basicUser(token.users, authorization);
    if (user === null) return wrongPassword;
  }
  const granted = scopes
    .map((scope) => scope.split(':')[1] ?? '')
    .filter((name) => user !== null || (token.publicRepositories ?? []).includes(name));
  const access = granted.map((name) => ({ type: 'repository', name, actions: ['pull'] }));
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const made = `${part({ alg: 'none' })}.${part({ sub: user ?? '', access })}.c2ln`;
  return { status: 200, headers: json, body: JSON.stringify({ token: made, access_token: made, expires_in: 300 }) };
}

const wrongPassword: FakeAnswer = { status: 401, headers: json, body: '{"details":"incorrect username or password"}' };

function basicUser(users: Readonly<Record<string, string>>, authorization: string | null): string | null {
  const found = /^Basic (.+)$/u.exec(authorization ?? '');
  const pair = Buffer.from(found?.[1] ?? '', 'base64').toString();
  const at = pair.indexOf(':');
  const name = pair.slice(0, at);
  return at > 0 && users[name] === pair.slice(at + 1) ? name : null;
}

function grantedBy(jwt: string): readonly string[] | null {
  return readTokenClaims(new Secret(jwt))?.access?.map((entry) => entry.name) ?? null;
}
