import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parseCredentials } from '../../src/node/credential-file.ts';
import { matchCredentials } from '../../src/node/credential-keyring.ts';
import { nearKeys } from '../../src/node/credential-near.ts';

const auth = Buffer.from('user:password').toString('base64');

function fileWith(...keys: readonly string[]) {
  const auths = Object.fromEntries(keys.map((key) => [key, { auth }]));
  const file = parseCredentials(JSON.stringify({ auths }), 'pull-secret', 'dockerconfigjson');
  assert.ok(file.ok);
  return file.value;
}

const registry = { domain: 'reg.corp', path: 'team/app' };
const ported = { domain: 'reg.corp:5000', path: 'team/app' };
const hub = { domain: 'docker.io', path: 'library/nginx' };

describe('node: keys that nearly fit', () => {
  const cases: readonly (readonly [string, typeof registry, boolean, RegExp])[] = [
    ['https://index.docker.io/v1', hub, true, /write https:\/\/index\.docker\.io\/v1\//],
    ['registry-1.docker.io', hub, true, /write https:\/\/index\.docker\.io\/v1\//],
    ['https://hub.docker.com/', hub, true, /write https:\/\/index\.docker\.io\/v1\//],
    ['https://registry.hub.docker.com/v2/', hub, true, /write https:/],
    ['docker.io/someone', hub, false, /for the path \/someone of Docker Hub alone/],
    ['docker://reg.corp', registry, true, /begins with docker:\/\/.*write reg\.corp/],
    ['oci://reg.corp/team', registry, true, /begins with oci:\/\//],
    ['Reg.Corp', registry, true, /capitals/],
    ['reg.corp:443', registry, true, /443 and no port for two registries; write reg\.corp/],
    ['https://reg.corp:443/v2/', registry, true, /write reg\.corp/],
    ['https://reg.corp/v1', registry, true, /names the path \/v1, which ends in no slash/],
    ['reg.corp/team/app:1.0', registry, true, /names the tag or digest too; write reg\.corp\/team\/app/],
    ['reg.corp:5000', registry, false, /for port 5000, and the image is at reg\.corp/],
    ['reg.corp', ported, false, /for no port, and the image is at reg\.corp:5000/],
    ['reg.corp/other', registry, false, /for the path \/other alone/],
    ['*.corp', { domain: 'a.b.corp', path: 'app' }, false, /one part between dots/],
  ];
  for (const [key, image, meant, why] of cases) {
    it(`${key} for ${image.domain}/${image.path}`, () => {
      const file = fileWith(key);
      assert.deepEqual(matchCredentials(file, image), []);
      const [near, ...more] = nearKeys(file, image);
      assert.equal(more.length, 0);
      assert.equal(near?.meant, meant, near?.why);
      assert.match(near?.why ?? '', why);
    });
  }

  for (const [key, image] of [
    ['other.corp', registry],
    ['https://index.docker.io/v1/', registry],
    ['reg.corporation', registry],
    ['myreg.corp', registry],
  ] as const) {
    it(`${key} is for another registry than ${image.domain}`, () =>
      assert.deepEqual(nearKeys(fileWith(key), image), []));
  }

  for (const [key, image] of [
    ['https://index.docker.io/v1/', hub],
    ['docker.io', hub],
    ['index.docker.io', hub],
    ['https://reg.corp/v2/', registry],
    ['reg.corp/te', registry],
    ['*.corp', registry],
  ] as const) {
    it(`${key} fits ${image.domain}, so nothing is near`, () => {
      const file = fileWith(key, 'reg.corp:443', 'docker.io/someone');
      assert.notDeepEqual(matchCredentials(file, image), []);
      assert.deepEqual(nearKeys(file, image), []);
    });
  }

  it('is never both: a key that fits and one that nearly does', () => {
    const host = fc.constantFrom('reg.corp', 'reg.corp:443', 'reg.corp:5000', 'docker.io', 'index.docker.io', '*.corp');
    const path = fc.constantFrom('', '/', '/v1', '/v1/', '/v2/', '/team', '/team/app', '/team/app:1', '/x');
    const scheme = fc.constantFrom('', 'https://', 'http://', 'docker://');
    fc.assert(
      fc.property(fc.tuple(scheme, host, path), fc.constantFrom(registry, ported, hub), (parts, image) => {
        const file = fileWith(parts.join(''));
        if (matchCredentials(file, image).length > 0) assert.deepEqual(nearKeys(file, image), []);
      }),
    );
  });
});
