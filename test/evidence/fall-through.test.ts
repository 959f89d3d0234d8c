import assert from 'node:assert/strict';
import { fallThrough } from '../../src/evidence/fall-through.ts';
import { challenge, partyOf, Scene, type SceneOptions } from '../kit/view.ts';

const endpoints = [
  { url: 'https://mirror.test/v2', role: 'mirror' as const },
  { url: 'https://registry.test/v2', role: 'upstream' as const },
];
const upstream = { endpoint: 1, address: '192.0.2.11' };
const containerd = (version: string | null) => ({ name: 'containerd', version, asked: true }) as const;
const crio = { name: 'cri-o', version: '1.36.3', asked: true } as const;

/** What the runtime does after a mirror of which this is known. */
function fallen(build: (scene: Scene) => void, options: SceneOptions = {}): ReturnType<typeof fallThrough> {
  const scene = new Scene({ endpoints, runtime: containerd('1.7.24'), ...options });
  build(scene);
  return fallThrough(scene.view(), 0);
}

const dead = (code: 'refused' | 'timeout') => (scene: Scene) => {
  scene.dns('mirror.test', ['192.0.2.10']);
  scene.tcp('mirror.test', '192.0.2.10', code);
};
const answering =
  (answer: (scene: Scene) => void) =>
  (scene: Scene): void => {
    scene.reach();
    scene.ping();
    answer(scene);
  };
const page = { status: 200, kind: null, bodyFormat: 'html', error: ['body-invalid', 'a web page'] } as const;

