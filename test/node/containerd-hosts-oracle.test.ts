import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseReference } from '../../src/image/reference.ts';
import { planContainerd } from '../../src/node/containerd-plan.ts';
import { hostFiles } from '../../src/node/host-files.ts';
import type { RuntimePlan } from '../../src/node/runtime-plan.ts';
import { makeCertificate } from '../kit/certificates.ts';
import {
  installedContainerds,
  type Program,
  pull,
  startContainerd,
  startWitness,
  type Witness,
  writeTree,
} from './containerd-real.ts';

/** What lies below the roots of config_path; `A`, `B`, `R` in braces are ports of servers on loopback, `R` the registry's. */
interface Case {
  readonly files: Readonly<Record<string, string>>;
  readonly folders?: readonly string[];
  /** `:1` when not given. */
  readonly suffix?: string;
}

const hosts = (text: string): Case => ({ files: { 'certs.d/127.0.0.1:{R}/hosts.toml': text } });
const one = makeCertificate({ commonName: 'one', ca: true });
const two = makeCertificate({ commonName: 'two' });
const server = 'server = "http://127.0.0.1:{B}"\n';
const digest = `@sha256:${'a'.repeat(64)}`;

const cases: Record<string, Case> = {
  'no directory': { files: {} },
  'two mirrors and a server': hosts(
    `${server}[host."http://127.0.0.1:{A}"]\ncapabilities = ["pull", "resolve"]\n[host."http://127.0.0.1:{R}"]\n`,
  ),
  'mirrors in file order, not by name': hosts(
    `${server}[host."http://127.0.0.1:{R}/z"]\n[host."http://127.0.0.1:{A}/a"]\n`,
  ),
  'no server': hosts('[host."http://127.0.0.1:{A}"]\n'),
  'a server alone': hosts(server),
  'a path': hosts(`${server}[host."http://127.0.0.1:{A}/hub"]\n`),
  'a path with a slash at its end': hosts(`${server}[host."http://127.0.0.1:{A}/hub/"]\n`),
  'a path that ends with v2': hosts(`${server}[host."http://127.0.0.1:{A}/hub/v2/"]\n`),
  'a path that overrides': hosts(`${server}[host."http://127.0.0.1:{A}/hub"]\noverride_path = true\n`),
  'no path that overrides': hosts(`${server}[host."http://127.0.0.1:{A}"]\noverride_path = true\n`),
  'a slash': hosts(`${server}[host."http://127.0.0.1:{A}/"]\n`),
  'a query, a fragment and userinfo': hosts(`${server}[host."http://u:p@127.0.0.1:{A}/hub?x=1#y"]\n`),
  'an escaped path with dots': hosts(`${server}[host."http://127.0.0.1:{A}/a/../b%20c//d"]\n`),
  'addresses without a scheme': hosts('server = "127.0.0.1:{B}"\n[host."127.0.0.1:{A}"]\n'),
  'an address that begins with http and is none': hosts(`${server}[host."httpd.corp"]\n`),
  'an address that cannot be parsed': hosts(`${server}[host."http://127.0.0.1:port"]\n`),
  'a mirror that may only pull': hosts(`${server}[host."http://127.0.0.1:{A}"]\ncapabilities = ["pull"]\n`),
  'a mirror that may only pull, by digest': {
    ...hosts(`${server}[host."http://127.0.0.1:{A}"]\ncapabilities = ["pull"]\n`),
    suffix: digest,
  },
  'a mirror that may only resolve': hosts(`${server}[host."http://127.0.0.1:{A}"]\ncapabilities = ["resolve"]\n`),
  'a tag with a digest': {
    ...hosts(`${server}[host."http://127.0.0.1:{A}"]\ncapabilities = ["pull"]\n`),
    suffix: `:1${digest}`,
  },
  'a server that may only push': hosts(`${server}capabilities = ["push"]\n[host."http://127.0.0.1:{A}"]\n`),
  'nobody may resolve': hosts(
    `${server}capabilities = ["pull"]\n[host."http://127.0.0.1:{A}"]\ncapabilities = ["push"]\n`,
  ),
  'no server, and capabilities at the top': hosts('capabilities = ["push"]\n[host."http://127.0.0.1:{A}"]\n'),
  'capabilities in upper case': hosts(`${server}[host."http://127.0.0.1:{A}"]\ncapabilities = ["PULL", "Resolve"]\n`),
  'an empty list of capabilities': hosts(`${server}[host."http://127.0.0.1:{A}"]\ncapabilities = []\n`),
  'an unknown capability': hosts(`${server}[host."http://127.0.0.1:{A}"]\ncapabilities = ["pull", "list"]\n`),
  'the capability of 2.2': hosts(
    `${server}[host."http://127.0.0.1:{A}"]\ncapabilities = ["pull", "resolve", "referrers"]\n`,
  ),
  'capabilities that are text': hosts(`${server}[host."http://127.0.0.1:{A}"]\ncapabilities = "pull"\n`),
  'skip_verify that is text': hosts(`${server}[host."http://127.0.0.1:{A}"]\nskip_verify = "true"\n`),
  'a ca that is a number': hosts(`${server}[host."http://127.0.0.1:{A}"]\nca = 1\n`),
  'a client pair of three': hosts(`${server}[host."http://127.0.0.1:{A}"]\nclient = [["a", "b", "c"]]\n`),
  'a header that is a number': hosts(`${server}[host."http://127.0.0.1:{A}".header]\nx-a = 1\n`),
  'a server that is a number': hosts('server = 1\n[host."http://127.0.0.1:{A}"]\n'),
  'a host that is text': hosts(`${server}host = "http://127.0.0.1:{A}"\n`),
  'no TOML': hosts(`${server}[host."http://127.0.0.1:{A}"\n`),
  'a table twice': hosts(`${server}[host."http://127.0.0.1:{A}"]\n[host."http://127.0.0.1:{A}"]\n`),
  'a line break in an inline table': hosts(`${server}[host."http://127.0.0.1:{A}"]\nheader = { x-a = "1"\n}\n`),
  'a byte order mark': hosts(`\u{FEFF}${server}[host."http://127.0.0.1:{A}"]\n`),
  'CRLF and quotes': hosts(`${server}[ host . 'http://127.0.0.1:{A}' ]\r\ncapabilities = [ 'pull', 'resolve' ]\r\n`),
  'an empty file': hosts(''),
  'a file of comments': hosts('# nothing\n'),
  'a mirror as an inline table': hosts(
    `${server}[host]\n"http://127.0.0.1:{A}" = { capabilities = ["pull", "resolve"] }\n`,
  ),
  'a mirror as a dotted key': hosts(`${server}host."http://127.0.0.1:{A}".capabilities = ["pull", "resolve"]\n`),
  'a mirror named by its headers alone': hosts(`${server}[host."http://127.0.0.1:{A}".header]\nx-a = "1"\n`),
  'headers of a mirror behind another mirror': hosts(
    `${server}[host."http://127.0.0.1:{A}"]\n[host."http://127.0.0.1:{R}/r"]\n[host."http://127.0.0.1:{A}".header]\nx-a = ["1", "2"]\n`,
  ),
  'plain HTTP with skip_verify = false': hosts(`${server}[host."http://127.0.0.1:{A}"]\nskip_verify = false\n`),
  'plain HTTP with an empty list of CAs': hosts(`${server}[host."http://127.0.0.1:{A}"]\nca = []\n`),
  'plain HTTP with dial_timeout': hosts(`${server}[host."http://127.0.0.1:{A}"]\ndial_timeout = "2s"\n`),
  'a dial_timeout without a unit': hosts(`${server}[host."http://127.0.0.1:{A}"]\ndial_timeout = "2"\n`),
  'a dial_timeout that is a number': hosts(`${server}[host."http://127.0.0.1:{A}"]\ndial_timeout = 2\n`),
  'HTTPS at a plain server': hosts(`${server}[host."https://127.0.0.1:{A}"]\nskip_verify = true\n`),
  'a CA beside the file': {
    files: {
      ...hosts(`${server}[host."http://127.0.0.1:{A}"]\nca = "ca.pem"\n`).files,
      'certs.d/127.0.0.1:{R}/ca.pem': one.pem,
    },
  },
  'a CA that is not there': hosts(`${server}[host."http://127.0.0.1:{A}"]\nca = ["none.pem"]\n`),
  'a CA that is none, of a host that is not asked': {
    files: {
      ...hosts(`${server}[host."http://127.0.0.1:{A}"]\nca = ["ca.pem"]\ncapabilities = ["push"]\n`).files,
      'certs.d/127.0.0.1:{R}/ca.pem': two.keyPem,
    },
  },
  'a client pair with an empty name': {
    files: {
      ...hosts(`${server}[host."http://127.0.0.1:{A}"]\nclient = [["c.pem", ""]]\n`).files,
      'certs.d/127.0.0.1:{R}/c.pem': two.pem + two.keyPem,
    },
  },
  'a client certificate and key in one file': {
    files: {
      ...hosts(`${server}[host."http://127.0.0.1:{A}"]\nclient = ["c.pem"]\n`).files,
      'certs.d/127.0.0.1:{R}/c.pem': two.keyPem + two.pem,
    },
  },
  'a client key of another certificate': {
    files: {
      ...hosts(`${server}[host."http://127.0.0.1:{A}"]\nclient = [["c.pem", "k.pem"]]\n`).files,
      'certs.d/127.0.0.1:{R}/c.pem': two.pem,
      'certs.d/127.0.0.1:{R}/k.pem': one.keyPem,
    },
  },
  'certificates without a hosts.toml': { files: { 'certs.d/127.0.0.1:{R}/ca.crt': one.pem } },
  'a bad certificate without a hosts.toml': { files: { 'certs.d/127.0.0.1:{R}/ca.crt': 'none' } },
  'a client certificate without its key': { files: { 'certs.d/127.0.0.1:{R}/c.cert': two.pem } },
  'a bad certificate beside a good hosts.toml': {
    files: { ...hosts(`${server}[host."http://127.0.0.1:{A}"]\n`).files, 'certs.d/127.0.0.1:{R}/ca.crt': 'none' },
  },
  'a bad certificate beside a bad hosts.toml': {
    files: { ...hosts('[host').files, 'certs.d/127.0.0.1:{R}/ca.crt': 'none' },
  },
  'the default directory': { files: { 'certs.d/_default/hosts.toml': `${server}[host."http://127.0.0.1:{A}"]\n` } },
  'a directory that hides the default': {
    files: { 'certs.d/_default/hosts.toml': `${server}[host."http://127.0.0.1:{A}"]\n` },
    folders: ['certs.d/127.0.0.1:{R}'],
  },
  'the port between underscores': {
    files: { 'certs.d/127.0.0.1_{R}_/hosts.toml': `${server}[host."http://127.0.0.1:{A}"]\n` },
  },
  'both names of a directory': {
    files: {
      'certs.d/127.0.0.1_{R}_/hosts.toml': `${server}[host."http://127.0.0.1:{A}/under"]\n`,
      'certs.d/127.0.0.1:{R}/hosts.toml': `${server}[host."http://127.0.0.1:{A}/colon"]\n`,
    },
  },
  'a host without its port': { files: { 'certs.d/127.0.0.1/hosts.toml': `${server}[host."http://127.0.0.1:{A}"]\n` } },
  'a hosts.toml that is a folder': { files: {}, folders: ['certs.d/127.0.0.1:{R}/hosts.toml'] },
  'a host directory that is a file': { files: { 'certs.d/127.0.0.1:{R}': '' } },
  'the second root': { files: { 'second/127.0.0.1:{R}/hosts.toml': `${server}[host."http://127.0.0.1:{A}"]\n` } },
  'a default in the first root': {
    files: {
      'certs.d/_default/hosts.toml': `${server}[host."http://127.0.0.1:{A}/first"]\n`,
      'second/127.0.0.1:{R}/hosts.toml': `${server}[host."http://127.0.0.1:{A}/second"]\n`,
    },
  },
};

