import { ReportReceipt } from '../../api/records.ts';
import { checkAgainst } from '../../api/schema.ts';
import type { Env } from '../../lib/env.ts';
import { parseJson } from '../../lib/json.ts';
import { secretMasker } from '../../lib/known-secrets.ts';
import { limits } from '../../lib/limits.ts';
import { safeLine } from '../../lib/redact.ts';
import { fail, ok, type Result } from '../../lib/result.ts';
import { Secret } from '../../lib/secret.ts';
import { readSmallFile } from '../../lib/small-file.ts';
import { bracketed } from '../../lib/url-text.ts';
import { type HttpClient, type HttpExchange, type HttpFailure, openHttpClient } from '../../wire/http.ts';
import { type KubeOrigin, readAuthority, readToken, stableOrigin, type TlsParts } from '../../wire/kube-access.ts';
import { addressesOf, retryAfter } from '../../wire/post.ts';
import type { CollectorUrl } from './collector-url.ts';

/** What became of a batch. */
export type Sent =
  /** Kept by the collector, but what it names as refused. */
  | { readonly kind: 'taken'; readonly acked: number; readonly refused: ReportReceipt['refused'] }
  /** In smaller parts it may be. */
  | { readonly kind: 'too-large'; readonly note: string }
  /** The collector is away, slow or busy: the same again in a while. */
  | { readonly kind: 'later'; readonly note: string; readonly retryAfterMs: number | null }
  /** Nothing goes until somebody mends what the note says. */
  | { readonly kind: 'unusable'; readonly note: string };

/** The way to the collector. Nothing rejects. */
export interface CollectorClient {
  /** For sentences: `https://pullwhy.corp.example:9450`. */
  readonly server: string;
  /** Sends one batch, compressed. */
  readonly post: (body: Uint8Array, signal: AbortSignal) => Promise<Sent>;
  readonly close: () => Promise<void>;
}

/** What a caller of the collector shows and believes: files of the settings of `collector`. */
export interface CollectorPlace {
  readonly tokenFile: string | null;
  readonly caFile: string | null;
  readonly certFile: string | null;
  readonly keyFile: string | null;
}

/** For one batch with its connection: a collector that is busy says so at once. */
const answerMs = 30_000;
const lookupMs = 5000;

/**
 * Opens nothing yet. Token, authority and client certificate are read anew for each batch, for they rotate; the
 * connection is kept while none of them has changed. The server's certificate is always checked.
 */
export function openCollectorClient(place: CollectorPlace, parts: CollectorUrl, env: Env): CollectorClient {
  const { scheme, host, port, basePath } = parts;
  const shownHost = bracketed(host);
  const server = `${scheme}://${shownHost}:${port}${basePath}`;
  const originOf = stableOrigin();
  let line: { readonly origin: KubeOrigin; readonly address: string; readonly client: HttpClient } | null = null;
  const closing = new Set<Promise<void>>();

  const drop = (client: HttpClient): void => {
    const ended = client.close();
    closing.add(ended);
    void ended.then(() => closing.delete(ended));
  };
  const clientTo = (origin: KubeOrigin, address: string): HttpClient => {
    if (line !== null && line.origin === origin && line.address === address) return line.client;
    if (line !== null) drop(line.client);
    const client = openHttpClient({ scheme, host, port, address, proxy: null, tls: origin.tls }, env);
    line = { origin, address, client };
    return client;
  };

  const send = async (
    origin: KubeOrigin,
    token: Secret | null,
    body: Uint8Array,
    signal: AbortSignal,
  ): Promise<Result<HttpExchange, HttpFailure | string>> => {
    const until = env.monotonic() + answerMs;
    const addresses = await addressesOf(host, lookupMs, signal);
    if (addresses.length === 0) return fail(`${host} does not resolve on this node: check its nameservers`);
    const known = line !== null && line.origin === origin && addresses.includes(line.address) ? line.address : null;
    const order = known === null ? addresses : [known, ...addresses.filter((one) => one !== known)];
    let last: Result<HttpExchange, HttpFailure | string> = fail('no answer in time');
    for (const address of order) {
      const timeoutMs = until - env.monotonic();
      if (timeoutMs <= 0) break;
      const answer = await clientTo(origin, address).request({
        method: 'POST',
        path: `${basePath}/v1/reports`,
        headers: {
          accept: 'application/json',
          'content-type': 'application/json',
          'content-encoding': 'gzip',
          'user-agent': 'pullwhy-agent',
          ...(token === null ? {} : { authorization: new Secret(`Bearer ${token.reveal()}`) }),
        },
        body,
        maxBytes: limits.receiptBytes,
        timeoutMs,
        signal,
      });
      last = answer;
      // Only a connection that was never made is worth another address.
      if (answer.ok || answer.error.phase !== 'connect' || signal.aborted) break;
    }
    return last;
  };

  return {
    server,
    async post(body, signal) {
      const token =
        place.tokenFile === null ? ok(null) : await readToken(place.tokenFile, 'the token for the collector');
      if (!token.ok) return { kind: 'unusable', note: `${sentence(token.error)} Mend collector.tokenFile.` };
      const tls = scheme === 'http' ? ok(null) : await readTls(place, host);
      if (!tls.ok) return { kind: 'unusable', note: tls.error };
      const origin = originOf({ scheme, host, port, basePath, proxy: null }, tls.value);
      const answer = await send(origin, token.value, body, signal);
      if (answer.ok) return outcomeOf(server, answer.value, place, token.value, env.now());
      return failureOf(server, answer.error, place);
    },
    async close() {
      if (line !== null) drop(line.client);
      line = null;
      await Promise.all(closing);
    },
  };
}

