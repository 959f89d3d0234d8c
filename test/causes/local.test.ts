import { strict as assert } from 'node:assert';
import { causeOf } from '../../src/causes/index.ts';
import type { CertificateFacts } from '../../src/model/facts.ts';
import { holds, misses } from '../kit/cause-cases.ts';
import { certificate, digest, Scene } from '../kit/view.ts';

const asked = { runtime: { name: 'containerd', asked: true } } as const;
const local = { endpoint: null, host: null } as const;

/** The registry serves the image; what is said of the node comes first. */
const node = (say: (scene: Scene) => string, options: ConstructorParameters<typeof Scene>[0] = {}) => {
  const scene = new Scene({ ...asked, ...options });
  const id = say(scene);
  scene.serve();
  return { scene, evidence: [id], ...local };
};

describe('causes: node', () => {
  holds('disk-full', 'no bytes are left', () => ({
    ...node((scene) => scene.disk({ freeBytes: 4096 })),
    says: /\/var\/lib\/containerd\) is full: 4\.0 KiB are free/,
  }));
  holds('disk-full', 'no inode is left', () => ({
    ...node((scene) => scene.disk({ freeInodes: 0 })),
    says: /no inode is free/,
  }));
  holds('disk-full', 'too little is left for this image', () => {
    const scene = new Scene(asked);
    const evidence = [scene.disk({ freeBytes: 2 ** 30 })];
    scene.reach();
    scene.ping();
    scene.manifest({ layers: [{ digest: 'sha256:1', size: 3 * 2 ** 30, mediaType: 'x' }] });
    return {
      scene,
      evidence,
      ...local,
      confidence: 'likely',
      says: /1\.0 GiB are free, and this image's layers take 3\.0 GiB/,
    };
  });
  misses(
    'disk-full',
    'a file system without inodes (btrfs says 0 of 0)',
    () => node((scene) => scene.disk({ totalInodes: 0, freeInodes: 0 })).scene,
    null,
  );
  misses('disk-full', 'half full', () => node((scene) => scene.disk()).scene, null);
  misses(
    'disk-full',
    'too little for this image, which is here already',
    () => {
      const scene = new Scene(asked);
      scene.runtime();
      scene.image(true);
      scene.disk({ totalBytes: 4 * 2 ** 30, freeBytes: 2 ** 30 });
      scene.reach();
      scene.ping();
      scene.manifest({ layers: [{ digest: 'sha256:1', size: 3 * 2 ** 30, mediaType: 'x' }] });
      return scene;
    },
    null,
  );
});

describe('causes: node, before it stops pulls', () => {
  const degraded = { severity: 'degraded' } as const;
  holds('disk-full', "as full as the kubelet's collection of images waits for", () => ({
    ...node((scene) => scene.disk({ freeBytes: 15 * 2 ** 30 })),
    ...degraded,
    says: /nearly full: 85 % are used, 15 GiB are free/,
  }));
  holds('disk-full', 'hardly an inode is left', () => ({
    ...node((scene) => scene.disk({ freeInodes: 49_000 })),
    ...degraded,
    says: /nearly out of inodes: 95 % of the inodes are used/,
  }));
  holds('disk-full', 'room for this image packed, and not unpacked', () => {
    const scene = new Scene(asked);
    const evidence = [scene.disk({ totalBytes: 8 * 2 ** 30, freeBytes: 5 * 2 ** 30 })];
    scene.reach();
    scene.ping();
    scene.manifest({ layers: [{ digest: digest('1'), size: 2 * 2 ** 30, mediaType: 'x' }] });
    scene.blob('config');
    scene.blob('layer');
    return { scene, evidence, ...local, ...degraded, confidence: 'possible', says: /may be too small for this image/ };
  });
  it('disk-full goes by what the kubelet is set to', () => {
    const { scene } = node((scene) => scene.disk({ freeBytes: 25 * 2 ** 30 }));
    const set = (value: number) => {
      const view = scene.view();
      const imageGCHighThresholdPercent = { value, source: 'var/lib/kubelet/config.yaml:9' };
      const kubelet = { ...view.plan.kubelet, imageGCHighThresholdPercent };
      return causeOf('disk-full').match?.({ ...view, plan: { ...view.plan, kubelet } }) ?? [];
    };
    assert.match(set(70)[0]?.summary ?? '', /From 70 % \(var\/lib\/kubelet\/config\.yaml:9\) on the kubelet/);
    assert.deepEqual(set(80), []);
  });
  misses('disk-full', '84 %', () => node((scene) => scene.disk({ freeBytes: 16 * 2 ** 30 })).scene, null);
  misses(
    'disk-full',
    'just above 5 % of the inodes',
    () => node((scene) => scene.disk({ freeInodes: 50_000 })).scene,
    null,
  );
  it('disk-full is said once of one file system that several folders lie on', () => {
    const { scene } = node((scene) => scene.disk({ freeBytes: 4096 }));
    scene.disk({ path: '/var/lib/containerd/io.containerd.content.v1.content', freeBytes: 4096 });
    assert.equal(causeOf('disk-full').match?.(scene.view()).length, 1);
  });
});

