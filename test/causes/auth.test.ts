import { holds, misses } from '../kit/cause-cases.ts';
import { challenge, Scene, type SceneOptions } from '../kit/view.ts';

type Manifest = NonNullable<Parameters<Scene['manifest']>[0]>;
type Token = NonNullable<Parameters<Scene['token']>[0]>;

const unauthorized = [{ code: 'UNAUTHORIZED', message: 'authentication required' }];
const denied = [{ code: 'DENIED', message: 'requested access to the resource is denied' }];
const hub = { image: 'team/app:1.0', endpoints: [{ url: 'https://registry-1.docker.io/v2' }] };

/** A registry with passwords: the version check is challenged, the manifest answered so. */
const basic = (manifest: Manifest, options: SceneOptions = {}) => {
  const scene = new Scene(options);
  scene.reach();
  const ping = scene.ping({ status: 401, errors: unauthorized, challenges: [challenge('basic')] });
  const as = options.users === undefined ? -1 : 0;
  const authorization = as < 0 ? 'none' : 'basic';
  const asked = scene.manifest({ as, authorization, challenges: [challenge('basic')], ...manifest });
  return { scene, ping, asked, evidence: [ping, asked] };
};

/** A registry with a token service: its token, and (where one is granted) what the manifest answers with it. */
const bearer = (token: Token, manifest: Manifest | null, options: SceneOptions = {}) => {
  const scene = new Scene(options);
  scene.reach();
  const ping = scene.ping({ status: 401, errors: unauthorized, challenges: [challenge('bearer')] });
  scene.reach({ host: 'auth.test', address: '192.0.2.50', hop: 'realm' });
  const as = options.users === undefined ? -1 : 0;
  const given = scene.token({ as, ...token });
  if (manifest === null) return { scene, evidence: [ping, given] };
  const asked = scene.manifest({ as, authorization: 'bearer', ...manifest });
  return { scene, evidence: [ping, given, asked] };
};

const app = { users: ['app'] };
const scope = {
  status: 401,
  errors: unauthorized,
  challenges: [{ ...challenge('bearer'), error: 'insufficient_scope' }],
};

/** Nobody asked, and the manifest's answer needs no challenge. */
const open = (manifest: Manifest, options: SceneOptions = {}) => {
  const scene = new Scene(options);
  scene.reach();
  const ping = scene.ping();
  return { scene, evidence: [ping, scene.manifest(manifest)] };
};

