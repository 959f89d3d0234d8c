import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { Env } from '../lib/env.ts';
import { arrayMember, isRecord, type JsonRecord, parseJson, recordMember, stringMember } from '../lib/json.ts';
import { limits } from '../lib/limits.ts';
import { fail, ok, type Result } from '../lib/result.ts';
import { Secret } from '../lib/secret.ts';
import { type HttpClient, type HttpExchange, type HttpRequest, type HttpRoute, openHttpClient } from './http.ts';
import { type KubeAccess, type KubeIdentity, type KubeOrigin, systemAuthorities } from './kube-access.ts';
import { brokenOff, type KubeFailure, kubeFailure, refusal, watchError } from './kube-failure.ts';
import { KubeLines } from './kube-lines.ts';
import { KubeListReader } from './kube-list-reader.ts';

/** How long one request may take, and who may end it. */
export interface KubeOptions {
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** What is sent holds a secret that the server's words may repeat: they are left out of the failure. */
  readonly secretBody?: boolean;
  /** Of the answer; more is `too-large`. Without it, what any object may have. */
  readonly maxBytes?: number;
}

/** A list, page by page. */
export interface KubeListing<T> {
  /** Path and query without `limit` and `continue`: `/api/v1/pods?fieldSelector=…`. */
  readonly path: string;
  /** Takes what is wanted of each object, so that the rest need not be kept; a failure is a sentence about that object. */
  readonly read: (object: unknown) => Result<T, string>;
  /** Objects of one page. */
  readonly pageItems?: number;
}

/** What a list gave. */
export interface KubeList<T> {
  readonly items: readonly T[];
  /** Where a watch goes on from. */
  readonly resourceVersion: string;
  /** Why objects were left out, some of the sentences, and how many were. */
  readonly damaged: { readonly count: number; readonly some: readonly string[] };
}

/** One change that a watch tells of. */
export interface KubeChange {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: unknown;
}

/** A watch from one resourceVersion on. */
export interface KubeWatching {
  /** Path and query without what makes it a watch. */
  readonly path: string;
  readonly resourceVersion: string;
  /** The server ends it after this long; so do we, a little later. */
  readonly lastsMs: number;
  /** The server has taken it. */
  readonly onOpen?: () => void;
  readonly onChange: (change: KubeChange) => void;
  readonly signal: AbortSignal;
}

/** How a watch ended. */
export interface KubeWatchEnd {
  /** Null: its time was over, or the connection was closed between two lines. */
  readonly failure: KubeFailure | null;
  /** The last one seen: the next watch goes on from here. */
  readonly resourceVersion: string;
  /** Lines that came, bookmarks among them. */
  readonly lines: number;
}

/** A small client of the Kubernetes API: what Pullwhy asks, and no more. Nothing rejects. */
export interface KubeClient {
  readonly server: string;
  /** That commands mean when they name none. */
  readonly namespace: string | null;
  readonly get: (path: string, options?: KubeOptions) => Promise<Result<JsonRecord, KubeFailure>>;
  readonly create: (path: string, object: unknown, options?: KubeOptions) => Promise<Result<JsonRecord, KubeFailure>>;
  /** A JSON merge patch (RFC 7386): for an object's `status`, whose lists it replaces whole. */
  readonly mergePatch: (
    path: string,
    patch: unknown,
    options?: KubeOptions,
  ) => Promise<Result<JsonRecord, KubeFailure>>;
  /**
   * A strategic merge patch: lists that Kubernetes knows the key of are merged, not replaced. So one condition of a node's
   * can be set beside those of the kubelet. An empty patch changes nothing and gives the object as it is.
   */
  readonly strategicPatch: (
    path: string,
    patch: unknown,
    options?: KubeOptions,
  ) => Promise<Result<JsonRecord, KubeFailure>>;
  readonly list: <T>(listing: KubeListing<T>, options?: KubeOptions) => Promise<Result<KubeList<T>, KubeFailure>>;
  readonly watch: (watching: KubeWatching) => Promise<KubeWatchEnd>;
  readonly close: () => Promise<void>;
}

