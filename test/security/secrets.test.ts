import { strict as assert } from 'node:assert';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { makeCertificate, makePki } from '../kit/certificates.ts';
import { grpcCodes, startFakeCri } from '../kit/fake-cri.ts';
import { built, misbehaviour, pullwhy } from './command.ts';
import { type Echo, echoes, startEcho } from './echo.ts';

/** A password with every character that some encoding changes. */
const password = 'Zq7/+pw&"x\'<Kf>=% Yw0';
/** What a token service gives: as a header it must be bare. */
const token = 'tok3n.Hj8_Lm2-Pq5~Rs9+Tu/Vw==';
const user = 'robot$team';
const basic = Buffer.from(`${user}:${password}`).toString('base64');

/** A way to give the secret, and how it gets to a server. */
interface Place {
  readonly name: string;
  /** Files below the host root, made for the registry's port. */
  files(port: number): Readonly<Record<string, string>>;
  readonly flags?: readonly string[];
  /** The header with which it is sent; null: it is never sent. */
  readonly header: 'authorization' | 'proxy-authorization' | 'x-api-key' | null;
  /** The server is the proxy, and the registry lies behind it. */
  readonly proxy?: 'http' | 'https';
  readonly challenge?: string;
  readonly runtime?: 'cri-o';
}

const plain = (port: number, more = ''): Readonly<Record<string, string>> => ({
  [`etc/containerd/certs.d/reg.test:${port}/hosts.toml`]: `server = "http://reg.test:${port}"\n[host."http://reg.test:${port}"]\n${more}`,
});
const auths = (port: number, entry: unknown): string => JSON.stringify({ auths: { [`reg.test:${port}`]: entry } });
const configs = 'plugins."io.containerd.grpc.v1.cri".registry.configs';
const userinfo = `${encodeURIComponent(user)}:${encodeURIComponent(password)}`;

const places: readonly Place[] = [
  {
    name: 'the auth of --auth-file',
    files: (port) => ({
      ...plain(port),
      'given.json': auths(port, { auth: basic, identitytoken: `${token}1`, registrytoken: `${token}2` }),
    }),
    flags: ['--auth-file', 'ROOT/given.json'],
    header: 'authorization',
  },
  {
    name: 'user name and password of .dockercfg',
    files: (port) => ({
      ...plain(port),
      '.dockercfg': JSON.stringify({ [`reg.test:${port}`]: { username: user, password } }),
    }),
    flags: ['--auth-file', 'ROOT/.dockercfg'],
    header: 'authorization',
  },
  {
    name: 'the token that they give',
    files: (port) => ({ ...plain(port), 'given.json': auths(port, { username: user, password }) }),
    flags: ['--auth-file', 'ROOT/given.json'],
    header: 'authorization',
    challenge: 'Bearer realm="http://reg.test:PORT/token",service="s"',
  },
  {
    name: "the node's config.json",
    files: (port) => ({ ...plain(port), 'var/lib/kubelet/config.json': auths(port, { auth: basic }) }),
    header: 'authorization',
  },
  {
    name: 'registry.configs of containerd',
    files: (port) => ({
      ...plain(port),
      'etc/containerd/config.toml': `version = 2\n[plugins."io.containerd.grpc.v1.cri".registry]\nconfig_path = "/etc/containerd/certs.d"\n[${configs}."reg.test:${port}".auth]\nusername = "${user}"\npassword = '''${password}'''\n`,
    }),
    flags: ['--runtime-version', '1.7.24'],
    header: 'authorization',
  },
  {
    name: 'a header of hosts.toml',
    files: (port) =>
      plain(
        port,
        `[host."http://reg.test:${port}".header]\nx-api-key = '''${password}'''\nauthorization = "Basic ${basic}"\n`,
      ),
    header: 'x-api-key',
  },
  {
    name: 'the auth file of CRI-O',
    files: (port) => ({
      'etc/crio/crio.conf': '[crio.image]\nglobal_auth_file = "/etc/auth.json"\n',
      'etc/auth.json': auths(port, { auth: basic }),
      'etc/containers/policy.json': '{"default":[{"type":"insecureAcceptAnything"}]}',
      'etc/containers/registries.conf': `[[registry]]\nlocation = "reg.test:${port}"\ninsecure = true\n`,
    }),
    runtime: 'cri-o',
    header: 'authorization',
  },
  {
    name: 'the proxy of --proxy-env, asked for plain HTTP',
    files: (port) => ({ ...plain(port), 'proxy.env': `HTTP_PROXY=http://${userinfo}@127.0.0.2:${port}\n` }),
    flags: ['--proxy-env', 'ROOT/proxy.env'],
    header: 'proxy-authorization',
  },
  {
    name: 'the proxy of a unit, asked for a tunnel',
    files: (port) => ({
      'etc/systemd/system/containerd.service': '[Service]\nExecStart=/usr/bin/containerd\n',
      'etc/systemd/system/containerd.service.d/proxy.conf': `[Service]\nEnvironment="HTTPS_PROXY=http://${userinfo.replaceAll('%', '%%')}@proxy.test:${port}"\n`,
      [`etc/containerd/certs.d/reg.test:${port}/hosts.toml`]: `server = "https://reg.test:${port}"\n`,
    }),
    header: 'proxy-authorization',
  },
  {
    name: 'a proxy value that cannot be used',
    files: (port) => ({
      ...plain(port),
      'proxy.env': `HTTP_PROXY=http://${user}:${password}@proxy.test:${port}:x\nHTTPS_PROXY=ht!tp//${user}:${password}\n`,
    }),
    flags: ['--proxy-env', 'ROOT/proxy.env'],
    header: null,
  },
  {
    name: 'files that do not parse',
    files: (port) => ({
      [`etc/containerd/certs.d/reg.test:${port}/hosts.toml`]: `[host."http://reg.test:${port}".header]\nx-api-key = "${password}\n`,
      'etc/containerd/config.toml': `version = 2\n[${configs}."reg.test:${port}".auth]\npassword = ${password}\n`,
      'var/lib/kubelet/config.json': `{"auths":{"reg.test:${port}":{"auth":"${basic}"`,
      'given.json': `{"auths":{"reg.test:${port}":{"auth":"${Buffer.from(password).toString('base64')}"}}}`,
      'etc/systemd/system/containerd.service.d/proxy.conf': `[Service]\nEnvironment=HTTPS_PROXY http://${user}:${password}@p\n`,
      'etc/environment': `HTTPS_PROXY http://${user}:${password}@p\n`,
    }),
    flags: ['--auth-file', 'ROOT/given.json'],
    header: null,
  },
];

