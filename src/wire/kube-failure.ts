import { isRecord, numberMember, parseJson, recordMember, stringMember } from '../lib/json.ts';
import { safeLine } from '../lib/redact.ts';
import type { HttpExchange, HttpFailure } from './http.ts';

/** Why the API server gave no answer of use. */
export interface KubeFailure {
  /**
   * `credentials`: a file of ours cannot be used; `unreachable`: no connection, or it broke; `gone`: a resourceVersion or a
   * page of a list that the server has forgotten (410); `throttled`: 429; `rejected`: any other 4xx; `invalid`: an answer
   * that is none of Kubernetes'; `too-large`: more than is read.
   */
  readonly kind:
    | 'credentials'
    | 'unreachable'
    | 'timeout'
    | 'unauthorized'
    | 'forbidden'
    | 'not-found'
    | 'conflict'
    | 'gone'
    | 'throttled'
    | 'server-error'
    | 'rejected'
    | 'invalid'
    | 'too-large'
    | 'aborted';
  readonly status: number | null;
  /** What is wrong and where, in words that begin a sentence; never a token, nor what was sent. */
  readonly message: string;
  /** The server asked for quiet for this long. */
  readonly retryAfterMs: number | null;
}

/** A server's wish to be left alone is respected up to this. */
const mostRetryAfterMs = 600_000;

/** The failure of a request that got no complete answer. */
export function brokenOff(server: string, { code, message, phase, tls }: HttpFailure): KubeFailure {
  const kind =
    code === 'timeout' || code === 'aborted'
      ? code
      : code === 'body-too-large'
        ? 'too-large'
        : code === 'http-malformed' || code === 'body-invalid'
          ? 'invalid'
          : 'unreachable';
  const trust =
    tls === undefined && phase !== 'tls' ? '' : " (its certificate is checked against the cluster's authority)";
  return {
    kind,
    status: null,
    message: `the API server ${server} cannot be asked: ${safeLine(message, 400)}${trust}`,
    retryAfterMs: null,
  };
}

/** The failure of an answer, by its status and the object `Status` in its body; null for 2xx. */
export function refusal(
  server: string,
  exchange: Pick<HttpExchange, 'status' | 'headers' | 'body'>,
  { withWords }: { readonly withWords: boolean },
): KubeFailure | null {
  const { status, headers, body } = exchange;
  if (status >= 200 && status < 300) return null;
  const object = parseJson(body.toString('utf8'));
  const said = isRecord(object) && object.kind === 'Status' ? object : null;
  const details = said === null ? null : recordMember(said, 'details');
  const words = said === null || !withWords ? '' : safeLine(stringMember(said, 'message') ?? '', 300);
  const seconds = secondsOf(headers['retry-after']) ?? (details && numberMember(details, 'retryAfterSeconds'));
  return {
    kind: kindOf(status),
    status,
    message: `the API server ${server} answers ${status}${advice[status] ?? ''}${words === '' ? '' : `: ${words}`}`,
    retryAfterMs: seconds === null ? null : Math.min(mostRetryAfterMs, Math.max(0, seconds * 1000)),
  };
}

/** The failure that the object of a watch's ERROR event stands for. */
export function watchError(server: string, object: unknown): KubeFailure {
  const code = isRecord(object) ? numberMember(object, 'code') : null;
  const words = isRecord(object) ? safeLine(stringMember(object, 'message') ?? '', 300) : '';
  const details = isRecord(object) ? recordMember(object, 'details') : null;
  const seconds = details === null ? null : numberMember(details, 'retryAfterSeconds');
  return {
    kind: code === null ? 'invalid' : kindOf(code),
    status: code,
    message: `the API server ${server} ended the watch${code === null ? '' : ` with ${code}`}${words === '' ? '' : `: ${words}`}`,
    retryAfterMs: seconds === null ? null : Math.min(mostRetryAfterMs, Math.max(0, seconds * 1000)),
  };
}

/** Any other failure. */
export function kubeFailure(kind: KubeFailure['kind'], message: string): KubeFailure {
  return { kind, status: null, message, retryAfterMs: null };
}

function kindOf(status: number): KubeFailure['kind'] {
  const known = kinds[status];
  if (known !== undefined) return known;
  return status >= 500 ? 'server-error' : status >= 400 ? 'rejected' : 'invalid';
}

const kinds: Readonly<Record<number, KubeFailure['kind']>> = {
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not-found',
  409: 'conflict',
  410: 'gone',
  429: 'throttled',
  504: 'timeout',
};

const advice: Readonly<Record<number, string>> = {
  401: ' (it does not know the token or certificate that it was shown)',
  403: ' (not allowed)',
};

/** Seconds of a Retry-After; the API server sends no dates. */
function secondsOf(value: string | readonly string[] | undefined): number | null {
  return typeof value === 'string' && /^\d{1,9}$/.test(value.trim()) ? Number(value) : null;
}
