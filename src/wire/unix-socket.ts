import { stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { startPatience } from '../lib/patience.ts';
import { fail, ok, type Result } from '../lib/result.ts';

/** Why nobody can be reached at a Unix socket's path. */
export interface UnixSocketFailure {
  /**
   * `socket-absent`: nothing has this path. `not-a-socket`: something else has it. `refused`: a socket that nobody
   * listens at (its program died). `not-permitted`: this process may not connect. `silent`: the program behind it takes
   * no connections (its queue is full). `canceled`: who asked did not wait.
   */
  readonly kind: 'socket-absent' | 'not-a-socket' | 'refused' | 'not-permitted' | 'silent' | 'canceled';
  /** One sentence with the path and the system's error. */
  readonly message: string;
}

/** Longest path of a Unix socket on Linux: sun_path of unix(7) less its final zero. */
const maxPathBytes = 107;

/**
 * Looks at the socket itself before gRPC does: grpc-js reports a missing socket, a dead one and a forbidden one alike as
 * `Unavailable`, and a forbidden one as a deadline that passes. One stat and one connection that is closed at once.
 */
export async function checkUnixSocket(
  path: string,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<Result<undefined, UnixSocketFailure>> {
  if (Buffer.byteLength(path) > maxPathBytes) {
    return fail({ kind: 'not-a-socket', message: `${path} is longer than a socket's path may be (107 bytes)` });
  }
  try {
    const facts = await stat(path);
    if (!facts.isSocket()) return fail({ kind: 'not-a-socket', message: `${path} is not a socket` });
  } catch (error) {
    return fail(failureOf(path, error));
  }
  return tryConnect(path, timeoutMs, signal);
}

function tryConnect(
  path: string,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<Result<undefined, UnixSocketFailure>> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    const end = (result: Result<undefined, UnixSocketFailure>): void => {
      patience.clear();
      signal?.removeEventListener('abort', stop);
      socket.destroy();
      resolve(result);
    };
    const stop = (): void => end(fail({ kind: 'canceled', message: `${path}: stopped before it took the connection` }));
    const patience = startPatience(timeoutMs, () =>
      end(fail({ kind: 'silent', message: `${path} does not take a connection within ${timeoutMs} ms` })),
    );
    socket.once('connect', () => end(ok(undefined)));
    // Not `once`: an error after the end must not become an uncaught exception.
    socket.on('error', (error) => end(fail(failureOf(path, error))));
    if (signal?.aborted) stop();
    else signal?.addEventListener('abort', stop, { once: true });
  });
}

function failureOf(path: string, error: unknown): UnixSocketFailure {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return { kind: 'socket-absent', message: `${path} does not exist` };
    case 'EACCES':
    case 'EPERM':
      return { kind: 'not-permitted', message: `${path}: no permission to connect (${code})` };
    case 'ECONNREFUSED':
      return { kind: 'refused', message: `${path}: nobody listens (ECONNREFUSED)` };
    case 'EAGAIN':
      return { kind: 'silent', message: `${path}: its program takes no connections (EAGAIN)` };
    case 'ENOTSOCK':
    case 'EPROTOTYPE':
      return { kind: 'not-a-socket', message: `${path} is not a stream socket (${code})` };
    default:
      return { kind: 'refused', message: `${path}: ${code}` };
  }
}
