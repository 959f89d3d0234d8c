import assert from 'node:assert/strict';
import { daysFromNow, type MadeCertificate, makeCertificate } from '../../kit/certificates.ts';
import type { DiagnoseCase } from '../../kit/diagnose-case.ts';
import { type Ran, type Situation, type Stage, stagePki } from '../../kit/diagnose-stage.ts';
import { app } from './shared.ts';

/** Every remedy of the primary finding must match one of these, and none of those. */
function advises(wanted: readonly RegExp[], never: readonly RegExp[] = []): (ran: Ran) => void {
  return ({ document }) => {
    const all = (document.findings[0]?.remedies ?? []).map(({ text, command }) => `${text} $ ${command ?? ''}`);
    const text = all.join('\n');
    for (const one of wanted) assert.match(text, one);
    for (const one of never) assert.doesNotMatch(text, one);
  };
}

/** A registry with this certificate, below an authority that the node trusts. */
function below(make: (root: MadeCertificate) => MadeCertificate): (stage: Stage) => Promise<Situation> {
  return async (stage) => {
    const made = make(stagePki.root);
    return app(await stage.registry({ tls: { cert: made.chainPem, key: made.keyPem } }));
  };
}

const strange = makeCertificate({ commonName: 'Strange CA', ca: true });
const unknown = makeCertificate({ commonName: 'registry.test', names: ['registry.test'], issuer: strange });
const unknownTls = { tls: { cert: unknown.chainPem, key: unknown.keyPem } };

/** The advice: does it name the right thing, in the place where it is, with a command that works? */
export const cases: readonly DiagnoseCase[] = [
  {
    name: 'an unknown authority at a port: the folder that containerd reads bears the port',
    prepare: async (stage) => app(await stage.registry(unknownTls)),
    verdict: 'faulty',
    cause: 'tls-unknown-authority',
    check: advises([/etc\/containerd\/certs\.d\/registry\.test:\d+\/hosts\.toml/]),
  },
  {
    name: 'an unknown authority of a mirror: the file that names the mirror',
    async prepare(stage) {
      const mirror = await stage.registry(unknownTls);
      await stage.hosts(
        '_default',
        `server = "https://registry.test:1"\n[host."https://registry.test:${mirror.port}"]\n`,
      );
      return { image: 'registry.test:1/team/app:1' };
    },
    verdict: 'faulty',
    cause: 'tls-unknown-authority',
    check: advises([/etc\/containerd\/certs\.d\/_default\/hosts\.toml with ca/]),
  },
  {
    name: 'an unknown authority, with CRI-O: its own folder, and its own unit',
    async prepare(stage) {
      return app(await stage.registry(unknownTls), ['--runtime', 'cri-o']);
    },
    verdict: 'faulty',
    cause: 'tls-unknown-authority',
    check: advises(
      [/etc\/containers\/certs\.d\/registry\.test:\d+\/ca\.crt/, /systemctl restart crio/],
      [/containerd\/certs\.d/, /restart containerd/],
    ),
  },
  {
    name: 'a certificate with a Common Name alone',
    prepare: below((issuer) => makeCertificate({ commonName: 'registry.test', issuer })),
    verdict: 'faulty',
    cause: 'tls-hostname-mismatch',
    says: /has no subject alternative name, only CN=registry\.test/,
    saysNot: /is for other names/,
    check: advises([/subjectAltName/], [/use a name that the certificate has/]),
  },
  {
    name: 'an intermediate certificate has expired',
    prepare: below((root) => {
      const past = { notBefore: daysFromNow(-300), notAfter: daysFromNow(-3) };
      const issuer = makeCertificate({ commonName: 'Old Intermediate', ca: true, issuer: root, ...past });
      return makeCertificate({ commonName: 'registry.test', names: ['registry.test'], issuer });
    }),
    verdict: 'faulty',
    cause: 'tls-certificate-expired',
    says: /An issuing certificate of registry\.test \(CN=Old Intermediate\) expired 3 days ago/,
    check: advises([/-showcerts/], [/openssl x509/]),
  },
  {
    name: 'the hosts file leads to where nothing listens',
    async prepare(stage) {
      await stage.file('etc/hosts', '127.0.0.1 localhost\n127.0.0.78 registry.test\n');
      return app(await stage.registry());
    },
    verdict: 'faulty',
    cause: 'tcp-refused',
    says: /127\.0\.0\.78, by etc\/hosts:2/,
    check: advises([/stands in etc\/hosts:2, so no nameserver is asked/]),
  },
  {
    name: 'a wildcard of the search domain leads to where nothing listens',
    async prepare(stage) {
      await stage.file('etc/resolv.conf', 'nameserver 127.0.0.1\nsearch corp.test\noptions ndots:5 timeout:1\n');
      const zone = { 'registry.test.corp.test': ['127.0.0.77'], 'registry.test': ['127.0.0.1'] };
      return app(await stage.registry(), await stage.nameserver(zone));
    },
    verdict: 'faulty',
    cause: 'tcp-refused',
    says: /127\.0\.0\.77, found as registry\.test\.corp\.test/,
    check: advises([/search domain.*ndots/]),
  },
  {
    name: 'a wildcard of the search domain leads to another server',
    async prepare(stage) {
      await stage.file('etc/resolv.conf', 'nameserver 127.0.0.1\nsearch corp.test\noptions ndots:5 timeout:1\n');
      const other = makeCertificate({ commonName: 'ingress', names: ['ingress.corp.test'], issuer: stagePki.root });
      const tls = { cert: other.chainPem, key: other.keyPem };
      const zone = { 'registry.test.corp.test': ['127.0.0.1'], 'registry.test': ['127.0.0.99'] };
      return app(await stage.registry({ tls }), await stage.nameserver(zone));
    },
    verdict: 'faulty',
    cause: 'tls-hostname-mismatch',
    says: /ingress\.corp\.test \(the host was found as registry\.test\.corp\.test\)/,
    check: advises([/search domain.*ndots/]),
  },
  {
    name: 'no route to an IPv6 address: ip takes it without brackets',
    async prepare(stage) {
      await stage.file('etc/hosts', '127.0.0.1 localhost\n::2 registry.test\n');
      return app(await stage.registry());
    },
    verdict: 'faulty',
    cause: 'no-route',
    check: advises([/ip route get ::2$/m]),
  },
];
