import { createHash } from 'node:crypto';
import { type FakeCri, type FakeCriMethods, startFakeCri } from '../kit/fake-cri.ts';
import { type FakeImage, makeContent, startFakeRegistry } from '../kit/fake-registry.ts';
import { repositories, type Staged, staged } from './stage.ts';

const users = { app: 'right-pw-4711' };
const ociManifest = 'application/vnd.oci.image.manifest.v1+json';
const chartConfig = makeContent('application/vnd.cncf.helm.config.v1+json', { name: 'web' });
const { mediaType, digest, bytes } = chartConfig;
const chart: FakeImage = {
  manifest: makeContent(ociManifest, {
    schemaVersion: 2,
    mediaType: ociManifest,
    config: { mediaType, digest, size: bytes.length },
    layers: [],
  }),
  platform: null,
  content: [chartConfig],
};

const imageId = `sha256:${'c'.repeat(64)}`;
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** A token in a password's place that ended an hour before the recording. */
function lapsed(): string {
  const exp = Math.floor(Date.now() / 1000) - 3600;
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'none' })}.${part({ sub: 'job', iat: exp - 86_400, exp })}.c2ln`;
}

const crio: FakeCriMethods = {
  Version: () => ({
    answer: { version: '0.1.0', runtime_name: 'cri-o', runtime_version: '1.36.3', runtime_api_version: 'v1' },
  }),
};

/** A node of CRI-O's with these files, and a registry that works. */
async function crioNode(
  image: string,
  registries: (port: number) => string,
  policy = '{"default":[{"type":"insecureAcceptAnything"}]}',
): Promise<Staged> {
  const registry = await startFakeRegistry({ repositories });
  const cri: FakeCri = await startFakeCri(crio);
  const files = {
    'etc/crio/crio.conf': '[crio.image]\n',
    'etc/containers/policy.json': policy,
    'etc/containers/registries.conf': registries(registry.port),
  };
  return staged(
    image.replace('PORT', String(registry.port)),
    [registry, cri],
    { runtimeEndpoint: cri.endpoint, files },
    { [registry.port]: '5000', [cri.path]: '/run/crio/crio.sock' },
  );
}

const insecure = (port: number): string => `[[registry]]\nlocation = "127.0.0.1:${port}"\ninsecure = true\n`;

/** Faults of credentials and of policies. */
export const credentialIncidents: Readonly<Record<string, () => Promise<Staged>>> = {
  'password-was-a-token': async () => {
    const registry = await startFakeRegistry({ repositories, basic: users });
    const host = `127.0.0.1:${registry.port}`;
    return staged(
      `${host}/team/app:1.27.3`,
      [registry],
      { credentials: { [host]: { username: 'job', password: lapsed() } } },
      { [registry.port]: '5000' },
    );
  },
  'key-of-the-secret-not-found': async () => {
    const registry = await startFakeRegistry({ repositories, basic: users });
    const host = `127.0.0.1:${registry.port}`;
    return staged(
      `${host}/team/app:1.27.3`,
      [registry],
      { credentials: { [`https://${host}/v2`]: { username: 'app', password: users.app } } },
      { [registry.port]: '5000' },
    );
  },
  'plugin-of-the-kubelet-gone': async () => {
    const registry = await startFakeRegistry({ repositories, basic: users });
    const flags =
      '--image-credential-provider-config=/etc/providers.yaml --image-credential-provider-bin-dir=/opt/plugins';
    const providers = `apiVersion: kubelet.config.k8s.io/v1
kind: CredentialProviderConfig
providers:
  - name: corp-provider
    apiVersion: credentialprovider.kubelet.k8s.io/v1
    matchImages: ["127.0.0.1:${registry.port}"]
    defaultCacheDuration: 1h
`;
    const files = {
      'etc/default/kubelet': `KUBELET_EXTRA_ARGS="${flags}"\n`,
      'etc/providers.yaml': providers,
      'opt/plugins/README': '',
    };
    return staged(`127.0.0.1:${registry.port}/team/app:1.27.3`, [registry], { files }, { [registry.port]: '5000' });
  },
  'image-of-another-pod': async () => {
    const registry = await startFakeRegistry({ repositories, basic: users });
    const image = `127.0.0.1:${registry.port}/team/app:1.27.3`;
    const cri = await startFakeCri({
      ImageStatus: () => ({ answer: { image: { id: imageId, repo_tags: [image], size: '1000' } } }),
    });
    const record = {
      kind: 'ImagePulledRecord',
      apiVersion: 'kubelet.config.k8s.io/v1beta1',
      lastUpdatedTime: '2026-11-22T10:47:18Z',
      imageRef: imageId,
      credentialMapping: {
        [image.replace(/:1\.27\.3$/, '')]: {
          kubernetesSecrets: [{ uid: '1', namespace: 'team', name: 'regcred', credentialHash: sha256('other') }],
        },
      },
    };
    const files = {
      [`var/lib/kubelet/image_manager/pulled/sha256-${sha256(imageId)}`]: JSON.stringify(record),
    };
    return staged(
      image,
      [registry, cri],
      { runtimeEndpoint: cri.endpoint, files, pullPolicy: 'IfNotPresent' },
      { [registry.port]: '5000', [cri.path]: '/run/containerd/containerd.sock' },
    );
  },
  'chart-in-place-of-an-image': async () => {
    const registry = await startFakeRegistry({ repositories: { 'charts/web': { '1.0.0': chart } } });
    return staged(`127.0.0.1:${registry.port}/charts/web:1.0.0`, [registry], {}, { [registry.port]: '5000' });
  },
  'policy-rejects-it': () => crioNode('127.0.0.1:PORT/team/app:1.27.3', insecure, '{"default":[{"type":"reject"}]}'),
  'registry-is-blocked': () =>
    crioNode('127.0.0.1:PORT/team/app:1.27.3', (port) => `${insecure(port)}blocked = true\n`),
  'short-name-of-two-registries': () =>
    crioNode('team/app:1.27.3', () => 'unqualified-search-registries = ["a.test", "b.test"]\n'),
};
