import type { Secret } from '../lib/secret.ts';
import type { WireError } from '../model/network-failure.ts';
import type { ProxyRefusal, ProxyRoute, ProxyTls } from './proxy.ts';
import type { TlsFailure, TlsOptions, TlsPeer } from './tls.ts';

/** What of a TLS handshake belongs to the route; the rest (time, ALPN, signal) is the request's. */
export type TlsRoute = Omit<TlsOptions, 'alpn' | 'timeoutMs' | 'signal' | 'env'>;

/** How one origin is reached. */
export interface HttpRoute {
  readonly scheme: 'http' | 'https';
  /** As the URL names it, without brackets: goes into the Host header, and to a proxy. */
  readonly host: string;
  readonly port: number;
  /** The origin's IP address, to connect to; not used behind a proxy, which resolves the name itself. */
  readonly address: string;
  readonly proxy: ProxyRoute | null;
  /** Null for `http`, set for `https`. */
  readonly tls: TlsRoute | null;
  /** Needed for an https proxy: the trust store that its certificate is checked against. */
  readonly proxyTls?: ProxyTls | null;
}

/** What is asked of registries and, with `PATCH`, of the Kubernetes API server. */
export type HttpMethod = 'GET' | 'HEAD' | 'POST' | 'PATCH';

/** One request. The whole of it, connection included, has `timeoutMs`. */
export interface HttpRequest {
  readonly method: HttpMethod;
  /** Path and query, from the first slash. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | Secret>>;
  /** For POST and PATCH: a form, an object; bytes where it holds no secret. A content-type header comes from the caller. */
  readonly body?: Secret | Uint8Array;
  /** Bytes of the answer's body, after decompression. More is `body-too-large`, or with `keepPartial` the end of the reading. */
  readonly maxBytes: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Stop at `maxBytes` without failing: the first bytes of a layer. The connection is then closed, not used again. */
  readonly keepPartial?: boolean;
  /** Takes an answer with a status from 200 to 299 as it comes, instead of its being kept: a watch, which has no end of its own. */
  readonly sink?: {
    /** The headers have come. */
    readonly opened: () => void;
    /** The chunk's memory is used again once the call has returned. */
    readonly data: (chunk: Buffer) => void;
  };
}

/**
 * Milliseconds of each part of an exchange. The first three are null when a kept connection was used again, and
 * where the way has no such part.
 */
export interface HttpPhases {
  readonly tcpMs: number | null;
  /** TLS to an https proxy, and CONNECT. */
  readonly proxyMs: number | null;
  readonly tlsMs: number | null;
  /** From the request's sending to the end of the answer's headers. */
  readonly firstByteMs: number | null;
  readonly bodyMs: number | null;
}

/** A complete answer, of whatever status. */
export interface HttpExchange {
  /** Scheme, host and path; query values that may be secrets are masked. */
  readonly url: string;
  readonly method: HttpMethod;
  readonly status: number;
  /** Lower-case names; an array where a header came more than once. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: Buffer;
  /** False: cut at `maxBytes` as `keepPartial` allows. */
  readonly bodyComplete: boolean;
  /** True: the body came with `Content-Encoding: gzip` and is unpacked here, as Go's client does. Never with `keepPartial`. */
  readonly unpacked: boolean;
  /** `h2`, `http/1.1`; null on plain HTTP or when the server chose none. */
  readonly alpn: string | null;
  /** The party that the TCP connection ends at: the origin's address, or the proxy's. */
  readonly remoteAddress: string;
  /** Null on plain HTTP. */
  readonly peer: TlsPeer | null;
  /** True: an earlier request's connection was used. */
  readonly reused: boolean;
  readonly phases: HttpPhases;
  readonly durationMs: number;
}

/**
 * Where an exchange ended. `connect`: TCP to the origin; `proxy`: anything up to the proxy's answer (`proxy.stage` tells
 * more); `request`: ours could not be sent; `headers`: sent, and no answer of use; `body`: the answer's headers came.
 */
export type HttpPhase = 'connect' | 'proxy' | 'tls' | 'request' | 'headers' | 'body';

/** Why there is no complete answer. */
export interface HttpFailure extends WireError {
  readonly phase: HttpPhase;
  /** Masked like `HttpExchange.url`. */
  readonly url: string;
  readonly method: HttpMethod;
  /** The party that the TCP connection went to, reached or not. */
  readonly remoteAddress: string;
  /** Phase `tls`. */
  readonly tls?: TlsFailure;
  /** Phase `proxy`. */
  readonly proxy?: ProxyRefusal;
  /** Present once the headers have come (phase `body`, and what is known from a status). */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** Bytes of the body that came, and how many the server had announced. */
  readonly bytes?: number;
  readonly expectedBytes?: number;
  /** What was measured until then. */
  readonly phases: HttpPhases;
  readonly durationMs: number;
}
