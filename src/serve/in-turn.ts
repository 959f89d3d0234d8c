import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Handles one request; `begin` is called when its body is wanted, for a caller who asks before sending it. */
export type OnRequest = (request: IncomingMessage, response: ServerResponse, begin: () => void) => void;

/**
 * Requests that wait on a connection behind the one that is answered. Hardly a client sends so many ahead, and one that does
 * asks again for what was not answered before the connection's end (RFC 9112, section 9.3.2).
 */
export const maxWaiting = 4;

/**
 * Handles one request of a connection at a time; a connection with more than `maxWaiting` behind it is ended. Node reads and
 * hands out all requests of 64 KiB at once, some thousands, and keeps every answer until the ones before it are taken: a
 * caller who reads nothing would have the process hold as much as it likes.
 */
export function inTurn(handle: OnRequest): OnRequest {
  type Turn = Parameters<OnRequest>;
  const lines = new WeakMap<Socket, Turn[]>();
  const run = (socket: Socket, turn: Turn): void => {
    // Once all who listen for the same have let go of what the answer before took.
    turn[1].once('close', () => queueMicrotask(() => next(socket)));
    handle(...turn);
  };
  const next = (socket: Socket): void => {
    const turn = lines.get(socket)?.shift();
    if (turn === undefined) lines.delete(socket);
    // Node gives the connection to the next answer; to none, where the one before was the last, or the caller has gone.
    else if (turn[1].socket !== null && !socket.destroyed) run(socket, turn);
  };
  return (request, response, begin) => {
    const { socket } = request;
    // What was read already when it was ended.
    if (socket.destroyed) return;
    const line = lines.get(socket);
    if (line === undefined) {
      lines.set(socket, []);
      run(socket, [request, response, begin]);
    } else if (line.length < maxWaiting) line.push([request, response, begin]);
    else socket.destroy();
  };
}
