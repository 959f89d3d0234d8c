import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import type { CauseArgs } from '../../src/causes/cause.ts';
import { causeOf, causes } from '../../src/causes/index.ts';
import { type CauseId, causeIds, type Layer, layers } from '../../src/model/cause-id.ts';
import { probes } from '../../src/probes/index.ts';

/**
 * What is promised of each cause (the table of causes, contract): where in a pull it lies, and which scenario of
 * ImagePullBackOff it belongs to. `null`: the table has a dash. Alert rules name these words; none may change.
 */
const promised: Readonly<Record<CauseId, readonly [Layer | null, number | null]>> = {
  'invalid-image-name': ['reference', 1],
  'short-name-unresolved': ['reference', 1],
  'dns-name-not-found': ['dns', 3],
  'dns-server-failure': ['dns', 3],
  'dns-timeout': ['dns', 3],
  'dns-refused': ['dns', 3],
  'dns-inconsistent': ['dns', 3],
  'no-route': ['tcp', 3],
  'tcp-refused': ['tcp', 3],
  'tcp-timeout': ['tcp', 3],
  'tcp-reset': ['tcp', 3],
  'some-addresses-unreachable': ['tcp', 3],
  'mtu-black-hole': ['tcp', 3],
  'proxy-unreachable': ['proxy', 3],
  'proxy-auth-required': ['proxy', 3],
  'proxy-denied': ['proxy', 3],
  'proxy-bypass-missing': ['proxy', 3],
  'proxy-required': ['proxy', 3],
  'proxy-misconfigured': ['proxy', 7],
  'tls-unknown-authority': ['tls', 3],
  'tls-intercepted': ['tls', 3],
  'tls-certificate-expired': ['tls', 3],
  'tls-certificate-not-yet-valid': ['tls', 3],
  'tls-certificate-expiring': ['tls', 3],
  'tls-hostname-mismatch': ['tls', 3],
  'tls-handshake-failed': ['tls', 3],
  'http-on-https': ['tls', 7],
  'clock-skew': ['node', 7],
  'registry-error': ['registry', 3],
  'registry-timeout': ['registry', 3],
  'registry-invalid-response': ['registry', 3],
  'rate-limited': ['registry', 5],
  'auth-service-unreachable': ['auth', 3],
  'credentials-missing': ['auth', 2],
  'credentials-rejected': ['auth', 2],
  'credentials-expired': ['auth', 2],
  'access-denied': ['auth', 2],
  'source-address-blocked': ['auth', 3],
  'pull-secret-missing': ['auth', 2],
  'pull-secret-invalid': ['auth', 2],
  'credential-provider-failed': ['auth', 2],
  'repository-not-found': ['manifest', 4],
  'repository-not-found-or-private': ['manifest', 4],
  'tag-not-found': ['manifest', 1],
  'platform-mismatch': ['manifest', 4],
  'manifest-unsupported': ['manifest', 4],
  'blob-unreachable': ['blob', 3],
  'digest-mismatch': ['blob', 3],
  'pull-timeout': ['blob', 3],
  'pull-stalled': ['blob', 3],
  'pull-canceled': ['blob', 7],
  'mirror-failed': ['endpoint', 7],
  'disk-full': ['node', 7],
  'unpack-failed': ['node', 7],
  'filesystem-error': ['node', 7],
  'runtime-unreachable': ['runtime', 7],
  'runtime-misconfigured': ['runtime', 7],
  'snapshotter-unavailable': ['runtime', 7],
  'sandbox-image-unavailable': ['runtime', 7],
  'image-never-pull': ['policy', 6],
  'pull-policy-always': ['policy', 6],
  'image-credentials-unverified': ['policy', 6],
  'pull-queued': ['kubelet', 7],
  'pull-qps-exceeded': ['policy', 7],
  'signature-rejected': ['policy', 7],
  'registry-blocked': ['policy', 7],
  'back-off-only': ['kubelet', null],
  unknown: [null, null],
};

/** Every argument that words may be filled with. */
const full: Required<
  Omit<CauseArgs, 'blocked' | 'self' | 'filtered' | 'own' | 'nameless' | 'issuing' | 'scheme' | 'unclear' | 'direct'>
