import assert from 'node:assert/strict';
import { makePki } from '../kit/certificates.ts';
import { startFakeCri } from '../kit/fake-cri.ts';
import { placesOf, plan, problemsOf, runCommand, type Tree, withTree } from '../kit/plan-stage.ts';

const hosts = 'etc/containerd/certs.d/docker.io/hosts.toml';
const digest = `sha256:${'b'.repeat(64)}`;

describe('pullwhy plan: the document', function () {
  this.timeout(30_000);

  it('has every field of the contract, with its type', async () => {
    const pki = makePki();
    const { code, document, stderr } = await plan({
      image: `nginx:1@${digest}`,
      version: '2.1.9',
      args: ['--platform', 'linux/aarch64', '--proxy-env', 'ROOT/proxy.env', '--auth-file', 'ROOT/.dockerconfigjson'],
      files: {
        [hosts]:
          'server = "https://registry-1.docker.io"\n\n[host."https://mirror.corp:5000/hub"]\n  capabilities = ["pull", "resolve"]\n' +
          '  ca = "ca.crt"\n  client = [["c.cert", "c.key"]]\n  dial_timeout = "3s"\n  skip_verify = true\n' +
          '  [host."https://mirror.corp:5000/hub".header]\n    x-custom-1 = "hunter2"\n',
        'etc/containerd/certs.d/docker.io/ca.crt': pki.root.pem,
        'etc/containerd/certs.d/docker.io/c.cert': pki.leaf.chainPem,
        'etc/containerd/certs.d/docker.io/c.key': pki.leaf.keyPem,
        'etc/ssl/certs/ca-certificates.crt': pki.root.pem,
        'etc/resolv.conf': '# made by hand\nnameserver 10.0.0.2\nsearch corp.example\n',
        'proxy.env': 'HTTPS_PROXY=http://me:hunter2@proxy.corp:3128/\nNO_PROXY=.corp\n',
        '.dockerconfigjson': secretFile({ 'https://index.docker.io/v1/': 'app' }),
      },
    });
    assert.deepEqual([code, stderr], [0, '']);
    const { problems, kubelet: _, knownProxies: __, summary: ___, ...rest } = document;
    assert.deepEqual(problems, []);
    const folder = '/etc/containerd/certs.d/docker.io';
    const [mirror, upstream] = rest.endpoints;
    assert.deepEqual(mirror, {
      url: 'https://mirror.corp:5000/hub/v2',
      reference: `docker.io/library/nginx:1@${digest}`,
      role: 'mirror',
      source: `${hosts}:3`,
      capabilities: ['pull', 'resolve'],
      skipVerify: true,
      insecure: false,
      httpFallback: false,
      ca: [`${folder}/ca.crt`],
      client: [[`${folder}/c.cert`, `${folder}/c.key`]],
      dialTimeoutMs: 3000,
      headers: ['x-custom-1'],
      blocked: false,
      proxy: null,
      proxyReason: mirror?.proxyReason,
    });
    assert.match(mirror?.proxyReason ?? '', /NO_PROXY entry \.corp/);
    assert.deepEqual(
      [upstream?.url, upstream?.role, upstream?.source, upstream?.proxy, rest.endpoints.length],
      ['https://registry-1.docker.io/v2', 'upstream', `${hosts}:1`, 'http://proxy.corp:3128', 2],
    );
    assert.deepEqual(rest.image, {
      input: `nginx:1@${digest}`,
      normalized: `docker.io/library/nginx:1@${digest}`,
      registry: 'docker.io',
      repository: 'library/nginx',
      tag: '1',
      digest,
    });
    assert.equal(rest.shortName, null);
    assert.deepEqual(rest.nameservers, [{ address: '10.0.0.2', port: 53, source: 'etc/resolv.conf:2' }]);
    assert.deepEqual(rest.searchDomains, ['corp.example']);
    const resolver = { ndots: 1, timeoutMs: 5000, attempts: 2, rotate: false, singleRequest: false, useTcp: false };
    assert.deepEqual(rest.resolver, resolver);
    assert.deepEqual(rest.trustStore, { files: ['etc/ssl/certs/ca-certificates.crt'], certificates: 1 });
    assert.deepEqual(
      [rest.credentials?.source, rest.credentials?.username, rest.credentials?.matches.map(({ key }) => key)],
      ['--auth-file', 'app', ['https://index.docker.io/v1/']],
    );
    const hub = rest.hosts.find(({ host }) => host === 'registry-1.docker.io');
    assert.deepEqual(hub, {
      host: 'registry-1.docker.io',
      port: 443,
      scheme: 'https',
      proxy: 'http://proxy.corp:3128',
      proxyReason: upstream?.proxyReason,
      lookups: ['registry-1.docker.io.', 'registry-1.docker.io.corp.example.'],
    });
    assert.deepEqual(
      [rest.apiVersion, rest.kind, rest.node, rest.cause, rest.runtime.name, rest.runtime.version],
      ['pullwhy/v1', 'Plan', 'worker-3', null, 'containerd', '2.1.9'],
    );
    assert.doesNotMatch(JSON.stringify(document), /hunter2|PRIVATE KEY/);
    for (const absent of ['probes', 'findings', 'verdict']) assert.ok(!(absent in document), absent);
  });

  for (const form of ['json', 'text', 'markdown']) {
    it(`shows no secret as ${form}`, async () => {
      const run = await withTree(
        {
          'etc/containerd/config.toml':
            'version = 2\n[plugins."io.containerd.grpc.v1.cri".registry.configs."reg.corp".auth]\nusername = "u"\npassword = "hunter2"\n',
          'etc/systemd/system/containerd.service.d/p.conf':
            '[Service]\nEnvironment=HTTPS_PROXY=http://u:hunter2@p.corp:1\n',
          'a.json': secretFile({ 'reg.corp': 'app' }),
          'p.env': 'HTTPS_PROXY=http//u:hunter2@p.corp:3128\n',
        },
        async (root) => {
          const flags = ['--host-root', root, '--runtime', 'containerd', '--auth-file', `${root}/a.json`];
          const plain = await runForm(form, flags);
          return `${plain}${await runForm(form, [...flags, '--proxy-env', `${root}/p.env`])}`;
        },
      );
      assert.match(run, /app/);
      assert.doesNotMatch(run, /hunter2/);
      assert.ok(!run.includes(Buffer.from('app:hunter2').toString('base64')));
    });
  }

  const platforms: [given: string, normalized: string, accepts: string[], crio: string[]][] = [
    ['linux/amd64', 'linux/amd64', ['linux/amd64', 'linux/386'], ['linux/amd64']],
    ['linux/x86_64', 'linux/amd64', ['linux/amd64', 'linux/386'], ['linux/amd64']],
    [
      'linux/arm64/v8',
      'linux/arm64',
      ['linux/arm64', 'linux/arm/v8', 'linux/arm/v7', 'linux/arm/v6', 'linux/arm/v5'],
      ['linux/arm64/v8', 'linux/arm64'],
    ],
    ['linux/arm', 'linux/arm/v7', ['linux/arm/v7', 'linux/arm/v6', 'linux/arm/v5'], []],
    ['linux/arm/v6', 'linux/arm/v6', ['linux/arm/v6', 'linux/arm/v5'], []],
    ['linux/s390x', 'linux/s390x', ['linux/s390x'], ['linux/s390x']],
  ];
  for (const [given, normalized, accepts, crio] of platforms) {
    it(`takes the platform ${given}`, async () => {
      const { document } = await plan({ args: ['--platform', given] });
      assert.deepEqual(document.platform, { input: given, normalized, accepts });
      if (crio.length === 0) return;
      const other = await plan({ args: ['--platform', given], runtime: 'cri-o' });
      assert.deepEqual(other.document.platform.accepts, crio);
    });
  }

  const roots: [name: string, files: Tree, want: [files: string[], certificates: number]][] = (() => {
    const { root, leaf } = makePki();
    const bundle = 'etc/ssl/certs/ca-certificates.crt';
    return [
      ['Debian’s bundle', { [bundle]: root.pem }, [[bundle], 1]],
      ['Red Hat’s bundle', { 'etc/pki/tls/certs/ca-bundle.crt': root.pem }, [['etc/pki/tls/certs/ca-bundle.crt'], 1]],
      [
        'a folder beside the bundle',
        { [bundle]: root.pem, 'etc/ssl/certs/x.pem': leaf.pem },
        [[bundle, 'etc/ssl/certs/x.pem'], 2],
      ],
      ['an absolute link', { [bundle]: { link: '/opt/roots.pem' }, 'opt/roots.pem': root.pem }, [[bundle], 1]],
      [
        'SSL_CERT_FILE of the unit',
        {
          [bundle]: root.pem,
          'opt/own.pem': leaf.pem,
          'etc/systemd/system/containerd.service.d/x.conf':
            '[Service]\nEnvironment=SSL_CERT_FILE=/opt/own.pem SSL_CERT_DIR=/none\n',
        },
        [['opt/own.pem'], 1],
      ],
      ['what is no certificate', { [bundle]: 'none\n' }, [[], 0]],
    ];
  })();
  for (const [name, files, [wanted, certificates]] of roots) {
    it(`reads the trust store: ${name}`, async () => {
      const { code, document } = await plan({ files });
      assert.deepEqual([code, document.trustStore], [0, { files: wanted, certificates }]);
    });
  }
});

