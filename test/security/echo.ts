import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import { portOf } from '../kit/tcp-server.ts';

/** Where an answer repeats the request. */
export interface Echo {
  readonly name: string;
  answer(response: ServerResponse, said: string, elsewhere: string): void;
}

const oneLine = (text: string): string => text.replace(/[\r\n]+/gu, ' ');

/** Every place of an answer that Pullwhy may show, with all that came in it. */
export const echoes: readonly Echo[] = [
  {
    name: 'an error body of the protocol',
    answer(response, said) {
      const errors = [{ code: 'DENIED', message: `you sent ${said}`, detail: { request: said, list: [said] } }];
      response.writeHead(403, { 'content-type': 'application/json' }).end(JSON.stringify({ errors }));
    },
  },
  {
    name: 'a page',
    answer(response, said) {
      const page = `<html><head><title>${said}</title></head><body>${said}</body></html>`;
      response.writeHead(500, { 'content-type': 'text/html' }).end(page);
    },
  },
  {
    name: 'a long text that is cut',
    answer(response, said) {
      const filler = 'x'.repeat(Math.max(0, 293 - said.indexOf(':') - 30));
      response.writeHead(404, { 'content-type': 'text/plain' }).end(`${filler} ${said} ${said}`);
    },
  },
  {
    name: 'an answer of status 200',
    answer(response, said) {
      response
        .writeHead(200, { 'content-type': `text/html; said="${oneLine(said).slice(0, 500)}"` })
        .end(`<html>${said}</html>`);
    },
  },
  {
    name: 'headers and the status line',
    answer(response, said) {
      const line = oneLine(said).slice(0, 2000);
      response.writeHead(502, line.slice(0, 300), {
        server: line,
        via: line,
        'x-squid-error': `ERR_ACCESS_DENIED ${line}`,
        'content-type': line,
        'docker-ratelimit-source': line,
        'docker-distribution-api-version': line,
        'docker-content-digest': line,
        'retry-after': line,
        warning: line,
      });
      response.end();
    },
  },
  {
    name: 'a challenge',
    answer(response, said) {
      const line = oneLine(said).replaceAll('"', "'").slice(0, 2000);
      response.writeHead(401, {
        'www-authenticate': `Bearer realm="${line}",service="${line}",scope="${line}",error="${line}",error_description="${line}"`,
      });
      response.end();
    },
  },
  {
    name: 'a redirect',
    answer(response, said, elsewhere) {
      const query = encodeURIComponent(oneLine(said).slice(0, 1500));
      const location = elsewhere.replace('//', `//user:${query.slice(0, 200)}@`);
      response.writeHead(307, { location: `${location}/${query}?X-Amz-Signature=${query}&ns=${query}#${query}` }).end();
    },
  },
];

/** A server on loopback and what came to it. */
export interface EchoServer {
  readonly port: number;
  /** All headers and bodies of all requests, one text each. */
  readonly heard: string[];
  close(): Promise<void>;
}

/**
 * Answers by `echo` whatever asks with `wants` (a header) and challenges the rest; `wants` null echoes at once. A request
 * for a token is answered with `token`.
 */
export async function startEcho(
  echo: Echo,
  options: {
    readonly wants: string | null;
    readonly challenge?: string;
    readonly token?: string;
    readonly elsewhere?: string;
    readonly tls?: { readonly cert: string; readonly key: string };
  },
): Promise<EchoServer> {
  const heard: string[] = [];
  const sockets = new Set<Socket>();
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const said = `${request.method} ${request.url}: ${pairs(request.rawHeaders)} ${Buffer.concat(chunks).toString()}`;
      heard.push(said);
      if (options.token !== undefined && request.url?.startsWith('/token') === true) {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ token: options.token, access_token: options.token }));
      } else if (options.wants !== null && request.headers[options.wants] === undefined) {
        const { port } = portOfRequest(request);
        const challenge = options.challenge ?? 'Basic realm="test"';
        response.writeHead(401, { 'www-authenticate': challenge.replaceAll('PORT', String(port)) }).end();
      } else {
        // Decoded and encoded anew, as pages that show a request do.
        const encoded = [...said.matchAll(/(?:Basic|Bearer) (\S+)/gu)].map(([, value = '']) => {
          const plain = Buffer.from(value, 'base64').toString('utf8');
          const shown = /^[ -~]*$/u.test(plain) ? `${plain} ${encodeURIComponent(plain)} ${JSON.stringify(plain)}` : '';
          return `${value} ${encodeURIComponent(value)} ${Buffer.from(value).toString('base64')} ${shown}`;
        });
        echo.answer(response, `${encoded.join(' ')} ${said}`, options.elsewhere ?? 'http://127.0.0.1:1');
      }
    });
  };
  const server =
    options.tls === undefined
      ? createServer(onRequest)
      : createTlsServer({ ...options.tls, requestCert: true, rejectUnauthorized: false }, onRequest);
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  });
  // A CONNECT is answered as if it were any other request; the connection is ours then.
  server.on('connect', (request, socket) => {
    const said = `${request.method} ${request.url}: ${pairs(request.rawHeaders)}`;
    heard.push(said);
    const line = oneLine(said).slice(0, 1500);
    socket.end(
      `HTTP/1.1 407 ${line.slice(0, 250)}\r\nProxy-Authenticate: Basic realm="${line}"\r\nVia: ${line}\r\nX-Squid-Error: ERR_X ${line}\r\nServer: ${line}\r\n\r\n<html><title>${line}</title>${line}`,
    );
  });
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: portOf(server),
    heard,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

function pairs(raw: readonly string[]): string {
  const lines: string[] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) lines.push(`${raw[at]}: ${raw[at + 1]}`);
  return lines.join('\n');
}

function portOfRequest(request: IncomingMessage): { port: number } {
  return { port: request.socket.localPort ?? 0 };
}
