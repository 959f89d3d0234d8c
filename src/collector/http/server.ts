import type { IncomingMessage } from 'node:http';
import Fastify, { type FastifyError, type FastifyReply, type FastifyRequest } from 'fastify';
import { limits } from '../../lib/limits.ts';
import { fail, ok, type Result } from '../../lib/result.ts';
import { type Admitted, type DeskNeeds, openDesk, type Visit } from '../../serve/desk.ts';
import { type HttpServer, type HttpTimes, type ListenNeeds, openListener, usualTimes } from '../../serve/listener.ts';
import type { ProblemReply } from '../../serve/route.ts';
import { openTurns } from '../turns.ts';
import { readBody } from './body.ts';
import type { Budget, Hold } from './budget.ts';

/** What the server needs. */
export interface HttpNeeds extends Omit<DeskNeeds, 'who' | 'stallMs'>, Omit<ListenNeeds, 'who' | 'times'> {
  /** What bodies may take of the memory. */
  readonly budget: Budget;
  /** A body was turned away for want of room: for the metrics. */
  readonly full: () => void;
  /** For tests, which cannot wait. */
  readonly times?: Partial<HttpTimes>;
}

/** One request while it is here. */
interface Guest {
  readonly visit: Visit;
  /** Absent until it was let in. */
  admitted?: Admitted;
  body: Result<unknown, ProblemReply>;
  /** What its body takes of the memory, until it is answered. */
  hold?: Hold;
}

/** A fleet whose nodes all fail at once is let in by thousands a second. */
const acceptors = 8;

/** Longest part of a path: a node's name has 253 characters, each of which may be written as three. */
const maxParamLength = 1024;

/**
 * Starts it; the failure's text is for the operator. Fastify finds the route and leads each request through its stages; the
 * sockets, their time limits, who is let in and what is written are as of the agent (src/serve).
 */
export async function startHttp(needs: HttpNeeds): Promise<Result<HttpServer, string>> {
  const who = 'collector';
  const times = { ...usualTimes, ...needs.times };
  const listener = openListener({ ...needs, who, times, acceptors });
  const visit = openDesk({ ...needs, who, stallMs: times.stall }, listener);
  const turns = openTurns(needs.env);
  const begins = new WeakMap<IncomingMessage, () => void>();
  const guests = new WeakMap<IncomingMessage, Guest>();

  const full = (): ProblemReply => {
    needs.full();
    const { bytes, bodies } = needs.budget.used();
    // A fleet that was turned away at one moment does not come back at one.
    const seconds = 1 + Math.floor(needs.env.random() * 5);
    return {
      kind: 'problem',
      status: 429,
      detail: `${bodies} bodies with ${bytes} bytes are being taken already (ingest.maxBatches, ingest.maxBytes): keep this one and send it again.`,
      headers: { 'retry-after': String(seconds) },
    };
  };
  /** Answers, and lets go of everything that was kept for it. */
  const end = async (reply: FastifyReply, guest: Guest, answer: () => Promise<void>): Promise<void> => {
    reply.hijack();
    try {
      await answer();
    } catch (error) {
      await guest.visit.defect(error).catch(() => reply.raw.destroy());
    } finally {
      guest.hold?.end();
      guest.visit.leave();
    }
  };
  const welcome = (request: FastifyRequest, reply: FastifyReply): Guest => {
    const known = guests.get(request.raw);
    if (known !== undefined) return known;
    const guest: Guest = { visit: visit(request.raw, reply.raw), body: noBody };
    guests.set(request.raw, guest);
    return guest;
  };
  /** What Fastify refuses by itself. */
  const refuse = (error: FastifyError, request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const guest = welcome(request, reply);
    const { statusCode: status = 500 } = error;
    return end(reply, guest, () =>
      status >= 400 && status < 500
        ? guest.visit.reply({
            kind: 'problem',
            status,
            detail: status === 415 ? noBody.error.detail : 'The request does not fit.',
          })
        : guest.visit.defect(error),
    );
  };

  const app = Fastify({
    serverFactory: () => listener.server,
    routerOptions: { maxParamLength },
    // What cannot be decoded, or has a part that is too long.
    frameworkErrors: (_error, request, reply) => {
      const guest = welcome(request, reply);
      void end(reply, guest, () => guest.visit.reply({ kind: 'problem', status: 404, detail: noPath }));
    },
  });
  app.addHook('onRequest', async (request, reply) => {
    const guest = welcome(request, reply);
    const admitted = await guest.visit.admit();
    if (admitted.ok) guest.admitted = admitted.value;
    else await end(reply, guest, () => guest.visit.reply(admitted.error));
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', async (request: FastifyRequest) => {
    const guest = guests.get(request.raw);
    if (guest?.admitted === undefined) return;
    const hold = needs.budget.open();
    if (hold === null) {
      guest.body = fail(full());
      return;
    }
    guest.hold = hold;
    const maxBytes = guest.admitted.route.bodyBytes ?? limits.apiBodyBytes;
    const begin = begins.get(request.raw) ?? (() => undefined);
    guest.body = await readBody(request.raw, { maxBytes, hold, begin, full });
  });
  const handle = (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const guest = welcome(request, reply);
    const { visit: here, admitted, body } = guest;
    return end(reply, guest, () => {
      // A path that Fastify takes for one of these, and that is written in another way.
      if (admitted === undefined) return here.reply({ kind: 'problem', status: 404, detail: noPath });
      if (admitted.route.body === null) return admitted.run(null);
      return body.ok ? admitted.run(body.value) : here.reply(body.error);
    });
  };
  for (const { method, path } of needs.routes) {
    app.route({ method, url: path.replaceAll(/\{(\w+)\}/g, ':$1'), handler: handle });
  }
  app.setNotFoundHandler(handle);
  app.setErrorHandler(refuse);
  await app.ready();

  const started = await listener.start((request, response, begin) => {
    begins.set(request, begin);
    if (request.method !== 'POST') return app.routing(request, response);
    // A caller who has gone before its turn is nobody's guest.
    void turns(() => {
      if (!request.socket.destroyed) app.routing(request, response);
    });
  });
  if (!started.ok) return started;
  return ok({
    address: started.value.address,
    async stop() {
      await started.value.stop();
      await app.close();
    },
  });
}

/** A body that never came: also what has no Content-Type, which keeps web pages from asking. */
const noBody = fail<ProblemReply>({
  kind: 'problem',
  status: 415,
  detail: 'Send the body as JSON, with Content-Type: application/json.',
});

const noPath = 'There is no such path here. GET /openapi.json lists what there is.';