describe('causes: file systems that take nothing', () => {
  const mount = { point: '/var', type: 'ext4', readOnly: 'file system', emergency: false } as const;
  holds('filesystem-error', 'the file system is read-only', () => ({
    ...node((scene) => scene.disk({ mount })),
    says: /\/var\/lib\/containerd \(the ext4 file system at \/var is read-only\)/,
  }));
  holds('filesystem-error', 'it is mounted read-only there', () => ({
    ...node((scene) => scene.disk({ mount: { ...mount, readOnly: 'mount' } })),
    says: /is mounted read-only there/,
  }));
  holds('filesystem-error', 'the kernel stopped writing after an error', () => ({
    ...node((scene) => scene.disk({ mount: { ...mount, emergency: true } })),
    says: /the kernel met an error in the ext4 file system at \/var/,
  }));
  holds('filesystem-error', 'read-only, and the tag is not there either', () => {
    const scene = new Scene(asked);
    const evidence = [scene.disk({ mount })];
    scene.reach();
    scene.ping();
    scene.manifest({ status: 404, errors: [{ code: 'MANIFEST_UNKNOWN', message: '' }] });
    scene.names('tags', ['1.0']);
    return { scene, evidence, ...local };
  });
  misses(
    'filesystem-error',
    'a file system that can be written',
    () => node((scene) => scene.disk({ mount: { ...mount, readOnly: null } })).scene,
    null,
  );
  misses('filesystem-error', 'mounts that could not be read', () => node((scene) => scene.disk()).scene, null);
  misses(
    'filesystem-error',
    'full, which is another thing',
    () => node((scene) => scene.disk({ freeBytes: 0, mount: { ...mount, readOnly: null } })).scene,
    'disk-full',
  );
});

