import { connect, type Socket } from 'node:net';

/** A connection that a test writes to as it likes. */
export interface Call {
  readonly socket: Socket;
  /** What came so far. */
  readonly got: () => string;
  /** All that came, once it was closed. */
  readonly closed: Promise<string>;
}

/** The HTTP sides of processes, and callers of them that write byte for byte. */
export interface HttpCallers<Options, Side> {
  readonly start: (options?: Options) => Promise<Side>;
  readonly open: (port: number, text?: string) => Call;
  /** The status of one request on a connection of its own; 0: none came. */
  readonly status: (port: number, text: string) => Promise<number>;
  /** Ends all connections, and stops all that was started. */
  readonly close: () => Promise<void>;
}

/** A line for the head of a request with a body. */
export const json = 'Content-Type: application/json\r\n';

/** The head of a request. */
export function head(line: string, more = '', host = '127.0.0.1'): string {
  return `${line} HTTP/1.1\r\nHost: ${host}\r\n${more}\r\n`;
}

/** For all tests of a file; `startOne` as in http-agent.ts and http-collector.ts. */
export function httpCallers<Options, Side extends { readonly server: { readonly stop: () => Promise<void> } }>(
  startOne: (options?: Options) => Promise<Side>,
): HttpCallers<Options, Side> {
  const sides: Side[] = [];
  const sockets: Socket[] = [];
  const open = (port: number, text = ''): Call => {
    const socket = connect({ port, host: '127.0.0.1' });
    sockets.push(socket);
    let got = '';
    socket.on('error', () => undefined);
    socket.on('data', (data) => {
      got += data.toString();
    });
    if (text !== '') socket.write(text);
    return { socket, got: () => got, closed: new Promise((resolve) => socket.once('close', () => resolve(got))) };
  };
  return {
    async start(options) {
      const side = await startOne(options);
      sides.push(side);
      return side;
    },
    open,
    async status(port, text) {
      const { closed } = open(port, text.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'));
      return Number(/^HTTP\/1\.1 (\d{3})/.exec(await closed)?.[1] ?? 0);
    },
    async close() {
      for (const socket of sockets.splice(0)) socket.destroy();
      await Promise.all(sides.splice(0).map(({ server }) => server.stop()));
    },
  };
}