/** Settings of the registry in config.toml. `@` is the folder. */
const registries: Record<string, { readonly registry: string; readonly only?: readonly string[] }> = {
  'one root': { registry: 'config_path = "@/certs.d"' },
  'two roots': {
    registry: 'config_path = "@/certs.d:@/second"',
    only: ['no directory', 'two mirrors and a server', 'the second root', 'a default in the first root'],
  },
  'a root that is a file': { registry: 'config_path = "@/config.toml"', only: ['no directory'] },
  'no root': { registry: '', only: ['no directory', 'two mirrors and a server'] },
  'credentials as well': {
    registry: 'config_path = "@/certs.d:@/second"\n[$.registry.configs."x".auth]\nusername = "u"',
    only: ['the second root', 'a default in the first root'],
  },
  'mirrors of the registry': {
    registry: `[$.registry.mirrors."127.0.0.1:{R}"]
endpoint = ["http://127.0.0.1:{A}", "127.0.0.1:{B}", "https://127.0.0.1:{A}", "http://127.0.0.1:{A}/", "http://127.0.0.1:{B}/hub", "http://127.0.0.1:{B}/hub/v2"]
[$.registry.mirrors."*"]
endpoint = ["http://127.0.0.1:{B}/any"]`,
    only: ['no directory', 'a tag with a digest'],
  },
  'mirrors of all registries': {
    registry:
      '[$.registry.mirrors."*"]\nendpoint = ["http://127.0.0.1:{B}/any"]\n[$.registry.mirrors."docker.io"]\nendpoint = ["http://127.0.0.1:{A}"]',
    only: ['no directory'],
  },
  'mirrors that name the registry itself': {
    registry: '[$.registry.mirrors."127.0.0.1:{R}"]\nendpoint = ["http://127.0.0.1:{R}/own", "http://127.0.0.1:{A}"]',
    only: ['no directory'],
  },
  'a mirror that cannot be parsed': {
    registry: '[$.registry.mirrors."127.0.0.1:{R}"]\nendpoint = ["http://127.0.0.1:{A}", "http://127.0.0.1:port"]',
    only: ['no directory'],
  },
  'mirrors beside config_path': {
    registry: 'config_path = "@/certs.d"\n[$.registry.mirrors."*"]\nendpoint = ["http://127.0.0.1:{B}"]',
    only: ['no directory'],
  },
};