describe('fallThrough', () => {
  it('is unknown where nothing is wrong', () => {
    assert.equal(
      fallen(() => undefined),
      null,
    );
  });

  describe('whether the runtime goes on', () => {
    const rows: readonly [string, (scene: Scene) => void, { containerd: boolean; crio: boolean }][] = [
      ['a port that refuses', dead('refused'), both(true)],
      ['silence', dead('timeout'), both(true)],
      ['a name that is missing', (scene) => scene.dns('mirror.test', 'name-not-found'), both(true)],
      [
        'an expired certificate',
        (scene) => {
          scene.dns('mirror.test', ['192.0.2.10']);
          scene.tcp('mirror.test', '192.0.2.10');
          scene.tls('tls-expired');
        },
        both(true),
      ],
      ['503 for the manifest', answering((scene) => scene.manifest({ status: 503 })), both(true)],
      ['401 for the manifest', answering((scene) => scene.manifest({ status: 401 })), both(true)],
      ['403 for the manifest', answering((scene) => scene.manifest({ status: 403 })), both(true)],
      ['404 for the manifest', answering((scene) => scene.manifest({ status: 404 })), both(true)],
      ['a connection that is closed', answering((scene) => scene.manifest({ error: 'closed' })), both(true)],
      [
        'a token service that is down',
        (scene) => {
          scene.reach();
          scene.ping({ status: 401, challenges: [challenge('bearer')] });
          scene.dns('auth.test', 'name-not-found');
        },
        both(true),
      ],
      ['a page in place of the manifest', answering((scene) => scene.manifest(page)), both(false)],
      ['no answer at all', answering((scene) => scene.manifest({ error: 'timeout' })), both(false)],
      [
        'an index without this platform',
        answering((scene) => scene.manifest({ kind: 'index', platforms: ['linux/s390x'] })),
        both(false),
      ],
      [
        'content that is not there',
        answering((scene) => {
          scene.manifest();
          scene.blob('config', { status: 404 });
        }),
        { containerd: true, crio: false },
      ],
      [
        'content elsewhere, where nobody is',
        answering((scene) => {
          scene.manifest();
          scene.blob('config', { status: 307, next: partyOf('https://cdn.test/x') });
          scene.dns('cdn.test', 'name-not-found');
        }),
        { containerd: true, crio: false },
      ],
      [
        'content that is cut off',
        answering((scene) => {
          scene.manifest();
          scene.blob('config', { error: 'body-cut' });
        }),
        both(false),
      ],
      [
        'content that is something else',
        answering((scene) => {
          scene.manifest();
          scene.blob('config', { error: 'digest-mismatch' });
        }),
        both(false),
      ],
    ];
    for (const [name, build, expected] of rows) {
      it(`after ${name}`, () => {
        assert.equal(fallen(build)?.goesOn, expected.containerd, 'containerd');
        assert.equal(fallen(build, { runtime: crio })?.goesOn, expected.crio, 'CRI-O');
      });
    }

    it('ends the wait for an answer from containerd 2.3 on', () => {
      const silent = answering((scene) => scene.manifest({ error: 'timeout' }));
      const goesOn = (version: string | null): boolean | undefined =>
        fallen(silent, { runtime: containerd(version) })?.goesOn;
      assert.deepEqual(['1.6.20', '2.2.1', '2.3.0', 'v2.4.0-beta.0', '3.0.0', null].map(goesOn), [
        ...[false, false, true, true, true],
        true, // not known: the newest
      ]);
    });
  });

  describe('after how long, and how often', () => {
    const waits = (build: (scene: Scene) => void, options: SceneOptions = {}): readonly (number | undefined)[] => {
      const fall = fallen((scene) => {
        build(scene);
        scene.serve(upstream);
      }, options);
      return [fall?.afterMs, fall?.times];
    };

    it("is the runtime's own limit where packets vanish: at each request of containerd, once of CRI-O", () => {
      assert.deepEqual(waits(dead('timeout')), [30_000, 4]);
      assert.deepEqual(waits(dead('timeout'), { runtime: crio }), [30_000, 1]);
    });

    it('is the dial_timeout of hosts.toml', () => {
      const [mirror, registry] = endpoints;
      assert.ok(mirror !== undefined && registry !== undefined);
      assert.deepEqual(
        waits(dead('timeout'), { endpoints: [{ ...mirror, dialTimeoutMs: 3000 }, registry] }),
        [3000, 4],
      );
    });

    it('is what was measured where an answer comes', () => {
      const slow = (scene: Scene): void => {
        scene.dns('mirror.test', ['192.0.2.10']);
        scene.tcp('mirror.test', '192.0.2.10', 'refused', { durationMs: 800 });
      };
      assert.deepEqual(waits(slow), [800, 4]);
    });

    it('is ten seconds for a handshake in silence', () => {
      const silent = (scene: Scene): void => {
        scene.dns('mirror.test', ['192.0.2.10']);
        scene.tcp('mirror.test', '192.0.2.10');
        scene.tls('timeout');
      };
      assert.deepEqual(waits(silent), [10_000, 4]);
    });

    it('is what the resolver takes for nameservers that are silent, and no more than the dial', () => {
      const silent = (scene: Scene): void => void scene.dns('mirror.test', 'timeout');
      assert.deepEqual(waits(silent), [10_000, 4]);
      const four = { nameservers: ['192.0.2.53', '192.0.2.54', '192.0.2.55', '192.0.2.56'] };
      const all = (scene: Scene): void => {
        for (const order of four.nameservers.keys()) scene.dns('mirror.test', 'timeout', order);
      };
      assert.deepEqual(waits(all, four), [30_000, 4]);
    });

    it('is once for each part of the content, where the manifests come', () => {
      const [, times] = waits((scene) => {
        scene.reach();
        scene.ping();
        scene.manifest();
        scene.blob('config', { status: 307, next: partyOf('https://cdn.test/x') });
        scene.dns('cdn.test', ['192.0.2.40']);
        scene.tcp('cdn.test', '192.0.2.40', 'timeout');
      });
      assert.equal(times, 2);
    });
  });
});

function both(goesOn: boolean): { containerd: boolean; crio: boolean } {
  return { containerd: goesOn, crio: goesOn };
}
