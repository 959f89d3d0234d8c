import type { Secret } from '../lib/secret.ts';

/** Response headers: lower-case names; an array where a header came more than once. */
export type AnswerHeaders = Readonly<Record<string, string | readonly string[]>>;

/** One HTTP request of the distribution protocol. */
export interface RegistryRequest {
  readonly method: 'GET' | 'HEAD' | 'POST';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string | Secret>>;
  /** A form that holds credentials; only `POST` has one. */
  readonly body?: Secret;
  /** Bytes of the answer's body at most; more is a failure, or with `keepPartial` the end of the reading. */
  readonly maxBytes: number;
  readonly keepPartial?: boolean;
}

/** The first value of a header; null when it is absent. `name` in lower case. */
export function headerOf(headers: AnswerHeaders, name: string): string | null {
  const value = Object.hasOwn(headers, name) ? headers[name] : undefined;
  if (value === undefined) return null;
  return typeof value === 'string' ? value : (value[0] ?? null);
}

/** All values of a header, one per header line. `name` in lower case. */
export function headersOf(headers: AnswerHeaders, name: string): readonly string[] {
  const value = Object.hasOwn(headers, name) ? headers[name] : undefined;
  if (value === undefined) return [];
  return typeof value === 'string' ? [value] : value;
}
