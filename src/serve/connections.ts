import type { Socket } from 'node:net';

/** The connections of a server: so many at most, and the ones that do nothing make room for new ones. */
export interface Connections {
  /** A new one, before TLS. */
  readonly add: (socket: Socket) => void;
  /** An answer begins on it (the TLS socket or the plain one); the function ends that. */
  readonly begin: (socket: Socket) => () => void;
  /** True while an answer is under way there. */
  readonly isBusy: (socket: Socket) => boolean;
  /** Ends those on which nothing is under way, a TLS handshake included. */
  readonly endIdle: () => void;
  readonly endAll: () => void;
}

/**
 * Keeps the connections, at most `most`. A caller who opens many and sends nothing, or sends slowly, must not keep others
 * out, the kubelet's liveness check before all: the oldest connection without an answer under way goes for a new one.
 */
export function openConnections(most: number): Connections {
  const open = new Map<string, { readonly socket: Socket; answers: number }>();
  return {
    add(socket) {
      const key = keyOf(socket);
      // Gone before it was taken.
      if (key === null) return void socket.destroy();
      if (open.size >= most) {
        const idle = [...open].find(([, { answers }]) => answers === 0);
        if (idle === undefined) return void socket.destroy();
        open.delete(idle[0]);
        idle[1].socket.destroy();
      }
      open.set(key, { socket, answers: 0 });
      socket.once('close', () => {
        if (open.get(key)?.socket === socket) open.delete(key);
      });
    },
    begin(socket) {
      const entry = open.get(keyOf(socket) ?? '');
      if (entry === undefined) return () => undefined;
      entry.answers++;
      return () => void entry.answers--;
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

/** A TLS socket is another object than the TCP socket beneath it; both have the same ends. */
function keyOf({ localAddress, localPort, remoteAddress, remotePort }: Socket): string | null {
  return remoteAddress === undefined ? null : `${localAddress} ${localPort} ${remoteAddress} ${remotePort}`;
}
