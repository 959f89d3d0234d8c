import { IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Handles one request; `begin` is called when its body is wanted, for a caller who asks before sending it. */
export type OnRequest = (request: IncomingMessage, response: ServerResponse, begin: () => void) => void;

/**
 * Requests that wait on a connection behind the one that is answered. Hardly a client sends so many ahead, and one that does
 * asks again for what was not answered before the connection's end (RFC 9112, section 9.3.2).
 */
export const maxWaiting = 4;

/** The requests that wait on a connection, from when one is handled until none waits any more. */
type Lines = WeakMap<Socket, Parameters<OnRequest>[]>;

/** What keeps the requests of each connection in turn. */
export interface Turns {
  readonly inTurn: (handle: OnRequest) => OnRequest;
  /** For the server: what it makes of each head that it reads. */
  readonly Message: typeof IncomingMessage;
}

/**
 * Handles one request of a connection at a time; a connection with more than `maxWaiting` behind it is ended. Node reads and
 * hands out all requests of 64 KiB at once, some thousands, and keeps every answer until the ones before it are taken: a
 * caller who reads nothing would have the process hold as much as it likes.
 */
export function openTurns(): Turns {
  const lines: Lines = new WeakMap();
  return { inTurn: (handle) => inTurn(handle, lines), Message: messageOf(lines) };
}

function inTurn(handle: OnRequest, lines: Lines): OnRequest {
  const run = (socket: Socket, turn: Parameters<OnRequest>): void => {
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

/**
 * The request that is one too many changes the protocol, as far as Node sees: there it stops reading, and ends the connection
 * as nobody takes over. Otherwise it would make all the others that it has read too, and then an error for each: 64 KiB
 * would cost an agent a tenth of a second.
 */
function messageOf(lines: Lines): typeof IncomingMessage {
  return class extends IncomingMessage {
    constructor(socket: Socket) {
      super(socket);
      if (isFull(socket, lines)) Object.defineProperty(this, 'upgrade', { get: () => true, set: () => undefined });
    }
  };
}

function isFull(socket: Socket, lines: Lines): boolean {
  return socket.destroyed || (lines.get(socket)?.length ?? 0) >= maxWaiting;
}
