import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PodsDocument } from '../../src/api/node.ts';
import { checkAgainst } from '../../src/api/schema.ts';
import { version } from '../../src/cli/version.ts';
import { replay } from '../../src/engine/replay.ts';
import { parseJson } from '../../src/lib/json.ts';
import type { Investigation } from '../../src/model/investigation.ts';
import { root } from '../arch/sources.ts';
import { type LiveJournald, startJournald } from '../kit/journal-maker.ts';
import { kubeletFails, runtimeFails } from '../kit/node-lines.ts';
import { until } from '../kit/until.ts';
import { must } from '../lab/commands.ts';
import { runtimeLines } from '../lab/containerd-versions.ts';
import { type Lab, users } from '../lab/lab.ts';
import { useLabs } from '../lab/labs.ts';
import { type Node, type Pod, startNode } from './container.ts';
import { type BuiltImage, buildImage } from './image.ts';
import { at, type Built, build, findKubectl, isObject, textsAt } from './kustomize.ts';

const dockerfile = readFileSync(join(root, 'Dockerfile'), 'utf8');

describe('deploy: Dockerfile', () => {
  it('names the Node and the version that package.json has', () => {
    const manifest: unknown = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    const node = /^ARG NODE_IMAGE=\S+\/node:([\d.]+)-/m.exec(dockerfile)?.[1];
    assert.equal(node, at(manifest, 'devDependencies.node'));
    assert.equal(/^ARG VERSION=(\S+)/m.exec(dockerfile)?.[1], version);
    const set = readFileSync(join(root, 'deploy/base/daemon-set.yaml'), 'utf8');
    assert.match(set, new RegExp(`image: pullwhy:${version.replaceAll('.', '\\.')}\n`));
  });

  it('leaves the flags of Node to the executable, which starts the agent with its own where nobody sets any', () => {
    const entry: unknown = JSON.parse(/^ENTRYPOINT (.*)$/m.exec(dockerfile)?.[1] ?? '[]');
    assert.deepEqual(entry, ['/usr/local/bin/node', '/usr/local/lib/pullwhy/bin/pullwhy.js']);
    assert.doesNotMatch(dockerfile, /NODE_OPTIONS/);
    assert.match(readFileSync(join(root, 'bin/pullwhy.js'), 'utf8'), /'--max-semi-space-size=1'/);
  });

  it('copies every kind of file that the build makes, but for the maps', () => {
    const made = readdirSync(join(root, 'dist')).filter((file) => !/\.map$|^\.|^proto$/.test(file));
    const copied = [...dockerfile.matchAll(/\/src\/dist\/\*(\.\w+)/g)].map(([, ending]) => ending);
    assert.deepEqual([...new Set(made.map((file) => extname(file)))].sort(), copied.sort());
  });

  it('needs no shell anywhere, and runs nothing for the architecture that it builds for', () => {
    const stages = dockerfile.split(/^FROM /m).slice(1);
    const runs = [...dockerfile.matchAll(/^(?:RUN|CMD|ENTRYPOINT) (.*)$/gm)].map(([, words = '']) => words);
    for (const words of runs) assert.ok(Array.isArray(JSON.parse(words.replace(/\s*\\$/, ''))), words);
    assert.match(stages[0] ?? '', /^--platform=\$BUILDPLATFORM /);
    assert.equal(
      stages.slice(1).some((stage) => /^RUN /m.test(stage)),
      false,
    );
  });
});

