import { fail, ok, type Result } from '../../lib/result.ts';
import { withoutTrailing } from '../../lib/trailing.ts';
import type { KubeFailure } from '../../wire/kube-failure.ts';
import { exitStatus } from '../exit-status.ts';

/** Why the command ends without an answer: one sentence with the way out, and the exit status. */
export interface Stop {
  readonly message: string;
  readonly status: number;
}

/** The command line names something that is not there. */
export function misnamed(message: string): { readonly ok: false; readonly error: Stop } {
  return fail({ message, status: exitStatus.usage });
}

/** What was asked of the API server in vain; `right` is what a person needs for it: `list pods`. */
export function stopOf({ kind, message }: KubeFailure, right: string): Stop {
  const sentence = withoutTrailing(`${message.charAt(0).toUpperCase()}${message.slice(1)}`, '. \t\r\n');
  return { message: `${sentence}.${advice(kind, right)}`, status: exitStatus.inconclusive };
}

function advice(kind: KubeFailure['kind'], right: string): string {
  switch (kind) {
    case 'forbidden':
      return ` You need the right to ${right}: ask who administers the cluster for it (kubectl auth can-i ${right}).`;
    case 'unauthorized':
    case 'credentials':
      return ' Log in to the cluster again, or choose another --context.';
    case 'unreachable':
    case 'timeout':
      return ' Is it the right --context, and is its network or VPN up?';
    default:
      return '';
  }
}

/** The same as a result. */
export function orStop<T>(result: Result<T, KubeFailure>, right: string): Result<T, Stop> {
  return result.ok ? ok(result.value) : fail(stopOf(result.error, right));
}
