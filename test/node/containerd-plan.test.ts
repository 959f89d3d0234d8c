import assert from 'node:assert/strict';
import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { parseHostsToml } from '../../src/node/containerd-hosts-toml.ts';
import { containerdRules } from '../../src/node/containerd-rules.ts';
import { makeCertificate } from '../kit/certificates.ts';
import { certsD, hub, main, mirror, planSuite, problems, urls, v2 } from './containerd-fixture.ts';
import { writeTree } from './containerd-real.ts';

const withCerts = { [main]: `version = 2\n[${v2}.registry]\n${certsD}` };

describe('planContainerd', () => {
  const { root, plan } = planSuite();

  describe('without any configuration', () => {
    const cases: [image: string, version: string, urls: string[], fallback: boolean][] = [
      ['nginx', '1.7.24', ['https://registry-1.docker.io/v2'], false],
      ['reg.corp:443/a', '2.1.9', ['https://reg.corp/v2'], false],
      ['reg.corp:80/a', '2.1.9', ['https://reg.corp:80/v2'], false],
      ['[2001:db8::1]/a', '2.1.9', ['https://[2001:db8::1]/v2'], false],
      ['localhost:5000/a', '1.7.24', ['http://localhost:5000/v2'], false],
      ['localhost:5000/a', '2.1.9', ['https://localhost:5000/v2'], true],
      ['localhost/a', '2.1.9', ['https://localhost/v2'], false],
      ['127.0.0.1:80/a', '2.1.9', ['http://127.0.0.1/v2'], false],
    ];
    for (const [image, version, expected, fallback] of cases) {
      it(`${version} asks for ${image} at ${expected}`, async () => {
        const result = await plan({}, version, image);
        assert.deepEqual(urls(result), expected);
        const info = result.endpoints[0]?.info;
        assert.deepEqual([info?.role, info?.source, info?.httpFallback], ['upstream', 'default', fallback]);
        assert.deepEqual([result.problems, result.files], [[], []]);
      });
    }
  });

  it('gives mirrors in file order, then the server, each with its line', async () => {
    const file = `server = "https://registry-1.docker.io"

[host."https://z.corp:5000/hub"]
  capabilities = ["pull", "resolve"]
  skip_verify = true
  dial_timeout = "3s"
  [host."https://z.corp:5000/hub".header]
    x-custom-1 = ["hunter2", "hunter3"]
[host."http://a.corp:8080"]
  override_path = true
`;
    const result = await plan({ ...withCerts, [hub]: file }, '2.1.9');
    assert.deepEqual(result.files, [main, hub]);
    assert.deepEqual(
      result.endpoints.map(({ info }) => [info.url, info.role, info.source]),
      [
        ['https://z.corp:5000/hub/v2', 'mirror', `${hub}:3`],
        ['http://a.corp:8080', 'mirror', `${hub}:9`],
        ['https://registry-1.docker.io/v2', 'upstream', `${hub}:1`],
      ],
    );
    const first = result.endpoints[0];
    assert.deepEqual(first?.info.headers, ['x-custom-1']);
    assert.deepEqual(
      first?.headerValues['x-custom-1']?.map((value) => value.reveal()),
      ['hunter2', 'hunter3'],
    );
    assert.deepEqual([first?.info.skipVerify, first?.info.dialTimeoutMs], [true, 3000]);
    assert.equal(first?.info.reference, 'docker.io/library/nginx:1');
    assert.deepEqual(first?.info.capabilities, ['pull', 'resolve']);
    assert.deepEqual(result.endpoints[2]?.info.capabilities, ['pull', 'resolve', 'push']);
    assert.doesNotMatch(inspect(result, { depth: 9 }) + JSON.stringify(result), /hunter/);
  });

  it('notes a path with /v2 twice, and one without, and nothing of the usual ones', async () => {
    const cases: readonly (readonly [lines: string, line: number | null, says: string])[] = [
      ['[host."https://m.corp/v2/hub"]\n', 1, 'below https://m.corp/v2/hub/, set override_path = true'],
      ['[host."https://m.corp/a/v2/hub/x/v2"]\n', 1, 'below https://m.corp/a/v2/hub/x/, set override_path = true'],
      ['server = "https://m.corp/v2/hub"\n[host."https://n.corp"]\n', 1, 'below https://m.corp/v2/hub/, set'],
      [
        '[host."https://m.corp/hub"]\noverride_path = true\n',
        2,
        'below https://m.corp/hub/v2/, take override_path out',
      ],
      ['[host."https://m.corp/v2/hub"]\noverride_path = true\n', null, ''],
      ['[host."https://m.corp/api/docker/hub/v2"]\noverride_path = true\n', null, ''],
      ['[host."https://m.corp/api/docker/hub"]\n', null, ''],
      ['[host."https://m.corp/v2"]\n', null, ''],
      ['[host."https://m.corp/v20/hub"]\n', null, ''],
    ];
    for (const [lines, line, says] of cases) {
      const { problems: found } = await plan({ ...withCerts, [hub]: lines }, '2.1.9');
      assert.deepEqual(
        found.map(({ source, harmless }) => [source, harmless]),
        line === null ? [] : [[`${hub}:${line}`, true]],
        lines,
      );
      assert.ok(found[0]?.message.includes(says) ?? says === '', found[0]?.message);
    }
  });

  it('appends Docker Hub when the file gives no server', async () => {
    const result = await plan({ ...withCerts, [hub]: mirror }, '1.7.24');
    assert.deepEqual(urls(result), ['https://m.corp/v2', 'https://registry-1.docker.io/v2']);
    assert.deepEqual(
      result.endpoints.map(({ info }) => info.source),
      [`${hub}:1`, 'default'],
    );
  });

  describe('a hosts.toml that cannot be used', () => {
    const ignored: [text: string, version: string, line: number][] = [
      ['server = "https://a"\n[host."https://b"\n', '2.1.9', 2],
      [`${mirror}capabilities = ["pull", "list"]\n`, '2.1.9', 2],
      [`${mirror}capabilities = ["referrers"]\n`, '2.1.9', 2],
      [`${mirror}skip_verify = "yes"\n`, '1.7.24', 2],
      [`${mirror}[host."https://m.corp".header]\nx = 1\n`, '1.7.24', 3],
      [`${mirror}dial_timeout = "3"\n`, '2.0.7', 2],
      [`\n[host."http://m.corp:x"]\n`, '2.1.9', 2],
    ];
    for (const [text, version, line] of ignored) {
      it(`${version} ignores ${JSON.stringify(text)}`, async () => {
        const result = await plan({ ...withCerts, [hub]: text }, version);
        assert.deepEqual(problems(result), [`warning ${hub}:${line}`]);
        assert.deepEqual(urls(result), ['https://registry-1.docker.io/v2']);
        assert.match(result.problems[0]?.message ?? '', /ignores this file, because .*pulls from docker\.io itself/);
      });
    }
    it('is used with referrers from 2.2 on, and with dial_timeout "3" before 2.0.7', async () => {
      const one = await plan(
        { ...withCerts, [hub]: `${mirror}capabilities = ["pull", "resolve", "referrers"]\n` },
        '2.2.0',
      );
      assert.deepEqual([problems(one), urls(one)[0]], [[], 'https://m.corp/v2']);
      const two = await plan({ ...withCerts, [hub]: `${mirror}dial_timeout = "3"\n` }, '2.0.6');
      assert.deepEqual([problems(two), urls(two)[0]], [[], 'https://m.corp/v2']);
    });
    it('with a server alone is used from 1.7.32 on', async () => {
      const files = { ...withCerts, [hub]: 'server = "https://m.corp"\n' };
      assert.deepEqual(urls(await plan(files, '1.7.31')), ['https://registry-1.docker.io/v2']);
      assert.deepEqual(urls(await plan(files, '1.7.32')), ['https://m.corp/v2']);
    });
    it('is a warning for a mirror that is not seen', async () => {
      const result = await plan(
        { ...withCerts, [hub]: '[host]\n"https://m.corp" = { capabilities = ["pull"] }\n' },
        '2.1.9',
      );
      assert.deepEqual([problems(result), urls(result)], [[`warning ${hub}:2`], ['https://registry-1.docker.io/v2']]);
    });
    it('is a warning for a mirror that the pull passes over', async () => {
      const text = `${mirror}\ncapabilities = ["pull"]\n`;
      const tag = await plan({ ...withCerts, [hub]: text }, '2.1.9');
      assert.deepEqual([problems(tag), urls(tag)], [[`warning ${hub}:3`], ['https://registry-1.docker.io/v2']]);
      const digest = await plan({ ...withCerts, [hub]: text }, '2.1.9', `nginx:1@sha256:${'a'.repeat(64)}`);
      assert.deepEqual([problems(digest), urls(digest).length], [[], 2]);
      assert.equal(digest.endpoints[0]?.info.reference, `docker.io/library/nginx:1@sha256:${'a'.repeat(64)}`);
    });
    it('is an error when no host is left', async () => {
      const text = `capabilities = ["push"]\nserver = "https://a.corp"\n${mirror}capabilities = ["pull"]\n`;
      const result = await plan({ ...withCerts, [hub]: text }, '2.1.9');
      assert.deepEqual(result.endpoints, []);
      assert.ok(problems(result).includes(`error ${hub}:1`));
    });
  });

  describe('certificates', () => {
    const folder = 'etc/containerd/certs.d/docker.io';
    const one = makeCertificate({ commonName: 'one', ca: true });
    const two = makeCertificate({ commonName: 'two' });

    it('are read from the directory, with their node paths', async () => {
      const text = `${mirror}ca = ["ca.crt", "/etc/ssl/own.pem"]\nclient = [["c.cert", "c.key"], ["both.pem", "both.pem"]]\n`;
      const files = {
        ...withCerts,
        [hub]: text,
        [`${folder}/ca.crt`]: one.pem,
        'etc/ssl/own.pem': two.pem,
        [`${folder}/c.cert`]: two.pem,
        [`${folder}/c.key`]: two.keyPem,
        [`${folder}/both.pem`]: two.pem + two.keyPem,
      };
      const endpoint = (await plan(files, '2.1.9')).endpoints[0];
      assert.deepEqual(endpoint?.info.ca, [`/${folder}/ca.crt`, '/etc/ssl/own.pem']);
      assert.deepEqual(endpoint?.info.client, [
        [`/${folder}/c.cert`, `/${folder}/c.key`],
        [`/${folder}/both.pem`, `/${folder}/both.pem`],
      ]);
      assert.deepEqual([endpoint?.caPem.length, endpoint?.clientPairs.length], [2, 2]);
      assert.equal(endpoint?.clientPairs[0]?.key.reveal(), two.keyPem);
    });

    const broken: [name: string, text: string, line: number][] = [
      ['a CA that is not there', `${mirror}\nca = "none.pem"\n`, 3],
      ['a CA that is none', `${mirror}ca = ["ca.crt", "junk"]\n`, 2],
      ['a client pair with an empty name', `${mirror}client = [["c.cert", ""]]\n`, 2],
      ['a key of another certificate', `${mirror}client = [["c.cert", "other.key"]]\n`, 2],
    ];
    for (const [name, text, line] of broken) {
      it(`break every pull of the registry: ${name}`, async () => {
        const files = {
          ...withCerts,
          [hub]: text,
          [`${folder}/ca.crt`]: one.pem,
          [`${folder}/junk`]: 'junk',
          [`${folder}/c.cert`]: two.pem,
          [`${folder}/other.key`]: one.keyPem,
        };
        const result = await plan(files, '1.7.24');
        assert.deepEqual([problems(result), result.endpoints], [[`error ${hub}:${line}`], []]);
        assert.match(result.problems[0]?.message ?? '', /fails every pull from docker\.io/);
      });
    }

    it('that Pullwhy may not read are a warning', async function () {
      if (process.getuid?.() === 0) return this.skip();
      await writeTree(root.path, { [`${folder}/ca.crt`]: one.pem });
      await chmod(join(root.path, folder, 'ca.crt'), 0);
      const result = await plan({ ...withCerts, [hub]: `${mirror}ca = "ca.crt"\n` }, '2.1.9');
      assert.deepEqual([problems(result), result.endpoints.length], [[`warning ${hub}:2`], 2]);
    });

    it('in Docker’s layout count without a hosts.toml', async () => {
      const files = {
        ...withCerts,
        [`${folder}/ca.crt`]: one.pem,
        [`${folder}/c.cert`]: two.pem,
        [`${folder}/c.key`]: two.keyPem,
      };
      const result = await plan(files, '2.1.9');
      assert.deepEqual(result.problems, []);
      assert.deepEqual(result.endpoints[0]?.info.ca, [`/${folder}/ca.crt`]);
      assert.deepEqual(result.endpoints[0]?.info.client, [[`/${folder}/c.cert`, `/${folder}/c.key`]]);
    });
  });

  describe('plain HTTP with TLS settings', () => {
    const cases: [version: string, host: string, setting: string, url: string][] = [
      ['2.1.9', 'm:5000', 'skip_verify = false', 'https://m:5000/v2'],
      ['2.1.9', 'm', 'skip_verify = true', 'https://m/v2'],
      ['2.1.9', 'm:80', 'skip_verify = true', 'http://m/v2'],
      ['2.1.9', 'm:5000', 'dial_timeout = "1s"', 'http://m:5000/v2'],
      ['2.0.7', 'm:5000', 'dial_timeout = "1s"', 'https://m:5000/v2'],
      ['1.7.23', 'm', 'skip_verify = true', 'http://m/v2'],
      ['1.7.24', 'm', 'skip_verify = true', 'https://m/v2'],
      ['1.6.24', 'm:5000', 'skip_verify = true', 'http://m:5000/v2'],
      ['1.6.25', 'm:5000', 'skip_verify = true', 'https://m:5000/v2'],
      ['1.6.39', 'm', 'skip_verify = true', 'http://m/v2'],
    ];
    for (const [version, host, setting, url] of cases) {
      it(`${version}: http://${host} with ${setting} is ${url}`, async () => {
        const result = await plan({ ...withCerts, [hub]: `[host."http://${host}"]\n${setting}\n` }, version);
        assert.equal(urls(result)[0], url);
        assert.equal(result.endpoints[0]?.info.httpFallback, url.startsWith('https:'));
      });
    }
  });

  describe('host directories', () => {
    const other = 'etc/containerd/certs.d';
    it('are named with the port between underscores first', async () => {
      const files = {
        ...withCerts,
        [`${other}/reg.corp_5000_/hosts.toml`]: '[host."https://u"]\n',
        [`${other}/reg.corp:5000/hosts.toml`]: mirror,
      };
      assert.equal(urls(await plan(files, '2.1.9', 'reg.corp:5000/a'))[0], 'https://u/v2');
    });
    it('of an IPv6 host are split at its last colon', async () => {
      const files = { ...withCerts, [`${other}/[2001:db8:_1]_/hosts.toml`]: mirror };
      assert.equal(urls(await plan(files, '2.1.9', '[2001:db8::1]/a'))[0], 'https://m.corp/v2');
    });
    it('without a hosts.toml hide the default, and a misspelt file is named', async () => {
      await mkdir(join(root.path, other, 'docker.io'), { recursive: true });
      const files = { ...withCerts, [`${other}/_default/hosts.toml`]: mirror };
      const hidden = await plan(files, '2.1.9');
      assert.deepEqual([problems(hidden), urls(hidden).length], [[`warning ${other}/docker.io`], 1]);
      const misspelt = await plan({ [`${other}/docker.io/host.toml`]: mirror }, '2.1.9');
      assert.deepEqual(problems(misspelt), [`warning ${other}/docker.io/host.toml`]);
    });
    it('under another of Docker Hub’s names are pointed out', async () => {
      const result = await plan({ ...withCerts, [`${other}/registry-1.docker.io/hosts.toml`]: mirror }, '2.1.9');
      assert.deepEqual([problems(result), urls(result).length], [[`warning ${other}/registry-1.docker.io`], 1]);
    });
    it('of later roots are hidden by an earlier default', async () => {
      const list = { [main]: `version = 2\n[${v2}.registry]\nconfig_path = "/etc/containerd/certs.d:/second"\n` };
      const files = {
        ...list,
        [`${other}/_default/hosts.toml`]: '[host."https://d"]\n',
        'second/docker.io/hosts.toml': mirror,
      };
      const result = await plan(files, '1.7.24');
      assert.deepEqual([problems(result), urls(result)[0]], [['warning second/docker.io'], 'https://d/v2']);
    });
    it('are not found in a list by the transfer service of a known version, and that is said', async () => {
      const list = {
        [main]: `version = 2\n[${v2}.registry]\nconfig_path = "/etc/containerd/certs.d:/second"\n`,
        [hub]: mirror,
      };
      const known = await plan(list, '2.1.9');
      assert.deepEqual([problems(known), urls(known).length], [[`warning ${main}:3`], 1]);
      assert.match(known.problems[0]?.message ?? '', /set config_path to \/etc\/containerd\/certs\.d\./);
      assert.deepEqual([problems(await plan(list, '1.7.24')), urls(await plan(list, '2.0.5')).length], [[], 2]);
    });
  });

  it('reads any hosts.toml without throwing', () => {
    const piece = fc.constantFrom(
      ...[
        '[host."https://a"]\n',
        '[host."b:1".header]\n',
        '[[host]]\n',
        'host = 1\n',
        'host."c".ca = "x"\n',
        'server = "http:"\n',
      ],
      ...[
        'ca = [1]\n',
        'client = [["a"], "b"]\n',
        'client = []\n',
        'capabilities = ["PULL"]\n',
        'skip_verify = true\n',
        'header = {}\n',
      ],
      ...[
        'dial_timeout = "1h2m"\n',
        'override_path = 1\n',
        '[host]\n',
        '"\u0000"\n',
        'server = "%zz"\n',
        '[host."__proto__"]\n',
        '[header]\nx = []\n',
      ],
    );
    const versions = fc.constantFrom('1.6.20', '1.7.32', '2.0.7', '2.3.4').map((text) => {
      const [major = 0, minor = 0, patch = 0] = text.split('.').map(Number);
      return containerdRules({ major, minor, patch });
    });
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), versions, (parts, rules) => {
        const result = parseHostsToml(parts.join(''), 'h', '/d', rules);
        if (result.ok) assert.ok(result.value.hosts.length > 0);
        else assert.match(result.error.source, /^h(:\d+)?$/);
      }),
      { numRuns: 2000 },
    );
  });
});
