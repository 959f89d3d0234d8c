import type { Env } from '../lib/env.ts';
import { startPatience } from '../lib/patience.ts';
import { fail, ok, type Result } from '../lib/result.ts';
import type { WireError } from '../model/network-failure.ts';
import { wireError, wireErrorOf } from './errors.ts';
import { connectTcp, type TcpTarget } from './tcp.ts';

/**
 * A ClientHello that no server can accept: SSL 3.0 with the NULL cipher, 50 bytes. Every TLS server answers it with an alert of
 * 7 bytes (RFC 8446, section 6.2: protocol_version, handshake_failure), so both directions carry one small packet.
 */
const unacceptable = Buffer.concat([
  Buffer.from([0x16, 0x03, 0x00, 0x00, 0x2d, 0x01, 0x00, 0x00, 0x29, 0x03, 0x00]),
  Buffer.alloc(32, 0x50), // random
  Buffer.from([0x00, 0x00, 0x02, 0x00, 0x00, 0x01, 0x00]), // no session, one suite (NULL), no compression
]);

/** Connects, sends 50 bytes that call for a tiny answer, and waits for it. `bytes`: how many came. */
export async function exchangeSmall(
  target: TcpTarget,
  options: { readonly timeoutMs: number; readonly signal: AbortSignal; readonly env: Env },
): Promise<Result<{ readonly bytes: number }, WireError>> {
  return exchangeBytes(target, unacceptable, 1, options);
}

/**
 * Connects, sends `message`, and counts what comes back until it is `enough`, the peer ends it, or the time is over: then
 * what came is the answer, and only nothing is a failure.
 */
export async function exchangeBytes(
  target: TcpTarget,
  message: Buffer,
  enough: number,
  options: { readonly timeoutMs: number; readonly signal: AbortSignal; readonly env: Env },
): Promise<Result<{ readonly bytes: number }, WireError>> {
  const { timeoutMs, signal, env } = options;
  const begun = env.monotonic();
  const connection = await connectTcp(target, options);
  if (!connection.ok) return connection;
  const { socket } = connection.value;
  return new Promise((resolve) => {
    const left = Math.max(timeoutMs / 4, timeoutMs - (env.monotonic() - begun));
    let bytes = 0;
    const end = (result: Result<{ readonly bytes: number }, WireError>): void => {
      patience.clear();
      signal.removeEventListener('abort', onAbort);
      socket.destroy();
      resolve(result);
    };
    const patience = startPatience(left, () => {
      const silence = wireError('timeout', `no answer to ${message.length} bytes within ${Math.round(left)} ms`);
      end(bytes > 0 ? ok({ bytes }) : fail(silence));
    });
    const onAbort = (): void => end(fail(wireError('aborted', 'the investigation ended')));
    signal.addEventListener('abort', onAbort, { once: true });
    socket.on('data', (data: Buffer) => {
      bytes += data.length;
      if (bytes >= enough) end(ok({ bytes }));
    });
    socket.once('error', (error) => end(fail(wireErrorOf(error, 'a small exchange'))));
    // A server that hangs up has understood, and its FIN is a small packet too.
    socket.once('end', () => end(ok({ bytes })));
    socket.write(message);
    if (signal.aborted) onAbort();
  });
}
