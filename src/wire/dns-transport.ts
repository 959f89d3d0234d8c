import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { Env } from '../lib/env.ts';
import { limits } from '../lib/limits.ts';
import { type Patience, startPatience } from '../lib/patience.ts';
import { fail, ok, type Result } from '../lib/result.ts';
import type { WireError } from '../model/network-failure.ts';
import { wireError, wireErrorOf } from './errors.ts';
import { connectTcp, endpointName } from './tcp.ts';

/**
 * How a DNS message gets to one server and back: one datagram (RFC 1035 section 4.2.1) or one TCP connection (section
 * 4.2.2, RFC 7766). What the message means is the caller's, who looks at each that arrives.
 */

/** One name server. The address may carry an IPv6 zone. */
export interface DnsServer {
  readonly address: string;
  readonly port: number;
}

/** What the caller makes of bytes that arrived: the answer, another question's, or nothing that can be read. */
export type DnsReading<T> =
  | { readonly kind: 'answer'; readonly value: T }
  | { readonly kind: 'other' }
  | { readonly kind: 'garbage'; readonly why: string };

/** Limits of one exchange. */
export interface DnsWait {
  /** For one attempt. */
  readonly timeoutMs: number;
  /** How often the message is sent before the server counts as silent. */
  readonly attempts: number;
  readonly signal: AbortSignal;
  readonly env: Env;
}

/** An answer, or why there is none, with how often the message was sent. */
export type DnsExchange<T> = Result<
  { readonly value: T; readonly attempts: number },
  WireError & { readonly attempts: number }
>;

/**
 * Sends a message and waits for its answer. The socket is connected, so that the kernel hands on what ICMP says (a
 * closed port is `refused` at once, not silence) and keeps other senders' packets out. It stays open over all attempts:
 * a late answer to the first is an answer.
 */
export function askOverUdp<T>(
  server: DnsServer,
  message: Buffer,
  read: (bytes: Buffer) => DnsReading<T>,
  wait: DnsWait,
): Promise<DnsExchange<T>> {
  const name = `${endpointName(server)} over UDP`;
  if (wait.signal.aborted) return Promise.resolve(fail({ ...aborted(name), attempts: 0 }));
  return new Promise((resolve) => {
    const socket = createSocket({ type: isIPv6(server.address) ? 'udp6' : 'udp4' });
    let patience: Patience | undefined;
    let attempts = 0;
    let others = 0;
    let garbage: string | null = null;
    let settled = false;
    const settle = (result: Result<T, WireError>) => {
      if (settled) return;
      settled = true;
      patience?.clear();
      wait.signal.removeEventListener('abort', onAbort);
      socket.close();
      resolve(result.ok ? ok({ value: result.value, attempts }) : fail({ ...result.error, attempts }));
    };
    const onAbort = () => settle(fail(aborted(name)));
    const send = () => {
      if (attempts >= wait.attempts) {
        settle(fail(nothing(name, wait, garbage, others)));
        return;
      }
      attempts += 1;
      patience = startPatience(wait.timeoutMs, send);
      socket.send(message, (error) => {
        if (error !== null) settle(fail(wireErrorOf(error, `asking ${name}`)));
      });
    };
    socket.on('error', (error) => settle(fail(wireErrorOf(error, `asking ${name}`))));
    socket.on('connect', send);
    socket.on('message', (bytes) => {
      const reading = bytes.length > limits.dnsMessageBytes ? tooLong(bytes.length) : read(bytes);
      if (reading.kind === 'answer') settle(ok(reading.value));
      else if (reading.kind === 'garbage') garbage ??= reading.why;
      else others += 1;
    });
    wait.signal.addEventListener('abort', onAbort, { once: true });
    try {
      socket.connect(server.port, server.address);
    } catch (error) {
      // A port out of range; an address is the caller's to check.
      settle(fail(wireErrorOf(error, `asking ${name}`)));
    }
  });
}

