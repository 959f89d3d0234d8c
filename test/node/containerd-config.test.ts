import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { containerdRules, newestContainerd } from '../../src/node/containerd-rules.ts';
import { makeCertificate } from '../kit/certificates.ts';
import { certsD, hub, main, mirror, planSuite, problems, urls, v2, v3 } from './containerd-fixture.ts';

describe('planContainerd and config.toml', () => {
  const { plan } = planSuite();

  describe('the version 2.2 and later default of config_path', () => {
    const docker = 'etc/docker/certs.d/docker.io/hosts.toml';
    const cases: [files: Record<string, string>, version: string | null, urls: string[], source: RegExp | null][] = [
      [{ [hub]: mirror }, '2.1.9', ['https://registry-1.docker.io/v2'], null],
      [{ [hub]: mirror }, null, ['https://m.corp/v2', 'https://registry-1.docker.io/v2'], /docker\.io$/],
      [{ [docker]: mirror }, null, ['https://m.corp/v2', 'https://registry-1.docker.io/v2'], /docker\.io$/],
      // The transfer service takes the list for one folder.
      [{ [hub]: mirror }, '2.2.1', ['https://registry-1.docker.io/v2'], /docker\.io$/],
      [
        { [hub]: mirror, [main]: `version = 3\n[${v3}]\nuse_local_image_pull = true\n` },
        '2.2.1',
        ['https://m.corp/v2', 'https://registry-1.docker.io/v2'],
        null,
      ],
      [
        { [hub]: mirror, [main]: `version = 3\n[${v3}.registry]\n${certsD}` },
        '2.2.1',
        ['https://m.corp/v2', 'https://registry-1.docker.io/v2'],
        null,
      ],
      [
        { [hub]: mirror, [main]: `version = 3\n[${v3}.registry]\nconfig_path = ""\n` },
        '2.2.1',
        ['https://registry-1.docker.io/v2'],
        null,
      ],
    ];
    for (const [index, [files, version, expected, source]] of cases.entries()) {
      it(`case ${index}, ${version ?? 'no version'}`, async () => {
        const result = await plan(files, version);
        assert.deepEqual(urls(result), expected);
        const lost = result.problems.filter(({ message }) => message.includes('transfer service'));
        assert.equal(lost.length, source === null ? 0 : 1);
        if (source !== null) assert.match(lost[0]?.source ?? '', source);
      });
    }
  });

  describe('versions of config.toml and plugin names', () => {
    const path = (section: string): string => `[${section}.registry]\n${certsD}`;
    const names: [text: string, version: string, works: boolean, problem: string | null][] = [
      [`version = 2\n${path(v2)}`, '1.6.20', true, null],
      [`version = 2\n${path(v2)}`, '2.1.9', true, null],
      [`version = 2\n${path(v3)}`, '1.7.24', false, `warning ${main}:2`],
      [`version = 2\n${path(v3)}`, '2.1.9', true, null],
      [`version = 3\n${path(v2)}`, '2.1.9', false, `warning ${main}:2`],
      // 2.3 migrates every file whose version is below 4, and so this one.
      [`version = 3\n${path(v2)}`, '2.3.4', true, null],
      [`version = 3\n${path(v3)}`, '2.1.9', true, null],
      [`version = 4\n${path(v3)}`, '2.3.0', true, null],
      [`version = 4\n${path(v2)}`, '2.3.0', false, `warning ${main}:2`],
      [path('plugins.cri'), '1.7.24', true, null],
      [path('plugins.cri'), '2.1.9', false, `warning ${main}:1`],
      [path('plugins.cri'), '2.3.0', true, null],
      [path(v2), '1.7.24', false, `warning ${main}:1`],
      [`version = 3\n${path(v2)}`, '1.6.20', true, null],
    ];
    for (const [text, version, works, problem] of names) {
      it(`${version}: ${JSON.stringify(text)}`, async () => {
        const result = await plan({ [main]: text, [hub]: mirror }, version);
        assert.deepEqual(urls(result), [...(works ? ['https://m.corp/v2'] : []), 'https://registry-1.docker.io/v2']);
        const own = result.problems.filter(({ source }) => source.startsWith(main));
        assert.deepEqual(
          own.map(({ severity, source }) => `${severity} ${source}`),
          problem === null ? [] : [problem],
        );
      });
    }

    const ends: [text: string, version: string, source: string][] = [
      ['version = 3\n', '1.7.24', main],
      ['version = 4\n', '2.2.0', main],
      ['version = 2\n\ndisabled_plugins = ["cri"]\n', '1.6.20', `${main}:3`],
      ['version = 2\ndisabled_plugins = [\n"cri"\n]\n', '2.1.9', `${main}:3`],
      ['version = 2\n[plugins.cri]\n', '1.7.24', `${main}:2`],
      ['version = 2\nimports = ["none.toml"]\n', '2.1.9', `${main}:2`],
      ['version = 2\n[\n', '1.7.24', `${main}:2`],
      ['version = "2"\n', '1.7.24', `${main}:1`],
      [`version = 2\n[${v2}]\nsandbox_image = 1\n`, '1.7.24', `${main}:3`],
      [`version = 2\n[${v2}.registry.mirrors."a"]\nendpoint = "b"\n`, '1.7.24', `${main}:3`],
    ];
    for (const [text, version, source] of ends) {
      it(`${version} does not start with ${JSON.stringify(text)}`, async () => {
        const result = await plan({ [main]: text }, version);
        assert.deepEqual([problems(result), result.endpoints, result.sandboxImage], [[`error ${source}`], [], null]);
        assert.match(result.problems[0]?.message ?? '', /does not start/);
        assert.equal(result.problems[0]?.cause, 'runtime-misconfigured');
      });
    }

    const unserved: [text: string, version: string, source: string][] = [
      ['disabled_plugins = ["cri"]\n', '1.7.24', `${main}:1`],
      ['disabled_plugins = ["cri"]\n', '2.1.9', `${main}:1`],
      ['version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n', '1.6.20', `${main}:2`],
      ['version = 3\ndisabled_plugins = ["io.containerd.cri.v1.images"]\n', '2.1.9', `${main}:2`],
      [
        `version = 2\n[${v2}.registry]\n${certsD}[${v2}.registry.mirrors."a"]\nendpoint = ["b"]\n`,
        '1.7.24',
        `${main}:4`,
      ],
      [`version = 2\n[${v2}.registry.mirrors."a"]\nendpoint = ["b"]\n`, '2.2.0', `${main}:2`],
      [
        `version = 2\n[${v2}.registry]\n${certsD}[${v2}.registry.configs."a".tls]\nca_file = "b"\n`,
        '1.7.24',
        `${main}:4`,
      ],
    ];
    for (const [text, version, source] of unserved) {
      it(`${version} serves no CRI with ${JSON.stringify(text)}`, async () => {
        const result = await plan({ [main]: text }, version);
        // What CRI hides that is only switched off is looked for; settings that contradict each other say nothing of it.
        const behind = text.includes('disabled_plugins') ? ['https://registry-1.docker.io/v2'] : [];
        assert.deepEqual([problems(result), urls(result)], [[`error ${source}`], behind]);
      });
    }

    it('takes mirrors alone from 2.2.2 on', async () => {
      const result = await plan(
        { [main]: `version = 2\n[${v2}.registry.mirrors."docker.io"]\nendpoint = ["b"]\n` },
        '2.2.2',
      );
      assert.deepEqual(urls(result), ['https://b/v2', 'https://registry-1.docker.io/v2']);
    });

    it('does not disable CRI by the long name in a version 1 file', async () => {
      const result = await plan({ [main]: 'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n' }, '1.7.24');
      assert.deepEqual([problems(result), result.endpoints.length], [[`warning ${main}:1`], 1]);
    });
  });

  describe('the sandbox image', () => {
    const defaults: [string, string][] = [
      ['1.6.8', 'k8s.gcr.io/pause:3.6'],
      ['1.6.20~ds1', 'registry.k8s.io/pause:3.6'],
      ['v1.7.24-k3s1', 'registry.k8s.io/pause:3.8'],
      ['2.1.9', 'registry.k8s.io/pause:3.10'],
      ['2.2', 'registry.k8s.io/pause:3.10.1'],
      ['2.3.4', 'registry.k8s.io/pause:3.10.2'],
    ];
    for (const [version, reference] of defaults) {
      it(`${version}: ${reference}`, async () => {
        assert.deepEqual((await plan({}, version)).sandboxImage, { reference, source: 'default' });
      });
    }
    it('is sandbox_image, under both versions’ names', async () => {
      const old = { [main]: `version = 2\n[${v2}]\nsandbox_image = "p:1"\n` };
      const expected = { reference: 'p:1', source: `${main}:3` };
      for (const version of ['1.7.24', '2.1.9', '2.3.0']) {
        assert.deepEqual((await plan(old, version)).sandboxImage, expected);
      }
      const now = { [main]: `version = 3\n[${v3}.pinned_images]\nsandbox = "p:1"\n` };
      assert.deepEqual((await plan(now, '2.1.9')).sandboxImage, expected);
    });
  });

  describe('registry.mirrors and registry.configs', () => {
    const file = (body: string): Record<string, string> => ({ [main]: `version = 2\n${body.replaceAll('$', v2)}` });

    it('give endpoints with their lines, then the registry', async () => {
      const result = await plan(
        file(
          '[$.registry.mirrors."docker.io"]\nendpoint = [\n "https://a.corp/",\n "b.corp:5000"\n]\n[$.registry.mirrors."*"]\nendpoint = ["https://c"]\n',
        ),
        '1.7.24',
      );
      assert.deepEqual(
        result.endpoints.map(({ info }) => [info.url, info.role, info.source]),
        [
          ['https://a.corp', 'mirror', `${main}:4`],
          ['https://b.corp:5000/v2', 'mirror', `${main}:5`],
          ['https://registry-1.docker.io/v2', 'upstream', 'default'],
        ],
      );
      assert.deepEqual(problems(result), [`warning ${main}:4`]);
      assert.match(result.problems[0]?.message ?? '', /no \/v2/);
    });

    it('set TLS on 1.x and are ignored by 2.x', async () => {
      const ca = makeCertificate({ commonName: 'ca', ca: true });
      const body = '[$.registry.configs."reg.corp:5000".tls]\ninsecure_skip_verify = true\nca_file = "/etc/ca.pem"\n';
      const old = await plan({ ...file(body), 'etc/ca.pem': ca.pem }, '1.7.24', 'reg.corp:5000/a');
      const info = old.endpoints[0]?.info;
      assert.deepEqual([info?.skipVerify, info?.ca, old.endpoints[0]?.caPem.length], [true, ['/etc/ca.pem'], 1]);
      const now = await plan(file(body), '2.1.9', 'reg.corp:5000/a');
      assert.deepEqual([now.endpoints[0]?.info.skipVerify, problems(now)], [false, [`warning ${main}:2`]]);
    });

    it('break every pull with a certificate that cannot be used', async () => {
      const ca = await plan(file('[$.registry.configs."reg.corp".tls]\nca_file = "/none"\n'), '1.7.24', 'reg.corp/a');
      assert.deepEqual([problems(ca), ca.endpoints], [[`error ${main}:2`], []]);
      const half = await plan(file('[$.registry.configs."reg.corp".tls]\ncert_file = "/x"\n'), '1.7.24', 'reg.corp/a');
      assert.deepEqual([problems(half), half.endpoints], [[`error ${main}:2`], []]);
    });

    it('give credentials that are never shown', async () => {
      const encoded = Buffer.from('app:hunter2').toString('base64');
      const result = await plan(
        file(`[$.registry.configs."registry-1.docker.io".auth]
username = "u"
password = "hunter2"
[$.registry.configs."a.corp".auth]
auth = "${encoded}"
[$.registry.configs."b.corp".auth]
identitytoken = "hunter2"
[$.registry.auths."https://c.corp/v1/"]
username = "c"
password = "hunter2"
[$.registry.configs."docker.io".auth]
auth = "%%%"
`),
        '1.7.24',
      );
      assert.deepEqual(
        result.credentials.map(({ host, source, username, password }) => [host, source, username, password.reveal()]),
        [
          ['registry-1.docker.io', `${main}:2`, 'u', 'hunter2'],
          ['a.corp', `${main}:5`, 'app', 'hunter2'],
          ['b.corp', `${main}:7`, '', 'hunter2'],
          ['c.corp', `${main}:9`, 'c', 'hunter2'],
        ],
      );
      assert.deepEqual(problems(result), [`warning ${main}:12`, `warning ${main}:12`]);
      assert.match(result.problems[1]?.message ?? '', /under registry-1\.docker\.io/);
      assert.doesNotMatch(inspect(result, { depth: 9 }) + JSON.stringify(result), new RegExp(`hunter|${encoded}`));
    });
  });

  describe('the configuration file', () => {
    const k3s = 'var/lib/rancher/k3s/agent/etc/containerd';
    const text = `version = 3\n[${v3}.registry]\nconfig_path = "/${k3s}/certs.d"\n`;
    it('is k3s’s when the packaged one is not there', async () => {
      const result = await plan(
        { [`${k3s}/config.toml`]: text, [`${k3s}/certs.d/docker.io/hosts.toml`]: mirror },
        '2.1.5-k3s1',
      );
      assert.deepEqual([result.files[0], urls(result)[0]], [`${k3s}/config.toml`, 'https://m.corp/v2']);
    });
    it('is the one that is given', async () => {
      const files = { [main]: 'version = 2\n[\n', 'opt/c.toml': `version = 2\n[${v2}]\nsandbox_image = "p:1"\n` };
      const result = await plan(files, '2.1.9', 'nginx', { configFile: '/opt/c.toml' });
      assert.deepEqual([problems(result), result.sandboxImage?.source], [[], 'opt/c.toml:3']);
    });
    it('is taken with its imports below the host root', async () => {
      const files = {
        [main]: 'version = 2\nimports = ["/etc/containerd/conf.d/*.toml"]\n',
        'etc/containerd/conf.d/b.toml': `version = 2\n[${v2}.registry]\n${certsD}`,
        'etc/containerd/conf.d/a.toml': `version = 2\n[${v2}.registry]\nconfig_path = "/other"\n`,
        [hub]: mirror,
      };
      const result = await plan(files, '1.7.24');
      assert.deepEqual(result.files, [main, 'etc/containerd/conf.d/a.toml', 'etc/containerd/conf.d/b.toml', hub]);
      assert.equal(urls(result)[0], 'https://m.corp/v2');
    });
  });

  describe('the version', () => {
    it('is the newest known when none is told, and that is said', async () => {
      for (const version of [null, 'latest']) {
        const result = await plan({}, version);
        assert.deepEqual(problems(result), ['warning --runtime-version']);
        assert.match(result.problems[0]?.message ?? '', /containerd 2\.3\.4, the newest known/);
      }
    });
    it('newer than all known has the newest rules', () => {
      assert.deepEqual(
        { ...containerdRules({ major: 3, minor: 0, patch: 0 }), label: '' },
        { ...containerdRules(newestContainerd), label: '' },
      );
    });
  });
});
