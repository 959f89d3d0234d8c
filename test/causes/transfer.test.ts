import { limits } from '../../src/lib/limits.ts';
import type { PullProgress, TransferFacts } from '../../src/model/facts.ts';
import { holds, misses } from '../kit/cause-cases.ts';
import { digest, Scene, startedAtMs } from '../kit/view.ts';

const mib = 2 ** 20;
const local = { endpoint: null, host: 'registry.test' } as const;
const at = (ms: number): string => new Date(startedAtMs + ms).toISOString();

/** The registry serves the image, whose layer has 8 MiB; then what is seen beside it. */
const served = (say: (scene: Scene) => string): { scene: Scene; evidence: string[] } => {
  const scene = new Scene({ runtime: { name: 'containerd', asked: true } });
  scene.runtime();
  scene.reach();
  scene.ping();
  scene.manifest({ layers: [{ digest: digest('1'), size: 8 * mib, mediaType: 'x' }] });
  scene.blob('config');
  scene.blob('layer', { size: 8 * mib, bytes: limits.layerProbeBytes, digestMatches: null });
  return { scene, evidence: [say(scene)] };
};

describe('causes: pulls that stand still', () => {
  holds('pull-stalled', 'the layer does not grow, and its process reads nothing', () => ({
    ...served((scene) => scene.ingest([{}])),
    ...local,
    says: /^A pull from registry\.test is under way and moves no bytes: layer sha256:1{12} stands at 2\.0 of 8\.0 MiB for 30 s; before, 1\.0 MiB\/s came\.$/,
  }));
  holds('pull-stalled', 'nothing is written for a minute, and what the process reads is not known', () => ({
    ...served((scene) => scene.ingest([{ changedAt: at(-58_000) }], { receivedBytes: null })),
    ...local,
    confidence: 'likely',
    says: /for 63 s, at most 1 MiB came/,
  }));
  holds('pull-stalled', 'nothing is written for a minute, by a process that reads much else', () => ({
    ...served((scene) => scene.ingest([{ changedAt: at(-58_000) }], { receivedBytes: 9 * mib })),
    ...local,
    confidence: 'likely',
  }));
  holds('pull-stalled', 'three layers, of which none moves', () => ({
    ...served((scene) => {
      const other = { digest: digest('c'), ref: `config-${digest('c')}`, changedAt: at(-20_000) };
      return scene.ingest([{}, other]);
    }),
    ...local,
    says: /\(and 1 more\) stands at 2\.0/,
  }));
  holds('pull-stalled', 'who has it open is not known, and the journal says that it is pulled', () => ({
    ...served((scene) => {
      scene.journal([{ event: 'pull-started', at: at(-90_000) }], { underWaySince: at(-90_000) });
      return scene.ingest([{ open: null, startedAt: at(-89_000), changedAt: at(-80_000) }], { receivedBytes: null });
    }),
    ...local,
    confidence: 'likely',
  }));

  const moves: Readonly<Record<string, () => Scene>> = {
    'it grows': () => served((scene) => scene.ingest([{ grownBytes: mib }])).scene,
    'its process reads, though nothing is written yet': () =>
      served((scene) => scene.ingest([{}], { receivedBytes: 200_000 })).scene,
    'it rests for some seconds': () => served((scene) => scene.ingest([{ changedAt: at(-3000) }])).scene,
    'another of its layers comes': () => served((scene) => scene.ingest([{}, { grownBytes: mib }])).scene,
    'it is complete, and being put in its place': () => served((scene) => scene.ingest([{ bytes: 8 * mib }])).scene,
    'nobody has it open: a pull that ended has left it': () => served((scene) => scene.ingest([{ open: false }])).scene,
    'who has it open is not known, and nobody says that it is pulled': () =>
      served((scene) => scene.ingest([{ open: null, changedAt: at(-200_000) }])).scene,
    'it is older than the runtime, and who has it open is not known': () =>
      served((scene) => {
        scene.journal([{ event: 'pull-started' }]);
        const runtimeStartedAt = at(-100_000);
        return scene.ingest([{ open: null, startedAt: at(-200_000), changedAt: at(-190_000) }], { runtimeStartedAt });
      }).scene,
    'the runtime goes on with it since a moment ago': () =>
      served((scene) => scene.ingest([{ changedAt: at(-500_000) }], { runtimeStartedAt: at(-2000) })).scene,
    'the pull is said to have begun a moment ago': () =>
      served((scene) => {
        scene.journal([{ event: 'pull-started', at: at(-1000) }], { underWaySince: at(-1000) });
        return scene.ingest([{ changedAt: at(-500_000) }]);
      }).scene,
    'it is of another image': () => served((scene) => scene.ingest([{ digest: digest('9') }])).scene,
    "it is not the kubelet's: somebody uses ctr": () =>
      served((scene) => scene.ingest([{ namespace: 'default' }])).scene,
    'it was looked at once only': () => served((scene) => scene.ingest([{}], { watchedMs: 0 })).scene,
    'a real pull works': () =>
      served((scene) => {
        scene.ingest([{}]);
        return scene.pull(null);
      }).scene,
  };
  for (const [name, build] of Object.entries(moves)) misses('pull-stalled', name, build, null);

  misses(
    'pull-stalled',
    'the content host refuses now, and nothing is known to be in flight',
    () => {
      const scene = new Scene();
      scene.reach();
      scene.ping();
      scene.manifest();
      scene.blob('config');
      scene.blob('layer', { error: 'body-cut', bytes: 10 });
      return scene;
    },
    'blob-unreachable',
  );

  holds('pull-stalled', 'the network is broken, too: that comes first', () => {
    const scene = new Scene({ image: `registry.test/team/app@${digest('1')}` });
    scene.dns('registry.test', ['192.0.2.10']);
    scene.tcp('registry.test', '192.0.2.10', 'timeout');
    return { scene, evidence: [scene.ingest([{}])], ...local, primary: 'tcp-timeout' };
  });
});