const programs = process.getuid?.() === 0 ? installedContainerds() : [];

/** The requests that a plan amounts to when nobody has the image and nobody speaks TLS. */
function requestsOf(plan: RuntimePlan): string[] {
  return plan.endpoints.flatMap(({ info }) => {
    const url = new URL(info.url);
    if (url.protocol === 'http:') return [info.url];
    const plain = `http://${url.host}${url.pathname === '/' ? '' : url.pathname}`;
    return [`https://${url.host}`, ...(info.httpFallback ? [plain] : [])];
  });
}

describe('the hosts that are asked, beside the real program', function () {
  this.timeout(60_000);
  const log: string[] = [];
  const witnesses: Record<string, Witness> = {};

  before(async function () {
    if (programs.length === 0) {
      console.log('    skipped: containerd is not installed, or this is not root');
      this.skip();
    }
    for (const name of ['A', 'B', 'R']) witnesses[name] = await startWitness(log);
  });
  after(async () => {
    for (const witness of Object.values(witnesses)) await witness.close();
  });

  const fill = (text: string): string =>
    text.replace(/\{([ABR])\}/g, (_, name: string) => String(witnesses[name]?.port));

  for (const program of programs) {
    for (const [title, { registry, only }] of Object.entries(registries)) {
      describe(`${program.version}: ${title}`, () => {
        let folder = '';
        let running: Awaited<ReturnType<typeof startContainerd>> | undefined;
        const config = (): string => join(folder, 'config.toml');

        before(async () => {
          folder = await mkdtemp(join(tmpdir(), 'pullwhy-hosts-'));
          await writeTree(folder, { 'config.toml': fill(configText(program, registry)).replaceAll('@', folder) });
          running = await startContainerd(program, folder, config());
        });
        after(async () => {
          await running?.stop();
          await rm(folder, { recursive: true, force: true });
        });

        for (const [name, item] of Object.entries(cases)) {
          if (only !== undefined && !only.includes(name)) continue;
          it(name, async () => {
            for (const part of ['certs.d', 'second']) await rm(join(folder, part), { recursive: true, force: true });
            for (const part of item.folders ?? []) await mkdir(join(folder, fill(part)), { recursive: true });
            const files = Object.entries(item.files).map(([path, text]) => [fill(path), fill(text)]);
            await writeTree(folder, Object.fromEntries(files));
            const reference = parseReference(`127.0.0.1:${witnesses.R?.port}/team/app${item.suffix ?? ':1'}`);
            assert.ok(reference.ok);

            log.length = 0;
            const error = await pull(running?.endpoint ?? '', reference.value.normalized);
            const real = log.map((line) => line.replace(/\/team\/app\/.*$/, ''));
            const plan = await planContainerd(hostFiles('/'), reference.value, {
              version: program.version,
              configFile: config(),
            });
            const words = JSON.stringify({ error, problems: plan.problems }, null, 1);
            assert.deepEqual(requestsOf(plan), inOrder(real, requestsOf(plan)), words);
            if (plan.endpoints.length === 0)
              assert.ok(
                plan.problems.some(({ severity }) => severity === 'error'),
                words,
              );
            assert.notEqual(error, '');
          });
        }
      });
    }
  }
});

/** `real` without the repetitions that come of retries and of asking for a digest twice (manifests, then blobs). */
function inOrder(real: readonly string[], planned: readonly string[]): string[] {
  const once: string[] = real.filter((line, index) => line !== real[index - 1]);
  const half = once.length / 2;
  const twice = Number.isInteger(half) && once.slice(0, half).every((line, index) => line === once[half + index]);
  // A host that fell back to plain HTTP once is asked that way from then on.
  return twice && planned.length === half ? once.slice(0, half) : once;
}

function configText(program: Program, registry: string): string {
  const old = program.version.startsWith('1.');
  const plugin = old ? 'plugins."io.containerd.grpc.v1.cri"' : 'plugins."io.containerd.cri.v1.images"';
  const native = old ? `[${plugin}.containerd]\nsnapshotter = "native"` : `[${plugin}]\nsnapshotter = "native"`;
  const body = registry.replaceAll('$', plugin);
  return `version = ${old ? 2 : 3}\n${native}\n[${plugin}.registry]\n${body}\n`;
}
