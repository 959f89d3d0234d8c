import assert from 'node:assert/strict';
import { type PlanCase, placesOf, plan, problemsOf } from '../kit/plan-stage.ts';

const conf = 'etc/containers/registries.conf';
const dropIn = 'etc/containers/registries.conf.d/50-site.conf';
const crio = 'etc/crio/crio.conf';
const two = 'unqualified-search-registries = ["quay.io", "docker.io"]\n';
const both = ['quay.io/team/app:1', 'docker.io/team/app:1'];
const hash = 'd'.repeat(64);

/** What CRI-O makes of one image. */
interface CrioCase extends Pick<PlanCase, 'version' | 'files' | 'image'> {
  readonly conf?: string;
  /** Null: exit status 0. */
  readonly cause?: string | null;
  /** `role url reference source` of each endpoint. */
  readonly places?: readonly string[];
  readonly candidates?: readonly string[];
  readonly mode?: string;
  readonly problems?: readonly string[];
}

const cases: Readonly<Record<string, CrioCase>> = {
  'no file at all': { places: ['upstream https://reg.corp/v2 reg.corp/team/web:1 default'] },
  'mirrors rewrite the name, upstream last': {
    image: 'docker.io/library/nginx:1',
    conf: '[[registry]]\nprefix = "docker.io"\nlocation = "docker.io"\n[[registry.mirror]]\nlocation = "m.corp:5000/hub"\n',
    places: [
      `mirror https://m.corp:5000/v2 m.corp:5000/hub/library/nginx:1 ${conf}:5`,
      `upstream https://registry-1.docker.io/v2 docker.io/library/nginx:1 ${conf}:3`,
    ],
  },
  'a tag goes past mirrors for digests': {
    conf: '[[registry]]\nlocation = "reg.corp"\n[[registry.mirror]]\nlocation = "m.corp"\npull-from-mirror = "digest-only"\n',
    places: [`upstream https://reg.corp/v2 reg.corp/team/web:1 ${conf}:2`],
  },
  'a digest goes past mirrors for tags': {
    image: `reg.corp/a@sha256:${hash}`,
    conf: '[[registry]]\nlocation = "reg.corp"\n[[registry.mirror]]\nlocation = "m.corp"\npull-from-mirror = "tag-only"\n',
    places: [`upstream https://reg.corp/v2 reg.corp/a@sha256:${hash} ${conf}:2`],
  },
  'a prefix without a port, and the port goes along': {
    image: 'reg.corp:5000/a:1',
    conf: '[[registry]]\nprefix = "reg.corp"\nlocation = "m.corp"\n',
    places: [`upstream https://m.corp:5000/v2 m.corp:5000/a:1 ${conf}:3`],
  },
  'a prefix with a star': {
    conf: '[[registry]]\nprefix = "*.corp"\nlocation = "m.corp"\n',
    places: [`upstream https://m.corp/v2 m.corp/team/web:1 ${conf}:3`],
  },
  'a drop-in with the same prefix replaces mirrors too': {
    conf: '[[registry]]\nlocation = "reg.corp"\n[[registry.mirror]]\nlocation = "m.corp"\n',
    files: { [dropIn]: '[[registry]]\nprefix = "reg.corp"\nlocation = "other.corp"\n' },
    places: [`upstream https://other.corp/v2 other.corp/team/web:1 ${dropIn}:3`],
  },
  blocked: {
    conf: '[[registry]]\nlocation = "reg.corp"\nblocked = true\n',
    cause: 'registry-blocked',
    places: [`upstream https://reg.corp/v2 reg.corp/team/web:1 ${conf}:2`],
    problems: [`error registry-blocked ${conf}:3`],
  },
  'blocked, with a mirror that is still tried': {
    conf: '[[registry]]\nlocation = "reg.corp"\nblocked = true\n[[registry.mirror]]\nlocation = "m.corp"\n',
    places: [
      `mirror https://m.corp/v2 m.corp/team/web:1 ${conf}:5`,
      `upstream https://reg.corp/v2 reg.corp/team/web:1 ${conf}:2`,
    ],
    problems: [`warning registry-blocked ${conf}:3`],
  },
  'version 1 of the file': {
    conf: '[registries.search]\nregistries = ["quay.io"]\n[registries.block]\nregistries = ["reg.corp"]\n',
    cause: 'registry-blocked',
    places: [`upstream https://reg.corp/v2 reg.corp/team/web:1 ${conf}:4`],
    problems: [`error registry-blocked ${conf}:4`],
  },
  'both versions of the file': {
    conf: 'unqualified-search-registries = ["a.b"]\n[registries.search]\nregistries = ["quay.io"]\n',
    cause: 'runtime-misconfigured',
    problems: [`error runtime-misconfigured ${conf}:2`],
  },
  'a URL in the place of a location': {
    conf: '\n[[registry]]\nlocation = "https://other.corp"\n',
    cause: 'runtime-misconfigured',
    problems: [`error runtime-misconfigured ${conf}:3`],
  },
  malformed: {
    conf: 'x = 1\n[[registry]\n',
    cause: 'runtime-misconfigured',
    problems: [`error runtime-misconfigured ${conf}:2`],
  },
  'one malformed drop-in': {
    conf: '',
    files: { [dropIn]: '[[registry]\n' },
    cause: 'runtime-misconfigured',
    problems: [`error runtime-misconfigured ${dropIn}:1`],
  },
  'a drop-in by another name is not read': {
    files: { 'etc/containers/registries.conf.d/50-site.conf.bak': '[[registry]\n' },
    places: ['upstream https://reg.corp/v2 reg.corp/team/web:1 default'],
  },
  'behind an absolute link': {
    files: { [conf]: { link: '/srv/r.conf' }, 'srv/r.conf': '[[registry]]\nlocation = "reg.corp"\nblocked = true\n' },
    cause: 'registry-blocked',
    places: [`upstream https://reg.corp/v2 reg.corp/team/web:1 ${conf}:2`],
    problems: [`error registry-blocked ${conf}:3`],
  },
  'a malformed crio.conf': {
    files: { [crio]: '[crio\n' },
    cause: 'runtime-misconfigured',
    places: ['upstream https://reg.corp/v2 reg.corp/team/web:1 default'],
    problems: [`error runtime-misconfigured ${crio}:1`],
  },
  'a policy that rejects': {
    files: { 'etc/containers/policy.json': '{"default":[{"type":"reject"}]}' },
    cause: 'signature-rejected',
    places: ['upstream https://reg.corp/v2 reg.corp/team/web:1 default'],
    problems: ['error signature-rejected etc/containers/policy.json:1'],
  },
  'a short name and one registry': {
    image: 'team/app:1',
    conf: '\nunqualified-search-registries = ["quay.io"]\n',
    candidates: ['quay.io/team/app:1'],
    places: ['upstream https://quay.io/v2 quay.io/team/app:1 default'],
  },
  'a short name and no file': {
    image: 'team/app:1',
    cause: 'short-name-unresolved',
    candidates: [],
    problems: ['error short-name-unresolved default'],
  },
  'a short name and an empty list': {
    image: 'team/app:1',
    conf: 'unqualified-search-registries = []\n',
    cause: 'short-name-unresolved',
    candidates: [],
    problems: [`error short-name-unresolved ${conf}:1`],
  },
  'a short name and two registries': {
    image: 'team/app:1',
    conf: two,
    cause: 'short-name-unresolved',
    candidates: both,
    problems: [`error short-name-unresolved ${conf}:1`],
  },
  'permissive in registries.conf has no effect': {
    image: 'team/app:1',
    conf: `${two}short-name-mode = "permissive"\n`,
    cause: 'short-name-unresolved',
    candidates: both,
    problems: [`error short-name-unresolved ${conf}:1`],
  },
  'disabled in crio.conf tries one after the other': {
    image: 'team/app:1',
    conf: two,
    files: { [crio]: '[crio.image]\nshort_name_mode = "disabled"\n' },
    mode: 'disabled',
    candidates: both,
    places: [
      'upstream https://quay.io/v2 quay.io/team/app:1 default',
      'upstream https://registry-1.docker.io/v2 docker.io/team/app:1 default',
    ],
  },
  'before 1.34 too': {
    image: 'team/app:1',
    version: '1.33.1',
    conf: two,
    mode: 'disabled',
    candidates: both,
    places: [
      'upstream https://quay.io/v2 quay.io/team/app:1 default',
      'upstream https://registry-1.docker.io/v2 docker.io/team/app:1 default',
    ],
  },
  'an alias beats the list': {
    image: 'nginx',
    conf: two,
    files: { [dropIn]: '[aliases]\n"nginx" = "docker.io/library/nginx"\n' },
    candidates: ['docker.io/library/nginx:latest'],
    places: ['upstream https://registry-1.docker.io/v2 docker.io/library/nginx:latest default'],
  },
  'upper case is no host when registries are searched': {
    image: 'Team/app:1',
    conf: 'unqualified-search-registries = ["quay.io"]\n',
    cause: 'invalid-image-name',
    candidates: [],
    problems: [`error invalid-image-name ${conf}:1`],
  },
};

