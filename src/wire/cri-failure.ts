import { limits } from '../lib/limits.ts';
import { redactText } from '../lib/redact.ts';

/** Why a question over CRI has no answer. */
export interface CriFailure {
  /**
   * `socket-absent`, `not-a-socket`, `refused`, `not-permitted`: as the socket itself says. `silent`: it takes the
   * connection or the question and does not answer within the time limit. `not-served`: something answers, and CRI is
   * not there (the plugin is disabled or failed to load, or it is another program). `rpc`: the runtime's own error.
   * `canceled`: who asked did not wait for the answer, which says nothing of the runtime.
   */
  readonly kind:
    | 'socket-absent'
    | 'not-a-socket'
    | 'refused'
    | 'not-permitted'
    | 'silent'
    | 'not-served'
    | 'rpc'
    | 'canceled';
  /** The gRPC code in Go's spelling, as the kubelet's log shows it (`NotFound`); null when it did not come that far. */
  readonly code: string | null;
  /** The runtime's own words without the secrets of URLs; the middle of more than 8 KiB is left out. */
  readonly message: string;
}

/** gRPC's codes by number, as google.golang.org/grpc/codes spells them. */
const codeNames = [
  'OK',
  'Canceled',
  'Unknown',
  'InvalidArgument',
  'DeadlineExceeded',
  'NotFound',
  'AlreadyExists',
  'PermissionDenied',
  'ResourceExhausted',
  'FailedPrecondition',
  'Aborted',
  'OutOfRange',
  'Unimplemented',
  'Internal',
  'Unavailable',
  'DataLoss',
  'Unauthenticated',
];

/** A failed call as a value: `code` and `details` as grpc-js gives them. */
export function callFailure(code: number, details: string): CriFailure {
  const name = codeNames[code] ?? `Code(${code})`;
  if (name === 'Unimplemented') return failure('not-served', name, details);
  if (name === 'Unavailable') {
    // grpc-js's own words: no HTTP/2 came about. The runtime's Unavailable errors have other texts.
    if (/Last error: Protocol error/i.test(details)) {
      return failure('not-served', name, 'a program answers at the socket that does not speak gRPC');
    }
    if (/No connection established|Failed to connect/i.test(details)) {
      return failure('refused', name, 'the program behind the socket closes the connection at once');
    }
  }
  return failure('rpc', name, details);
}

/** A failure with its text made fit to be shown. */
export function failure(kind: CriFailure['kind'], code: string | null, message: string): CriFailure {
  return { kind, code, message: redactText(shortened(message)) };
}

/** The middle is left out of what is too long: the runtime's wrapping stands first, the innermost error last. */
function shortened(message: string): string {
  const half = limits.runtimeErrorChars / 2;
  if (message.length <= limits.runtimeErrorChars) return message;
  return `${message.slice(0, half)} … (${message.length - 2 * half} characters left out) … ${message.slice(-half)}`;
}
