import { makeCertificate } from '../../kit/certificates.ts';
import type { DiagnoseCase } from '../../kit/diagnose-case.ts';
import { type Stage, stageCertificate, stagePki } from '../../kit/diagnose-stage.ts';
import { errorBody, type FakeRegistry } from '../../kit/fake-registry.ts';
import { app } from './shared.ts';

const html = { 'content-type': 'text/html' };
const page = (title: string): string => `<html><title>${title}</title></html>`;
const says =
  (status: number, title: string, headers: Readonly<Record<string, string>> = {}): FakeRegistry['override'] =>
  () => ({ status, headers: { ...html, ...headers }, body: page(title) });

const proxyAuthority = makeCertificate({ commonName: 'Corp Proxy CA', ca: true });

const squid = (error: string) => ({ 'x-squid-error': error });

/** A proxy that opens TLS with an authority that the node trusts and answers by itself; directly the registry, or nothing. */
function opened(override: FakeRegistry['override'], direct = true, args: readonly string[] = []) {
  return async (stage: Stage) => {
    const fake = await stage.registry({
      tls: stageCertificate({ commonName: 'made by the proxy', issuer: proxyAuthority }),
    });
    fake.override = override;
    const registry = await stage.registry();
    const proxy = await stage.proxy(() => ({ kind: 'tunnel', port: fake.port }));
    const dns = direct ? [] : await stage.nameserver({ 'registry.test': { rcode: 3 } });
    await stage.file('etc/ssl/certs/ca-certificates.crt', stagePki.root.pem + proxyAuthority.pem);
    return app(registry, [...proxy.args, ...dns, ...args]);
  };
}

/** The registry itself says so, by the proxy and without it. */
function passedOn(override: FakeRegistry['override']) {
  return async (stage: Stage) => {
    const registry = await stage.registry();
    registry.override = override;
    const proxy = await stage.proxy(() => ({ kind: 'tunnel', port: registry.port }));
    return app(registry, proxy.args);
  };
}

const denied: FakeRegistry['override'] = (_, path) =>
  path === '/v2/' ? null : { status: 403, body: errorBody('DENIED', 'requested access is denied') };

const answers: readonly (readonly [string, FakeRegistry['override']])[] = [
  ['503 with squid’s mark', says(503, 'ERROR', squid('ERR_CONNECT_FAIL 111'))],
  ['403 with squid’s mark', says(403, 'ERROR', squid('ERR_ACCESS_DENIED 0'))],
  ['403 and a page', says(403, 'Web filter: blocked')],
  ['200 and a page', says(200, 'Web filter: please confirm')],
  ['504 and a page', says(504, 'Gateway timeout')],
];

/** A proxy that opens TLS and answers in the registry's place, with a certificate that the node trusts. */
export const cases: readonly DiagnoseCase[] = [
  ...answers.map(
    ([what, override]): DiagnoseCase => ({
      name: `the proxy opens TLS and answers ${what}, and directly the registry serves`,
      prepare: opened(override),
      verdict: 'faulty',
      cause: 'proxy-bypass-missing',
      confidence: 'proven',
      never: ['source-address-blocked', 'registry-error', 'registry-invalid-response', 'access-denied'],
    }),
  ),
  {
    name: 'CRI-O, the proxy opens TLS and refuses by a page, and directly the registry serves',
    prepare: opened(says(403, 'Blocked'), true, ['--runtime', 'cri-o']),
    verdict: 'faulty',
    cause: 'proxy-bypass-missing',
    confidence: 'proven',
    never: ['source-address-blocked', 'registry-invalid-response'],
  },
  {
    name: 'the proxy opens TLS and answers 504 and a page, and directly nothing can be reached',
    prepare: opened(says(504, 'Gateway timeout'), false),
    verdict: 'faulty',
    cause: 'registry-error',
    confidence: 'likely',
    says: /whether it is the proxy's own is not told/,
  },
  {
    name: 'the proxy opens TLS and refuses with squid’s mark, and directly nothing can be reached',
    prepare: opened(says(403, 'ERROR', squid('ERR_ACCESS_DENIED 0')), false),
    verdict: 'faulty',
    cause: 'proxy-denied',
    confidence: 'proven',
  },
  {
    name: 'the proxy opens TLS and passes on what the registry refuses in its own words',
    prepare: opened(denied),
    verdict: 'faulty',
    cause: ['access-denied', 'source-address-blocked'],
    never: ['proxy-bypass-missing', 'proxy-denied'],
  },
  {
    name: 'the registry itself is in maintenance, by the proxy and without it',
    prepare: passedOn(says(503, 'Maintenance')),
    verdict: 'faulty',
    cause: 'registry-error',
    confidence: 'proven',
  },
  {
    name: 'a squid of the registry’s own fails, by the proxy and without it',
    prepare: passedOn(says(503, 'ERROR', squid('ERR_CONNECT_FAIL 111'))),
    verdict: 'faulty',
    cause: 'registry-error',
    never: ['proxy-bypass-missing', 'proxy-denied', 'tcp-refused'],
  },
  {
    name: 'directly a filter with a trusted certificate refuses by a page, and a proxy that the node knows gets through',
    async prepare(stage) {
      const registry = await stage.registry();
      const filter = await stage.registry({ tls: stageCertificate({ commonName: 'made by the filter' }) });
      filter.override = says(403, 'Web filter: blocked category');
      const proxy = await stage.proxy(() => ({ kind: 'tunnel', port: registry.port }));
      await stage.file('etc/environment', `HTTPS_PROXY=http://proxy.test:${proxy.port}\n`);
      return app(filter, await stage.proxyEnv(''));
    },
    verdict: 'faulty',
    cause: 'source-address-blocked',
    confidence: 'likely',
  },
  {
    name: 'a squid that is not set here fails with its own mark',
    async prepare(stage) {
      const registry = await stage.registry();
      registry.override = says(503, 'ERROR', squid('ERR_CONNECT_FAIL 110'));
      return app(registry);
    },
    verdict: 'faulty',
    cause: 'registry-error',
    confidence: 'likely',
    says: /a squid proxy says so \(ERR_CONNECT_FAIL 110\)/,
  },
  {
    name: 'a squid that is not set here refuses with its own mark',
    async prepare(stage) {
      const registry = await stage.registry();
      registry.override = says(403, 'ERROR', squid('ERR_ACCESS_DENIED 0'));
      return app(registry);
    },
    verdict: 'faulty',
    cause: 'proxy-denied',
    confidence: 'likely',
  },
];