describe('pullwhy plan: CRI-O', function () {
  this.timeout(30_000);
  for (const [
    name,
    { conf: text, cause = null, places = [], candidates, mode, problems = [], ...rest },
  ] of Object.entries(cases)) {
    it(name, async () => {
      const files = { ...rest.files, ...(text === undefined ? {} : { [conf]: text }) };
      const { code, stderr, document } = await plan({ ...rest, files, runtime: 'cri-o' });
      assert.deepEqual([code, document.cause, stderr], [cause === null ? 0 : 1, cause, '']);
      const shown = document.endpoints.map(
        ({ role, url, reference, source }) => `${role} ${url} ${reference} ${source}`,
      );
      assert.deepEqual(shown, places);
      assert.deepEqual(problemsOf(document), problems);
      assert.deepEqual(document.shortName?.candidates, candidates);
      assert.equal(document.shortName?.mode, candidates === undefined ? undefined : (mode ?? 'enforcing'));
      // A name that CRI-O does not come to is not shown as if it did.
      if (candidates !== undefined) {
        assert.equal(document.image.normalized, cause === null ? (candidates[0] ?? null) : null);
      }
    });
  }

  it('shows insecure and blocked', async () => {
    const text = '[[registry]]\nlocation = "reg.corp:5000"\ninsecure = true\n';
    const { document } = await plan({ runtime: 'cri-o', image: 'reg.corp:5000/a', files: { [conf]: text } });
    const [endpoint] = document.endpoints;
    assert.deepEqual(
      [endpoint?.url, endpoint?.insecure, endpoint?.skipVerify, endpoint?.httpFallback, endpoint?.blocked],
      ['https://reg.corp:5000/v2', true, false, true, false],
    );
    const blocked = await plan({
      runtime: 'cri-o',
      files: { [conf]: '[[registry]]\nlocation = "reg.corp"\nblocked = true\n' },
    });
    assert.deepEqual(
      blocked.document.endpoints.map((place) => place.blocked),
      [true],
    );
    const diagnosed = await plan({
      runtime: 'cri-o',
      command: 'diagnose',
      files: { [conf]: '[[registry]]\nlocation = "127.0.0.1:1"\nblocked = true\n' },
      image: '127.0.0.1:1/a',
    });
    assert.deepEqual([diagnosed.code, diagnosed.document.cause], [1, 'registry-blocked']);
  });

  it('finds credentials by the path in crio’s own file', async () => {
    const auth = Buffer.from('u:hunter2').toString('base64');
    const { document, stdout } = await plan({
      runtime: 'cri-o',
      files: {
        [crio]: '[crio.image]\nglobal_auth_file = "/etc/auth.json"\n',
        'etc/auth.json': JSON.stringify({ auths: { 'reg.corp/team': { auth } } }),
      },
    });
    const match = { key: 'reg.corp/team', source: 'etc/auth.json', username: 'u', sentTo: 'reg.corp' };
    assert.deepEqual(document.credentials, { source: 'etc/auth.json', username: 'u', matches: [match] });
    assert.deepEqual(placesOf(document), ['upstream https://reg.corp/v2 default']);
    assert.doesNotMatch(stdout, /hunter2/);
  });
});
