import { strict as assert } from 'node:assert';
import { conclude } from '../../src/engine/conclude.ts';
import type { SandboxFacts } from '../../src/model/facts.ts';
import type { Problem } from '../../src/model/problem.ts';
import { holds, misses } from '../kit/cause-cases.ts';
import { Scene } from '../kit/view.ts';

const asked = { runtime: { name: 'containerd', asked: true } } as const;
const refused: NonNullable<SandboxFacts['pull']> = {
  verdict: 'faulty',
  cause: 'tcp-refused',
  confidence: 'proven',
  host: 'pause.test',
  summary: 'pause.test:443 refuses the connection.',
};

/** A runtime that serves, an image that can be pulled, and what is known of the pause image. */
const beside = (pause: SandboxFacts['pull'] | 'present', options: ConstructorParameters<typeof Scene>[0] = {}) => {
  const scene = new Scene({ ...asked, ...options });
  scene.runtime();
  const id = scene.sandbox(pause);
  scene.serve();
  return { scene, id };
};

/** The registry has the repository, and not the tag. */
const withoutTag = (scene: Scene): Scene => {
  scene.reach();
  scene.ping();
  scene.manifest({ status: 404, errors: [{ code: 'MANIFEST_UNKNOWN', message: '' }] });
  scene.names('tags', ['0.1']);
  return scene;
};

describe('causes: the pause image', () => {
  holds('sandbox-image-unavailable', 'not on the node, and its registry refuses', () => {
    const { scene, id } = beside(refused);
    return {
      ...{ scene, evidence: [id], endpoint: null, host: 'pause.test', underlying: 'tcp-refused' },
      says: /pause image pause\.test\/pause:3\.9 \(set by etc\/containerd\/config\.toml:3\), so no pod can start here\. pause\.test:443 refuses/,
    };
  });
  holds('sandbox-image-unavailable', 'not on the node, and its way is likely broken', () => {
    const { scene, id } = beside({ ...refused, cause: 'unknown', confidence: 'possible' });
    return { scene, evidence: [id], endpoint: null, confidence: 'likely', severity: 'degraded' };
  });
  misses('sandbox-image-unavailable', 'it is on the node', () => beside('present').scene, null);
  misses(
    'sandbox-image-unavailable',
    'it could be pulled',
    () => beside({ ...refused, verdict: 'healthy', cause: null }).scene,
    null,
  );
  misses(
    'sandbox-image-unavailable',
    'it was not found out',
    () => beside({ ...refused, verdict: 'inconclusive' }).scene,
    null,
  );
  misses('sandbox-image-unavailable', 'its way was not probed', () => beside(null).scene, null);

  const verdict = (scene: Scene): readonly [string, ...string[]] => {
    const { verdict, findings } = conclude(scene.view());
    return [verdict, ...findings.map(({ cause, severity }) => `${cause} ${severity}`)];
  };

  it('makes a node faulty though the image itself comes, by a pull too', () => {
    const { scene } = beside(refused);
    scene.pull(null);
    assert.deepEqual(verdict(scene), ['faulty', 'sandbox-image-unavailable fault']);
  });
  it('comes after what is wrong with the image that was asked for', () => {
    const scene = new Scene(asked);
    scene.runtime();
    scene.sandbox(refused);
    assert.deepEqual(verdict(withoutTag(scene)), ['faulty', 'tag-not-found fault', 'sandbox-image-unavailable fault']);
  });
  it('leaves an image that is on the node degraded', () => {
    const { scene } = beside(refused);
    scene.image(true);
    assert.deepEqual(verdict(scene), ['degraded', 'sandbox-image-unavailable degraded']);
  });
  it('does not make a node faulty that is only likely to lack it', () => {
    const { scene } = beside({ ...refused, confidence: 'likely' });
    assert.deepEqual(verdict(scene), ['degraded', 'sandbox-image-unavailable degraded']);
  });

  describe('asked for itself', () => {
    const image = 'registry.test/team/pause:3.9';
    const set = (source: string) => ({ ...asked, image, sandboxImage: { value: image, source } });
    const primary = (scene: Scene): readonly (string | null | undefined)[] => {
      const [first] = conclude(withoutTag(scene).view()).findings;
      return [first?.cause, first?.underlying];
    };

    it('carries what keeps it away', () => {
      const scene = new Scene(set('etc/containerd/config.toml:3'));
      scene.runtime();
      scene.sandbox(null, { image });
      assert.deepEqual(primary(scene), ['sandbox-image-unavailable', 'tag-not-found']);
    });
    it('carries it without a runtime to ask, where a file sets it', () => {
      assert.deepEqual(primary(new Scene(set('etc/containerd/config.toml:3'))), [
        'sandbox-image-unavailable',
        'tag-not-found',
      ]);
    });
    it('does not, where it is only the default of some version', () => {
      assert.deepEqual(primary(new Scene(set('default'))), ['tag-not-found', null]);
    });
    it('does not, where it is on the node', () => {
      const scene = new Scene(set('etc/containerd/config.toml:3'));
      scene.runtime();
      scene.sandbox('present', { image });
      assert.deepEqual(primary(scene), ['tag-not-found', null]);
    });
    it('does not, where another one is set', () => {
      const scene = new Scene({
        ...asked,
        image,
        sandboxImage: { value: 'registry.test/team/pause:3.8', source: 'a:1' },
      });
      assert.deepEqual(primary(scene), ['tag-not-found', null]);
    });
  });
});

describe('causes: a configuration that is read at the next start', () => {
  const problem: Problem = {
    severity: 'error',
    cause: 'runtime-misconfigured',
    source: 'etc/containerd/config.toml:1',
    message: 'It is not valid TOML, so containerd does not start with it.',
    atStart: true,
  };
  const judged = (scene: Scene): readonly unknown[] => {
    const { verdict, findings } = conclude(scene.view());
    return [verdict, findings[0]?.cause, findings[0]?.severity];
  };

  it('is no fault of a runtime that serves', () => {
    const scene = new Scene({ ...asked, problems: [problem] });
    scene.runtime();
    scene.serve();
    assert.deepEqual(judged(scene), ['degraded', 'runtime-misconfigured', 'degraded']);
  });
  it('leaves open what a runtime does whose settings nobody knows', () => {
    const scene = new Scene({ ...asked, problems: [problem], endpoints: [] });
    scene.runtime();
    assert.deepEqual(judged(scene), ['inconclusive', 'runtime-misconfigured', 'degraded']);
    scene.pull(null);
    assert.deepEqual(judged(scene), ['degraded', 'runtime-misconfigured', 'degraded']);
  });
  it('is why a runtime is not there', () => {
    const scene = new Scene({ ...asked, problems: [problem] });
    scene.runtime({ failure: 'socket-absent' });
    scene.serve();
    assert.deepEqual(judged(scene), ['faulty', 'runtime-misconfigured', 'fault']);
  });
  it('is a fault at once where it is read at each pull', () => {
    const { atStart: _, ...atOnce } = problem;
    const scene = new Scene({ ...asked, problems: [atOnce] });
    scene.runtime();
    assert.deepEqual(judged(scene), ['faulty', 'runtime-misconfigured', 'fault']);
  });
});
