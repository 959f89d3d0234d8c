import assert from 'node:assert/strict';
import { holds, misses, primaryOf } from '../kit/cause-cases.ts';
import { challenge, partyOf, Scene } from '../kit/view.ts';

/** The registry is connected to; its version check says so. */
const pinged = (facts: Parameters<Scene['ping']>[0]) => {
  const scene = new Scene();
  scene.reach();
  return { scene, evidence: [scene.ping(facts)] };
};

/** The version check is well, and the manifest's answer is this. */
const asked = (facts: Parameters<Scene['manifest']>[0]) => {
  const scene = new Scene();
  scene.reach();
  scene.ping();
  return { scene, evidence: [scene.manifest(facts)] };
};

/** The token service's answer is this. */
const tokenAsked = (facts: Parameters<Scene['token']>[0]) => {
  const scene = new Scene();
  scene.reach();
  scene.ping({ status: 401, challenges: [challenge('bearer')] });
  scene.reach({ host: 'auth.test', address: '192.0.2.50', hop: 'realm' });
  return { scene, evidence: [scene.token(facts)] };
};

/** The content host's answer is this. */
const fetched = (facts: Parameters<Scene['blob']>[1]) => {
  const scene = new Scene();
  scene.reach();
  scene.ping();
  scene.manifest();
  scene.blob('config');
  scene.blob('layer', { status: 307, next: partyOf('https://cdn.test/x') });
  scene.reach({ host: 'cdn.test', address: '192.0.2.40', hop: 'blob' });
  return { scene, evidence: [scene.blob('layer', { host: 'cdn.test', hop: 'blob', redirects: 1, ...facts })] };
};

const tooMany = [{ code: 'TOOMANYREQUESTS', message: 'You have reached your pull rate limit.' }];
const page = { bodyFormat: 'html', title: 'Guest network login' };

