import assert from 'node:assert/strict';
import { readSources } from '../arch/sources.ts';
import { build, components, findKubectl, listAt, overlays, textsAt } from './kustomize.ts';

/** One right that RBAC gives: `create tokenreviews.authentication.k8s.io`. */
type Right = string;

/** What a path is asked for, and what of deploy/ gives the right. */
interface Call {
  readonly rights: readonly Right[];
  readonly component: string;
}

/**
 * What a path of the API server in the code is asked for, by the path with `*` for what is put in. Whoever writes a new
 * path into src adds it here with its verbs, and to a component of deploy/.
 */
const calls: Readonly<Record<string, Call | readonly Call[]>> = {
  '/apis/authentication.k8s.io/v1/tokenreviews': {
    rights: ['create tokenreviews.authentication.k8s.io'],
    component: 'network-access',
  },
  '/apis/authorization.k8s.io/v1/subjectaccessreviews': {
    rights: ['create subjectaccessreviews.authorization.k8s.io'],
    component: 'network-access',
  },
  '/api/v1/pods': { rights: ['list pods', 'watch pods'], component: 'cluster-api' },
  '/api/v1/namespaces/*/events': [
    { rights: ['list events'], component: 'cluster-api' },
    { rights: ['create events'], component: 'pod-events' },
  ],
  '/api/v1/namespaces/*/events/*': { rights: ['patch events'], component: 'pod-events' },
  '/api/v1/nodes/*': { rights: ['get nodes'], component: 'node-labels' },
  '/api/v1/nodes/*/status': { rights: ['patch nodes/status'], component: 'node-condition' },
  '/api/v1/namespaces/*/secrets/*': { rights: ['get secrets'], component: 'pull-secrets' },
  '/api/v1/namespaces/*/serviceaccounts/*': { rights: ['get serviceaccounts'], component: 'pull-secrets' },
};

/** Of the kubectl plugin, which asks as the person who runs it. */
const people = /^src\/cli\//;

describe('deploy: RBAC', function () {
  this.timeout(120_000);
  let kubectl = '';
  before(async function () {
    const found = await findKubectl();
    if ('why' in found) {
      process.stdout.write(`    left out: ${found.why}\n`);
      return this.skip();
    }
    kubectl = found.kubectl;
  });

  it('every call of the code is known here', () => {
    const found = pathsOf();
    assert.deepEqual(
      [...found].filter(([path]) => calls[path] === undefined).map(([path, files]) => `${path} in ${files.join(', ')}`),
      [],
      'add the path with its verbs to this test, and the right to a component of deploy/',
    );
    assert.deepEqual(
      Object.keys(calls).filter((path) => !found.has(path)),
      [],
      'the code asks for this no more: take the right away',
    );
  });

  it('each component gives exactly the rights that its calls need', async () => {
    const plain = rightsOf((await build(kubectl, 'base')).objects);
    assert.deepEqual([...plain], [], 'the base asks the API server nothing');
    for (const component of components()) {
      if (component === 'monitoring') continue; // it gives the agent nothing but network-access
      const needed = Object.values(calls)
        .flat()
        .flatMap((call) => (call.component === component ? call.rights : []));
      const given = rightsOf((await build(kubectl, 'base', [component])).objects);
      assert.deepEqual([...given].sort(), [...new Set(needed)].sort(), component);
    }
  });

  it('no overlay gives more than its components', async () => {
    const known = new Set(
      Object.values(calls)
        .flat()
        .flatMap(({ rights }) => rights),
    );
    for (const overlay of overlays()) {
      const { objects } = await build(kubectl, overlay);
      const given = rightsOf(objects);
      given.delete('use securitycontextconstraints.security.openshift.io');
      assert.deepEqual(
        [...given].filter((right) => !known.has(right)),
        [],
        overlay,
      );
      assert.equal(given.has('get secrets'), overlay === 'with-secrets', overlay);
      for (const { kind, name, object } of objects) {
        for (const rule of listAt(object, 'rules')) {
          for (const list of ['apiGroups', 'resources', 'verbs', 'nonResourceURLs']) {
            assert.ok(!textsAt(rule, list).includes('*'), `${overlay}: ${kind} ${name} gives everything`);
          }
        }
        // Secrets are given by the namespace, never in all of them.
        if (kind === 'ClusterRoleBinding') assert.ok(!/secret/.test(JSON.stringify(object)), `${overlay}: ${name}`);
      }
    }
  });

  it('every binding binds a role that is there to an account that is there', async () => {
    for (const built of [
      await build(kubectl, 'with-secrets', ['monitoring', 'pod-events', 'node-condition']),
      await build(kubectl, 'fleet', ['monitoring', 'collector/monitoring']),
    ]) {
      const names = new Set(built.objects.map(({ kind, name }) => `${kind} ${name}`));
      for (const { kind, name, object } of built.objects) {
        if (!kind.endsWith('Binding')) continue;
        const { roleRef } = object;
        const role = typeof roleRef === 'object' && roleRef !== null ? roleRef : {};
        assert.ok(names.has(`${Reflect.get(role, 'kind')} ${Reflect.get(role, 'name')}`), `${kind} ${name}`);
        for (const subject of listAt(object, 'subjects')) {
          assert.ok(names.has(`${String(subject.kind)} ${String(subject.name)}`), `${kind} ${name}`);
          assert.equal(subject.namespace, 'pullwhy-system');
        }
      }
    }
  });
});

/** Paths of the API server in texts of the code, with the files that have them. */
function pathsOf(): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const { path, code } of readSources()) {
    if (people.test(path)) continue;
    for (const [, text = ''] of code.join('\n').matchAll(/['"`](\/apis?\/[^'"`\n]+)['"`]/g)) {
      const bare = (text.split('?')[0] ?? '').replace(/\$\{[^}]*\}/g, '*');
      found.set(bare, [...(found.get(bare) ?? []), path]);
    }
  }
  return found;
}

/** All rights in the roles, whoever they are bound to; those of the roles for callers (nonResourceURLs) are none of ours. */
function rightsOf(objects: readonly { readonly kind: string; readonly object: Record<string, unknown> }[]): Set<Right> {
  const rights = new Set<Right>();
  for (const { kind, object } of objects) {
    if (kind !== 'Role' && kind !== 'ClusterRole') continue;
    for (const rule of listAt(object, 'rules')) {
      for (const group of textsAt(rule, 'apiGroups')) {
        for (const resource of textsAt(rule, 'resources')) {
          for (const verb of textsAt(rule, 'verbs'))
            rights.add(`${verb} ${resource}${group === '' ? '' : `.${group}`}`);
        }
      }
    }
  }
  return rights;
}
