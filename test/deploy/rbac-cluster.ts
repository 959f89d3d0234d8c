import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { systemEnv } from '../../src/lib/env.ts';
import { isRecord, parseJson } from '../../src/lib/json.ts';
import { kubernetesReviewer } from '../../src/serve/kubernetes-reviewer.ts';
import { clusterAccess } from '../../src/wire/kube-access.ts';
import { sendJson, startApiServer } from '../kit/fake-api-server.ts';
import { batchOf, heartbeat, send, startHttpCollector } from '../kit/http-collector.ts';
import { at, listAt, type Manifest, textsAt } from './kustomize.ts';

/** A token of a service account of pullwhy-system, as Kubernetes makes it. */
export interface AccountToken {
  readonly account: string;
  readonly audiences: readonly string[];
  /** Of the pod that it was made for. */
  readonly node?: string;
}

/** A collector whose callers are known by an API server that has the roles and bindings of manifests, and no others. */
export interface RbacCluster {
  /** The status of an answer to who shows such a token. */
  readonly ask: (method: 'GET' | 'POST', path: string, token: AccountToken) => Promise<number>;
  readonly stop: () => Promise<void>;
}

/**
 * Starts both. TokenReview goes by audiences (kubernetes, pkg/serviceaccount/jwt.go: none in common with those asked for, and
 * it is no token), SubjectAccessReview by the rules with nonResourceURLs (pkg/registry/rbac, NonResourceURLMatches).
 */
export async function startRbacCluster(
  objects: readonly Manifest[],
  audiences: readonly string[],
): Promise<RbacCluster> {
  const folder = await mkdtemp(`${tmpdir()}/pullwhy-rbac-`);
  const server = await startApiServer();
  server.answer = ({ path, body }, response) => {
    const spec = at(parseJson(body), 'spec');
    const status = path.endsWith('/tokenreviews') ? reviewToken(spec) : { allowed: allows(objects, spec) };
    sendJson(response, 201, { kind: 'Review', spec, status });
  };
  const [tokenFile, caFile] = [`${folder}/token`, `${folder}/ca.crt`];
  await writeFile(tokenFile, 'its-own-token');
  await writeFile(caFile, server.pki.root.pem);
  const access = clusterAccess({ host: '127.0.0.1', port: server.port, tokenFile, caFile });
  const collector = await startHttpCollector({
    gate: { mode: 'kubernetes', reviewer: kubernetesReviewer(access, { env: systemEnv, audiences }), anyNode: [] },
  });
  return {
    async ask(method, path, token) {
      const authorization = `Bearer ${Buffer.from(JSON.stringify(token)).toString('base64url')}`;
      const body = method === 'POST' ? JSON.stringify(batchOf([heartbeat(1)], { node: token.node ?? 'node-1' })) : '';
      const { status } = await send(collector.port, body, { authorization }, { method, path });
      return status;
    },
    async stop() {
      await collector.server.stop();
      await server.close();
      await rm(folder, { recursive: true });
    },
  };
}

function reviewToken(spec: unknown): unknown {
  const token = parseJson(Buffer.from(String(at(spec, 'token')), 'base64url').toString());
  const asked = textsAt(spec, 'audiences');
  const audiences = textsAt(token, 'audiences').filter((one) => asked.includes(one));
  if (!isRecord(token) || audiences.length === 0) return { user: {}, error: 'token audiences is invalid' };
  const extra = typeof token.node === 'string' ? { 'authentication.kubernetes.io/node-name': [token.node] } : {};
  const user = { username: `system:serviceaccount:pullwhy-system:${String(token.account)}`, extra };
  return { authenticated: true, user, audiences };
}

function allows(objects: readonly Manifest[], spec: unknown): boolean {
  const [path, verb] = [at(spec, 'nonResourceAttributes.path'), at(spec, 'nonResourceAttributes.verb')];
  return objects.some(({ kind, object }) => {
    if (kind !== 'ClusterRoleBinding') return false;
    const bound = listAt(object, 'subjects').some(
      (one) => at(spec, 'user') === `system:serviceaccount:${String(one.namespace)}:${String(one.name)}`,
    );
    const role = objects.find((one) => one.kind === 'ClusterRole' && one.name === at(object, 'roleRef.name'));
    return (
      bound &&
      listAt(role?.object, 'rules').some(
        (rule) =>
          textsAt(rule, 'verbs').includes(String(verb)) &&
          textsAt(rule, 'nonResourceURLs').some((url) =>
            url.endsWith('*') ? String(path).startsWith(url.slice(0, -1)) : url === path,
          ),
      )
    );
  });
}
