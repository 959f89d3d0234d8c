import type { Socket } from 'node:net';
import type { Env } from '../lib/env.ts';
import { limits } from '../lib/limits.ts';
import { looksLikeHtml, readPage } from '../lib/page-text.ts';
import { startPatience } from '../lib/patience.ts';
import { safeLine } from '../lib/redact.ts';
import { fail, ok, type Result } from '../lib/result.ts';
import type { Secret } from '../lib/secret.ts';
import { bracketed } from '../lib/url-text.ts';
import type { NetworkFailure, WireError } from '../model/network-failure.ts';
import { wireError, wireErrorOf } from './errors.ts';
import { connectTcp } from './tcp.ts';
import { handshakeTls, type TlsFailure, type TlsOptions } from './tls.ts';

/** A proxy of the runtime's environment, its name resolved. */
export interface ProxyRoute {
  /** How the proxy itself is spoken to. */
  readonly scheme: 'http' | 'https';
  /** As the setting names it; also the name that an https proxy's certificate must have. */
  readonly host: string;
  readonly port: number;
  /** The IP address to connect to. */
  readonly address: string;
  /** The whole value of Proxy-Authorization (`Basic …`), made of the setting's userinfo; null when it has none. */
  readonly authorization: Secret | null;
}

/** What of the handshake with an https proxy is not the name: trust and client certificates. */
export type ProxyTls = Omit<TlsOptions, 'serverName' | 'alpn' | 'timeoutMs' | 'signal' | 'env'>;

/** Why a proxy gives no way to the registry. */
export interface ProxyRefusal extends WireError {
  /**
   * How far it went: `connect` and `tls` are the way to the proxy itself; `answer`: it was asked, and said no or
   * nothing of use.
   */
  readonly stage: 'connect' | 'tls' | 'answer';
  /** Null when no HTTP answer came. */
  readonly status: number | null;
  /** As sent: Go's client, so the runtime's log, shows this word alone. */
  readonly statusText: string | null;
  /** Lower-case names; repeated ones joined by a comma. With `proxy-authenticate`, `via`, `x-squid-error`. */
  readonly headers: Readonly<Record<string, string>>;
  /** The page's title and first words, or the first words of a plain body. */
  readonly bodyExcerpt: string | null;
  /** Stage `tls`. */
  readonly tls?: TlsFailure;
  readonly durationMs: number;
}

/** A tunnel to the target. The caller owns the socket and closes it. */
export interface ProxyTunnel {
  readonly socket: Socket;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** TCP to the proxy. */
  readonly tcpMs: number;
  /** All of it. */
  readonly durationMs: number;
}

/** How long to wait in all, and who may end it. */
export interface ProxyOptions {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly env: Env;
  /** Needed for an https proxy. */
  readonly tls?: ProxyTls | null;
}

/** `http://proxy.corp:3128`: never with userinfo. */
export function proxyName(proxy: Pick<ProxyRoute, 'scheme' | 'host' | 'port'>): string {
  return `${proxy.scheme}://${bracketed(proxy.host)}:${proxy.port}`;
}

/**
 * squid's own word for why it fails (`ERR_ACCESS_DENIED`, `ERR_CONNECT_FAIL`, `ERR_DNS_FAIL`, `ERR_CANNOT_FORWARD`),
 * from its X-Squid-Error header; null when there is none.
 */
export function squidError(headers: Readonly<Record<string, string | readonly string[]>>): string | null {
  const value = headers['x-squid-error'];
  const first = typeof value === 'string' ? value : value?.[0];
  return /^\s*([A-Z][A-Z0-9_]{2,60})\b/u.exec(first ?? '')?.[1] ?? null;
}

/** Opens a TCP connection to the proxy, with TLS when it is an https proxy, and asks for nothing yet. */
export async function connectToProxy(
  proxy: ProxyRoute,
  options: ProxyOptions,
): Promise<Result<{ readonly socket: Socket; readonly tcpMs: number; readonly durationMs: number }, ProxyRefusal>> {
  const { env, signal } = options;
  const started = env.monotonic();
  const spent = () => env.monotonic() - started;
  const unanswered = { status: null, statusText: null, headers: {}, bodyExcerpt: null } as const;
  const tcp = await connectTcp(proxy, { timeoutMs: options.timeoutMs, signal, env });
  if (!tcp.ok) {
    const { code, message } = tcp.error;
    return fail({
      ...unanswered,
      stage: 'connect',
      code,
      message: `proxy ${proxyName(proxy)}: ${message}`,
      durationMs: spent(),
    });
  }
  const { socket, durationMs: tcpMs } = tcp.value;
  if (proxy.scheme === 'http') return ok({ socket, tcpMs, durationMs: spent() });
  if (options.tls === undefined || options.tls === null) throw new Error('an https proxy needs a trust store');
  const tls = await handshakeTls(socket, {
    ...options.tls,
    serverName: proxy.host,
    alpn: ['http/1.1'],
    timeoutMs: Math.max(1, options.timeoutMs - spent()),
    signal,
    env,
  });
  if (tls.ok) return ok({ socket: tls.value.socket, tcpMs, durationMs: spent() });
  socket.destroy();
  const { code, message } = tls.error;
  return fail({
    ...unanswered,
    stage: 'tls',
    code,
    message: `proxy ${proxyName(proxy)}: ${message}`,
    tls: tls.error,
    durationMs: spent(),
  });
}

