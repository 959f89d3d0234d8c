import assert from 'node:assert/strict';
import { type HttpProbe, isSigned, requestsOn, signOf } from '../../src/evidence/signed.ts';
import { challenge, Scene } from '../kit/view.ts';

/** The sign of the one request that a scene has. */
function sign(ask: (scene: Scene) => unknown): ReturnType<typeof signOf> {
  const scene = new Scene();
  ask(scene);
  const view = scene.view();
  const probe = view.probes.find(
    (one): one is HttpProbe => one.status !== 'skipped' && ['registry', 'manifest', 'auth', 'blob'].includes(one.kind),
  );
  assert.ok(probe !== undefined);
  assert.deepEqual(requestsOn(view, 0, probe.facts.way, probe.counterfactual), [probe]);
  assert.equal(isSigned(probe), signOf(probe) === 'sure');
  return signOf(probe);
}

const coded = [{ code: 'UNAVAILABLE', message: 'no healthy upstream' }];

describe('evidence: what only a registry answers', () => {
  const cases: readonly (readonly [string, (scene: Scene) => unknown, ReturnType<typeof signOf>])[] = [
    ['the version header', (scene) => scene.ping({ status: 404, apiVersion: 'registry/2.0' }), 'sure'],
    ['a Bearer challenge', (scene) => scene.ping({ status: 401, challenges: [challenge('bearer')] }), 'sure'],
    ['a Basic challenge', (scene) => scene.ping({ status: 401, challenges: [challenge('basic')] }), 'weak'],
    ['200 and no header', (scene) => scene.ping(), 'weak'],
    ['a page with 503', (scene) => scene.ping({ status: 503, bodyFormat: 'html' }), null],
    ['the protocol’s own error', (scene) => scene.manifest({ status: 503, bodyFormat: 'oci', errors: coded }), 'sure'],
    ['JSON with a code', (scene) => scene.manifest({ status: 503, bodyFormat: 'json', errors: coded }), null],
    ['XML with a code', (scene) => scene.blob('config', { status: 403, bodyFormat: 'xml', errors: coded }), null],
    ['a manifest', (scene) => scene.manifest(), 'sure'],
    ['a token', (scene) => scene.token(), 'sure'],
    ['no token', (scene) => scene.token({ status: 403 }), null],
    ['content that fits its digest', (scene) => scene.blob('config', { digestMatches: true }), 'sure'],
  ];
  for (const [what, ask, expected] of cases) it(`${what}: ${expected}`, () => assert.equal(sign(ask), expected));
});