describe('deploy: the image, as the manifests run it', function () {
  this.timeout(240_000);
  const labs = useLabs('the image under a real containerd');
  let image: BuiltImage | undefined;
  let lab: Lab | undefined;
  let node: Node | undefined;
  let journald: LiveJournald | null = null;
  let kubectl = '';
  let whole: Built | undefined;

  before(async function () {
    const found = await findKubectl();
    const line = [...runtimeLines].reverse().find((one) => one !== '2.x local' && labs().has(one));
    if ('why' in found || line === undefined) {
      process.stdout.write(`    left out: the image: ${'why' in found ? found.why : 'no containerd'}\n`);
      return this.skip();
    }
    kubectl = found.kubectl;
    const started = performance.now();
    const built = await buildImage();
    if ('why' in built) {
      process.stdout.write(`    left out: the image: ${built.why}\n`);
      return this.skip();
    }
    image = built;
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    process.stdout.write(
      `      the image: ${(built.ownBytes / 1e6).toFixed(1)} MB beyond its base, built in ${seconds} s\n`,
    );
    lab = await labs().on(line);
    await lab.nodeFile('ssl/private-key-of-somebody', 'only root reads this\n');
    await chmod(`${lab.network.etc('node')}/ssl/private-key-of-somebody`, 0o600);
    node = await startNode(lab, built, { HTTPS_PROXY: 'http://proxy.lab:3128', NO_PROXY: '.lab' });
    journald = await startJournald(node.log, []);
    if (journald !== null) lab.defer(journald.stop);
    await writeFile(
      `${node.varLib}/kubelet/config.json`,
      JSON.stringify({ auths: { 'private.lab': { auth: btoa(`${users.app.name}:${users.app.password}`) } } }),
      { mode: 0o600 },
    );
    whole = await build(kubectl, 'containerd', ['node-credentials']);
  });
  after(async function () {
    this.timeout(60_000);
    await lab?.undoAll();
    await image?.remove();
  });

  const here = <T>(value: T | undefined | null): T => {
    if (value === undefined || value === null) throw new Error('used before its suite began');
    return value;
  };

  it('is small, and holds nothing but the program', () => {
    const { ownBytes, files, config } = here(image);
    assert.ok(ownBytes < 150e6, `${ownBytes} bytes`);
    const outside = files.filter((file) => file !== 'usr/local/bin/node' && !file.startsWith('usr/local/lib/pullwhy/'));
    assert.deepEqual(outside, []);
    assert.deepEqual(
      files.filter((file) => /\.(map|ts|node)$|node_modules/.test(file)),
      [],
    );
    assert.equal(at(config, 'config.User'), '65532:65532');
    assert.deepEqual(textsAt(config, 'config.Cmd'), ['agent']);
    const labels = at(config, 'config.Labels');
    assert.ok(isObject(labels));
    for (const key of ['title', 'description', 'licenses', 'version', 'revision', 'created']) {
      assert.equal(typeof labels[`org.opencontainers.image.${key}`], 'string', key);
    }
  });

  describe('overlays/containerd', () => {
    let pod: Pod | undefined;
    let idle = 0;
    before(async () => {
      pod = await here(node).start(here(whole));
      await ready(here(pod));
      await sleep(1500);
      idle = await memory(pod, 'VmRSS');
    });
    after(() => pod?.stop());

    it('answers, and its own health check says so', async () => {
      const [, ...check] = textsAt(here(image).config, 'config.Healthcheck.Test');
      const outcome = await here(pod).exec(check);
      assert.equal(outcome.code, 0, outcome.stderr);
      assert.match(outcome.stdout, /The agent answers/);
    });

    it('runs with the rights of the manifest, and no others', async () => {
      const status = await readFile(`/proc/${here(pod).pid}/status`, 'utf8');
      const value = (name: string) => new RegExp(`^${name}:\\s+(.*)$`, 'm').exec(status)?.[1];
      const ptrace = (1n << 19n).toString(16).padStart(16, '0');
      assert.deepEqual(['CapEff', 'CapPrm', 'CapBnd', 'CapInh', 'NoNewPrivs', 'Seccomp', 'Uid'].map(value), [
        ptrace,
        ptrace,
        ptrace,
        '0000000000000000',
        '1',
        '2',
        '0\t0\t0\t0',
      ]);
    });

    it('can write to its own folder and nowhere else', async () => {
      const places = ['/', '/usr/local/lib/pullwhy', '/etc/pullwhy', '/tmp', '/host/etc', '/host/usr', '/host/var/log'];
      const runtime = [
        '/host/run/containerd',
        '/host/var/lib/containerd',
        '/host/run/systemd/resolve',
        '/host/run/log',
      ];
      const script = `
        const fs = require('node:fs');
        for (const folder of ${JSON.stringify([...places, ...runtime, '/var/lib/pullwhy'])}) {
          try { fs.writeFileSync(folder + '/written', 'x'); fs.rmSync(folder + '/written'); console.log(folder, 'written'); }
          catch (error) { console.log(folder, error.code); }
        }`;
      const { stdout, stderr } = await here(pod).exec(['/usr/local/bin/node', '-e', script]);
      const told = stdout.trim().split('\n');
      assert.deepEqual(
        told,
        [...places, ...runtime].map((place) => `${place} EROFS`).concat('/var/lib/pullwhy written'),
        stderr,
      );
      assert.ok(existsSync(`${here(node).varLib}/pullwhy`), 'its state is on the node');
    });

    it('sees what the agent sees outside of a container', async () => {
      await here(lab).push('deploy/app', '1.0');
      const document = await diagnose('registry.lab/deploy/app:1.0');
      assert.equal(document.verdict, 'healthy', document.summary);
      assert.equal(document.node, 'worker-3');
      assert.equal(document.runtime.name, 'containerd');
      const { nameservers, trustStore, endpoints } = document;
      assert.deepEqual(
        nameservers.map(({ address, source }) => [address, source]),
        [['10.77.0.53', 'etc/resolv.conf:1']],
      );
      assert.ok(trustStore.files.includes('etc/ssl/certs/ca-certificates.crt'));
      // The runtime's own environment, of its process.
      assert.equal(endpoints[0]?.proxy, null);
      assert.match(endpoints[0]?.proxyReason ?? '', /NO_PROXY/);
      const secret = await diagnose('private.lab/deploy/app:1.0');
      assert.equal(secret.verdict, 'healthy', secret.summary);
      assert.equal(secret.credentials?.username, users.app.name);
      const disk = document.probes.filter(({ kind }) => kind === 'disk');
      assert.ok(disk.length > 0 && disk.every(({ status }) => status === 'ok'), JSON.stringify(disk));
    });

    it('names in readyz what it does not see, and with what it would', async () => {
      const lines = await verbose(here(pod));
      for (const source of ['journal', 'cri', 'node-files', 'node-credentials', 'runtime-process', 'image-filesystem'])
        assert.match(lines, new RegExp(`^${source} following `, 'm'));
      assert.match(
        lines,
        /^kubelet-settings absent \S+ There is no var\/lib\/kubelet\/config\.yaml .*component kubeadm/m,
      );
      assert.match(lines, /^kubernetes absent \S+ .*component cluster-api/m);
    });

    it('finds a failing pull in the journal, proves its cause, and pulls when it is gone', async function () {
      if (journald === null) return this.skip();
      const image = 'registry.lab/deploy/late:1.0';
      await here(lab).push('deploy/late', '0.9');
      await say(image, 'web-1');
      await until(
        'the cause',
        async () => {
          const { pods } = await podsNow();
          return pods.some(
            (row) => row.image === image && row.cause === 'tag-not-found' && row.confidence === 'proven',
          );
        },
        20_000,
      );
      await here(lab).push('deploy/late', '1.0');
      await until(
        'the pull',
        async () => {
          const { pods } = await podsNow();
          return pods.some((row) => row.image === image && row.retry.state === 'pulled');
        },
        40_000,
      );
    });

    it('stays within its memory', async () => {
      const [most, now, own] = await Promise.all(['VmHWM', 'VmRSS', 'RssAnon'].map((name) => memory(here(pod), name)));
      assert.ok(most !== undefined && now !== undefined && own !== undefined);
      process.stdout.write(
        `        memory: ${idle.toFixed(0)} MiB idle; after work ${now.toFixed(0)} MiB, ${own.toFixed(0)} of it its own, ${most.toFixed(0)} at most (limit 160)\n`,
      );
      assert.ok(most < 160, `${most} MiB`);
    });

    it('goes on with a runtime that starts anew behind the same folder', async () => {
      await here(node).restart();
      let seen = '';
      await until(
        'the runtime',
        async () => {
          const { runtime } = await diagnose('registry.lab/deploy/app:1.0');
          seen = JSON.stringify(runtime);
          return runtime.version !== null && runtime.imagePresent !== null;
        },
        20_000,
      ).catch((error: unknown) => {
        throw new Error(`${String(error)}: ${seen}`);
      });
      assert.ok(here(pod).running());
    });
  });

  it('without SYS_PTRACE the runtime process tells nothing of itself: the capability is needed', async () => {
    const pod = await here(node).start(here(whole), (set) => {
      const context = at(set, 'spec.template.spec.containers.0.securityContext.capabilities');
      assert.ok(isObject(context));
      delete context.add;
    });
    try {
      await ready(pod);
      const document = await diagnose('registry.lab/deploy/app:1.0');
      assert.doesNotMatch(document.endpoints[0]?.proxyReason ?? '', /NO_PROXY/);
      assert.match(await verbose(pod), /^runtime-process unreadable \S+ the capability SYS_PTRACE lacks/m);
    } finally {
      await pod.stop();
    }
  });

  it('read-only: nobody in particular finds the cause, by the journal alone, and pulls nothing', async function () {
    if (journald === null) return this.skip();
    // As systemd's tmpfiles.d gives it to the group adm, by an access list there.
    await must('chgrp', ['-R', '4', `${here(node).log}/var`]);
    const pod = await here(node).start(await build(kubectl, 'read-only'));
    try {
      await ready(pod);
      const status = await readFile(`/proc/${pod.pid}/status`, 'utf8');
      assert.match(status, /^CapEff:\s+0+$/m);
      assert.match(status, /^Uid:\s+65532\s+65532/m);
      const open = "require('node:fs').readFileSync('/host/etc/ssl/private-key-of-somebody')";
      assert.match((await pod.exec(['/usr/local/bin/node', '-e', open])).stderr, /EACCES/);
      const lines = await verbose(pod);
      assert.match(lines, /^journal following /m);
      assert.match(lines, /^cri absent \S+ There is no runtime's socket below the host root: mount it/m);
      assert.match(lines, /^runtime-process absent \S+ There is no proc below \/host.*component runtime-process/m);
      assert.match(lines, /^node-credentials absent \S+ .*component node-credentials/m);
      const image = 'registry.lab/deploy/never:1.0';
      await here(lab).push('deploy/never', '0.9');
      await say(image, 'web-2');
      let seen = '';
      await until(
        'the cause',
        async () => {
          const document = await podsNow();
          seen = JSON.stringify(document);
          return document.pods.some((row) => row.image === image && row.cause === 'tag-not-found');
        },
        20_000,
      ).catch(async (error: unknown) => {
        throw new Error(`${String(error)}\n${seen}\n${await pod.log()}`);
      });
      const { pods } = await podsNow();
      assert.ok(pods.every(({ retry }) => retry.state !== 'pulled' && retry.state !== 'pulling'));
    } finally {
      await pod.stop();
    }
  });

  /** `GET /readyz?verbose`, asked within the container. */
  async function verbose(pod: Pod): Promise<string> {
    const script = "fetch('http://127.0.0.1:9440/readyz?verbose').then((r) => r.text()).then(console.log)";
    const { stdout, stderr } = await pod.exec(['/usr/local/bin/node', '-e', script]);
    assert.match(stdout, /^ok$/m, stderr);
    return stdout;
  }

  /** MiB, by the kernel's name of it. */
  async function memory({ pid }: Pod, name: string): Promise<number> {
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1024;
  }

  /** Asks the agent over HTTP, at the node. */
  async function ask(words: readonly string[]): Promise<string> {
    const { stdout, stderr, code } = await here(lab).pullwhy(['node', ...words, '-o', 'json']);
    assert.ok(code === 0 || code === 1, `${words.join(' ')}: ${code} ${stderr}`);
    return stdout;
  }

  async function ready(pod: Pod): Promise<void> {
    await until(
      'the agent',
      async () => {
        if (!pod.running()) throw new Error(await pod.log());
        return (await here(lab).pullwhy(['node', 'health'])).code === 0;
      },
      20_000,
    );
  }

  async function diagnose(image: string): Promise<Investigation> {
    const read = replay(await ask(['diagnose', image]));
    assert.ok(read.ok, JSON.stringify(read));
    return read.value.document;
  }

  async function podsNow(): Promise<PodsDocument> {
    const checked = checkAgainst(PodsDocument, parseJson(await ask(['pods'])));
    assert.ok(checked.ok, JSON.stringify(checked));
    return checked.value;
  }

  /** What a node writes of a pull that fails because the tag is not there. */
  async function say(image: string, pod: string): Promise<void> {
    const error = `failed to pull and unpack image "${image}": failed to resolve reference "${image}": ${image}: not found`;
    const failing = { image, error, pod };
    for (const { unit, message } of [...runtimeFails(failing), ...kubeletFails(failing)]) {
      await here(journald).write(unit, [message], `${unit}.service`);
    }
  }
});
