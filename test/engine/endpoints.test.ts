import assert from 'node:assert/strict';
import { conclude } from '../../src/engine/conclude.ts';
import type { CauseId } from '../../src/model/cause-id.ts';
import { challenge, Scene, type SceneOptions } from '../kit/view.ts';

const runtime = { name: 'containerd', version: '1.7.24', asked: true } as const;
const source = 'etc/containerd/certs.d/registry.test/hosts.toml:3';
const mirrored: SceneOptions = {
  runtime,
  endpoints: [
    { url: 'https://mirror.test/v2', role: 'mirror', source },
    { url: 'https://second.test/v2', role: 'mirror' },
    { url: 'https://registry.test/v2', role: 'upstream' },
  ],
};
const second = { endpoint: 1, address: '192.0.2.11' };
const upstream = { endpoint: 2, address: '192.0.2.12' };
const page = { status: 200, kind: null, bodyFormat: 'html', error: ['body-invalid', 'a web page'] } as const;
const noRepository = [{ code: 'NAME_UNKNOWN', message: 'unknown' }];
const noTag = [{ code: 'MANIFEST_UNKNOWN', message: 'unknown' }];

function scene(build: (one: Scene) => void, options: SceneOptions = {}): Scene {
  const made = new Scene({ ...mirrored, ...options });
  build(made);
  return made;
}

/** An endpoint that answers the version check and, for the manifest, this. */
function answers(one: Scene, party: { endpoint?: number; address?: string }, facts: Parameters<Scene['manifest']>[0]) {
  one.reach(party);
  one.ping(party);
  one.manifest({ ...party, ...facts });
}

function refuses(one: Scene, host: string, endpoint: number, code: 'refused' | 'timeout' = 'refused'): void {
  one.dns(host, [`192.0.2.1${endpoint}`]);
  one.tcp(host, `192.0.2.1${endpoint}`, code, { endpoint });
}

const told = (one: Scene): [string, ...CauseId[]] => {
  const { verdict, findings } = conclude(one.view());
  return [verdict, ...findings.map(({ cause, underlying }) => underlying ?? cause)];
};

describe('endpoints: what a failing mirror costs', () => {
  const summaryOf = (one: Scene): string => conclude(one.view()).summary;

  it('says to whom containerd goes on, when, and what that adds up to', () => {
    const one = scene((made) => {
      refuses(made, 'mirror.test', 0, 'timeout');
      made.serve(second);
    });
    assert.match(
      summaryOf(one),
      /^The mirror mirror\.test \(etc\/\S+:3\) fails; containerd goes on to second\.test after 30 s at each request, about 120 s in one pull\. Nothing comes back/,
    );
    assert.equal(conclude(one.view()).findings[0]?.host, 'mirror.test');
  });

  it('says that CRI-O asks it once', () => {
    const one = scene(
      (made) => {
        refuses(made, 'mirror.test', 0, 'timeout');
        made.serve(second);
      },
      { runtime: { name: 'cri-o', version: '1.36.3', asked: true } },
    );
    assert.match(summaryOf(one), /; CRI-O goes on to second\.test after 30 s\. /);
  });

  it('says that a refusal costs nothing', () => {
    const one = scene((made) => {
      refuses(made, 'mirror.test', 0);
      made.serve(second);
    });
    assert.match(summaryOf(one), /; containerd goes on to second\.test at once\. /);
  });

  it('says of a mirror behind one that serves when it is asked at all', () => {
    const one = scene((made) => {
      made.serve();
      refuses(made, 'second.test', 1);
    });
    assert.match(
      summaryOf(one),
      /^The mirror second\.test \(default\) fails; it is asked only where mirror\.test before/,
    );
  });

  it('names the mirror and, in its sentence, the party behind it that fails', () => {
    const one = scene((made) => {
      made.reach();
      made.ping({ status: 401, challenges: [challenge('bearer')] });
      made.dns('auth.test', 'name-not-found');
      made.serve(second);
    });
    const [finding] = conclude(one.view()).findings;
    assert.deepEqual(
      [finding?.cause, finding?.underlying, finding?.host],
      ['mirror-failed', 'auth-service-unreachable', 'mirror.test'],
    );
    assert.match(finding?.summary ?? '', /auth\.test, does not give a token/);
  });
});

