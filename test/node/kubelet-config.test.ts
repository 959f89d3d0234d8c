import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { hostFiles } from '../../src/node/host-files.ts';
import { type KubeletConfig, readKubeletConfig } from '../../src/node/kubelet-config.ts';
import { flagsOfArguments, flagsOfText } from '../../src/node/kubelet-flags.ts';

describe('the kubelet’s configuration', () => {
  let root = '';
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'pullwhy-'));
  });
  afterEach(async () => {
    await rm(root, { recursive: true, force: true });
  });
  async function read(files: Readonly<Record<string, string>>): Promise<KubeletConfig> {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), text);
    }
    return readKubeletConfig(hostFiles(root));
  }
  const main = 'var/lib/kubelet/config.yaml';
  const head = 'apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n';

  it('has the defaults of 1.36 where nothing is set', async () => {
    const config = await read({});
    const set = <T>(value: T) => ({ value, source: 'default' });
    assert.deepEqual(config, {
      files: [],
      serializeImagePulls: set(true),
      maxParallelImagePulls: set(null),
      registryPullQPS: set(5),
      registryBurst: set(10),
      imagePullCredentialsVerificationPolicy: set('NeverVerifyPreloadedImages'),
      preloadedImagesVerificationAllowlist: set([]),
      imageGCHighThresholdPercent: set(85),
      imageServiceEndpoint: set('unix:///run/containerd/containerd.sock'),
      containerRuntimeEndpoint: set('unix:///run/containerd/containerd.sock'),
      rootDirectory: set('/var/lib/kubelet'),
      credentialProviderConfig: set(null),
      credentialProviderBinDir: set(null),
      problems: [],
    });
  });

  it('tells the file and line of each value', async () => {
    const config = await read({
      [main]: `${head}serializeImagePulls: no\nmaxParallelImagePulls: 4\nregistryPullQPS: 0\nregistryBurst: 20\nimagePullCredentialsVerificationPolicy: NeverVerifyAllowlistedImages\npreloadedImagesVerificationAllowlist:\n- ubuntu\n- reg.corp/*\ncontainerRuntimeEndpoint: unix:///var/run/crio/crio.sock\nimageGCHighThresholdPercent: 70\n`,
    });
    assert.deepEqual(config.files, [main]);
    assert.deepEqual(config.serializeImagePulls, { value: false, source: `${main}:3` });
    assert.deepEqual(config.maxParallelImagePulls, { value: 4, source: `${main}:4` });
    assert.deepEqual(config.registryPullQPS, { value: 0, source: `${main}:5` });
    assert.deepEqual(config.registryBurst, { value: 20, source: `${main}:6` });
    assert.equal(config.imagePullCredentialsVerificationPolicy.value, 'NeverVerifyAllowlistedImages');
    assert.deepEqual(config.imageGCHighThresholdPercent, { value: 70, source: `${main}:12` });
    assert.deepEqual(config.preloadedImagesVerificationAllowlist, {
      value: ['ubuntu', 'reg.corp/*'],
      source: `${main}:8`,
    });
    const endpoint = { value: 'unix:///var/run/crio/crio.sock', source: `${main}:11` };
    assert.deepEqual(config.containerRuntimeEndpoint, endpoint);
    assert.deepEqual(config.imageServiceEndpoint, endpoint);
    assert.deepEqual(config.problems, []);
  });

  it('a limit above one alone means parallel pulls', async () => {
    const config = await read({ [main]: `${head}maxParallelImagePulls: 3\n` });
    assert.deepEqual(config.serializeImagePulls, { value: false, source: 'default' });
  });

  it('drop-ins win over the file in order of their names, flags over both', async () => {
    const unit = 'usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf';
    const config = await read({
      [main]: `${head}registryPullQPS: 1\nregistryBurst: 1\nserializeImagePulls: false\n`,
      'etc/kubernetes/kubelet.conf.d/20-b.conf': `${head}registryPullQPS: 3\nserializeImagePulls: null\n`,
      'etc/kubernetes/kubelet.conf.d/10-a.conf': `${head}registryPullQPS: 2\nregistryBurst: 2\n`,
      'etc/kubernetes/kubelet.conf.d/30-c.yaml': `${head}registryPullQPS: 4\n`,
      [unit]:
        '[Service]\n# --registry-burst=99\nEnvironment="KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml --config-dir=/etc/kubernetes/kubelet.conf.d"\n',
      'var/lib/kubelet/kubeadm-flags.env':
        'KUBELET_KUBEADM_ARGS="--container-runtime-endpoint=unix:///run/x.sock --registry-burst 7"\n',
    });
    assert.deepEqual(config.files, [
      main,
      'etc/kubernetes/kubelet.conf.d/10-a.conf',
      'etc/kubernetes/kubelet.conf.d/20-b.conf',
    ]);
    assert.deepEqual(config.registryPullQPS, { value: 3, source: 'etc/kubernetes/kubelet.conf.d/20-b.conf:3' });
    assert.deepEqual(config.registryBurst, {
      value: 7,
      source: 'var/lib/kubelet/kubeadm-flags.env:1 --registry-burst',
    });
    assert.deepEqual(config.serializeImagePulls, { value: true, source: 'default' });
    assert.equal(config.containerRuntimeEndpoint.value, 'unix:///run/x.sock');
  });

  it('a running kubelet’s own command line is what counts', async () => {
    const config = await read({
      'proc/1/comm': 'systemd\n',
      'proc/812/comm': 'kubelet\n',
      'proc/812/cmdline':
        '/usr/bin/kubelet\0--config=/etc/kubelet.yaml\0--root-dir\0/data/kubelet\0--serialize-image-pulls=false\0',
      'etc/kubelet.yaml': 'registryPullQPS: 9\n',
      [main]: 'registryPullQPS: 1\n',
      'var/lib/kubelet/kubeadm-flags.env': 'KUBELET_KUBEADM_ARGS="--registry-qps=77"\n',
    });
    assert.deepEqual(config.registryPullQPS, { value: 9, source: 'etc/kubelet.yaml:1' });
    assert.deepEqual(config.rootDirectory, { value: '/data/kubelet', source: 'proc/812/cmdline --root-dir' });
    assert.equal(config.serializeImagePulls.value, false);
  });

  it('k3s’s drop-ins are found without a flag', async () => {
    const config = await read({
      'var/lib/rancher/k3s/agent/etc/kubelet.conf.d/00-k3s-defaults.conf': 'serializeImagePulls: false\n',
    });
    assert.equal(config.serializeImagePulls.value, false);
  });

  it('names what the kubelet would not start with', async () => {
    const config = await read({
      [main]: `${head}serializeImagePulls: "true"\nmaxParallelImagePulls: 2\nregistryPullQPS: -1\nregistryBurst: many\nimagePullCredentialsVerificationPolicy: Sometimes\npreloadedImagesVerificationAllowlist: ubuntu\n`,
    });
    assert.deepEqual(
      config.problems.map((problem) => [problem.source, problem.message.split(' ')[0], problem.cause]),
      [
        [`${main}:3`, 'serializeImagePulls', 'runtime-misconfigured'],
        [`${main}:6`, 'registryBurst', 'runtime-misconfigured'],
        [`${main}:7`, 'imagePullCredentialsVerificationPolicy', 'runtime-misconfigured'],
        [`${main}:5`, 'registryPullQPS', 'runtime-misconfigured'],
        [`${main}:8`, 'preloadedImagesVerificationAllowlist', 'runtime-misconfigured'],
      ],
    );
    const both = await read({ [main]: 'serializeImagePulls: true\nmaxParallelImagePulls: 2\n' });
    assert.deepEqual(
      both.problems.map((problem) => problem.source),
      [`${main}:2`],
    );
    const broken = await read({ [main]: 'a: 1\n\tb: 2\n' });
    assert.equal(broken.problems[0]?.source, `${main}:2`);
    assert.equal(broken.registryPullQPS.value, 5);
  });
});

describe('flags', () => {
  it('of a command line', () => {
    const flags = flagsOfArguments(['--a=1', '--b', '2', '--c', '--a=3', '-d=x', 'stray', '--e'], 'x');
    assert.deepEqual(
      [...flags].map(([name, { value }]) => `${name}=${value}`),
      ['a=3', 'b=2', 'c=true', 'd=x', 'e=true'],
    );
  });

  it('of a file', () => {
    const flags = flagsOfText('# --a=0\nX=--a=1\nExecStart=/usr/bin/kubelet --b=2 $ARGS \\\n  --c=3\n', 'unit');
    assert.deepEqual(Object.fromEntries(flags), {
      a: { value: '1', source: 'unit:2 --a' },
      b: { value: '2', source: 'unit:3 --b' },
      c: { value: '3', source: 'unit:4 --c' },
    });
  });
});