/** Longest wait for a single object, and for one page of a list. */
const answerMs = 5000;
const pageMs = 30_000;

/** So much later than the server a watch is ended by us. */
const overdueMs = 15_000;

/** A watch has no size of its own: its lines are bounded one by one, and its time ends it. */
const watchBytes = Number.MAX_SAFE_INTEGER;

/** Sentences about damaged objects that are kept of a list. */
const someProblems = 5;

/** Opens nothing yet. Connections are kept between requests; a watch has one of its own. */
export function openKubeClient(access: KubeAccess, env: Env): KubeClient {
  const { server } = access;
  let line: { readonly origin: KubeOrigin; readonly address: string; readonly client: HttpClient } | null = null;
  const closing = new Set<Promise<void>>();

  /** The HTTP client to one address of the origin; the former one while neither has changed. */
  const clientTo = (origin: KubeOrigin, address: string): HttpClient => {
    if (line !== null && line.origin === origin && line.address === address) return line.client;
    if (line !== null) drop(line.client);
    const client = openHttpClient(routeOf(origin, address), env);
    line = { origin, address, client };
    return client;
  };
  const drop = (client: HttpClient): void => {
    const ended = client.close();
    closing.add(ended);
    void ended.then(() => closing.delete(ended));
  };

  type Asked = Omit<HttpRequest, 'headers' | 'signal' | 'timeoutMs'> & { readonly type?: string };
  interface Bounds {
    readonly timeoutMs: number;
    readonly signal: AbortSignal;
    readonly withWords: boolean;
  }

  /** One request, with a new token once when the one at hand is refused. Any status of 2xx is a success. */
  const ask = async (asked: Asked, bounds: Bounds): Promise<Result<HttpExchange, KubeFailure>> => {
    const until = env.monotonic() + bounds.timeoutMs;
    const first = await access.read('usual', bounds.signal);
    if (!first.ok) return fail(kubeFailure('credentials', first.error));
    const answer = await send(asked, first.value, until, bounds);
    if (answer.ok || answer.error.status !== 401) return answer;
    const second = await access.read('refused', bounds.signal);
    if (!second.ok) return fail(kubeFailure('credentials', second.error));
    const renewed = second.value.token?.reveal() !== first.value.token?.reveal();
    return renewed || second.value.origin !== first.value.origin ? send(asked, second.value, until, bounds) : answer;
  };

  const send = async (
    { path, type, ...asked }: Asked,
    { origin, token }: KubeIdentity,
    until: number,
    { signal, timeoutMs, withWords }: Bounds,
  ): Promise<Result<HttpExchange, KubeFailure>> => {
    const addresses = await addressesOf(origin.proxy?.host ?? origin.host);
    const [firstAddress] = addresses;
    if (firstAddress === undefined) {
      const name = origin.proxy?.host ?? origin.host;
      return fail(kubeFailure('unreachable', `the API server ${server} cannot be asked: ${name} does not resolve`));
    }
    const known = line !== null && line.origin === origin && addresses.includes(line.address) ? line.address : null;
    const order = known === null ? addresses : [known, ...addresses.filter((one) => one !== known)];
    const request = {
      ...asked,
      path: `${origin.basePath}${path}`,
      headers: {
        accept: 'application/json',
        'user-agent': 'pullwhy',
        ...(type === undefined ? {} : { 'content-type': type }),
        ...(token === null ? {} : { authorization: new Secret(`Bearer ${token.reveal()}`) }),
      },
      signal,
    };
    let last: Result<HttpExchange, KubeFailure> | null = null;
    for (const address of order) {
      const leftMs = until - env.monotonic();
      if (leftMs <= 0 && last !== null) break;
      const answer = await clientTo(origin, address).request({ ...request, timeoutMs: Math.max(1, leftMs) });
      if (!answer.ok) {
        const slow = answer.error.code === 'timeout';
        last = fail(
          slow
            ? kubeFailure('timeout', `the API server ${server} did not answer within ${timeoutMs / 1000} s`)
            : brokenOff(server, answer.error),
        );
        // Only a connection that was never made is worth another address.
        if (answer.error.phase === 'connect' && !signal.aborted) continue;
        return last;
      }
      const refused = refusal(server, answer.value, { withWords });
      return refused === null ? answer : fail(refused);
    }
    return last ?? fail(kubeFailure('timeout', `the API server ${server} did not answer in time`));
  };

  const object = async (
    asked: Omit<Asked, 'maxBytes'>,
    options: KubeOptions = {},
  ): Promise<Result<JsonRecord, KubeFailure>> => {
    const { timeoutMs = answerMs, signal = new AbortController().signal, secretBody = false } = options;
    const { maxBytes = limits.kubeObjectBytes } = options;
    const answer = await ask({ ...asked, maxBytes }, { timeoutMs, signal, withWords: !secretBody });
    if (!answer.ok) return answer;
    const { status, body } = answer.value;
    const value = parseJson(body.toString('utf8'));
    return isRecord(value)
      ? ok(value)
      : fail(kubeFailure('invalid', `the API server ${server} answers ${status}, and no JSON object`));
  };
  const body = (value: unknown): Secret => new Secret(JSON.stringify(value));

  return {
    server,
    namespace: access.namespace,
    get: (path, options) => object({ method: 'GET', path }, options),
    create: (path, value, options) =>
      object({ method: 'POST', path, body: body(value), type: 'application/json' }, options),
    mergePatch: (path, patch, options) =>
      object({ method: 'PATCH', path, body: body(patch), type: 'application/merge-patch+json' }, options),
    strategicPatch: (path, patch, options) =>
      object({ method: 'PATCH', path, body: body(patch), type: 'application/strategic-merge-patch+json' }, options),

    async list<T>(
      { path, read, pageItems = 100 }: KubeListing<T>,
      { timeoutMs = pageMs, signal = new AbortController().signal }: KubeOptions = {},
    ): Promise<Result<KubeList<T>, KubeFailure>> {
      const joint = path.includes('?') ? '&' : '?';
      let restarted = false;
      let next = '';
      let seen = 0;
      let items: T[] = [];
      let damaged = { count: 0, some: [] as string[] };
      for (;;) {
        // Version 0 is whatever the server has at hand: it costs it nothing, and the watch brings the rest.
        const from = next === '' ? 'resourceVersion=0' : `continue=${encodeURIComponent(next)}`;
        const paged = `${path}${joint}limit=${pageItems}&${from}`;
        const reader = new KubeListReader(limits.kubeObjectBytes, (text) => {
          if (++seen > limits.kubeListItems) return;
          const taken = read(parseJson(text));
          if (taken.ok) items.push(taken.value);
          else if (++damaged.count <= someProblems) damaged.some.push(taken.error);
        });
        const before = seen;
        const answer = await ask(
          {
            method: 'GET',
            path: paged,
            maxBytes: limits.kubePageBytes,
            sink: { opened: () => undefined, data: (chunk) => reader.push(chunk) },
          },
          { timeoutMs, signal, withWords: true },
        );
        if (!answer.ok) {
          // The rest of a list is kept for some minutes only; once more from the start, then it is the server's fault.
          if (answer.error.kind !== 'gone' || next === '' || restarted) return answer;
          restarted = true;
          [next, seen, items, damaged] = ['', 0, [], { count: 0, some: [] }];
          continue;
        }
        const page: unknown = reader.overlong ? null : parseJson(reader.rest);
        const metadata = isRecord(page) ? recordMember(page, 'metadata') : null;
        const isList = isRecord(page) && (page.items === null || arrayMember(page, 'items') !== null);
        const resourceVersion = metadata === null ? null : stringMember(metadata, 'resourceVersion');
        if (reader.overlong || seen > limits.kubeListItems) {
          const most = reader.overlong
            ? `an object of more than ${limits.kubeObjectBytes} bytes`
            : `more than ${limits.kubeListItems} objects`;
          return fail(kubeFailure('too-large', `the API server ${server} lists ${most}`));
        }
        if (!isList || metadata === null || resourceVersion === null)
          return fail(
            kubeFailure('invalid', `the API server ${server} answers ${path} with something else than a list`),
          );
        const following = stringMember(metadata, 'continue') ?? '';
        if (following === '') return ok({ items, resourceVersion, damaged });
        if (following === next || seen === before)
          return fail(kubeFailure('invalid', `the API server ${server} gives one page of ${path} again and again`));
        next = following;
      }
    },

    async watch({ path, resourceVersion, lastsMs, onOpen, onChange, signal }) {
      let version = resourceVersion;
      let lines = 0;
      let failure: KubeFailure | null = null;
      const ended = new AbortController();
      const stop = (why: KubeFailure): void => {
        failure ??= why;
        ended.abort();
      };
      const reader = new KubeLines(limits.kubeObjectBytes, (text) => {
        if (failure !== null || signal.aborted) return;
        const event: unknown = parseJson(text);
        const type = isRecord(event) ? event.type : undefined;
        const changed: unknown = isRecord(event) ? event.object : undefined;
        if (type === 'ERROR') return stop(watchError(server, changed));
        const metadata = isRecord(changed) ? recordMember(changed, 'metadata') : null;
        const at = metadata === null ? null : stringMember(metadata, 'resourceVersion');
        if (at === null || (type !== 'ADDED' && type !== 'MODIFIED' && type !== 'DELETED' && type !== 'BOOKMARK'))
          return stop(kubeFailure('invalid', `the API server ${server} sends a line that is no event of a watch`));
        lines++;
        if (type !== 'BOOKMARK') onChange({ type, object: changed });
        version = at;
      });
      const query = [
        'watch=1',
        'allowWatchBookmarks=true',
        `resourceVersion=${encodeURIComponent(resourceVersion)}`,
        `timeoutSeconds=${Math.max(1, Math.round(lastsMs / 1000))}`,
      ].join('&');
      const answer = await ask(
        {
          method: 'GET',
          path: `${path}${path.includes('?') ? '&' : '?'}${query}`,
          maxBytes: watchBytes,
          sink: {
            opened: onOpen ?? (() => undefined),
            data: (chunk) => {
              reader.push(chunk);
              const words = `the API server ${server} sends an object of more than ${limits.kubeObjectBytes} bytes`;
              if (reader.overlong) stop(kubeFailure('too-large', words));
            },
          },
        },
        { timeoutMs: lastsMs + overdueMs, signal: AbortSignal.any([signal, ended.signal]), withWords: true },
      );
      const cut =
        reader.pending > 0 ? kubeFailure('unreachable', `the watch at ${server} was cut within an event`) : null;
      return { failure: failure ?? (answer.ok ? cut : answer.error), resourceVersion: version, lines };
    },

    async close() {
      if (line !== null) drop(line.client);
      line = null;
      await Promise.all(closing);
    },
  };
}

function routeOf({ scheme, host, port, proxy, tls }: KubeOrigin, address: string): HttpRoute {
  const proxyTls =
    proxy?.scheme === 'https' ? { trustPem: systemAuthorities(), clientPairs: [], skipVerify: false } : null;
  return { scheme, host, port, address, tls, proxy: proxy === null ? null : { ...proxy, address }, proxyTls };
}

/** The addresses of a host as this machine resolves it, in its order; empty: none. */
async function addressesOf(host: string): Promise<readonly string[]> {
  if (isIP(host) !== 0) return [host];
  try {
    const found = await lookup(host, { all: true });
    return found.map(({ address }) => address).slice(0, 8);
  } catch {
    return [];
  }
}