describe('endpoints: where the runtime stops', () => {
  it('is faulty by a page in the place of a manifest, although another endpoint serves', () => {
    const one = scene((made) => {
      answers(made, {}, page);
      made.serve(upstream);
    });
    const { verdict, findings, endpoints } = conclude(one.view());
    assert.deepEqual(
      [verdict, findings[0]?.cause, findings[0]?.severity],
      ['faulty', 'registry-invalid-response', 'fault'],
    );
    assert.match(
      findings[0]?.summary ?? '',
      / containerd goes no further after that, although registry\.test serves the image\.$/,
    );
    assert.deepEqual(
      endpoints.map((endpoint) => endpoint.verdict),
      ['faulty', 'skipped', 'healthy'],
    );
  });

  it('is degraded by the same page behind an endpoint that serves', () => {
    const one = scene((made) => {
      made.serve();
      answers(made, second, page);
    });
    assert.deepEqual(told(one), ['degraded', 'registry-invalid-response']);
  });

  it('puts the stop before the mirror that was passed and before what the upstream says of the image', () => {
    const one = scene((made) => {
      refuses(made, 'mirror.test', 0);
      answers(made, second, page);
      answers(made, upstream, { status: 404, errors: noTag });
      made.names('tags', ['0.9'], upstream);
    });
    assert.deepEqual(told(one), ['faulty', 'registry-invalid-response', 'tcp-refused', 'tag-not-found']);
  });

  it('is not inconclusive by an endpoint that is never asked', () => {
    const one = scene((made) => {
      answers(made, {}, page);
      made.skipped('dns', { endpoint: 2 });
    });
    assert.deepEqual(told(one), ['faulty', 'registry-invalid-response']);
  });

  it('yields to a pull that works', () => {
    const one = scene((made) => {
      answers(made, {}, page);
      made.serve(upstream);
      made.pull(null);
    });
    assert.equal(told(one)[0], 'degraded');
  });

  it('is for CRI-O the content of the mirror that gave the manifest', () => {
    const build = (made: Scene): void => {
      made.reach();
      made.ping();
      made.manifest();
      made.blob('config', { status: 503 });
      made.serve(upstream);
    };
    assert.deepEqual(told(scene(build)).slice(0, 2), ['degraded', 'blob-unreachable']);
    const crio = scene(build, { runtime: { name: 'cri-o', version: '1.36.3', asked: true } });
    assert.deepEqual(told(crio).slice(0, 2), ['faulty', 'registry-error']);
  });
});

describe('endpoints: mirrors without the image', () => {
  const without = (made: Scene, errors: typeof noRepository): void => {
    answers(made, {}, { status: 404, errors });
    made.names('tags', errors === noTag ? ['0.9'] : [], errors === noTag ? {} : { status: 404, errors });
    answers(made, second, { status: 404, errors: noRepository });
  };

  it('are not what is broken: the upstream behind them is', () => {
    const one = scene((made) => {
      without(made, noRepository);
      refuses(made, 'registry.test', 2);
    });
    assert.equal(told(one)[1], 'tcp-refused');
    const silent = scene((made) => {
      without(made, noRepository);
      refuses(made, 'registry.test', 2, 'timeout');
    });
    assert.equal(told(silent)[1], 'tcp-timeout');
  });

  it('may be all there is in a closed network, if they have the repository', () => {
    const closed = scene((made) => {
      without(made, noTag);
      refuses(made, 'registry.test', 2, 'timeout');
    });
    assert.equal(told(closed)[1], 'tag-not-found');
    const open = scene((made) => {
      without(made, noTag);
      refuses(made, 'registry.test', 2);
    });
    assert.equal(told(open)[1], 'tcp-refused');
  });
});