async function readTls({ caFile, certFile, keyFile }: CollectorPlace, host: string): Promise<Result<TlsParts, string>> {
  const ca = caFile === null ? ok(null) : await readAuthority(caFile, 'the authority');
  if (!ca.ok) return fail(`${sentence(ca.error)} Mend collector.caFile.`);
  if (certFile === null || keyFile === null) return ok({ serverName: host, ca: ca.value, pair: null });
  const cert = await readSmallFile(certFile, { regular: true });
  if (!cert.ok) return fail(`The client certificate ${certFile} ${cert.error.what}. Mend collector.certFile.`);
  const key = await readSmallFile(keyFile, { regular: true });
  if (!key.ok) return fail(`The client certificate's key ${keyFile} ${key.error.what}. Mend collector.keyFile.`);
  return ok({ serverName: host, ca: ca.value, pair: { cert: cert.value, key: new Secret(key.value) } });
}

/** What an answer means. Redirects are not followed: a token must not go where an answer says. */
function outcomeOf(
  server: string,
  answer: HttpExchange,
  place: CollectorPlace,
  token: Secret | null,
  now: number,
): Sent {
  const { status, headers, body } = answer;
  if (status >= 200 && status < 300) {
    const receipt = checkAgainst(ReportReceipt, parseJson(body.toString('utf8')));
    if (receipt.ok) return { kind: 'taken', ...receipt.value };
    return { kind: 'unusable', note: `${server} answers ${status}, and not as a collector does: check collector.url.` };
  }
  const words = wordsOf(body, token);
  const said = words === null ? '' : ` ("${words}")`;
  if (status === 413) return { kind: 'too-large', note: `${server} takes no batch as large${said}.` };
  if (status === 429 || status >= 500 || status === 408) {
    const busy = status === 429 ? 'is busy' : 'cannot take reports now';
    return {
      kind: 'later',
      note: `${server} ${busy}: ${status}${said}.`,
      retryAfterMs: retryAfter(headers['retry-after'], now),
    };
  }
  if (status === 401 || status === 403) {
    const who =
      place.tokenFile !== null
        ? `the token of ${place.tokenFile}`
        : place.certFile !== null
          ? `the client certificate ${place.certFile}`
          : 'an agent without a token: set collector.tokenFile, or collector.certFile with collector.keyFile';
    const why = status === 401 ? 'refuses' : 'lets nothing be written as this node with';
    return { kind: 'unusable', note: `${server} ${why} ${who}: ${status}${said}.` };
  }
  if (status >= 300 && status < 400) {
    const to = typeof headers.location === 'string' ? ` to ${safeLine(headers.location, 200)}` : '';
    return {
      kind: 'unusable',
      note: `${server} answers with a redirect${to}, which is not followed: set collector.url to the collector itself.`,
    };
  }
  const hint = status === 404 || status === 405 ? ': is collector.url a collector?' : '.';
  return { kind: 'unusable', note: `${server} answers ${status}${said}${hint}` };
}

/** A problem document's own words (RFC 9457), or none; who repeats the token tells it nobody. */
function wordsOf(body: Buffer, token: Secret | null): string | null {
  const parsed = parseJson(body.toString('utf8'));
  const mask = secretMasker(token === null ? [] : [token.reveal()], '');
  const detail: unknown = typeof parsed === 'object' && parsed !== null ? Reflect.get(parsed, 'detail') : null;
  return typeof detail === 'string' && detail !== '' ? safeLine(mask(detail), 300) : null;
}

function failureOf(server: string, failure: HttpFailure | string, place: CollectorPlace): Sent {
  if (typeof failure === 'string')
    return { kind: 'later', note: `${server} is not reached: ${failure}.`, retryAfterMs: null };
  const { phase, code, message } = failure;
  if (phase !== 'tls' || code === 'timeout' || code === 'reset' || code === 'closed')
    return { kind: 'later', note: `${server} is not reached: ${sentence(message)}`, retryAfterMs: null };
  const store = place.caFile === null ? "this machine's store" : place.caFile;
  const remedy =
    code === 'tls-unknown-authority'
      ? `Set collector.caFile to the authority of its certificate; ${store} has it not.`
      : code === 'tls-hostname'
        ? 'Set collector.url to a name that its certificate is for, or put that name into the certificate.'
        : code === 'tls-expired' || code === 'tls-not-yet-valid'
          ? "Renew the collector's certificate, or set this node's clock."
          : code === 'tls-alert' && place.certFile === null
            ? 'It may want a client certificate: set collector.certFile and collector.keyFile.'
            : code === 'tls-plain-answer'
              ? 'It does not speak TLS at this port: check collector.url.'
              : 'Check its certificate and collector.url.';
  return { kind: 'unusable', note: `${server} is not trusted: ${sentence(message)} ${remedy}` };
}

function sentence(text: string): string {
  const line = safeLine(text, 500);
  return line.endsWith('.') ? line : `${line}.`;
}
