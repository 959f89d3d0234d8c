import { largeAnswerBytes } from '../evidence/silent-handshake.ts';
import type { Env } from '../lib/env.ts';
import type { Result } from '../lib/result.ts';
import type { WireError } from '../model/network-failure.ts';
import { exchangeBytes } from './small-exchange.ts';
import type { TcpTarget } from './tcp.ts';

/** A ClientHello of today's Go is larger than one packet of an Ethernet, for its key for ML-KEM; so is this one. */
const helloBytes = 1600;

/**
 * Begins a handshake as clients do, but without the name of the server, and counts what comes back, up to
 * `largeAnswerBytes`: where a handshake with the name gets no answer, it tells a path that loses large packets (nothing
 * comes here either) from somebody on it who drops what names this server. Nothing is sent after it, and nothing of the
 * answer is believed.
 */
export async function exchangeUnnamed(
  target: TcpTarget,
  options: { readonly timeoutMs: number; readonly signal: AbortSignal; readonly env: Env },
): Promise<Result<{ readonly bytes: number }, WireError>> {
  return exchangeBytes(target, unnamedHello(), largeAnswerBytes, options);
}

/** For TLS 1.3 and 1.2 (RFC 8446, section 4.1.2), filled up by the extension that is for that (RFC 7685). */
function unnamedHello(): Buffer {
  const filler = Buffer.alloc(32, 0x50);
  const suites = words(0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8);
  const extensions = Buffer.concat([
    extension(10, sized(2, words(0x001d, 0x0017, 0x0018))), // supported_groups: x25519, secp256r1, secp384r1
    extension(11, Buffer.from([1, 0])), // ec_point_formats: uncompressed
    extension(13, sized(2, words(0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601))),
    extension(23, Buffer.alloc(0)), // extended_master_secret
    extension(43, sized(1, words(0x0304, 0x0303))), // supported_versions
    extension(45, Buffer.from([1, 1])), // psk_key_exchange_modes
    // Any 32 bytes are a key of x25519 (RFC 7748, section 5).
    extension(51, sized(2, Buffer.concat([words(0x001d), sized(2, filler)]))),
  ]);
  const hello = (padded: Buffer): Buffer =>
    Buffer.concat([words(0x0303), filler, sized(1, filler), sized(2, suites), Buffer.from([1, 0]), sized(2, padded)]);
  const [recordHead, handshakeHead, extensionHead] = [5, 4, 4];
  const padding = helloBytes - recordHead - handshakeHead - hello(extensions).length - extensionHead;
  const body = hello(Buffer.concat([extensions, extension(21, Buffer.alloc(padding))]));
  const handshake = Buffer.concat([Buffer.from([1]), sized(3, body)]);
  return Buffer.concat([Buffer.from([0x16, 3, 1]), sized(2, handshake)]);
}

function extension(type: number, body: Buffer): Buffer {
  return Buffer.concat([words(type), sized(2, body)]);
}

/** With its length before it, in so many bytes. */
function sized(bytes: number, body: Buffer): Buffer {
  const length = Buffer.alloc(bytes);
  length.writeUIntBE(body.length, 0, bytes);
  return Buffer.concat([length, body]);
}

function words(...values: readonly number[]): Buffer {
  return Buffer.from(values.flatMap((value) => [value >> 8, value & 0xff]));
}
