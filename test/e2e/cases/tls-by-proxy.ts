import { daysFromNow, makeCertificate } from '../../kit/certificates.ts';
import type { DiagnoseCase } from '../../kit/diagnose-case.ts';
import { type Stage, stageCertificate } from '../../kit/diagnose-stage.ts';
import { startTcpServer } from '../../kit/tcp-server.ts';
import { app } from './shared.ts';

const html = 'text/html';
const page = (title: string): string => `<html><title>${title}</title></html>`;
const answerOf = (status: string, type: string | null, body: string, more = ''): string =>
  `HTTP/1.1 ${status}\r\n${type === null ? '' : `Content-Type: ${type}\r\n`}${more}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

type Reply = (said: string) => string | Buffer | null;

/** A server that answers what it is sent, whatever it is, with these bytes, and ends. */
async function says(stage: Stage, reply: Reply): Promise<number> {
  const server = await startTcpServer((socket) => {
    let said = '';
    socket.on('data', (chunk: Buffer) => {
      said += chunk.toString('latin1');
      const bytes = reply(said);
      if (bytes !== null) socket.end(bytes);
    });
  });
  stage.defer(() => server.close());
  return server.port;
}

const refusesPlainly: Reply = () => answerOf('403 Forbidden', html, page('Blocked'));
const alert: Reply = (said) => (said.length > 5 ? Buffer.from([0x15, 3, 3, 0, 2, 2, 0x31]) : null);

/** By the proxy this port; directly the registry, or nothing that can be found. */
function tunnelTo(port: (stage: Stage) => Promise<number>, direct = true) {
  return async (stage: Stage) => {
    const registry = await stage.registry();
    const other = await port(stage);
    const proxy = await stage.proxy(({ method }) =>
      method === 'CONNECT' ? { kind: 'tunnel', port: other } : { kind: 'say', bytes: String(refusesPlainly('')) },
    );
    const dns = direct ? [] : await stage.nameserver({ 'registry.test': { rcode: 3 } });
    return app(registry, [...proxy.args, ...dns]);
  };
}

type Certificate = Parameters<typeof stageCertificate>[0];
const presenting =
  (certificate: Certificate) =>
  async (stage: Stage): Promise<number> =>
    (await stage.registry({ tls: stageCertificate(certificate) })).port;

/** The registry itself presents it, by the proxy and without. */
const itself = (certificate: Certificate, direct: boolean) => async (stage: Stage) => {
  const registry = await stage.registry({ tls: stageCertificate(certificate) });
  const proxy = await stage.proxy(() => ({ kind: 'tunnel', port: registry.port }));
  const dns = direct ? [] : await stage.nameserver({ 'registry.test': { rcode: 3 } });
  return app(registry, [...proxy.args, ...dns]);
};

const issuer = makeCertificate({ commonName: 'Corp Proxy CA', ca: true });
const over = { notBefore: daysFromNow(-30), notAfter: daysFromNow(-3) };
const early = { notBefore: daysFromNow(1), notAfter: daysFromNow(30) };
const another = { commonName: 'block.corp', names: ['block.corp'] };

/** TLS that fails on the way by the proxy, and who answers TLS in plain text. */
export const cases: readonly DiagnoseCase[] = [
  {
    name: 'the certificate that a proxy makes has expired, and the registry’s own holds',
    prepare: tunnelTo(presenting({ issuer, ...over })),
    verdict: 'faulty',
    cause: 'tls-intercepted',
    confidence: 'proven',
    says: /by the proxy http:\/\/proxy\.test.*Corp Proxy CA/,
    never: ['tls-certificate-expired'],
    check: ({ document }) => {
      if (!document.findings[0]?.remedies.some(({ text }) => text.includes('NO_PROXY')))
        throw new Error('the way past the proxy is not said');
    },
  },
  {
    name: 'the certificate that a proxy makes is not valid yet, and the registry’s own holds',
    prepare: tunnelTo(presenting({ issuer, ...early })),
    verdict: 'faulty',
    cause: 'tls-intercepted',
    confidence: 'proven',
    never: ['tls-certificate-not-yet-valid', 'clock-skew'],
  },
  {
    name: 'by the proxy a certificate of a trusted authority that has expired, directly one that holds',
    prepare: tunnelTo(presenting(over)),
    verdict: 'faulty',
    cause: 'proxy-bypass-missing',
    confidence: 'proven',
    says: /another server answers: the certificate expired/,
    never: ['tls-certificate-expired', 'tls-intercepted'],
  },
  {
    name: 'by the proxy a block page’s certificate, which is for another name',
    prepare: tunnelTo(presenting(another)),
    verdict: 'faulty',
    cause: 'proxy-bypass-missing',
    confidence: 'proven',
    says: /the certificate is for block\.corp/,
    never: ['tls-hostname-mismatch'],
  },
  {
    name: 'the tunnel ends with an alert, and directly TLS is spoken',
    prepare: tunnelTo((stage) => says(stage, alert)),
    verdict: 'faulty',
    cause: 'proxy-bypass-missing',
    confidence: 'proven',
    says: /access_denied/,
    never: ['tls-handshake-failed'],
  },
  {
    name: 'the tunnel leads to a plain page, and directly TLS is spoken',
    prepare: tunnelTo((stage) => says(stage, refusesPlainly)),
    verdict: 'faulty',
    cause: 'proxy-bypass-missing',
    confidence: 'proven',
    never: ['http-on-https'],
  },
  ...(
    [
      ['expired', presenting({ issuer, ...over }), 'tls-certificate-expired'],
      ['not valid yet', presenting({ issuer, ...early }), 'tls-certificate-not-yet-valid'],
      ['for another name', presenting(another), 'tls-hostname-mismatch'],
      ['an alert', (stage: Stage) => says(stage, alert), 'tls-handshake-failed'],
    ] as const
  ).map(
    ([what, port, cause]): DiagnoseCase => ({
      name: `by the proxy ${what}, and directly nothing can be reached: whose it is, is not told`,
      prepare: tunnelTo(port, false),
      verdict: 'faulty',
      cause,
      confidence: 'likely',
      says: /It comes by the proxy http:\/\/proxy\.test:\d+, and whether it is the proxy's own is not told/,
    }),
  ),
  {
    name: 'the tunnel leads to a plain page, and directly nothing can be reached',
    prepare: tunnelTo((stage) => says(stage, refusesPlainly), false),
    verdict: 'faulty',
    cause: 'proxy-denied',
    confidence: 'likely',
    check: ({ stdout }) => {
      if (stdout.includes('server = ')) throw new Error('plain HTTP is advised');
    },
  },
  ...(
    [
      ['has expired', over, 'tls-certificate-expired'],
      ['is not valid yet', early, 'tls-certificate-not-yet-valid'],
      ['is for another name', another, 'tls-hostname-mismatch'],
    ] as const
  ).map(
    ([what, certificate, cause]): DiagnoseCase => ({
      name: `the registry’s own certificate ${what}, by the proxy and without it`,
      prepare: itself(certificate, true),
      verdict: 'faulty',
      cause,
      confidence: 'proven',
      saysNot: /whether it is the proxy's own/,
    }),
  ),
  {
    name: 'the registry itself ends TLS with an alert, by the proxy and without it',
    async prepare(stage) {
      const port = await says(stage, alert);
      const proxy = await stage.proxy(() => ({ kind: 'tunnel', port }));
      return { image: `registry.test:${port}/team/app:1`, args: proxy.args };
    },
    verdict: 'faulty',
    cause: 'tls-handshake-failed',
    confidence: 'proven',
  },
  {
    name: 'the registry speaks plain HTTP, by the proxy and without it',
    async prepare(stage) {
      const registry = await stage.registry({ tls: null });
      const proxy = await stage.proxy(({ method }) =>
        method === 'CONNECT' ? { kind: 'tunnel', port: registry.port } : { kind: 'forward', port: registry.port },
      );
      return app(registry, proxy.args);
    },
    verdict: 'faulty',
    cause: 'http-on-https',
    confidence: 'proven',
  },
  {
    name: 'a portal that redirects whatever it is sent, TLS too',
    prepare: async (stage) => ({
      image: `registry.test:${await says(stage, (said) =>
        said.length > 5 ? answerOf('302 Found', html, page('Login'), 'Location: http://portal.test/login\r\n') : null,
      )}/team/app:1`,
    }),
    verdict: 'faulty',
    cause: 'registry-invalid-response',
    confidence: 'likely',
    never: ['http-on-https'],
    check: ({ stdout }) => {
      if (stdout.includes('server = ')) throw new Error('plain HTTP is advised');
    },
  },
  {
    name: 'a plain HTTP server that fails whatever it is asked',
    async prepare(stage) {
      const registry = await stage.registry({ tls: null });
      registry.override = () => ({ status: 503 });
      return app(registry);
    },
    verdict: 'faulty',
    cause: 'http-on-https',
    confidence: 'likely',
    check: ({ stdout }) => {
      if (stdout.includes('server = ')) throw new Error('plain HTTP is advised');
    },
  },
  {
    name: 'a plain HTTP registry that wants a password',
    async prepare(stage) {
      const registry = await stage.registry({ tls: null, basic: { app: 'right-pw-4711' } });
      return app(registry);
    },
    verdict: 'faulty',
    cause: 'http-on-https',
    confidence: 'proven',
  },
  {
    name: 'what answers TLS speaks another protocol than HTTP',
    prepare: async (stage) => ({
      image: `registry.test:${await says(stage, () => 'SSH-2.0-OpenSSH_9.9\r\n')}/team/app:1`,
    }),
    verdict: 'faulty',
    cause: ['tls-handshake-failed', 'http-on-https'],
    confidence: 'likely',
  },
];
