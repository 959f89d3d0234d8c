import { STATUS_CODES } from 'node:http';
import type { ProblemDocument } from '../api/problem.ts';
import { checkAgainst, type Misfit, type Static, type TSchema, Type } from '../api/schema.ts';

/** Who may ask: everybody who reaches the port, or who is let in to read, to act, or to report as a node. */
export type Access = 'open' | 'read' | 'act' | 'report';

/** What a handler knows of a request that has been let in and checked. */
export interface Asked<Q = unknown, B = unknown> {
  /** Parts of the path: `id`. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: Q;
  readonly body: B;
  /** Media types of the Accept header, best first. */
  readonly accepts: readonly string[];
  /** Ends when the caller is gone or the server stops. */
  readonly signal: AbortSignal;
  /** For limits per caller: the user, or the address. */
  readonly caller: string;
  /** The nodes that the caller may report as; null: any. */
  readonly nodes: readonly string[] | null;
  /** When its head had come, milliseconds since the epoch. */
  readonly at: number;
  /** The Last-Event-ID header: where a reader of server-sent events goes on. */
  readonly lastEventId?: string;
}

/** A document, a text, or a stream; a handler never writes to the socket itself. */
export type Reply =
  | { readonly kind: 'json'; readonly status?: number; readonly body: unknown; readonly headers?: Headers }
  | { readonly kind: 'text'; readonly type: string; readonly body: string | Buffer; readonly headers?: Headers }
  | ProblemReply
  | { readonly kind: 'lines'; readonly type: string; readonly lines: AsyncIterable<string> };

/** What is wrong, as the problem document says it. */
export interface ProblemReply {
  readonly kind: 'problem';
  readonly status: number;
  readonly detail: string;
  readonly type?: string;
  readonly errors?: readonly { readonly pointer: string; readonly detail: string }[];
  readonly headers?: Headers;
}

type Headers = Readonly<Record<string, string>>;

/** The document of a problem (RFC 9457); `instance`: the path that was asked. */
export function problemDocument({ type, status, detail, errors }: ProblemReply, instance?: string): ProblemDocument {
  return {
    type: type ?? 'about:blank',
    title: STATUS_CODES[status] ?? 'Error',
    status,
    detail,
    ...(instance === undefined ? {} : { instance }),
    ...(errors === undefined ? {} : { errors: [...errors] }),
  };
}

/** One operation of the API: the OpenAPI document, the checks and the handler come from one description. */
export interface Route {
  readonly method: 'GET' | 'POST';
  /** `/v1/pulls/{id}`. */
  readonly path: string;
  /** The operation's id in OpenAPI. */
  readonly id: string;
  readonly summary: string;
  readonly access: Access;
  /** A stream that ends with its reader: it bounds its readers itself, and takes no place among the requests. */
  readonly endless?: boolean;
  /** Parameters of the query: an object of texts. Null: there are none. */
  readonly query: TSchema | null;
  /** Null: there is none. */
  readonly body: TSchema | null;
  /** Bytes of the longest body; limits.apiBodyBytes, when it is not set. */
  readonly bodyBytes?: number;
  /** What a success gives, by status; media types with their schema, or null for what is no JSON. */
  readonly replies: Readonly<Record<number, SuccessReply>>;
  /** Problem documents beside those that every route has, by status. */
  readonly problems: Readonly<Record<number, string>>;
  /** Checks what was asked and handles it. */
  readonly run: (asked: Asked<Readonly<Record<string, string>>, unknown>) => Promise<Reply>;
}

/** One kind of success. */
export interface SuccessReply {
  readonly description: string;
  readonly content: Readonly<Record<string, TSchema | null>>;
  /** Headers that a caller needs, with what they mean. */
  readonly headers?: Readonly<Record<string, string>>;
}

type Described<Q extends TSchema, B extends TSchema, Body> = Omit<Route, 'run' | 'query' | 'body' | 'problems'> & {
  readonly query: Q;
  readonly body: B;
  readonly problems?: Route['problems'];
  readonly handle: (asked: Asked<Static<Q>, Body>) => Promise<Reply> | Reply;
};

/**
 * For a route without a query, or without a body. What takes none is told so: a parameter that is misspelt must not be
 * passed over.
 */
export const nothing = Type.Object({}, { additionalProperties: false });

/** Describes an operation. Its handler gets the query and the body as their schemas have them, or is not called. */
export function route<Q extends TSchema, B extends TSchema>(described: Described<Q, B, Static<B>>): Route {
  const { body, handle } = described;
  return rawRoute({
    ...described,
    async handle(asked) {
      const checked = checkAgainst(body, isNothing(body) ? {} : asked.body);
      return checked.ok ? handle({ ...asked, body: checked.value }) : bodyMisfit(checked.error);
    },
  });
}

/** As `route`, for who reads and checks the body by itself: its schema is what is told of it. */
export function rawRoute<Q extends TSchema, B extends TSchema>(described: Described<Q, B, unknown>): Route {
  const { query, body, handle, problems = {}, ...rest } = described;
  return {
    ...rest,
    problems,
    query: isNothing(query) ? null : query,
    body: isNothing(body) ? null : body,
    async run(asked) {
      const checked = checkAgainst(query, asked.query);
      if (!checked.ok) return misfit(400, 'The query of the address does not fit.', checked.error);
      return handle({ ...asked, query: checked.value });
    },
  };
}

/** What is said of a body that does not fit its schema. */
export function bodyMisfit(misfits: readonly Misfit[]): ProblemReply {
  return misfit(422, 'The body does not fit.', misfits);
}

function isNothing(schema: TSchema): boolean {
  return schema === nothing;
}

function misfit(status: number, what: string, misfits: readonly Misfit[]): ProblemReply {
  const errors = misfits.map(({ pointer, message }) => ({ pointer, detail: message }));
  const first = errors[0];
  const where = first === undefined ? '' : ` ${first.pointer === '' ? 'It' : first.pointer} ${first.detail}.`;
  return { kind: 'problem', status, detail: `${what}${where} GET /openapi.json says what is taken.`, errors };
}
