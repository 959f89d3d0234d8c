import { request as openRequest } from 'node:http';
import type { Socket } from 'node:net';
import type { Env } from '../lib/env.ts';
import { limits } from '../lib/limits.ts';
import { startPatience } from '../lib/patience.ts';
import type { Result } from '../lib/result.ts';
import type { WireError } from '../model/network-failure.ts';
import { wireError, wireErrorOf } from './errors.ts';
import { announcedLength } from './http-answer.ts';
import { openWay } from './http-connect.ts';
import type { HttpExchange, HttpFailure, HttpRequest, HttpRoute } from './http-exchange.ts';
import { headersToSend, originOf, reporter, shownUrl, type Tried } from './http-report.ts';

/**
 * One request on a connection of its own, in HTTP/1.1, which every registry speaks. It is for who looks again at a server
 * that was well, many times an hour: it takes a third of what a client takes that keeps connections, speaks HTTP/2 and
 * tells how a server fails. A failure here says little more than that there was one. Never rejects.
 */
export async function requestOnce(
  route: HttpRoute,
  request: Omit<HttpRequest, 'body' | 'sink'>,
  env: Env,
): Promise<Result<HttpExchange, HttpFailure>> {
  const started = env.monotonic();
  const { signal, timeoutMs } = request;
  const report = reporter(route, env, request, started);
  if (signal.aborted) return report.aborted();
  if (URL.parse(originOf(route)) === null || !request.path.startsWith('/')) return report.unusable();
  const way = await openWay(route, { timeoutMs, signal, env, alpn: ['http/1.1'], readAlong: false });
  if (!way.ok) return report.noWay(way.error);
  const left = Math.max(1, timeoutMs - (env.monotonic() - started));
  const tried = await exchange(way.value.socket, route, request, left, env);
  way.value.socket.destroy();
  return report.outcome(tried, way.value, false);
}

/** Sends it and reads the answer within its bounds. */
function exchange(
  socket: Socket,
  route: HttpRoute,
  request: Omit<HttpRequest, 'body' | 'sink'>,
  leftMs: number,
  env: Env,
): Promise<Tried> {
  const { method, path, maxBytes, keepPartial = false, signal } = request;
  const what = `${method} ${shownUrl(route, path)}`;
  const origin = originOf(route);
  return new Promise((resolve) => {
    const sentAt = env.monotonic();
    let answeredAt: number | null = null;
    let answer: Pick<Tried, 'status' | 'statusText' | 'headers' | 'expectedBytes'> = nothing;
    const chunks: Buffer[] = [];
    let bytes = 0;
    let settled = false;

    const settle = (error: WireError | null, complete: boolean): void => {
      if (settled) return;
      settled = true;
      patience.clear();
      signal.removeEventListener('abort', onAbort);
      const phase = answeredAt === null ? 'headers' : 'body';
      const body = Buffer.concat(chunks);
      resolve({
        ...answer,
        body: body.length > maxBytes ? body.subarray(0, maxBytes) : body,
        bytes,
        complete,
        firstByteMs: answeredAt === null ? null : answeredAt - sentAt,
        bodyMs: answeredAt === null ? null : env.monotonic() - answeredAt,
        failure: error === null ? null : { phase, error },
      });
    };
    const onAbort = (): void => settle(wireError('aborted', `${what}: the investigation ended first`), false);
    const patience = startPatience(leftMs, () =>
      settle(wireError('timeout', `${what}: no complete answer in ${Math.round(leftMs)} ms`), false),
    );
    signal.addEventListener('abort', onAbort, { once: true });

    const sent = openRequest({
      createConnection: () => socket,
      method,
      path: route.proxy !== null && route.scheme === 'http' ? `${origin}${path}` : path,
      headers: { host: new URL(origin).host, ...headersToSend(route, request) },
      maxHeaderSize: limits.headerBytes,
    });
    sent.on('error', (error) => settle(wireErrorOf(error, what), false));
    sent.on('close', () => settle(wireError('closed', `${what}: the connection closed before an answer came`), false));
    sent.on('response', (message) => {
      answeredAt = env.monotonic();
      const headers = headersOf(message.rawHeaders);
      const expectedBytes = method === 'HEAD' ? null : announcedLength(headers);
      answer = { status: message.statusCode ?? null, statusText: message.statusMessage ?? '', headers, expectedBytes };
      message.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        chunks.push(chunk);
        const more = bytes > maxBytes || (bytes === maxBytes && (expectedBytes ?? 0) > bytes);
        if (!more) return;
        if (keepPartial) settle(null, false);
        else if (bytes > maxBytes) settle(wireError('body-too-large', `${what}: more than ${maxBytes} bytes`), false);
        message.destroy();
      });
      message.on('error', (error) => settle(wireErrorOf(error, what), false));
      message.on('end', () => settle(null, true));
    });
    sent.end();
    if (signal.aborted) onAbort();
  });
}

const nothing = { status: null, statusText: '', headers: {}, expectedBytes: null };

/** Lower-case names, each with its values. */
function headersOf(raw: readonly string[]): Record<string, string | string[]> {
  const found = new Map<string, string | string[]>();
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const [name, value] = [(raw[at] ?? '').toLowerCase(), raw[at + 1] ?? ''];
    const before = found.get(name);
    found.set(name, before === undefined ? value : [before, value].flat());
  }
  return Object.fromEntries(found);
}
