import { holds, misses } from '../kit/cause-cases.ts';
import { Scene } from '../kit/view.ts';

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
      scene.disk({ freeBytes: 2 ** 30 });
      scene.reach();
      scene.ping();
      scene.manifest({ layers: [{ digest: 'sha256:1', size: 3 * 2 ** 30, mediaType: 'x' }] });
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