describe('causes: snapshotters', () => {
  const plugin = { root: null, address: null };
  const cri = (error: string) => ({ ...plugin, name: 'io.containerd.grpc.v1.cri', error });
  const unserved = (...plugins: readonly ReturnType<typeof cri>[]) =>
    node((scene) => scene.runtime({ failure: 'not-served', plugins }));

  holds('snapshotter-unavailable', 'a name that this containerd does not know', () => ({
    ...unserved(cri('failed to create CRI service: failed to find snapshotter "stargz"')),
    says: /CRI is set to "stargz", which did not load \(failed to create CRI service: failed to find/,
  }));
  holds('snapshotter-unavailable', 'a snapshotter that does not work here', () => ({
    ...unserved(cri('failed to create CRI service: failed to find snapshotter "btrfs"'), {
      ...plugin,
      name: 'io.containerd.snapshotter.v1.btrfs',
      error: 'path must be a btrfs filesystem',
    }),
    says: /"btrfs", which did not load \(path must be a btrfs filesystem\)/,
  }));
  holds('snapshotter-unavailable', 'another program, whose socket is not there', () => ({
    ...node((scene) => scene.snapshotter('socket-absent')),
    says: /"lazy" is another program, at \/run\/lazy\.sock, and there is no socket/,
  }));
  holds('snapshotter-unavailable', 'another program, which died', () => node((scene) => scene.snapshotter('refused')));
  misses(
    'snapshotter-unavailable',
    'another program, whose socket this user may not open',
    () => node((scene) => scene.snapshotter('not-permitted')).scene,
    null,
  );
  misses(
    'snapshotter-unavailable',
    'a program that listens',
    () => node((scene) => scene.snapshotter(null)).scene,
    null,
  );
  misses(
    'snapshotter-unavailable',
    'CRI did not load for another reason',
    () => unserved(cri('invalid plugin config: `mirrors` cannot be set when `config_path` is provided')).scene,
    'runtime-misconfigured',
  );
  holds('runtime-misconfigured', 'CRI did not load, and containerd says why', () => ({
    ...unserved(cri('invalid plugin config: `mirrors` cannot be set when `config_path` is provided')),
    says: /its plugin io\.containerd\.grpc\.v1\.cri did not load \(invalid plugin config/,
  }));
});

describe('causes: clock', () => {
  const day = 86_400_000;
  /** A mirror and a second one over plain HTTP that tell the time, and a registry whose certificate fails. */
  const told = (
    offsets: readonly (number | null)[],
    code: 'tls-expired' | 'tls-not-yet-valid' = 'tls-expired',
    dates: Partial<CertificateFacts> = { notBefore: '2025-11-01T00:00:00Z', notAfter: '2026-11-19T08:00:00Z' },
  ) => {
    const mirrors = offsets.map((_, index) => ({ url: `http://mirror${index}.test/v2`, role: 'mirror' as const }));
    const scene = new Scene({ endpoints: [...mirrors, { url: 'https://registry.test/v2' }] });
    const pings = offsets.map((clockOffsetMs, endpoint) => {
      scene.reach({ endpoint, address: `192.0.2.${20 + endpoint}` });
      const ping = scene.ping({ endpoint, clockOffsetMs });
      scene.manifest({ endpoint, status: 404, errors: [{ code: 'NAME_UNKNOWN', message: '' }] });
      return ping;
    });
    const upstream = { endpoint: offsets.length, address: '192.0.2.10' };
    scene.dns('registry.test', ['192.0.2.10']);
    scene.tcp('registry.test', '192.0.2.10', null, upstream);
    const tls = scene.tls(code, { ...upstream, chain: [certificate(dates)], failedCertificate: 0 });
    return { scene, evidence: [tls, ...pings], endpoint: offsets.length };
  };
  holds('clock-skew', 'ahead, by the word of two hosts, at whose time the certificate holds', () => ({
    ...told([10 * day, 10 * day + 900]),
    says: /clock is wrong \(10 days ahead\)/,
  }));
  holds('clock-skew', 'behind, so that the certificate is not valid yet', () => ({
    ...told([-90 * day, -90 * day], 'tls-not-yet-valid', {
      notBefore: '2026-12-01T00:00:00Z',
      notAfter: '2027-12-01T00:00:00Z',
    }),
    says: /90 days behind/,
  }));
  holds('clock-skew', 'by the word of one host, whose own clock may be the wrong one', () => ({
    ...told([10 * day]),
    confidence: 'likely',
    alternatives: ['tls-certificate-expired'],
  }));
  /** Only the registry's own Date is known. */
  const alone = (offsetMs: number, code: 'tls-expired' | 'tls-not-yet-valid', dates: Partial<CertificateFacts>) => {
    const scene = new Scene();
    scene.dns('registry.test', ['192.0.2.10']);
    scene.tcp('registry.test', '192.0.2.10');
    const tls = scene.tls(code, { chain: [certificate(dates)], failedCertificate: 0 });
    return { scene, evidence: [tls, scene.clock(offsetMs)] };
  };
  const early = { notBefore: '2026-12-01T00:00:00Z', notAfter: '2027-12-01T00:00:00Z' };
  const late = { notBefore: '2025-11-01T00:00:00Z', notAfter: '2026-11-19T08:00:00Z' };
  holds('clock-skew', 'by the word of the registry alone and of the authority that signed its certificate', () => ({
    ...alone(-90 * day, 'tls-not-yet-valid', early),
    confidence: 'likely',
    alternatives: ['tls-certificate-not-yet-valid'],
  }));
  holds(
    'tls-certificate-expired',
    'by this node’s clock, and not by that of the registry, which may have stopped',
    () => ({
      ...alone(10 * day, 'tls-expired', late),
      confidence: 'likely',
      alternatives: ['clock-skew'],
      says: /By that host's own clock it is valid: this node's is 10 days ahead/,
    }),
  );
  holds('tls-certificate-expired', 'by the clock of the registry, too', () => alone(900, 'tls-expired', late));
  holds('tls-certificate-not-yet-valid', 'and the registry’s clock is this node’s', () =>
    alone(-900, 'tls-not-yet-valid', early),
  );
  misses(
    'clock-skew',
    'the registry’s own clock is another, and that of a second host is this node’s',
    () => {
      const endpoints = [{ url: 'https://registry.test/v2' }, { url: 'https://mirror.test/v2' }];
      const scene = new Scene({ endpoints });
      scene.dns('registry.test', ['192.0.2.10']);
      scene.tcp('registry.test', '192.0.2.10');
      scene.tls('tls-not-yet-valid', { chain: [certificate(early)], failedCertificate: 0 });
      scene.clock(-90 * day);
      scene.reach({ endpoint: 1, address: '192.0.2.20' });
      scene.ping({ endpoint: 1, clockOffsetMs: 300, status: 503 });
      return scene;
    },
    'tls-certificate-not-yet-valid',
  );
  const missed = (name: string, build: () => { scene: Scene }) =>
    misses('clock-skew', name, () => build().scene, 'tls-certificate-expired');
  missed('the certificate has expired by their time, too', () => told([day, day]));
  missed('their time is the same', () => told([800, -400]));
  missed('they do not agree about the time', () => told([10 * day, 90 * day]));
  missed('nobody tells the time', () => told([null, null]));
  misses(
    'clock-skew',
    'the clock is wrong, and nothing fails by it',
    () => {
      const scene = new Scene();
      scene.reach();
      scene.ping({ clockOffsetMs: 10 * day });
      scene.manifest({ clockOffsetMs: 10 * day });
      scene.blob('config');
      scene.blob('layer');
      return scene;
    },
    null,
  );
});

describe('causes: runtime', () => {
  const failures: readonly [string, RegExp][] = [
    ['socket-absent', /there is no socket/],
    ['not-a-socket', /not a socket/],
    ['refused', /nothing listens/],
    ['not-permitted', /may not open/],
    ['silent', /does not answer/],
  ];
  for (const [failure, says] of failures) {
    holds('runtime-unreachable', failure, () => ({ ...node((scene) => scene.runtime({ failure })), says }));
    misses(
      'runtime-misconfigured',
      failure,
      () => node((scene) => scene.runtime({ failure })).scene,
      'runtime-unreachable',
    );
  }
  holds('runtime-misconfigured', 'it answers, and does not serve CRI', () => ({
    ...node((scene) => scene.runtime({ failure: 'not-served' })),
    says: /\/run\/containerd\/containerd\.sock answers, and does not serve CRI/,
  }));
  holds('runtime-misconfigured', 'it says that it is not ready', () => ({
    ...node((scene) =>
      scene.runtime({
        ready: false,
        conditions: [{ type: 'RuntimeReady', status: false, reason: 'X', message: 'shim missing' }],
      }),
    ),
    says: /not ready \(shim missing\)/,
  }));
  misses(
    'runtime-misconfigured',
    'only its network is not ready: images are pulled without it',
    () =>
      node((scene) =>
        scene.runtime({
          conditions: [{ type: 'NetworkReady', status: false, reason: 'X', message: 'cni plugin not initialized' }],
        }),
      ).scene,
    null,
  );
  misses('runtime-unreachable', 'it serves', () => node((scene) => scene.runtime()).scene, null);
  misses(
    'runtime-unreachable',
    'no runtime was looked for',
    () => {
      const scene = new Scene();
      scene.serve();
      return scene;
    },
    null,
  );
  misses(
    'runtime-unreachable',
    'it was not asked to the end',
    () => node((scene) => scene.skipped('runtime')).scene,
    null,
  );
});

describe('causes: policy', () => {
  holds('image-never-pull', 'Never, and not here', () => ({
    ...node((scene) => scene.image(false), { policy: 'Never' }),
    says: /is not on this node, and imagePullPolicy Never/,
  }));
  misses(
    'image-never-pull',
    'Never, and here',
    () => node((scene) => scene.image(true), { policy: 'Never' }).scene,
    null,
  );
  misses('image-never-pull', 'IfNotPresent, and not here', () => node((scene) => scene.image(false)).scene, null);
  misses(
    'image-never-pull',
    'Never, and the runtime does not say',
    () => node((scene) => scene.image(null), { policy: 'Never' }).scene,
    null,
  );
});