/** Everything by which the secrets could be known again in what was printed. */
function traces(): string[] {
  const whole = [password, token, `${token}1`, `${token}2`];
  const forms = whole.flatMap((secret) => [
    secret,
    // The beginning is enough.
    secret.slice(0, 10),
    encodeURIComponent(secret),
    encodeURIComponent(secret).toLowerCase(),
    new URLSearchParams({ s: secret }).toString().slice(2),
    JSON.stringify(secret).slice(1, -1),
    JSON.stringify(JSON.stringify(secret)).slice(3, -3),
    Buffer.from(secret).toString('base64').slice(0, 14),
    Buffer.from(secret).toString('base64url').slice(0, 14),
  ]);
  return [
    ...forms,
    basic.slice(0, 24),
    basic.slice(16, 36),
    Buffer.from(basic).toString('base64').slice(0, 20),
    encodeURIComponent(password).slice(0, 12),
  ];
}

function found(output: string): string[] {
  const lower = output.toLowerCase();
  return traces().filter((trace) => output.includes(trace) || lower.includes(trace.toLowerCase()));
}

describe('security: secrets', function () {
  this.timeout(60_000);
  let folder = '';
  let count = 0;

  before(async () => {
    await built();
    folder = await mkdtemp(join(tmpdir(), 'pullwhy-secrets-'));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  async function hostRoot(files: Readonly<Record<string, string>>): Promise<string> {
    const root = join(folder, `root${count++}`);
    const base = {
      'etc/hosts': '127.0.0.1 reg.test proxy.test registry.test\n',
      'etc/resolv.conf': 'nameserver 127.0.0.1\n',
    };
    for (const [path, text] of Object.entries({ ...base, ...files })) {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), text);
    }
    return root;
  }

  async function check(place: Place, echo: Echo, formats: readonly ('text' | 'json' | 'markdown')[]): Promise<void> {
    const elsewhere = await startEcho(echoes[0] ?? echo, { wants: null });
    const wants = place.header === 'authorization' ? 'authorization' : null;
    const server = await startEcho(echo, {
      wants,
      elsewhere: `http://127.0.0.1:${elsewhere.port}`,
      token,
      ...(place.challenge === undefined ? {} : { challenge: place.challenge }),
    });
    try {
      const root = await hostRoot(place.files(server.port));
      // A proxy at 127.0.0.2 listens nowhere; the server is at 127.0.0.1 for both.
      const flags = (place.flags ?? []).map((flag) => flag.replace('ROOT', root));
      if (flags[0] === '--proxy-env') {
        const text = place.files(server.port)['proxy.env'] ?? '';
        await writeFile(join(root, 'proxy.env'), text.replace('127.0.0.2', 'proxy.test'));
      }
      for (const format of formats) {
        // What a plan shows does not depend on answers.
        for (const command of echo === echoes[0] ? ['diagnose', 'plan'] : ['diagnose']) {
          const image = `reg.test:${server.port}/team/app:1`;
          const runtime = place.runtime ?? 'containerd';
          const args = [
            command,
            '--host-root',
            root,
            '--runtime',
            runtime,
            ...flags,
            '--deadline',
            '3',
            '-o',
            format,
            image,
          ];
          const run = await pullwhy(args);
          assert.equal(misbehaviour(run, format), null, `${args.join(' ')}\n${run.stderr}`);
          const output = run.stdout + run.stderr;
          assert.deepEqual(found(output), [], output);
        }
      }
      if (place.header !== null) {
        const sent = server.heard.filter((said) => said.toLowerCase().includes(`${place.header}: `));
        assert.ok(sent.length > 0, 'the server never got the secret, so this shows nothing');
      }
      for (const said of elsewhere.heard)
        assert.doesNotMatch(said, /(?:: |\n)(?:authorization|proxy-authorization|x-api-key): /iu);
    } finally {
      await server.close();
      await elsewhere.close();
    }
  }

  for (const place of places) {
    it(`never shows ${place.name}, whatever the server repeats`, async () => {
      const sent = place.header === null ? echoes.slice(0, 1) : echoes;
      const [first, ...others] = sent;
      assert.ok(first !== undefined);
      const rest = async (): Promise<void> => {
        for (const echo of others) await check(place, echo, ['json']);
      };
      await Promise.all([check(place, first, ['text', 'json', 'markdown']), rest()]);
    });
  }

  it('never shows credentials that the runtime repeats in its errors, nor by pull', async () => {
    const root = await hostRoot({ 'given.json': auths(1, { auth: basic }) });
    const cri = await startFakeCri({
      PullImage: (request) => ({
        code: grpcCodes.unknown,
        message: `\u001b[2Jcannot pull with ${JSON.stringify(request)}, ${basic}, http://${userinfo}@p/`,
      }),
    });
    try {
      for (const format of ['text', 'json', 'markdown'] as const) {
        for (const command of [['pull'], ['diagnose', '--pull', '--deadline', '2']]) {
          const args = ['--host-root', root, '-r', cri.endpoint, '--auth-file', `${root}/given.json`, '-o', format];
          const run = await pullwhy([...command, ...args, 'reg.test:1/team/app:1']);
          assert.equal(misbehaviour(run, format), null, run.stderr);
          assert.deepEqual(found(run.stdout + run.stderr), [], run.stdout);
        }
      }
      const asked = cri.calls.filter(({ method }) => method === 'PullImage');
      assert.equal(asked.length, 6);
      assert.ok(JSON.stringify(asked[0]?.request).includes(JSON.stringify(password).slice(1, -1)));
    } finally {
      await cri.close();
    }
  });

  it('never shows a client key, nor what a certificate repeats', async () => {
    const pki = makePki();
    const server = makeCertificate({
      commonName: `\u001b[31m${password}\u202e`,
      organization: basic,
      names: ['reg.test'],
      issuer: pki.root,
    });
    const echo = echoes[0];
    assert.ok(echo !== undefined);
    const listener = await startEcho(echo, { wants: 'authorization', tls: { cert: server.pem, key: server.keyPem } });
    try {
      const directory = `etc/containerd/certs.d/reg.test:${listener.port}`;
      const root = await hostRoot({
        'etc/ssl/certs/ca-certificates.crt': pki.root.pem,
        [`${directory}/client.pem`]: pki.client.pem,
        [`${directory}/client.key`]: pki.client.keyPem,
        [`${directory}/hosts.toml`]: `server = "https://reg.test:${listener.port}"\nclient = [["client.pem", "client.key"]]\n`,
        'given.json': auths(listener.port, { auth: basic }),
      });
      for (const format of ['text', 'json', 'markdown'] as const) {
        const args = [
          'diagnose',
          '--host-root',
          root,
          '--auth-file',
          `${root}/given.json`,
          '--deadline',
          '3',
          '-o',
          format,
        ];
        const run = await pullwhy([...args, `reg.test:${listener.port}/team/app:1`]);
        assert.equal(misbehaviour(run, format), null, run.stderr);
        assert.deepEqual(found(run.stdout + run.stderr), [], run.stdout);
        for (const line of pki.client.keyPem.split('\n').filter((one) => one.length > 30 && !one.includes('-----'))) {
          assert.ok(!run.stdout.includes(line.slice(0, 30)));
        }
      }
      assert.ok(listener.heard.some((said) => said.includes(basic)));
    } finally {
      await listener.close();
    }
  });
});
