import type { Socket } from 'node:net';
import { startTcpServer, type TcpServer } from './tcp-server.ts';

/** A plain TCP server that answers each HTTP request as `answer` says, byte for byte: for what no real server sends. */
export interface RawHttpServer extends TcpServer {
  /** The heads of the requests so far, without the last empty line. */
  readonly requests: readonly string[];
}

/** Starts one. `answer` gets the socket, the request's head and the number of the request on all connections, from 0. */
export async function startRawHttp(
  answer: (socket: Socket, head: string, index: number) => void,
): Promise<RawHttpServer> {
  const requests: string[] = [];
  const server = await startTcpServer((socket) => {
    let bytes = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      for (;;) {
        const end = bytes.indexOf('\r\n\r\n');
        if (end === -1) return;
        const head = bytes.toString('latin1', 0, end);
        bytes = bytes.subarray(end + 4);
        requests.push(head);
        answer(socket, head, requests.length - 1);
      }
    });
  });
  return { ...server, requests };
}

/** Writes `bytes` again and again until the client goes. */
export function drip(socket: Socket, bytes: string | Buffer, everyMs: number): void {
  const timer = setInterval(() => {
    if (socket.writableLength < 1024 * 1024) socket.write(bytes);
  }, everyMs);
  socket.on('close', () => clearInterval(timer));
}