> = {
  image: 'registry.corp.example/team/web:1.4',
  repository: 'team/web',
  tag: '1.4',
  host: 'registry.corp.example',
  port: '443',
  proxy: 'http://proxy.corp.example:3128',
  nameserver: '192.0.2.53 and 192.0.2.54',
  detail: 'what was seen',
  source: 'etc/containerd/certs.d/registry.corp.example/hosts.toml:3',
  nearest: ['1.3', '1.5'],
  platform: 'linux/arm64',
  username: 'app',
  path: '/var/lib/containerd',
  certificate: 'CN=registry.corp.example',
  issuer: 'CN=Corp CA 2',
  date: '2026-11-19 08:00 UTC',
  underlying: 'The sentence beneath.',
  seconds: '40',
  clock: '2 days ahead',
  unit: 'containerd',
  origin: 'Secret shop/regcred',
  secret: 'regcred',
  namespace: 'shop',
  reader: 'pullwhy-system:pullwhy-agent',
  alias: 'registry.corp.example.svc.corp.example',
  serves: 'token',
  realm: 'auth.corp.example',
  schemes: 'Negotiate, NTLM',
};

describe('arch: the catalogue of causes', () => {
  it('has exactly one record for every identifier', () => {
    assert.deepEqual(causes.map(({ id }) => id).sort(), [...causeIds].sort());
    assert.deepEqual(Object.keys(promised).sort(), [...causeIds].sort());
  });

  for (const id of causeIds) {
    describe(id, () => {
      const cause = causeOf(id);
      const said = [cause.say({}), cause.say(full)];

      it('has the layer and the scenario that were promised', () => {
        const [layer, scenario] = promised[id];
        assert.equal(cause.scenario, scenario);
        if (layer === null) assert.ok(layers.includes(cause.layer));
        else assert.equal(cause.layer, layer);
      });

      it('says a whole sentence, with nothing known and with everything', () => {
        for (const sentence of said) {
          assert.match(sentence, /[.!?]$/, sentence);
          assert.doesNotMatch(sentence, /undefined|null|\[object|NaN| {2}|\s[.,:;]|\(\s*\)|\.\./, sentence);
          assert.doesNotMatch(sentence, /\n/);
          assert.match(sentence, /^[^a-z]|^etc\/|^registry\.corp|^team\/web|^what was seen/, sentence);
        }
      });

      it('says what to do', () => {
        for (const args of [{}, full]) {
          const remedies = cause.remedies(args);
          assert.ok(remedies.length > 0);
          for (const { text, command } of remedies) {
            assert.match(text, /^[A-Z].*[.:)]$/s, text);
            for (const part of [text, command ?? '-']) {
              assert.notEqual(part.trim(), '');
              assert.doesNotMatch(part, /undefined|null(?!\b)|\[object|NaN/, part);
            }
          }
        }
      });

      it('has a title and a proof, in plain words', () => {
        assert.match(cause.title, /^\S.*[^.]$/s);
        assert.match(cause.proof, /^[A-Z].*\.$/s);
        const words = [cause.title, cause.proof, ...said, ...cause.remedies(full).map(({ text }) => text)];
        for (const text of words) assert.doesNotMatch(text, /[‘’“”]/, text);
      });
    });
  }
});

describe('arch: the list of probes', () => {
  it('has each kind once, and each says what it proves', () => {
    const kinds = probes.map(({ kind }) => kind);
    assert.deepEqual(kinds, [...new Set(kinds)]);
    for (const { title, proves, budgetMs } of probes) {
      assert.match(title, /^[A-Z]/);
      for (const words of [proves.ok, proves.failed]) assert.match(words, /^[a-z].*[^.]$/, words);
      assert.ok(budgetMs > 0);
    }
  });

  // One after the other: runtime, image, name, connection, tunnel, handshake, version check, token, manifest, content.
  it('has budgets that each fit into the default deadline of an investigation', () => {
    for (const { kind, cost, budgetMs } of probes) if (cost !== 'pull') assert.ok(budgetMs < 10_000, kind);
  });
});

describe('arch: tests of causes', () => {
  const folder = new URL('../causes/', import.meta.url);
  const text = readdirSync(folder)
    .map((name) => readFileSync(new URL(name, folder), 'utf8'))
    .join('\n');

  it('has a case that shows it, and a near miss, for every cause that probes can show', () => {
    const untested = causes
      .filter(({ match }) => match !== undefined)
      .flatMap(({ id }) => ['holds', 'misses'].map((kind) => [id, kind] as const))
      .filter(([id, kind]) => !new RegExp(`${kind}\\(\\s*'${id}'`).test(text))
      .map(([id, kind]) => `${kind}('${id}', …)`);
    assert.deepEqual(untested, []);
  });
});
