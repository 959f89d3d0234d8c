import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Env } from '../lib/env.ts';
import type { Log } from '../lib/log.ts';
import { fail, ok, type Result } from '../lib/result.ts';
import { stackOf } from '../lib/stack-trace.ts';
import type { Caller, Gate } from './auth.ts';
import type { Listener } from './listener.ts';
import type { ProblemReply, Reply, Route } from './route.ts';
import { routerOf } from './router.ts';
import { send } from './send.ts';
import { acceptsOf, queryOf, targetOf } from './target.ts';

/** What all requests go through, whichever library reads them. */
export interface DeskNeeds {
  /** `agent`, `collector`: for texts. */
  readonly who: string;
  readonly env: Env;
  readonly gate: Gate;
  readonly routes: readonly Route[];
  /** Requests that are answered at a time; liveness is not counted against it. */
  readonly maxConcurrent: number;
  readonly log: Log;
  /** One line for each answer: for the metrics. */
  readonly answered: (route: string, method: string, status: number, seconds: number) => void;
  readonly stallMs: number;
}

/** A request that was let in. */
export interface Admitted {
  readonly route: Route;
  /** Runs its handler and writes the reply. `body`: null where the route takes none. */
  readonly run: (body: unknown) => Promise<void>;
}

/** One request on its way. */
export interface Visit {
  /** Lets it in, or says why not. Once. */
  readonly admit: () => Promise<Result<Admitted, ProblemReply>>;
  /** Writes a reply; resolves when the reader has taken it, or has gone. */
  readonly reply: (reply: Reply) => Promise<void>;
  /** For what should never happen: logged whole, told without its insides. */
  readonly defect: (error: unknown) => Promise<void>;
  /** Frees its place. */
  readonly leave: () => void;
}

/** Why work for a caller ends: one for all, for to make one costs a trace of the stack. */
const callerGone = new DOMException('The caller has gone, or has its answer.', 'AbortError');

/** Opens the desk: `visit` begins each request. */
export function openDesk(
  { who, env, gate, routes, maxConcurrent, log, answered, stallMs }: DeskNeeds,
  { connections, stopping }: Pick<Listener, 'connections' | 'stopping'>,
): (request: IncomingMessage, response: ServerResponse) => Visit {
  const router = routerOf(routes);
  let running = 0;
  // One listener for all of them: a signal of signals for each request is work for every collection of garbage.
  const working = new Set<AbortController>();
  stopping.addEventListener('abort', () => {
    for (const one of working) one.abort(stopping.reason);
  });

  return (request, response) => {
    const begun = env.monotonic();
    const at = env.now();
    const target = targetOf(request.url ?? '', request.headers.host);
    const found = target === null ? null : router(request.method ?? '', target.path);
    const name = found?.kind === 'route' ? found.route.path : 'none';
    const work = new AbortController();
    working.add(work);
    if (stopping.aborted) work.abort(stopping.reason);
    const stay = connections.begin(request.socket);
    // Its place is free when it is answered, or when the caller has gone, whatever still runs for it.
    let leave = (): void => undefined;
    response.once('close', () => {
      stay.end();
      leave();
      working.delete(work);
      work.abort(callerGone);
      // Kept open for a next request that is not to come.
      if (stopping.aborted) connections.endIdle();
      answered(name, request.method ?? '', response.statusCode, (env.monotonic() - begun) / 1000);
    });
    const reply = async (one: Reply): Promise<void> => {
      await send(one, request, response, { last: stopping.aborted, stallMs });
      stay.release();
    };

    const admit = async (): Promise<Result<Admitted, ProblemReply>> => {
      if (target === null) return fail(problem(400, "The request's target is no path."));
      if (found === null)
        return fail(problem(404, 'There is no such path here. GET /openapi.json lists what there is.'));
      if (found.kind === 'other-method') {
        const allowed = problem(405, `This path takes ${found.allow.join(' and ')}.`);
        return fail({ ...allowed, headers: { allow: found.allow.join(', ') } });
      }
      const { route, params } = found;
      // Liveness must not fail because the server is asked much, or stops.
      if (route.access !== 'open' && stopping.aborted) return fail(later(`The ${who} is stopping.`));
      // Reports have a bound of their own: who asks must not be turned away because all nodes have something to tell.
      if (route.access === 'read' || route.access === 'act') {
        if (running >= maxConcurrent)
          return fail(later(`${running} requests are being answered already (http.maxConcurrent).`));
        running++;
        leave = () => {
          running--;
          leave = () => undefined;
        };
      }
      const { path, authority } = target;
      const caller = await gate({ request, access: route.access, path, authority });
      if (!caller.ok) return caller;
      // What is open lets in everybody.
      if (route.access !== 'open') stay.hold();
      const query = queryOf(target.query);
      if (query === null) return fail(problem(400, 'A parameter of the address stands there twice.'));
      return ok({
        route,
        run: async (body) => {
          const { signal } = work;
          const answer = await route.run(askedOf(request, caller.value, { params, query, body, at, signal }));
          if (route.endless === true && answer.kind === 'lines') leave();
          return reply(answer);
        },
      });
    };

    return {
      admit,
      reply,
      async defect(error) {
        // Expected failures are values: this is a defect, and the caller is not shown its insides.
        log.error('a request failed by a defect', { path: name, error: stackOf(error) });
        if (response.headersSent) response.destroy();
        else await reply(problem(500, `This is a defect of the ${who}; its log says more.`));
      },
      leave: () => leave(),
    };
  };
}

function askedOf(
  { headers }: IncomingMessage,
  { name, nodes }: Caller,
  rest: Pick<Parameters<Route['run']>[0], 'params' | 'query' | 'body' | 'at' | 'signal'>,
): Parameters<Route['run']>[0] {
  const last = headers['last-event-id'];
  return {
    ...rest,
    accepts: acceptsOf(headers.accept),
    caller: name,
    nodes,
    ...(typeof last === 'string' ? { lastEventId: last } : {}),
  };
}

function problem(status: number, detail: string): ProblemReply {
  return { kind: 'problem', status, detail };
}

function later(detail: string): ProblemReply {
  return { ...problem(503, detail), headers: { 'retry-after': '2' } };
}
