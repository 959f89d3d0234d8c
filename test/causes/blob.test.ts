import { holds, misses } from '../kit/cause-cases.ts';
import { partyOf, Scene } from '../kit/view.ts';

/** The manifest and the config have come; the layer's answer is this, at the registry itself. */
const fetched = (facts: Parameters<Scene['blob']>[1]) => {
  const scene = new Scene();
  scene.reach();
  scene.ping();
  scene.manifest();
  scene.blob('config');
  return { scene, evidence: [scene.blob('layer', facts)] };
};

/** The same, at the host to which the registry redirects. */
const redirected = (facts: Parameters<Scene['blob']>[1]) => {
  const { scene } = fetched({ status: 307, next: partyOf('https://cdn.test/x') });
  scene.reach({ host: 'cdn.test', address: '192.0.2.40', hop: 'blob' });
  return { scene, evidence: [scene.blob('layer', { host: 'cdn.test', hop: 'blob', redirects: 1, ...facts })] };
};

describe('causes: blob', () => {
  holds('blob-unreachable', "the layer's host does not answer", () => ({
    ...redirected({ error: 'timeout' }),
    host: 'cdn.test',
    underlying: 'registry-timeout',
  }));
  holds('blob-unreachable', 'the registry has the manifest and not the layer', () => ({
    ...fetched({ status: 404, errors: [{ code: 'BLOB_UNKNOWN', message: 'blob unknown to registry' }] }),
    host: 'registry.test',
    says: /registry\.test gives the manifest, and not the content that it names\. 404: BLOB_UNKNOWN/,
  }));
  holds('blob-unreachable', 'the transfer ends early', () => ({
    ...fetched({ status: 200, error: ['body-cut', 'cut'], bytes: 1024 }),
    says: /The transfer ends after 1024 of 4096 bytes/,
  }));
  holds('blob-unreachable', 'the object store refuses the signed URL', () =>
    redirected({ status: 403, bodyFormat: 'xml', errors: [{ code: 'AccessDenied', message: 'Request has expired' }] }),
  );
  holds('blob-unreachable', 'a page with 403 in place of the layer', () =>
    redirected({ status: 403, bodyFormat: 'html' }),
  );
  misses('blob-unreachable', 'its host answers 429', () => redirected({ status: 429 }).scene, 'rate-limited');
  misses('blob-unreachable', 'all comes, by a redirect', () => redirected({ status: 200 }).scene, null);
  misses(
    'blob-unreachable',
    'the redirect leads to a host that was not looked at in time',
    () => {
      const { scene } = fetched({ status: 307, next: partyOf('https://cdn.test/x') });
      scene.skipped('dns');
      return scene;
    },
    null,
  );
  misses(
    'blob-unreachable',
    'the manifest does not come either: the registry fails',
    () => {
      const scene = new Scene();
      scene.reach();
      scene.ping();
      scene.manifest({ status: 503 });
      return scene;
    },
    'registry-error',
  );

  holds('digest-mismatch', 'the config', () => {
    const scene = new Scene();
    scene.reach();
    scene.ping();
    scene.manifest();
    const evidence = [
      scene.blob('config', {
        status: 200,
        error: ['digest-mismatch', 'the content is sha256:b, not sha256:c'],
        digestMatches: false,
      }),
    ];
    return { scene, evidence, says: /is not what the manifest names: the content is sha256:b/ };
  });
  holds('digest-mismatch', "the layer, at the content's host: it stays what it is", () => ({
    ...redirected({ status: 200, error: 'digest-mismatch', digestMatches: false }),
    host: 'cdn.test',
  }));
  holds('digest-mismatch', 'the manifest', () => {
    const scene = new Scene({ image: `registry.test/team/app@sha256:${'a'.repeat(64)}` });
    scene.reach();
    scene.ping();
    return {
      scene,
      evidence: [scene.manifest({ status: 200, error: 'digest-mismatch', digestMatches: false, kind: null })],
    };
  });
  misses(
    'digest-mismatch',
    'the transfer ends early',
    () => fetched({ status: 200, error: 'body-cut' }).scene,
    'blob-unreachable',
  );
  misses(
    'digest-mismatch',
    'only the first bytes of a layer were read',
    () => fetched({ digestMatches: null }).scene,
    null,
  );
});
