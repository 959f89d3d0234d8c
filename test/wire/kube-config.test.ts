import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { inspect } from 'node:util';
import { systemEnv } from '../../src/lib/env.ts';
import { openKubeClient } from '../../src/wire/kube-client.ts';
import { kubeConfigFiles, readKubeConfig } from '../../src/wire/kube-config.ts';
import { kubeConfigAccess } from '../../src/wire/kube-config-access.ts';
import { execRunner } from '../../src/wire/kube-exec.ts';
import { makeCertificate } from '../kit/certificates.ts';
import { type FakeApiServer, sendJson, sendStatus, startApiServer } from '../kit/fake-api-server.ts';
import { startProxyServer } from '../kit/proxy-server.ts';

describe('wire: kubeconfig', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(`${tmpdir()}/pullwhy-kubeconfig-`);
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const write = (name: string, text: string): string => {
    writeFileSync(`${folder}/${name}`, text, { mode: 0o700 });
    return `${folder}/${name}`;
  };
  const config = (cluster: string, user: string, more = 'namespace: shop'): string => `apiVersion: v1
kind: Config
current-context: main
clusters: [ { name: c, cluster: { ${cluster} } } ]
users: [ { name: u, user: { ${user} } } ]
contexts: [ { name: main, context: { cluster: c, user: u, ${more} } } ]
`;
  const readOne = async (text: string, context: string | null = null) =>
    readKubeConfig({ files: [write('config', text)], named: true, context });
  const refusedWith = async (text: string, words: RegExp): Promise<void> => {
    const read = await readOne(text);
    const access = read.ok ? kubeConfigAccess(read.value, { env: systemEnv, runExec: null }) : read;
    assert.ok(!access.ok, String(words));
    assert.match(access.error, words);
    assert.doesNotMatch(access.error, /s3cret/);
  };

  it('is looked for where kubectl does', () => {
    assert.deepEqual(kubeConfigFiles('/x', { KUBECONFIG: '/y' }), { files: ['/x'], named: true });
    assert.deepEqual(kubeConfigFiles(null, { KUBECONFIG: '/a::/b:/a', HOME: '/h' }), {
      files: ['/a', '/b'],
      named: false,
    });
    assert.deepEqual(kubeConfigFiles(null, { HOME: '/h' }), { files: ['/h/.kube/config'], named: false });
    assert.deepEqual(kubeConfigFiles(null, {}), { files: [], named: false });
  });

  it('merges several files: the first that has a name keeps it, paths are beside their file', async () => {
    const first = write('first', `contexts: [ { name: a, context: { cluster: one, user: me } } ]\ncurrent-context: ''`);
    const second = write(
      'second',
      `current-context: a
clusters: [ { name: one, cluster: { server: 'https://one:6443', certificate-authority: ca.pem } } ]
contexts: [ { name: a, context: { cluster: other } }, { name: b, context: { cluster: one } } ]
users: [ { name: me, user: { tokenFile: token } } ]`,
    );
    const files = [first, `${folder}/absent`, second];
    const merged = await readKubeConfig({ files, named: false, context: null });
    assert.ok(merged.ok);
    assert.equal(merged.value.server.href, 'https://one:6443/');
    assert.equal(merged.value.tokenFile, `${folder}/token`);
    assert.deepEqual(merged.value.ca, { path: `${folder}/ca.pem` });
    const other = await readKubeConfig({ files, named: false, context: 'b' });
    assert.ok(other.ok && other.value.tokenFile === null);
    const none = await readKubeConfig({ files, named: false, context: 'c' });
    assert.ok(!none.ok && /There is no context c .*there are: a, b\./.test(none.error));
    const missing = await readKubeConfig({ files: [`${folder}/absent`], named: true, context: null });
    assert.ok(!missing.ok && /absent is not there/.test(missing.error));
    const nothing = await readKubeConfig({ files: [`${folder}/absent`], named: false, context: null });
    assert.ok(!nothing.ok && /There is no kubeconfig at/.test(nothing.error));
  });

  it('says what cannot be, and why', async () => {
    const server = "server: 'https://127.0.0.1:6443'";
    await refusedWith(
      config(`${server}, insecure-skip-tls-verify: true`, 'token: s3cret'),
      /insecure-skip-tls-verify.*certificate-authority-data/,
    );
    await refusedWith(config(server, 'username: me, password: s3cret'), /user name and a password/);
    await refusedWith(config(server, 'auth-provider: { name: gcp }'), /auth-provider/);
    await refusedWith(config(server, 'token: s3cret, as: admin'), /in the name of another/);
    await refusedWith(config(server, 'client-certificate: x.pem'), /without its key/);
    await refusedWith(config("server: 'ftp://x'", ''), /no usable server/);
    await refusedWith(config("server: 'http://10.0.0.1:8080'", 'token: s3cret'), /in clear/);
    await refusedWith(config(`${server}, proxy-url: 'socks5://p:1'`, ''), /http:\/\/ and https:\/\/ proxies/);
    await refusedWith(config(`${server}, certificate-authority-data: '%%'`, ''), /no base64/);
    await refusedWith(
      config(server, 'exec: { apiVersion: client.authentication.k8s.io/v1, command: aws }'),
      /runs the program aws .*only the command line does/,
    );
    await refusedWith(
      config(server, 'exec: { apiVersion: client.authentication.k8s.io/v1alpha1, command: aws }'),
      /v1alpha1/,
    );
    await refusedWith('a: [', /cannot be read/);
    await refusedWith('[1]', /no mapping/);
    await refusedWith('contexts: [ { name: x, context: { cluster: y } } ]', /choose one of: x/);
    await refusedWith('current-context: x\ncontexts: [ { name: x, context: { cluster: y } } ]', /names a cluster that/);
  });

  it('does not show a secret, however it is printed', async () => {
    const read = await readOne(
      config(
        "server: 'https://x'",
        `token: s3cret, client-key-data: ${Buffer.from('s3cret').toString('base64')}, client-certificate: c`,
      ),
    );
    assert.ok(read.ok);
    assert.doesNotMatch(`${inspect(read, { depth: 9 })}${JSON.stringify(read)}`, /s3cret/);
  });

  describe('asks', () => {
    let server: FakeApiServer;
    const client = makeCertificate({ commonName: 'operator', organization: 'admins' });
    beforeEach(async () => {
      server = await startApiServer({ clientCa: client.pem });
      server.answer = (_, response) => sendJson(response, 200, { kind: 'Node' });
    });
    afterEach(() => server.close());

    const ask = async (
      text: string,
      path = '/api/v1/nodes/n',
      runExec: Parameters<typeof kubeConfigAccess>[1]['runExec'] = null,
    ) => {
      const read = await readOne(text);
      assert.ok(read.ok, read.ok ? '' : read.error);
      const access = kubeConfigAccess(read.value, { env: systemEnv, runExec });
      assert.ok(access.ok, access.ok ? '' : access.error);
      const asking = openKubeClient(access.value, systemEnv);
      const answer = await asking.get(path);
      const again = await asking.get(path);
      await asking.close();
      assert.equal(again.ok, answer.ok);
      return answer;
    };
    const ca = (): string => `certificate-authority-data: ${Buffer.from(server.pki.root.pem).toString('base64')}`;
    const at = (host = '127.0.0.1', path = ''): string => `server: 'https://${host}:${server.port}${path}', ${ca()}`;

    it('with a token, or one of a file that wins over it', async () => {
      assert.ok((await ask(config(at(), 'token: one'))).ok);
      write('token', 'two\n');
      assert.ok((await ask(config(at('127.0.0.1', '/k8s/clusters/c-1/'), 'token: one, tokenFile: token'))).ok);
      assert.deepEqual(
        server.requests.map(({ headers, path }) => [headers.authorization, path]),
        [
          ['Bearer one', '/api/v1/nodes/n'],
          ['Bearer one', '/api/v1/nodes/n'],
          ['Bearer two', '/k8s/clusters/c-1/api/v1/nodes/n'],
          ['Bearer two', '/k8s/clusters/c-1/api/v1/nodes/n'],
        ],
      );
    });

    it('with a client certificate, from files and from data', async () => {
      let names: (string | undefined)[] = [];
      server.answer = (_, response) => {
        const socket: unknown = Reflect.get(response, 'socket');
        const read: unknown =
          typeof socket === 'object' && socket !== null ? Reflect.get(socket, 'getPeerCertificate') : null;
        const peer: unknown = typeof read === 'function' ? Reflect.apply(read, socket, []) : null;
        const subject: unknown = typeof peer === 'object' && peer !== null ? Reflect.get(peer, 'subject') : null;
        names.push(typeof subject === 'object' && subject !== null ? String(Reflect.get(subject, 'CN')) : undefined);
        sendJson(response, 200, { kind: 'Node' });
      };
      write('c.pem', client.pem);
      write('k.pem', client.keyPem);
      assert.ok((await ask(config(at(), 'client-certificate: c.pem, client-key: k.pem'))).ok);
      const data = (text: string): string => Buffer.from(text).toString('base64');
      assert.ok(
        (
          await ask(
            config(at(), `client-certificate-data: ${data(client.pem)}, client-key-data: ${data(client.keyPem)}`),
          )
        ).ok,
      );
      assert.deepEqual(names, ['operator', 'operator', 'operator', 'operator']);
      names = [];
      write('k.pem', 'no key');
      const broken = await ask(config(at(), 'client-certificate: c.pem, client-key: k.pem'));
      assert.ok(!broken.ok && /key .*k\.pem is no PEM/.test(broken.error.message));
    });

    it('a server of another name by tls-server-name, and a name by its addresses', async () => {
      const named = makeCertificate({ commonName: 'x', names: ['kube.test'] });
      assert.ok(named.pem);
      const wrong = await ask(config(`${at()}, tls-server-name: wrong.test`, 'token: one'));
      assert.ok(!wrong.ok && wrong.error.kind === 'unreachable' && /wrong\.test/.test(wrong.error.message));
      assert.equal(server.requests.length, 0);
      assert.ok((await ask(config(`${at('localhost')}, tls-server-name: 127.0.0.1`, 'token: one'))).ok);
    });

    it('through the proxy that the cluster names', async () => {
      const proxy = await startProxyServer(() => ({ kind: 'tunnel', port: server.port }));
      try {
        assert.ok((await ask(config(`${at()}, proxy-url: 'http://127.0.0.1:${proxy.port}'`, 'token: one'))).ok);
        assert.ok(proxy.requests.length > 0);
      } finally {
        await proxy.close();
      }
    });

    it('a plugin for a token, once until it is refused or ends', async () => {
      const plugin = write(
        'plugin',
        `#!/bin/sh
echo run >> ${folder}/runs
n=$(wc -l < ${folder}/runs)
printf '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"%s-%s-%d"}}' "$1" "$REGION" "$n"
`,
      );
      let good = 'arg-eu-1';
      server.answer = ({ headers }, response) =>
        headers.authorization === `Bearer ${good}`
          ? sendJson(response, 200, { kind: 'Node' })
          : sendStatus(response, 401, 'Unauthorized', 'Unauthorized');
      const exec = `exec: { apiVersion: client.authentication.k8s.io/v1, command: ./plugin, args: [arg], env: [ { name: REGION, value: eu } ], interactiveMode: Never }`;
      assert.ok(plugin !== '');
      const runner = execRunner({ variables: { PATH: '/usr/bin:/bin' }, terminal: false });
      assert.ok((await ask(config(at(), exec), '/x', runner)).ok);
      assert.equal(server.requests.length, 2, 'kept for the second');
      server.requests.length = 0;
      good = 'arg-eu-3';
      assert.ok((await ask(config(at(), exec), '/x', runner)).ok);
      assert.deepEqual(
        server.requests.map(({ headers }) => headers.authorization),
        ['Bearer arg-eu-2', 'Bearer arg-eu-3', 'Bearer arg-eu-3'],
      );
    });

    it('a plugin is told of the cluster where it asks for that, with the authority of a file, too', async () => {
      write(
        'told',
        `#!/bin/sh
printf '%s' "$KUBERNETES_EXEC_INFO" > ${folder}/info
echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"one"}}'
`,
      );
      write('ca.pem', server.pki.root.pem);
      const data = Buffer.from(server.pki.root.pem).toString('base64');
      const runner = execRunner({ variables: { PATH: '/usr/bin:/bin' }, terminal: false });
      const url = `https://127.0.0.1:${server.port}`;
      for (const authority of ['certificate-authority: ca.pem', `certificate-authority-data: ${data}`]) {
        const exec = `exec: { apiVersion: client.authentication.k8s.io/v1, command: ./told, provideClusterInfo: true }`;
        assert.ok((await ask(config(`server: '${url}', ${authority}`, exec), '/x', runner)).ok, authority);
        const { kind, apiVersion, spec } = JSON.parse(readFileSync(`${folder}/info`, 'utf8'));
        assert.deepEqual([kind, apiVersion], ['ExecCredential', 'client.authentication.k8s.io/v1']);
        assert.deepEqual(spec, {
          interactive: false,
          cluster: { server: url, 'certificate-authority-data': data, config: null },
        });
      }
    });

    it('a plugin that fails, and says so', async () => {
      const runner = execRunner({ variables: { PATH: '/usr/bin:/bin' }, terminal: false, timeoutMs: 300 });
      const exec = (command: string): string =>
        config(
          at(),
          `exec: { apiVersion: client.authentication.k8s.io/v1, command: ${command}, installHint: 'apt install it', interactiveMode: Never }`,
        );
      write('bad', '#!/bin/sh\nexit 3\n');
      write('slow', '#!/bin/sh\nexec sleep 30\n');
      write(
        'odd',
        '#!/bin/sh\necho \'{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{"token":"a b"}}\'\n',
      );
      write('none', '#!/bin/sh\necho hello\n');
      for (const [command, words] of [
        ['./absent', /is not there: apt install it/],
        ['./bad', /exit status 3/],
        ['./slow', /did not end in time/],
        ['./odd', /is no token/],
        ['./none', /no ExecCredential/],
      ] as const) {
        const answer = await ask(exec(command), '/x', runner);
        assert.ok(!answer.ok && answer.error.kind === 'credentials', command);
        assert.match(answer.error.message, words);
      }
    });
  });
});
