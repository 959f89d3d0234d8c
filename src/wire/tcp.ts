import { connect, isIP, type Socket } from 'node:net';
import type { Env } from '../lib/env.ts';
import { startPatience } from '../lib/patience.ts';
import { fail, ok, type Result } from '../lib/result.ts';
import type { WireError } from '../model/network-failure.ts';
import { errnoOf, wireError, wireErrorOf } from './errors.ts';

/** One end to connect to: an IP address (with its zone where it needs one), never a name. */
export interface TcpTarget {
  readonly address: string;
  readonly port: number;
}

/** How long to wait, and who may end it. */
export interface TcpOptions {
  /** For the three-way handshake. */
  readonly timeoutMs: number;
  /** The investigation's end; gives `aborted`. */
  readonly signal: AbortSignal;
  readonly env: Env;
}

/** An open connection. The caller owns the socket and closes it. */
export interface TcpConnected {
  readonly socket: Socket;
  /** The address this machine used: the node's own egress, as far as it knows. */
  readonly localAddress: string;
  /** Of the handshake. */
  readonly durationMs: number;
}

/** Why there is no connection. Codes: refused, timeout, unreachable, reset, not-permitted, aborted, internal. */
export interface TcpFailure extends WireError {
  readonly durationMs: number;
  /** The system's own word (`ECONNREFUSED`), where it said one; a timeout of ours has none. */
  readonly errno?: string;
}

/** What `probeTcp` found. */
export interface TcpProbed {
  readonly localAddress: string;
  readonly durationMs: number;
  /** The peer ended the connection in order within the linger time, without having been sent anything. */
  readonly closedByPeer: boolean;
}

/** `1.2.3.4:443`, `[2001:db8::1]:443`. */
export function endpointName(target: TcpTarget): string {
  return target.address.includes(':') ? `[${target.address}]:${target.port}` : `${target.address}:${target.port}`;
}

/** Opens a connection to one address; no name lookup, no second address. Every failure closes the socket. */
export function connectTcp(target: TcpTarget, options: TcpOptions): Promise<Result<TcpConnected, TcpFailure>> {
  const { env, signal } = options;
  const started = env.monotonic();
  const context = `connecting to ${endpointName(target)}`;
  const failed = (error: WireError, errno?: string | null): Result<TcpConnected, TcpFailure> =>
    fail({ ...error, durationMs: env.monotonic() - started, ...(errno ? { errno } : {}) });
  if (isIP(target.address) === 0) {
    return Promise.resolve(failed(wireError('internal', `${context}: not an IP address`)));
  }
  if (!Number.isInteger(target.port) || target.port < 1 || target.port > 65535) {
    return Promise.resolve(failed(wireError('internal', `${context}: not a port`)));
  }
  if (signal.aborted) return Promise.resolve(failed(aborted(context)));

  return new Promise((resolve) => {
    // autoSelectFamily would split the time limit and hide the errno in an AggregateError.
    const socket = connect({ host: target.address, port: target.port, autoSelectFamily: false, noDelay: true });
    const settle = (result: Result<TcpConnected, TcpFailure>) => {
      patience.clear();
      signal.removeEventListener('abort', onAbort);
      socket.off('error', onError);
      socket.off('connect', onConnect);
      // Kept on a good socket as well: a reset before its owner listens must not end the process.
      socket.on('error', ignore);
      if (!result.ok) socket.destroy();
      resolve(result);
    };
    const onError = (error: Error) => settle(failed(wireErrorOf(error, context), errnoOf(error)));
    const onAbort = () => settle(failed(aborted(context)));
    const onConnect = () =>
      settle(ok({ socket, localAddress: socket.localAddress ?? '', durationMs: env.monotonic() - started }));
    const patience = startPatience(options.timeoutMs, () =>
      settle(failed(wireError('timeout', `${context}: no answer in ${options.timeoutMs} ms`))),
    );
    signal.addEventListener('abort', onAbort, { once: true });
    socket.once('error', onError);
    socket.once('connect', onConnect);
  });
}

/**
 * Connects and closes again. With `lingerMs` it keeps the connection that long, silent, to see whether a middlebox
 * resets it right after the handshake: then the failure is `reset`.
 */
export async function probeTcp(
  target: TcpTarget,
  options: TcpOptions & { readonly lingerMs?: number },
): Promise<Result<TcpProbed, TcpFailure>> {
  const connected = await connectTcp(target, options);
  if (!connected.ok) return connected;
  const { socket, localAddress, durationMs } = connected.value;
  const lingerMs = options.lingerMs ?? 0;
  if (lingerMs <= 0) {
    socket.destroy();
    return ok({ localAddress, durationMs, closedByPeer: false });
  }
  const { signal } = options;
  return await new Promise((resolve) => {
    const settle = (result: Result<TcpProbed, TcpFailure>) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onTime);
      socket.destroy();
      resolve(result);
    };
    const onTime = () => settle(ok({ localAddress, durationMs, closedByPeer: false }));
    const timer = setTimeout(onTime, lingerMs);
    // The handshake is what was asked for; an end of the investigation while lingering takes nothing from it.
    signal.addEventListener('abort', onTime, { once: true });
    socket.once('error', (error: Error) => {
      const errno = errnoOf(error);
      const wire = wireErrorOf(error, `connected to ${endpointName(target)}, then`);
      settle(fail({ ...wire, durationMs, ...(errno ? { errno } : {}) }));
    });
    socket.once('end', () => settle(ok({ localAddress, durationMs, closedByPeer: true })));
    socket.resume();
    if (signal.aborted) onTime();
  });
}

function aborted(context: string): WireError {
  return wireError('aborted', `${context}: the investigation ended first`);
}

/** What a socket reports when nobody waits for it. */
function ignore(): void {}
