import type { Socket } from 'node:net';

/** The connections of a server: so many at most, and the ones that do nothing make room for new ones. */
export interface Connections {
  /** A new one, before TLS. */
  readonly add: (socket: Socket) => void;
  /** A request is answered on it (the TLS socket or the plain one). */
  readonly begin: (socket: Socket) => Stay;
  /** True while an answer is under way there. */
  readonly isBusy: (socket: Socket) => boolean;
  /** Ends those on which nothing is under way, a TLS handshake included. */
  readonly endIdle: () => void;
  readonly endAll: () => void;
}

/** A request on its connection. Each may be called again, without effect. */
export interface Stay {
  /** Its caller was let in: the connection does not make room for others. */
  readonly hold: () => void;
  /** Its answer is written, whatever of the request is still read: it does again. */
  readonly release: () => void;
  /** It is over. */
  readonly end: () => void;
}

/**
 * Keeps the connections, at most `most`. A caller who opens many and sends nothing, or sends slowly, or is not let in, must
 * not keep others out, the kubelet's liveness check before all: of the connections on which nobody who was let in is being
 * answered, the one goes for a new one on which nothing began for longest.
 */
export function openConnections(most: number): Connections {
  const open = new Map<string, Entry>();
  return {
    add(socket) {
      const key = keyOf(socket);
      // Gone before it was taken.
      if (key === null) return void socket.destroy();
      if (open.size >= most) {
        const spare = spareOf(open);
        if (spare === null) return void socket.destroy();
        open.delete(spare[0]);
        spare[1].socket.destroy();
      }
      open.set(key, { socket, answers: 0, held: 0 });
      socket.once('close', () => {
        if (open.get(key)?.socket === socket) open.delete(key);
      });
    },
    begin(socket) {
      const key = keyOf(socket) ?? '';
      const entry = open.get(key);
      if (entry === undefined) return { hold: nothing, release: nothing, end: nothing };
      open.delete(key);
      open.set(key, entry);
      entry.answers++;
      let held = false;
      let over = false;
      const release = (): void => {
        if (held) entry.held--;
        held = false;
      };
      return {
        hold() {
          if (held || over) return;
          held = true;
          entry.held++;
        },
        release,
        end() {
          release();
          if (!over) entry.answers--;
          over = true;
        },
      };
    },
    isBusy: (socket) => (open.get(keyOf(socket) ?? '')?.answers ?? 0) > 0,
    endIdle() {
      for (const { socket, answers } of open.values()) if (answers === 0) socket.destroy();
    },
    endAll() {
      for (const { socket } of open.values()) socket.destroy();
    },
  };
}

interface Entry {
  readonly socket: Socket;
  /** Requests that are being answered. */
  answers: number;
  /** Those among them whose callers were let in and have no answer yet. */
  held: number;
}

function spareOf(open: ReadonlyMap<string, Entry>): readonly [string, Entry] | null {
  for (const one of open) if (one[1].held === 0) return one;
  return null;
}

const nothing = (): void => undefined;

/** A TLS socket is another object than the TCP socket beneath it; both have the same ends. */
function keyOf({ localAddress, localPort, remoteAddress, remotePort }: Socket): string | null {
  return remoteAddress === undefined ? null : `${localAddress} ${localPort} ${remoteAddress} ${remotePort}`;
}