describe('pullwhy plan: the command line', function () {
  this.timeout(30_000);

  const wrong: [flag: string, value: string, message: RegExp][] = [
    ['--nameserver', '10.0.0', /10\.0\.0\.2:53/],
    ['--nameserver', '10.0.0.2:0', /10\.0\.0\.2:53/],
    ['--nameserver', '10.0.0.2:99999', /10\.0\.0\.2:53/],
    ['--nameserver', '[2001:db8::1', /\[2001:db8::1\]:53/],
    ['--nameserver', 'dns.corp', /IP address/],
    ['--platform', 'linux/', /OS\/ARCH/],
    ['--platform', 'bogus', /OS\/ARCH/],
    ['--platform', 'a/b/c/d', /OS\/ARCH/],
    ['--runtime', 'docker', /containerd, cri-o/],
    ['--runtime-version', 'newest', /1\.7\.24|version/],
    ['--pull-policy', 'always', /Always, IfNotPresent, Never/],
    ['--deadline', '0', /seconds/],
    ['-o', 'yaml', /json/],
    ['-r', '/run/x.sock', /unix:\/\/\/run\/x\.sock/],
    ['-r', 'tcp://127.0.0.1:1', /unix:\/\/\//],
    ['--host-root', '/nonexistent-root', /directory|exist/],
    ['--auth-file', '/nonexistent-auth', /exist/],
    ['--proxy-env', '/nonexistent-env', /read|exist/],
  ];
  for (const [flag, value, message] of wrong) {
    for (const command of ['plan', 'diagnose']) {
      it(`${command} ${flag} ${value} is a wrong command line`, async () => {
        const { code, stdout, stderr } = await runCommand([command, flag, value, 'nginx']);
        assert.deepEqual([code, stdout], [2, '']);
        assert.ok(stderr.includes(flag) && stderr.includes(value), stderr);
        assert.match(stderr, message);
        assert.doesNotMatch(stderr, /(-r: -r|\n\s+at )/);
      });
    }
  }

  it('names the variable whose socket is wrong', async () => {
    const { code, stderr } = await runCommand(['plan', 'nginx'], { PULLWHY_RUNTIME_ENDPOINT: '/run/x.sock' });
    assert.equal(code, 2);
    assert.match(stderr, /^pullwhy: PULLWHY_RUNTIME_ENDPOINT .*unix:\/\/\/run\/x\.sock/);
  });

  it('without an image, or with two, is wrong', async () => {
    assert.equal((await runCommand(['plan'])).code, 2);
    assert.equal((await runCommand(['plan', 'a', 'b'])).code, 2);
  });

  it('takes every form of a nameserver, in order, instead of resolv.conf’s', async () => {
    const given = ['10.9.9.9', '10.9.9.9:5353', '2001:db8::1', '[2001:db8::2]', '[2001:db8::3]:54', 'fe80::1%eth0'];
    const { document } = await plan({ args: given.flatMap((value) => ['--nameserver', value]) });
    assert.deepEqual(
      document.nameservers.map(({ address, port, source }) => [address, port, source]),
      [
        ['10.9.9.9', 53, '--nameserver'],
        ['10.9.9.9', 5353, '--nameserver'],
        ['2001:db8::1', 53, '--nameserver'],
        ['2001:db8::2', 53, '--nameserver'],
        ['2001:db8::3', 54, '--nameserver'],
        ['fe80::1%eth0', 53, '--nameserver'],
      ],
    );
  });

  it('plans from the files when -r names nothing, and says so', async () => {
    for (const version of ['1.7.24', null]) {
      const { code, document, stderr } = await plan({ args: ['-r', 'unix://ROOT/none.sock'], version });
      assert.deepEqual([code, stderr, document.cause], [0, '', null]);
      assert.deepEqual(placesOf(document), ['upstream https://reg.corp/v2 default']);
      assert.ok(
        problemsOf(document).some((problem) => /^warning runtime-unreachable unix:\/\/.*none\.sock$/.test(problem)),
      );
    }
  });

  it('says whose rules apply when nobody tells a version', async () => {
    for (const [runtime, newest] of [
      ['containerd', /containerd 2\.3/],
      ['cri-o', /CRI-O 1\.36/],
    ] as const) {
      const { document } = await plan({ runtime, version: null });
      assert.deepEqual(problemsOf(document), ['warning runtime-unreachable --runtime-version']);
      assert.match(document.problems.find(({ source }) => source === '--runtime-version')?.message ?? '', newest);
    }
  });

  it('believes the runtime that answers over what the flags say', async () => {
    const cri = await startFakeCri({
      Version: () => ({
        answer: { runtime_name: 'containerd', runtime_version: 'v1.6.20', runtime_api_version: 'v1' },
      }),
    });
    try {
      const args = ['-r', cri.endpoint];
      const { document } = await plan({ args, version: '2.1.9', runtime: 'cri-o', image: 'localhost:5000/a' });
      assert.deepEqual([document.runtime.name, document.runtime.version], ['containerd', 'v1.6.20']);
      assert.deepEqual(placesOf(document), ['upstream http://localhost:5000/v2 default']);
      assert.deepEqual(problemsOf(document), []);
    } finally {
      await cri.close();
    }
  });

  const found: [name: string, files: Tree, runtime: string | null][] = [
    ['etc/containerd', { 'etc/containerd': null }, 'containerd'],
    ['etc/crio', { 'etc/crio': null }, 'cri-o'],
    ['etc/containers alone', { 'etc/containers': null }, 'cri-o'],
    ['etc/containers beside etc/containerd', { 'etc/containers': null, 'etc/containerd': null }, 'containerd'],
    ['nothing', {}, null],
  ];
  for (const [name, files, runtime] of found) {
    it(`finds the runtime by ${name}`, async () => {
      const { code, document } = await withTree(files, (root) =>
        runCommand(['plan', '-o', 'json', '--host-root', root, 'reg.corp/a:1']),
      );
      assert.deepEqual([code, document.runtime.name], [0, runtime]);
      assert.deepEqual(placesOf(document), ['upstream https://reg.corp/v2 default']);
    });
  }
});

function secretFile(users: Readonly<Record<string, string>>): string {
  const entries = Object.entries(users).map(([key, user]) => [
    key,
    { auth: Buffer.from(`${user}:hunter2`).toString('base64') },
  ]);
  return JSON.stringify({ auths: Object.fromEntries(entries) });
}

async function runForm(form: string, flags: readonly string[]): Promise<string> {
  const args = ['plan', '-o', form, ...flags, 'reg.corp/team/web:1'];
  const { stdout, stderr } = await runCommand(args);
  return stdout + stderr;
}
