import { holds, misses } from '../kit/cause-cases.ts';
import { certificate, challenge, type Failure, Scene, startedAtMs } from '../kit/view.ts';

const host = 'registry.test';

/** Name and connection are well, and the handshake ends so. */
const shaken = (error: Failure, facts: Parameters<Scene['tls']>[1] = {}, options = {}) => {
  const scene = new Scene(options);
  scene.dns(host, ['192.0.2.10']);
  scene.tcp(host, '192.0.2.10');
  return { scene, evidence: [scene.tls(error, facts)] };
};

const inDays = (days: number): string => new Date(startedAtMs + days * 86_400_000).toISOString();

/** All is well, with this chain. */
const served = (chain: Parameters<Scene['tls']>[1]) => {
  const scene = new Scene();
  scene.dns(host, ['192.0.2.10']);
  scene.tcp(host, '192.0.2.10');
  const evidence = [scene.tls(null, chain)];
  scene.ping();
  scene.manifest();
  scene.blob('config');
  scene.blob('layer');
  return { scene, evidence };
};

describe('causes: tls', () => {
  holds('tls-unknown-authority', 'the issuer is not trusted here', () => ({
    ...shaken('tls-unknown-authority', { chain: [certificate({ issuer: 'CN=Corp CA 2' })] }),
    host,
    says: /issued by CN=Corp CA 2, does not lead to an authority/,
  }));
  holds('tls-unknown-authority', 'it signs itself', () => ({
    ...shaken('tls-unknown-authority', { chain: [certificate({ selfSigned: true })] }),
    says: /self-signed/,
  }));
  holds('tls-unknown-authority', 'of the token service', () => {
    const scene = new Scene();
    scene.reach();
    scene.ping({ status: 401, challenges: [challenge('bearer')] });
    scene.dns('auth.test', ['192.0.2.50']);
    scene.tcp('auth.test', '192.0.2.50');
    const evidence = [scene.tls('tls-unknown-authority', { host: 'auth.test', hop: 'realm', address: '192.0.2.50' })];
    return { scene, evidence, host: 'auth.test', primary: 'auth-service-unreachable' };
  });
  misses(
    'tls-unknown-authority',
    'it has expired too, which Go says first',
    () => shaken('tls-expired', { failedChecks: ['tls-expired', 'tls-unknown-authority'] }).scene,
    'tls-certificate-expired',
  );
  misses(
    'tls-unknown-authority',
    "the node's configuration does not verify",
    () => served({ verificationOff: true, anchor: null }).scene,
    null,
  );
  misses(
    'tls-unknown-authority',
    'one of two addresses presents it, the other a good one',
    () => {
      const scene = new Scene();
      scene.dns(host, ['192.0.2.10', '192.0.2.11']);
      scene.tcp(host, '192.0.2.10');
      scene.tcp(host, '192.0.2.11');
      scene.tls('tls-unknown-authority', { address: '192.0.2.10' });
      scene.tls(null, { address: '192.0.2.11' });
      return scene;
    },
    'some-addresses-unreachable',
  );

  holds('tls-certificate-expired', 'the leaf', () => ({
    ...shaken('tls-expired', { chain: [certificate({ notAfter: '2026-11-19T08:00:00.000Z' })], failedCertificate: 0 }),
    says: /expired 3 days ago, on 2026-11-19 08:00:00 UTC/,
  }));
  holds('tls-certificate-expired', 'an intermediate, which is named', () => ({
    ...shaken('tls-expired', {
      chain: [certificate(), certificate({ subject: 'CN=Old Intermediate', notAfter: '2021-09-29T19:21:40.000Z' })],
      failedCertificate: 1,
    }),
    says: /\(CN=Old Intermediate\) expired \d+ days ago, on 2021-09-29/,
  }));
  misses(
    'tls-certificate-expired',
    'its time has not come',
    () => shaken('tls-not-yet-valid').scene,
    'tls-certificate-not-yet-valid',
  );
  misses(
    'tls-certificate-expired',
    'it expires tomorrow',
    () => served({ chain: [certificate({ notAfter: inDays(1) })] }).scene,
    'tls-certificate-expiring',
  );

  holds('tls-certificate-not-yet-valid', 'the leaf', () => ({
    ...shaken('tls-not-yet-valid', {
      chain: [certificate({ notBefore: '2026-12-01T00:00:00.000Z' })],
      failedCertificate: 0,
    }),
    says: /not valid before 2026-12-01 00:00:00 UTC/,
  }));
  misses(
    'tls-certificate-not-yet-valid',
    'it has expired',
    () => shaken('tls-expired').scene,
    'tls-certificate-expired',
  );

  holds('tls-certificate-expiring', 'in 13 days', () => ({
    ...served({ chain: [certificate({ notAfter: inDays(13) })] }),
    severity: 'degraded',
    says: /expires soon, on 2026-12-05/,
  }));
  holds('tls-certificate-expiring', 'the intermediate in use', () => ({
    ...served({
      chain: [
        certificate({ issuer: 'CN=Intermediate' }),
        certificate({ subject: 'CN=Intermediate', issuer: 'CN=Test CA', notAfter: inDays(3) }),
      ],
    }),
    severity: 'degraded',
  }));
  misses(
    'tls-certificate-expiring',
    'in 15 days',
    () => served({ chain: [certificate({ notAfter: inDays(15) })] }).scene,
    null,
  );
  misses(
    'tls-certificate-expiring',
    'an old cross-sign is sent along that nobody needs: the trust store has that authority itself',
    () =>
      served({
        chain: [
          certificate({ issuer: 'CN=R3' }),
          certificate({ subject: 'CN=R3', issuer: 'CN=Root X1' }),
          certificate({ subject: 'CN=Root X1', issuer: 'CN=Old Root X3', notAfter: '2024-09-30T18:14:03.000Z' }),
        ],
        anchor: 'CN=Root X1',
      }).scene,
    null,
  );
  misses(
    'tls-certificate-expiring',
    'certificates are not verified here',
    () => served({ chain: [certificate({ notAfter: inDays(1) })], verificationOff: true }).scene,
    null,
  );
  misses(
    'tls-certificate-expiring',
    'the way that is tried instead has it',
    () => {
      const { scene } = served({});
      scene.tls(null, {
        proxy: 'http://proxy.test:3128',
        counterfactual: true,
        chain: [certificate({ notAfter: inDays(1) })],
      });
      return scene;
    },
    null,
  );

  holds('tls-hostname-mismatch', 'other names', () => ({
    ...shaken('tls-hostname', { chain: [certificate({ dnsNames: ['*.ingress.test', 'ingress.test'] })] }),
    says: /for other names: \*\.ingress\.test, ingress\.test/,
  }));
  holds('tls-hostname-mismatch', 'no subject alternative name at all', () => ({
    ...shaken('tls-hostname', { chain: [certificate({ dnsNames: [] })] }),
    says: /has no subject alternative name, only CN=registry\.test,/,
  }));
  misses(
    'tls-hostname-mismatch',
    'the authority is not known',
    () => shaken('tls-unknown-authority').scene,
    'tls-unknown-authority',
  );

  holds('tls-handshake-failed', 'an alert', () => ({
    ...shaken(['tls-alert', 'the peer sends the alert handshake_failure'], { chain: [] }),
    says: /handshake_failure/,
  }));
  holds('tls-handshake-failed', 'no common version', () => shaken('tls-protocol', { chain: [] }));
  holds('tls-handshake-failed', 'silence in the middle', () => ({
    ...shaken('timeout', { chain: [] }),
    confidence: 'likely',
    alternatives: ['mtu-black-hole'],
  }));
  holds('tls-handshake-failed', 'silence, to small packets too', () => {
    const { scene, evidence } = shaken('timeout', { chain: [] });
    return { scene, evidence: [...evidence, scene.small('timeout')] };
  });
  holds('tls-handshake-failed', 'silence to whoever names the server', () => {
    const { scene, evidence } = shaken('timeout', { chain: [] });
    return {
      scene,
      evidence: [...evidence, scene.small(null, { unnamedBytes: 1500 })],
      says: /a handshake that names it gets no answer, and one that names nobody does/,
    };
  });
  holds('tls-handshake-failed', 'it closes in the middle', () => shaken('closed', { chain: [] }));
  holds('tls-handshake-failed', 'any other check of the chain', () => shaken('tls-certificate'));
  holds('tls-handshake-failed', 'the missing client certificate, told with the first answer (TLS 1.3)', () => {
    const scene = new Scene();
    scene.reach();
    return {
      scene,
      evidence: [scene.ping({ error: ['tls-alert', 'certificate required'] })],
      says: /certificate required/,
    };
  });
  misses(
    'tls-handshake-failed',
    'silence, and small packets pass',
    () => {
      const { scene } = shaken('timeout', { chain: [] });
      scene.small(null);
      return scene;
    },
    'mtu-black-hole',
  );
  misses('tls-handshake-failed', 'reset on every address', () => shaken('reset', { chain: [] }).scene, 'tcp-reset');
  misses(
    'tls-handshake-failed',
    'the certificate is for other names',
    () => shaken('tls-hostname').scene,
    'tls-hostname-mismatch',
  );
  misses(
    'tls-handshake-failed',
    'plain text answers',
    () => shaken('tls-plain-answer', { chain: [] }).scene,
    'http-on-https',
  );
  misses(
    'tls-handshake-failed',
    'it was cut off',
    () => {
      const scene = new Scene();
      scene.dns(host, ['192.0.2.10']);
      scene.tcp(host, '192.0.2.10');
      scene.skipped('tls');
      return scene;
    },
    null,
  );

  holds('http-on-https', 'plain text answers, and plain HTTP gets an answer there', () => {
    const { scene, evidence } = shaken('tls-plain-answer', { chain: [] });
    const plain = scene.ping({ scheme: 'http', port: 443, counterfactual: true });
    return { scene, evidence: [...evidence, plain], says: /registry\.test port 443 speaks plain HTTP/ };
  });
  holds('http-on-https', 'plain text answers, whatever it is', () => ({
    ...shaken('tls-plain-answer', { chain: [] }),
    confidence: 'likely',
  }));
  holds('http-on-https', 'http:// is written for a port that speaks TLS', () => {
    const scene = new Scene({ endpoints: [{ url: 'http://registry.test:443/v2' }] });
    scene.reach();
    return {
      scene,
      evidence: [scene.ping({ error: 'tls-on-plain' })],
      says: /speaks TLS, and the runtime addresses it with http:/,
    };
  });
  misses(
    'http-on-https',
    'the runtime goes on with plain HTTP by itself',
    () => {
      const { scene } = shaken(
        'tls-plain-answer',
        { chain: [] },
        { endpoints: [{ url: 'https://registry.test/v2', httpFallback: true }] },
      );
      const plain = { scheme: 'http' as const, port: 443 };
      scene.ping(plain);
      scene.manifest(plain);
      scene.blob('config', plain);
      scene.blob('layer', plain);
      return scene;
    },
    null,
  );
  misses(
    'http-on-https',
    'the handshake ends by an alert',
    () => shaken('tls-alert', { chain: [] }).scene,
    'tls-handshake-failed',
  );
});