describe('causes: auth', () => {
  holds('credentials-missing', 'a registry with passwords, and none is given', () => ({
    ...basic({ status: 401, errors: unauthorized }),
    host: 'registry.test',
    says: /demands authentication, and no credentials apply here \(401/,
  }));
  holds('credentials-missing', 'those given are for other hosts, which are named', () => ({
    ...basic(
      { status: 401, errors: unauthorized },
      { credentialHosts: [{ source: '--auth-file', hosts: ['quay.test', 'ghcr.test'] }] },
    ),
    says: /--auth-file has entries for quay\.test, ghcr\.test only/,
  }));
  holds('credentials-missing', 'the token service wants a login', () =>
    bearer({ status: 401, errors: unauthorized }, null),
  );
  holds('credentials-missing', 'the registry says with 403 that nobody asked', () => ({
    ...open({
      status: 403,
      errors: [{ code: 'DENIED', message: 'Unauthenticated request. Unauthenticated requests do not have permission' }],
    }),
    confidence: 'likely',
  }));
  holds('credentials-missing', 'a page of the server before the registry, which demands a login', () =>
    basic({ status: 401, bodyFormat: 'html' }),
  );
  holds('credentials-missing', 'such a page at the token service', () =>
    bearer({ status: 401, bodyFormat: 'html', challenges: [challenge('basic')] }, null),
  );
  misses(
    'credentials-missing',
    'a page with 401 that demands nothing, at the token service',
    () => bearer({ status: 401, bodyFormat: 'html' }, null).scene,
    'auth-service-unreachable',
  );
  misses(
    'credentials-missing',
    'a password is given, and refused',
    () => basic({ status: 401, errors: unauthorized }, app).scene,
    'credentials-rejected',
  );
  misses(
    'credentials-missing',
    'everybody gets a token, which does not open this',
    () => bearer({}, scope).scene,
    'repository-not-found-or-private',
  );
  misses(
    'credentials-missing',
    'the image is not there',
    () => open({ status: 404, errors: [{ code: 'NAME_UNKNOWN', message: 'x' }] }).scene,
    'repository-not-found',
  );
  misses(
    'credentials-missing',
    'the first, bare request is only challenged',
    () => {
      const scene = new Scene();
      scene.reach();
      scene.ping({ status: 401, challenges: [challenge('bearer')] });
      scene.skipped('auth', { hop: 'realm' });
      return scene;
    },
    null,
  );

  holds('credentials-rejected', 'the registry refuses the password', () => ({
    ...basic({ status: 401, errors: unauthorized }, app),
    says: /refuses the credentials of user "app"/,
  }));
  holds('credentials-rejected', 'the server before the registry refuses it by a page', () =>
    basic({ status: 401, bodyFormat: 'html' }, app),
  );
  holds('credentials-rejected', 'the server before the token service refuses it by a page', () =>
    bearer({ status: 401, bodyFormat: 'html', challenges: [challenge('basic')] }, null, app),
  );
  holds('credentials-rejected', 'in words that speak of rights: the password may be right', () => ({
    ...basic(
      { status: 401, errors: [{ code: 'UNAUTHORIZED', message: 'the requested resource is not authorized' }] },
      app,
    ),
    confidence: 'likely',
    alternatives: ['access-denied'],
  }));
  holds('credentials-rejected', 'the token service refuses it', () => bearer({ status: 401 }, null, app));
  holds('credentials-rejected', 'and nobody would get this public image', () => {
    const { scene, evidence } = bearer({ status: 401 }, null, app);
    scene.token({ counterfactual: true });
    scene.manifest({ counterfactual: true, authorization: 'bearer' });
    return { scene, evidence, says: /without them the image can be pulled/ };
  });
  holds('credentials-rejected', 'all of several, one after the other', () => {
    const { scene } = basic({ status: 401, errors: unauthorized }, { users: ['old', 'new'] });
    const second = scene.manifest({ as: 1, authorization: 'basic', status: 401, errors: unauthorized });
    return { scene, evidence: ['p5', second], says: /user "new"/ };
  });
  misses(
    'credentials-rejected',
    'the second of two is accepted',
    () => {
      const { scene } = basic({ status: 401, errors: unauthorized }, { users: ['old', 'new'] });
      scene.manifest({ as: 1, authorization: 'basic' });
      scene.blob('config');
      scene.blob('layer');
      return scene;
    },
    null,
  );
  misses(
    'credentials-rejected',
    'the second of two was not tried in time',
    () => {
      const { scene } = basic({ status: 401, errors: unauthorized }, { users: ['old', 'new'] });
      scene.skipped('manifest');
      return scene;
    },
    null,
  );
  misses(
    'credentials-rejected',
    'the login holds, the repository is refused',
    () => basic({ status: 403, errors: denied }, app).scene,
    'access-denied',
  );
  misses(
    'credentials-rejected',
    'they have expired',
    () =>
      basic(
        {
          status: 401,
          errors: [{ code: 'DENIED', message: 'Your authorization token has expired. Reauthenticate and try again.' }],
        },
        app,
      ).scene,
    'credentials-expired',
  );

  holds('credentials-expired', "ECR's words", () => ({
    ...basic(
      {
        status: 403,
        errors: [{ code: 'DENIED', message: 'Your authorization token has expired. Reauthenticate and try again.' }],
      },
      app,
    ),
    says: /of user "app" from --auth-file for registry\.test have expired/,
  }));
  misses(
    'credentials-expired',
    'nobody asked: it cannot be theirs that expired',
    () => open({ status: 403, errors: [{ code: 'DENIED', message: 'token has expired' }] }).scene,
    'access-denied',
  );

  holds('access-denied', 'the login holds, and 403', () => ({
    ...basic({ status: 403, errors: denied }, app),
    says: /knows user "app" \(--auth-file\) and refuses to give team\/app/,
  }));
  holds('access-denied', 'the login holds, and a bare 403', () => ({
    ...basic({ status: 403 }, app),
    confidence: 'likely',
    alternatives: ['source-address-blocked', 'repository-not-found-or-private'],
  }));
  holds('access-denied', 'the login holds, and the words are those for what does not exist, too', () => ({
    ...basic(
      { status: 403, errors: [{ code: 'DENIED', message: 'denied on resource "r" (or it may not exist)' }] },
      app,
    ),
    confidence: 'likely',
    alternatives: ['repository-not-found-or-private'],
  }));
  misses(
    'access-denied',
    'a limit in the words of a refusal',
    () => basic({ status: 403, errors: [{ code: 'DENIED', message: 'secondary rate limit' }] }, app).scene,
    'rate-limited',
  );
  misses(
    'access-denied',
    "the firewall's words of a content network",
    () => basic({ status: 403, bodyFormat: 'text', errors: [{ code: null, message: 'error code: 1020' }] }, app).scene,
    'source-address-blocked',
  );
  holds('access-denied', 'a token is granted, which does not open it', () => bearer({}, scope, app));
  holds('access-denied', '403 without any challenge, to nobody', () => ({
    ...open({ status: 403, errors: denied }),
    confidence: 'likely',
    alternatives: ['source-address-blocked', 'repository-not-found-or-private'],
  }));
  misses(
    'access-denied',
    'Docker Hub answers so to what does not exist, too',
    () => bearer({}, { ...scope }, { ...hub, ...app }).scene,
    'repository-not-found-or-private',
  );
  misses(
    'access-denied',
    "the registry's words name the client's address",
    () =>
      basic(
        { status: 403, errors: [{ code: 'DENIED', message: "client with IP '198.51.100.7' is not allowed access" }] },
        app,
      ).scene,
    'source-address-blocked',
  );
  misses(
    'access-denied',
    'without these credentials it would come',
    () => {
      const { scene } = bearer({ status: 403, errors: denied }, null, app);
      scene.token({ counterfactual: true });
      scene.manifest({ counterfactual: true, authorization: 'bearer' });
      return scene;
    },
    'credentials-rejected',
  );
  misses(
    'access-denied',
    'a page with 403, from a gateway',
    () => open({ status: 403, bodyFormat: 'html' }).scene,
    'registry-invalid-response',
  );

  holds('source-address-blocked', "ACR's firewall", () => ({
    ...open({
      status: 403,
      errors: [{ code: 'DENIED', message: "client with IP '198.51.100.7' is not allowed access." }],
    }),
    confidence: 'likely',
    alternatives: ['access-denied'],
  }));
  misses('source-address-blocked', 'a plain 403', () => open({ status: 403, errors: denied }).scene, 'access-denied');

  holds('repository-not-found-or-private', 'everybody gets a token, which does not open this', () => ({
    ...bearer({}, scope),
    says: /does not show team\/app to anonymous pulls/,
  }));
  holds('repository-not-found-or-private', 'GHCR refuses the token itself', () =>
    bearer({ status: 403, errors: [{ code: 'DENIED', message: 'denied' }] }, null),
  );
  holds('repository-not-found-or-private', "nobody's token allows nothing, and the repository is called unknown", () =>
    bearer({ claimsPull: false }, { status: 404, errors: [{ code: 'NAME_UNKNOWN', message: 'x' }] }),
  );
  misses(
    'repository-not-found-or-private',
    "nobody's token allows the pull, and the repository is called unknown",
    () => bearer({ claimsPull: true }, { status: 404, errors: [{ code: 'NAME_UNKNOWN', message: 'x' }] }).scene,
    'repository-not-found',
  );
  const invalid: Manifest = { ...scope, challenges: [{ ...challenge('bearer'), error: 'invalid_token' }] };
  for (const [who, options, other] of [
    ['a user', app, 'access-denied'],
    ['nobody', {}, 'repository-not-found-or-private'],
    ['a user, at Docker Hub', { ...hub, ...app }, 'access-denied'],
  ] as const) {
    holds('registry-error', `the token of ${who} allows the pull, and the registry calls it invalid`, () => ({
      ...bearer({ claimsPull: true }, invalid, options),
      confidence: 'likely',
      alternatives: [other],
      says: /does not take the tokens of its own token service auth\.test/,
    }));
  }
  misses(
    'registry-error',
    'the token says nothing of the pull',
    () => bearer({ claimsPull: null }, invalid, app).scene,
    'access-denied',
  );
  misses(
    'registry-error',
    'the token allows too little, by its own words',
    () => bearer({ claimsPull: false }, invalid, app).scene,
    'access-denied',
  );
  holds('repository-not-found-or-private', 'Docker Hub, to a user', () => bearer({}, scope, { ...hub, ...app }));
  misses(
    'repository-not-found-or-private',
    '404',
    () => bearer({}, { status: 404, errors: [{ code: 'NAME_UNKNOWN', message: 'x' }] }).scene,
    'repository-not-found',
  );
  misses(
    'repository-not-found-or-private',
    'another registry, to a user',
    () => bearer({}, scope, app).scene,
    'access-denied',
  );
  misses(
    'repository-not-found-or-private',
    'the token service fails',
    () => bearer({ status: 500 }, null).scene,
    'auth-service-unreachable',
  );
});