describe('causes: pulls that end without a word about why', () => {
  const transfer: TransferFacts = {
    namespace: 'k8s.io',
    ref: `layer-${digest('1')}`,
    digest: digest('1'),
    bytes: 3 * mib,
    totalBytes: 8 * mib,
    startedAt: at(0),
    changedAt: at(6000),
    grownBytes: 3 * mib,
    open: true,
  };
  const progress: PullProgress = {
    ended: 'deadline',
    watchedMs: 8000,
    transfers: [transfer],
    movedBytes: 3 * mib,
    quietMs: 0,
    exact: true,
  };
  const pulled = (more: Partial<PullProgress>, words = 'no answer within 8000 ms', durationMs = 8000) =>
    served((scene) => scene.pull(words, null, { progress: { ...progress, ...more } }, { durationMs }));

  holds('pull-timeout', 'bytes come until the deadline', () => ({
    ...pulled({}),
    ...local,
    says: /^The pull from registry\.test does not end in time: 3\.0 MiB came in 8 s, 384\.0 KiB\/s, layer sha256:1{12} is at 3\.0 of 8\.0 MiB, and --pull-deadline ended the pull\.$/,
  }));
  holds('pull-timeout', 'some bytes came, and the last some time ago, as far as is known', () => ({
    ...pulled({ quietMs: 20_000, exact: false, watchedMs: 60_000 }),
    ...local,
    confidence: 'likely',
    alternatives: ['pull-stalled'],
  }));
  holds('pull-stalled', 'none came any more when the deadline ended it', () => ({
    ...pulled({ quietMs: 14_000, watchedMs: 20_000 }),
    ...local,
    says: /stands at 3\.0 of 8\.0 MiB for 14 s/,
  }));
  holds('pull-stalled', 'containerd itself gave it up', () => ({
    ...pulled(
      { ended: 'runtime', quietMs: 61_000, watchedMs: 70_000 },
      'failed to pull and unpack image: context canceled',
    ),
    ...local,
  }));
  holds('pull-stalled', 'its process reads much else, and nothing was written for more than a minute', () => ({
    ...pulled(
      { quietMs: 100, transfers: [{ ...transfer, changedAt: at(20_000) }], watchedMs: 119_000 },
      undefined,
      120_000,
    ),
    ...local,
    confidence: 'likely',
    says: /for 100 s, at most 1 MiB came/,
  }));
  misses('pull-timeout', 'none came any more', () => pulled({ quietMs: 14_000 }).scene, 'pull-stalled');
  misses(
    'pull-timeout',
    'none came at all',
    () => pulled({ movedBytes: 0, transfers: [], quietMs: null }).scene,
    'unknown',
  );
  misses(
    'pull-timeout',
    'the runtime says what is wrong',
    () => pulled({ ended: 'runtime' }, 'failed to extract layer').scene,
    'unknown',
  );
  misses('pull-stalled', 'bytes come until the deadline', () => pulled({}).scene, 'pull-timeout');
  misses(
    'pull-stalled',
    'the runtime ends the pull for a reason of its own',
    () => pulled({ ended: 'runtime', quietMs: 20_000 }, 'no space left on device').scene,
    'unknown',
  );

  holds('pull-canceled', 'the runtime was restarted in the middle of it', () => ({
    ...pulled({ ended: 'runtime-restarted' }),
    endpoint: null,
    says: /^The pull was ended by the node itself: the runtime was restarted in the middle of it\.$/,
  }));
  misses(
    'pull-canceled',
    'it went away and did not come back',
    () => {
      const { scene } = served((one) =>
        one.pull('Connection dropped', 'runtime-unreachable', { progress: { ...progress, ended: 'runtime-gone' } }),
      );
      return scene;
    },
    'runtime-unreachable',
  );
  misses('pull-canceled', 'our own deadline ended it', () => pulled({}).scene, 'pull-timeout');
});
