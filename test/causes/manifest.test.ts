import { holds, misses } from '../kit/cause-cases.ts';
import { digest, Scene, type SceneOptions } from '../kit/view.ts';

type Manifest = NonNullable<Parameters<Scene['manifest']>[0]>;

const unknownName = [{ code: 'NAME_UNKNOWN', message: 'repository name not known to registry' }];
const unknownManifest = [{ code: 'MANIFEST_UNKNOWN', message: 'manifest unknown' }];

/** A registry that everybody may ask; its answer about the manifest. */
const asked = (manifest: Manifest, options: SceneOptions = {}) => {
  const scene = new Scene(options);
  scene.reach();
  const ping = scene.ping();
  return { scene, evidence: [ping, scene.manifest(manifest)] };
};

/** 404, and the list of tags that was asked for then. */
const listed = (tags: readonly string[], facts: Parameters<Scene['names']>[2] = {}, errors = unknownManifest) => {
  const { scene, evidence } = asked({ status: 404, errors });
  return { scene, evidence: [...evidence, scene.names('tags', tags, facts)] };
};

/** The image is there, and comes. */
const content = (scene: Scene, platform: string | null = null): string => {
  const config = scene.blob('config', { platform });
  scene.blob('layer');
  return config;
};

describe('causes: manifest', () => {
  holds('repository-not-found', 'NAME_UNKNOWN for the manifest', () => ({
    ...asked({ status: 404, errors: unknownName }),
    host: 'registry.test',
    says: /registry\.test has no repository team\/app\./,
  }));
  holds('repository-not-found', 'a bare 404 for the manifest, NAME_UNKNOWN for its tags', () =>
    listed([], { status: 404, errors: unknownName }, []),
  );
  holds('repository-not-found', 'with the nearest name', () => {
    const { scene, evidence } = asked({ status: 404, errors: unknownName });
    const list = scene.names('repositories', ['team/web'], { nearest: ['team/web'] });
    return { scene, evidence: [...evidence, list], says: /Did you mean team\/web\?/ };
  });
  misses('repository-not-found', 'its tags are listed', () => listed(['0.9', '1.1']).scene, 'tag-not-found');
  misses(
    'repository-not-found',
    'a page with 404 is no registry',
    () => asked({ status: 404, bodyFormat: 'html' }).scene,
    'registry-invalid-response',
  );
  misses(
    'repository-not-found',
    'nobody may know: 401 with a token',
    () => {
      const scene = new Scene();
      scene.reach();
      scene.ping();
      scene.manifest({ status: 401 });
      return scene;
    },
    'credentials-missing',
  );

  holds('tag-not-found', 'the list of tags does not have it', () => ({
    ...listed(['0.9', '1.1', '1.2'], { nearest: ['1.1'] }),
    says: /team\/app exists at registry\.test, and has no tag 1\.0 \(3 tags\)\. Did you mean 1\.1\?/,
  }));
  holds('tag-not-found', 'the list is long, and was not read to its end', () => ({
    ...listed(['0.9'], { count: 20_000, complete: false }),
    says: /at least 20000 tags/,
  }));
  holds('tag-not-found', 'a page with 404 for the manifest, and the list of tags comes', () => {
    const { scene, evidence } = asked({ status: 404, bodyFormat: 'html' });
    return { scene, evidence: [...evidence, scene.names('tags', ['0.9', '1.1'])] };
  });
  misses(
    'tag-not-found',
    'a page with 404 for the manifest, and a page for the tags',
    () => {
      const { scene } = asked({ status: 404, bodyFormat: 'html' });
      scene.names('tags', [], { status: 404, bodyFormat: 'html' });
      return scene;
    },
    'registry-invalid-response',
  );
  holds('tag-not-found', 'a digest', () => {
    const wrong = `sha256:${'5e'.repeat(32)}`;
    const { scene, evidence } = asked(
      { status: 404, errors: unknownManifest },
      { image: `registry.test/team/app@${wrong}` },
    );
    return { scene, evidence: [...evidence, scene.names('tags', ['1.0'])], says: /has no manifest sha256:5e5e/ };
  });
  holds('tag-not-found', 'MANIFEST_UNKNOWN of a registry that lists no tags', () => ({
    ...listed([], { status: 401 }),
    confidence: 'likely',
    alternatives: ['repository-not-found'],
  }));
  holds(
    'tag-not-found',
    'MANIFEST_UNKNOWN, and a list without any tag, which some give for what they do not have',
    () => ({
      ...listed([]),
      confidence: 'likely',
      alternatives: ['repository-not-found'],
    }),
  );
  misses('tag-not-found', 'the list has it: something else is wrong with it', () => listed(['1.0']).scene, 'unknown');
  misses('tag-not-found', 'a bare 404 that nothing explains', () => asked({ status: 404 }).scene, 'unknown');
  misses(
    'tag-not-found',
    'NAME_UNKNOWN',
    () => asked({ status: 404, errors: unknownName }).scene,
    'repository-not-found',
  );
  misses(
    'tag-not-found',
    'the manifest is there, and its platform is not',
    () => asked({ kind: 'index', platforms: ['linux/arm64'] }).scene,
    'platform-mismatch',
  );

  holds('platform-mismatch', 'the index has none that fits', () => {
    const { scene, evidence } = asked({ kind: 'index', platforms: ['linux/arm64', 'linux/s390x', 'linux/arm64'] });
    return {
      scene,
      evidence: evidence.slice(1),
      says: /not made for this node \(linux\/amd64\): it has linux\/arm64, linux\/s390x\./,
    };
  });
  holds('platform-mismatch', 'the index is empty', () => {
    const { scene, evidence } = asked({ kind: 'index' });
    return { scene, evidence: evidence.slice(1), says: /no platform at all/ };
  });
  holds('platform-mismatch', 'degraded: the only manifest is for another architecture, and pulls', () => {
    const { scene, evidence } = asked({});
    const config = content(scene, 'linux/arm64');
    return {
      scene,
      evidence: [...evidence.slice(1), config],
      severity: 'degraded',
      says: /can be pulled, and its containers will not start: it is made for linux\/arm64/,
    };
  });
  misses(
    'platform-mismatch',
    'the config names this platform',
    () => {
      const { scene } = asked({});
      content(scene, 'linux/amd64');
      return scene;
    },
    null,
  );
  misses(
    'platform-mismatch',
    'a variant that this node accepts',
    () => {
      const { scene } = asked(
        {},
        { platform: 'linux/arm64', accepts: ['linux/arm64', 'linux/arm/v8', 'linux/arm/v7'] },
      );
      content(scene, 'linux/arm/v7');
      return scene;
    },
    null,
  );
  misses(
    'platform-mismatch',
    'the config does not name any',
    () => {
      const { scene } = asked({});
      content(scene, null);
      return scene;
    },
    null,
  );
  misses(
    'platform-mismatch',
    'the index has one for this node, and that manifest is gone',
    () => {
      const { scene } = asked({ kind: 'index', platforms: ['linux/amd64'], chosen: `sha256:${'b'.repeat(64)}` });
      scene.manifest({ part: 'platform', reference: `sha256:${'b'.repeat(64)}`, status: 404, errors: unknownManifest });
      return scene;
    },
    'unknown',
  );

  const helm = 'application/vnd.cncf.helm.config.v1+json';
  const layer = { digest: digest('1'), size: 1, mediaType: 'application/vnd.oci.image.layer.v1.tar' };
  const taken: readonly (readonly [string, string, readonly (typeof layer)[], boolean | null, 'fault' | 'degraded'])[] =
    [
      ['containerd 1.6, whatever its layers', '1.6.20', [], null, 'fault'],
      ['containerd 1.7, which has nothing to unpack', '1.7.24', [], null, 'degraded'],
      ['containerd 1.7, and layers as images have them', '1.7.24', [layer], null, 'fault'],
      ['containerd 2.1 by its own client: the pull fails', '2.1.9', [layer], false, 'fault'],
      ['containerd 2.1 by the transfer service: the pull works', '2.1.9', [layer], true, 'degraded'],
    ];
  for (const [name, version, layers, works, severity] of taken) {
    holds('manifest-unsupported', `an artifact, and ${name}`, () => {
      const { scene, evidence } = asked({ kind: 'artifact', mediaType: helm, layers });
      scene.runtime({ version });
      if (works !== null) scene.pull(works ? null : 'failed to pull and unpack image', 'unpack-failed');
      return { scene, evidence: evidence.slice(1), confidence: 'proven', severity, says: /helm\.config/ };
    });
  }
  for (const kind of ['schema1', 'artifact'] as const) {
    holds('manifest-unsupported', kind, () => {
      const { scene, evidence } = asked({ kind, mediaType: 'application/vnd.cncf.helm.chart.v1+json' });
      return {
        scene,
        evidence: evidence.slice(1),
        confidence: 'likely',
        says: kind === 'schema1' ? /schema 1/ : /helm\.chart/,
      };
    });
  }
  misses(
    'manifest-unsupported',
    'an image',
    () => {
      const { scene } = asked({});
      content(scene);
      return scene;
    },
    null,
  );
});