describe('causes: registry', () => {
  holds('registry-error', 'the version check answers 503 and nothing else was asked', () => ({
    ...pinged({ status: 503 }),
    host: 'registry.test',
    says: /registry\.test fails: 503/,
  }));
  holds('registry-error', 'the manifest does', () =>
    asked({ status: 500, errors: [{ code: 'UNKNOWN', message: 'disk' }] }),
  );
  holds('registry-error', 'it closes before it answers', () => ({
    ...pinged({ error: 'closed' }),
    says: /closes the connection before it answers/,
  }));
  holds('registry-error', 'a gateway answers 502 with a page', () => asked({ status: 502, ...page }));
  holds('registry-error', 'the token service answers 503', () => ({
    ...tokenAsked({ status: 503 }),
    host: 'auth.test',
    primary: 'auth-service-unreachable',
  }));
  holds('registry-error', "the content's host answers 503", () => ({
    ...fetched({ status: 503 }),
    host: 'cdn.test',
    primary: 'blob-unreachable',
  }));
  holds('registry-error', 'the host to which it sends for the manifest answers 503', () => {
    const { scene } = asked({ status: 307, next: partyOf('https://regional.test/x') });
    scene.reach({ host: 'regional.test', address: '192.0.2.41', hop: 'blob' });
    return {
      scene,
      evidence: [scene.manifest({ host: 'regional.test', hop: 'blob', redirects: 1, status: 503 })],
      host: 'regional.test',
    };
  });
  misses(
    'registry-error',
    'the version check fails and the image comes all the same: some mirrors serve no /v2/',
    () => {
      const { scene } = pinged({ status: 503 });
      scene.manifest();
      scene.blob('config');
      scene.blob('layer');
      return scene;
    },
    null,
  );
  misses(
    'registry-error',
    'it says TOOMANYREQUESTS with 503',
    () => asked({ status: 503, errors: tooMany }).scene,
    'rate-limited',
  );
  misses('registry-error', 'it does not answer', () => pinged({ error: 'timeout' }).scene, 'registry-timeout');
  misses(
    'registry-error',
    'a failing request of what is tried instead',
    () => {
      const scene = new Scene();
      scene.serve();
      scene.ping({ status: 503, proxy: 'http://proxy.test:3128', counterfactual: true });
      return scene;
    },
    null,
  );

  holds('registry-timeout', 'no answer to the version check', () => pinged({ error: 'timeout' }));
  holds('registry-timeout', 'none for the manifest', () => asked({ error: 'timeout' }));
  holds('registry-timeout', 'none from the token service', () => ({
    ...tokenAsked({ error: 'timeout' }),
    primary: 'auth-service-unreachable',
  }));
  holds('registry-timeout', 'none from the host to which it sends for the manifest', () => {
    const { scene } = asked({ status: 307, next: partyOf('https://regional.test/x') });
    scene.reach({ host: 'regional.test', address: '192.0.2.41', hop: 'blob' });
    return {
      scene,
      evidence: [scene.manifest({ host: 'regional.test', hop: 'blob', redirects: 1, error: 'timeout' })],
      host: 'regional.test',
    };
  });
  misses(
    'registry-timeout',
    "none from the content's host",
    () => fetched({ error: 'timeout' }).scene,
    'blob-unreachable',
  );
  misses(
    'registry-timeout',
    'it answered 504: the gateway waited',
    () => pinged({ status: 504 }).scene,
    'registry-error',
  );
  misses(
    'registry-timeout',
    'the request was cut off by the deadline',
    () => {
      const scene = new Scene();
      scene.reach();
      scene.skipped('registry');
      return scene;
    },
    null,
  );

  holds('registry-invalid-response', 'a captive portal: a page with 200', () => ({
    ...asked({ error: ['body-invalid', 'a page in place of the manifest'], status: 200, ...page }),
    says: /titled "Guest network login"/,
  }));
  holds('registry-invalid-response', 'a web server: a page with 404', () => asked({ status: 404, ...page }));
  holds('registry-invalid-response', 'a gateway: a page with 403', () => ({
    // It answers the version check as a registry, so it may be one behind a filter.
    ...asked({ status: 403, ...page }),
    confidence: 'likely',
  }));
  holds('registry-invalid-response', 'no HTTP at all', () => pinged({ error: 'http-malformed' }));
  holds('registry-invalid-response', "the token service's page", () => ({
    ...tokenAsked({ error: ['body-invalid', 'a page in place of the token'], status: 200, ...page }),
    primary: 'auth-service-unreachable',
  }));
  misses(
    'registry-invalid-response',
    "404 in the protocol's own words",
    () => asked({ status: 404, errors: [{ code: 'NAME_UNKNOWN', message: 'unknown' }] }).scene,
    'repository-not-found',
  );
  misses(
    'registry-invalid-response',
    'a status and a code that mean nothing of the kind',
    () => asked({ status: 409, errors: [{ code: 'CONFLICT', message: 'the repository is being moved' }] }).scene,
    'unknown',
  );
  misses('registry-invalid-response', 'a page with 503', () => asked({ status: 503, ...page }).scene, 'registry-error');
  misses('registry-invalid-response', 'a page with 429', () => asked({ status: 429, ...page }).scene, 'rate-limited');
  misses(
    'registry-invalid-response',
    'only the version check answers with a page',
    () => {
      const { scene } = pinged({ status: 404, ...page });
      scene.manifest();
      scene.blob('config');
      scene.blob('layer');
      return scene;
    },
    null,
  );

  const limit = { limit: 100, remaining: 0, windowSeconds: 21_600, source: '203.0.113.9', retryAfterSeconds: 60 };
  holds('rate-limited', '429 for the manifest', () => ({
    ...asked({ status: 429, errors: tooMany, rateLimit: limit }),
    says: /0 of 100 pulls left in 6 h, counted for 203\.0\.113\.9, again in 60 s/,
  }));
  holds('rate-limited', '429 with a window of a minute, and hours to wait', () => ({
    ...asked({
      status: 429,
      errors: tooMany,
      rateLimit: { ...limit, limit: 5, windowSeconds: 60, retryAfterSeconds: 86_400 },
    }),
    says: /0 of 5 pulls left in 60 s, counted for 203\.0\.113\.9, again in 24 h/,
  }));
  holds('rate-limited', '403 with the words of a limit', () => ({
    ...asked({ status: 403, errors: [{ code: 'DENIED', message: 'You have exceeded a secondary rate limit.' }] }),
    confidence: 'likely',
    alternatives: ['access-denied'],
  }));
  holds('rate-limited', '403 with a time to wait', () => ({
    ...asked({ status: 403, rateLimit: { ...limit, retryAfterSeconds: 60 } }),
    confidence: 'likely',
    alternatives: ['access-denied', 'source-address-blocked'],
  }));
  misses(
    'rate-limited',
    '403 for a repository with a limit in its name',
    () => asked({ status: 403, errors: [{ code: 'DENIED', message: 'no pull of envoyproxy/ratelimit' }] }).scene,
    'access-denied',
  );
  holds('rate-limited', '429 at the token service stays what it is', () => ({
    ...tokenAsked({ status: 429 }),
    host: 'auth.test',
  }));
  holds('rate-limited', "429 at the content's host stays what it is", () => fetched({ status: 429 }));
  it('rate-limited at a layer does not tell to log in where the manifest was got with credentials', () => {
    for (const users of [['alice'], []]) {
      const scene = new Scene({ users });
      scene.reach();
      scene.ping({ status: 401, challenges: [challenge('basic')] });
      scene.manifest(users.length === 0 ? {} : { as: 0, authorization: 'basic' });
      scene.blob('config');
      scene.blob('layer', { status: 429, errors: tooMany });
      const finding = primaryOf(scene);
      assert.equal(finding?.cause, 'rate-limited');
      assert.match(
        finding?.remedies[0]?.text ?? '',
        users.length === 0 ? /^Pull with credentials/ : /that of user "alice"/,
      );
    }
  });
  holds('rate-limited', 'TOOMANYREQUESTS with 403', () => asked({ status: 403, errors: tooMany }));
  holds('rate-limited', 'degraded: this pull was the last', () => {
    const scene = new Scene();
    scene.reach();
    scene.ping();
    const evidence = [scene.manifest({ rateLimit: { ...limit, retryAfterSeconds: null } })];
    scene.blob('config');
    scene.blob('layer');
    return { scene, evidence, severity: 'degraded', says: /it was the last, 0 of 100/ };
  });
  const left = (remaining: number, most: number | null): { scene: Scene; id: string } => {
    const scene = new Scene();
    scene.reach();
    scene.ping();
    const id = scene.manifest({ rateLimit: { ...limit, remaining, limit: most, retryAfterSeconds: null } });
    scene.blob('config');
    scene.blob('layer');
    return { scene, id };
  };
  for (const [remaining, most] of [
    [10, 100],
    [5, 20],
    [1, 10],
    [5, null],
  ] as const) {
    holds('rate-limited', `degraded: ${remaining} of ${most ?? 'an unknown number of'} pulls are left`, () => {
      const { scene, id } = left(remaining, most);
      return { scene, evidence: [id], severity: 'degraded', says: new RegExp(`nearly reached: ${remaining} `) };
    });
  }
  for (const [remaining, most] of [
    [11, 100],
    [6, 20],
    [2, 10],
    [6, null],
  ] as const) {
    misses(
      'rate-limited',
      `${remaining} of ${most ?? 'an unknown number'} are enough`,
      () => left(remaining, most).scene,
      null,
    );
  }
  misses(
    'rate-limited',
    'there are pulls left',
    () => {
      const scene = new Scene();
      scene.reach();
      scene.ping();
      scene.manifest({ rateLimit: { ...limit, remaining: 76 } });
      scene.blob('config');
      scene.blob('layer');
      return scene;
    },
    null,
  );
  misses(
    'rate-limited',
    '403 DENIED',
    () => asked({ status: 403, errors: [{ code: 'DENIED', message: 'denied' }] }).scene,
    'access-denied',
  );
});