/** The same over a connection of its own for each attempt; connecting belongs to the attempt's time. */
export async function askOverTcp<T>(
  server: DnsServer,
  message: Buffer,
  read: (bytes: Buffer) => DnsReading<T>,
  wait: DnsWait,
): Promise<DnsExchange<T>> {
  let attempts = 0;
  for (;;) {
    attempts += 1;
    const result = await oneTcpExchange(server, message, read, wait);
    if (result.ok) return ok({ value: result.value, attempts });
    // A refusal or a missing route stays; silence and a cut may have been an accident.
    const again = result.error.code === 'timeout' || result.error.code === 'closed' || result.error.code === 'reset';
    if (!again || attempts >= wait.attempts) return fail({ ...result.error, attempts });
  }
}

async function oneTcpExchange<T>(
  server: DnsServer,
  message: Buffer,
  read: (bytes: Buffer) => DnsReading<T>,
  wait: DnsWait,
): Promise<Result<T, WireError>> {
  const name = `${endpointName(server)} over TCP`;
  const { env, signal } = wait;
  const started = env.monotonic();
  const connected = await connectTcp(server, { timeoutMs: wait.timeoutMs, signal, env });
  if (!connected.ok) return fail(wireError(connected.error.code, `asking ${name}: ${connected.error.message}`));
  const { socket } = connected.value;
  return await new Promise((resolve) => {
    let pending = Buffer.alloc(0);
    let garbage: string | null = null;
    let others = 0;
    const settle = (result: Result<T, WireError>) => {
      patience.clear();
      signal.removeEventListener('abort', onAbort);
      socket.destroy();
      resolve(result);
    };
    const onAbort = () => settle(fail(aborted(name)));
    const left = Math.max(1, wait.timeoutMs - (env.monotonic() - started));
    const patience = startPatience(left, () => settle(fail(nothing(name, { ...wait, attempts: 1 }, garbage, others))));
    signal.addEventListener('abort', onAbort, { once: true });
    socket.on('error', (error) => settle(fail(wireErrorOf(error, `asking ${name}`))));
    socket.on('end', () => {
      const part = pending.length === 0 ? '' : ` in the middle of an answer (${pending.length} bytes came)`;
      settle(
        fail(
          garbage === null
            ? wireError('closed', `asking ${name}: the server closed${part}`)
            : unreadable(name, garbage),
        ),
      );
    });
    socket.on('data', (chunk: Buffer) => {
      pending = Buffer.concat([pending, chunk]);
      while (pending.length >= 2) {
        const length = pending.readUInt16BE(0);
        const reading = length > limits.dnsMessageBytes ? tooLong(length) : null;
        if (reading !== null) {
          settle(fail(unreadable(name, reading.why)));
          return;
        }
        if (pending.length < 2 + length) return;
        const found = read(pending.subarray(2, 2 + length));
        pending = pending.subarray(2 + length);
        if (found.kind === 'answer') {
          settle(ok(found.value));
          return;
        }
        if (found.kind === 'garbage') garbage ??= found.why;
        else others += 1;
      }
    });
    const prefix = Buffer.alloc(2);
    prefix.writeUInt16BE(message.length);
    // One write: some servers do not wait for the message behind its length.
    socket.write(Buffer.concat([prefix, message]));
    if (signal.aborted) onAbort();
  });
}

function nothing(name: string, wait: DnsWait, garbage: string | null, others: number): WireError {
  if (garbage !== null) return unreadable(name, garbage);
  const times = wait.attempts === 1 ? '' : `, asked ${wait.attempts} times`;
  const ignored = others === 0 ? '' : `; ${others} answers to other questions came`;
  return wireError('timeout', `asking ${name}: no answer in ${wait.timeoutMs} ms${times}${ignored}`);
}

function unreadable(name: string, why: string): WireError {
  return wireError('malformed', `asking ${name}: the answer cannot be read: ${why}`);
}

function tooLong(bytes: number): { readonly kind: 'garbage'; readonly why: string } {
  return { kind: 'garbage', why: `${bytes} bytes are more than any answer about a host has` };
}

function aborted(name: string): WireError {
  return wireError('aborted', `asking ${name}: the investigation ended first`);
}