/**
 * Asks a proxy for a tunnel. Sent by ourselves, since HTTP clients hide the status and the headers of a refusal. Like
 * Go's client, which the runtimes use, it takes status 200 alone for a yes (net/http transport.go, dialConn).
 */
export async function connectThroughProxy(
  proxy: ProxyRoute,
  target: { readonly host: string; readonly port: number },
  options: ProxyOptions,
): Promise<Result<ProxyTunnel, ProxyRefusal>> {
  const { env } = options;
  const started = env.monotonic();
  const spent = () => env.monotonic() - started;
  const connected = await connectToProxy(proxy, options);
  if (!connected.ok) return connected;
  const { socket, tcpMs } = connected.value;

  const authority = `${bracketed(target.host)}:${target.port}`;
  const context = `proxy ${proxyName(proxy)}, asked for ${authority}`;
  const refused = (error: WireError, head: Head | null, body: Buffer): Result<never, ProxyRefusal> => {
    socket.destroy();
    return fail({
      stage: 'answer',
      code: error.code,
      message: error.message,
      status: head?.status ?? null,
      statusText: head?.statusText ?? null,
      headers: head?.headers ?? {},
      bodyExcerpt: excerptOf(body),
      durationMs: spent(),
    });
  };
  if (/[^\u0021-\u007e]/u.test(authority)) {
    return refused(wireError('internal', `${context}: not a host name`), null, Buffer.alloc(0));
  }
  const lines = [`CONNECT ${authority} HTTP/1.1`, `Host: ${authority}`, 'User-Agent: Go-http-client/1.1'];
  if (proxy.authorization !== null) lines.push(`Proxy-Authorization: ${proxy.authorization.reveal()}`);
  socket.write(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');

  const answer = await readAnswer(socket, Math.max(1, options.timeoutMs - spent()), options.signal);
  const { head } = answer;
  if (head === null) {
    const error =
      answer.error === null ? noAnswer(answer, context, options.timeoutMs) : wireErrorOf(answer.error, context);
    return refused(error, null, answer.rest);
  }
  if (head.status === 200) {
    if (answer.rest.length > 0) socket.unshift(answer.rest);
    return ok({ socket, status: head.status, headers: head.headers, tcpMs, durationMs: spent() });
  }
  return refused(proxyStatusError(head, context), head, answer.rest);
}

/** The failure that a proxy's own status stands for: 407 `proxy-auth`, all others `proxy-refused`. */
export function proxyStatusError(
  head: { readonly status: number; readonly statusText: string; readonly headers: Readonly<Record<string, string>> },
  context: string,
): WireError {
  const code: NetworkFailure = head.status === 407 ? 'proxy-auth' : 'proxy-refused';
  const word = squidError(head.headers);
  const said = `${head.status} ${head.statusText}`.trim();
  return wireError(code, `${context}: it answers ${said}${word === null ? '' : ` (${word})`}`);
}

/** What is worth showing of a proxy's error body; null when it is empty. */
export function excerptOf(body: Buffer): string | null {
  if (body.length === 0) return null;
  const text = new TextDecoder().decode(body);
  if (looksLikeHtml(text)) {
    // squid's titles are all alike; what it means stands in the text below.
    const { title, excerpt } = readPage(text, 300);
    return [title, excerpt].filter((part) => part !== null).join(': ') || null;
  }
  const line = safeLine(text, 300);
  return line === '' ? null : line;
}

interface Head {
  readonly status: number;
  readonly statusText: string;
  readonly headers: Readonly<Record<string, string>>;
}

interface Answer {
  /** Null: no complete HTTP head came. */
  readonly head: Head | null;
  /** Bytes behind the head; without a head all that came. */
  readonly rest: Buffer;
  readonly ended: 'head' | 'closed' | 'timeout' | 'aborted' | 'too-large' | 'error';
  readonly error: Error | null;
}

/** Time that the body of a refusal gets once its head is there; its words are a help, not the finding. */
const refusalBodyMs = 500;
const refusalBodyBytes = 8 * 1024;

/** Reads the head of an answer, and of a refusal the beginning of its body. Leaves the socket as it was, but for what it read. */
function readAnswer(socket: Socket, timeoutMs: number, signal: AbortSignal): Promise<Answer> {
  return new Promise((resolve) => {
    let bytes = Buffer.alloc(0);
    let head: Head | null = null;
    let bodyWanted = 0;
    let settled = false;

    const settle = (ended: Answer['ended'], error: Error | null = null) => {
      settled = true;
      patience.clear();
      signal.removeEventListener('abort', onAbort);
      socket.off('readable', onReadable);
      socket.off('end', onEnd);
      socket.off('close', onEnd);
      socket.off('error', onError);
      socket.on('error', () => {});
      resolve({ head, rest: bytes, ended, error });
    };
    const onData = (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      if (head === null) {
        if (bytes.length >= 5 && !bytes.toString('latin1', 0, 5).startsWith('HTTP/')) return settle('head');
        const end = headEnd(bytes);
        if (end === -1) {
          if (bytes.length > limits.headerBytes) settle('too-large');
          return;
        }
        head = parseHead(bytes.toString('latin1', 0, end));
        if (head === null) return settle('head');
        bytes = bytes.subarray(end);
        if (head.status === 200) return settle('head');
        const announced = Number(head.headers['content-length'] ?? Number.POSITIVE_INFINITY);
        bodyWanted = Math.min(refusalBodyBytes, Number.isNaN(announced) ? 0 : announced);
        patience.clear();
        patience = startPatience(Math.min(refusalBodyMs, timeoutMs), () => settle('timeout'));
      }
      if (bytes.length >= bodyWanted) {
        bytes = bytes.subarray(0, refusalBodyBytes);
        settle('head');
      }
    };
    // By reading, not by 'data' events: those would leave the socket paused or flowing, and its next owner with the
    // choice of losing bytes or waiting for ever.
    const onReadable = () => {
      for (;;) {
        const chunk: unknown = settled ? null : socket.read();
        if (!Buffer.isBuffer(chunk)) return;
        onData(chunk);
      }
    };
    const onEnd = () => settle('closed');
    const onError = (error: Error) => settle('error', error);
    const onAbort = () => settle('aborted');
    let patience = startPatience(timeoutMs, () => settle('timeout'));
    signal.addEventListener('abort', onAbort, { once: true });
    socket.on('readable', onReadable);
    socket.on('end', onEnd);
    socket.on('close', onEnd);
    socket.on('error', onError);
    if (signal.aborted) onAbort();
    else if (socket.destroyed) onEnd();
  });
}

function noAnswer(answer: Answer, context: string, timeoutMs: number): WireError {
  const { ended, rest } = answer;
  if (ended === 'timeout') return wireError('timeout', `${context}: no answer in ${Math.round(timeoutMs)} ms`);
  if (ended === 'aborted') return wireError('aborted', `${context}: the investigation ended before an answer came`);
  if (ended === 'too-large') {
    return wireError('http-malformed', `${context}: its answer's headers are larger than ${limits.headerBytes} bytes`);
  }
  if (rest[0] === 0x15 && rest[1] === 0x03) {
    return wireError('tls-on-plain', `${context}: it speaks TLS and is addressed with http`);
  }
  if (rest.length > 0) return wireError('http-malformed', `${context}: its answer is not HTTP`);
  return wireError('closed', `${context}: it closed the connection without an answer`);
}

/** Where the head ends: behind the first empty line, with or without carriage returns; -1 when it is not there yet. */
function headEnd(bytes: Buffer): number {
  const strict = bytes.indexOf('\r\n\r\n');
  const loose = bytes.indexOf('\n\n');
  if (strict === -1 && loose === -1) return -1;
  if (loose === -1 || (strict !== -1 && strict < loose)) return strict + 4;
  return loose + 2;
}

function parseHead(text: string): Head | null {
  const [first = '', ...lines] = text.split(/\r?\n/u);
  const status = /^HTTP\/1\.[01] +(\d{3})(?: +(.*))?$/u.exec(first);
  if (status === null) return null;
  const headers = new Map<string, string>();
  for (const line of lines) {
    const found = /^([!#$%&'*+.^_`|~\w-]+):/u.exec(line);
    if (found === null) continue;
    const [whole, name = ''] = found;
    const value = line.slice(whole.length).trim();
    const before = headers.get(name.toLowerCase());
    headers.set(name.toLowerCase(), before === undefined ? value : `${before}, ${value}`);
  }
  return {
    status: Number(status[1]),
    statusText: safeLine(status[2] ?? '', 200),
    headers: Object.fromEntries([...headers].map(([name, value]) => [name, safeLine(value, 1000)])),
  };
}
