import type { IncomingMessage, ServerResponse } from 'node:http';
import { ok, type Result } from '../../lib/result.ts';
import { type DeskNeeds, openDesk } from '../../serve/desk.ts';
import { type HttpServer, type HttpTimes, type ListenNeeds, openListener, usualTimes } from '../../serve/listener.ts';
import { readJsonBody } from './body.ts';

export type { HttpServer, HttpTimes };

/** What the server needs. */
export interface HttpNeeds
  extends Omit<DeskNeeds, 'who' | 'stallMs'>,
    Omit<ListenNeeds, 'who' | 'times' | 'maxConnections'> {
  /** For tests, which cannot wait. */
  readonly times?: Partial<HttpTimes>;
}

/** Connections beyond one for each request: pollers keep theirs open between two requests. */
const spareConnections = 64;

/** Starts it; the failure's text is for the operator. */
export async function startHttp(needs: HttpNeeds): Promise<Result<HttpServer, string>> {
  const who = 'agent';
  const times = { ...usualTimes, ...needs.times };
  const listener = openListener({ ...needs, who, times, maxConnections: needs.maxConcurrent + spareConnections });
  const visit = openDesk({ ...needs, who, stallMs: times.stall }, listener);

  const answer = async (request: IncomingMessage, response: ServerResponse, begin: () => void): Promise<void> => {
    const { admit, reply, defect, leave } = visit(request, response);
    try {
      const admitted = await admit();
      if (!admitted.ok) return await reply(admitted.error);
      const { route, run } = admitted.value;
      const body = route.body === null ? ok(null) : await readJsonBody(request, begin);
      if (!body.ok) return await reply(body.error);
      await run(body.value);
    } catch (error) {
      await defect(error);
    } finally {
      leave();
    }
  };
  return listener.start((request, response, begin) => {
    answer(request, response, begin).catch(() => response.destroy());
  });
}
