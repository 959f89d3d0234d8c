import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request as ask, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { arrayMember, isRecord, type JsonRecord, recordMember, stringMember } from '../../src/lib/json.ts';
import { type ApiRequest, type FakeApiServer, sendJson, sendStatus, startApiServer } from './fake-api-server.ts';

/** What a cluster has. */
export interface ClusterObjects {
  readonly pods?: readonly unknown[];
  readonly events?: readonly unknown[];
  /** By path: `/apis/apps/v1/namespaces/shop/deployments/web`. */
  readonly others?: Readonly<Record<string, unknown>>;
  /** Paths that the caller may not ask for. */
  readonly forbidden?: RegExp;
  /** Where the proxy to pods leads; null: it does not reach them. */
  readonly agentUrl?: string | null;
}

/** An API server with objects, and a kubeconfig for it. */
export interface FakeCluster {
  readonly api: FakeApiServer;
  readonly kubeconfig: string;
  readonly folder: string;
  objects: ClusterObjects;
  readonly close: () => Promise<void>;
}

/** Starts one. Its context has the namespace `shop`. */
export async function startCluster(objects: ClusterObjects = {}): Promise<FakeCluster> {
  const api = await startApiServer();
  const folder = await mkdtemp(`${tmpdir()}/pullwhy-cluster-`);
  const kubeconfig = `${folder}/config`;
  const ca = Buffer.from(api.pki.root.pem).toString('base64');
  const text = `apiVersion: v1
kind: Config
current-context: main
clusters: [ { name: c, cluster: { server: 'https://127.0.0.1:${api.port}', certificate-authority-data: ${ca} } } ]
users: [ { name: u, user: { token: s3cret-token } } ]
contexts: [ { name: main, context: { cluster: c, user: u, namespace: shop } } ]
`;
  await writeFile(kubeconfig, text, { mode: 0o600 });
  const cluster: FakeCluster = {
    api,
    kubeconfig,
    folder,
    objects,
    async close() {
      await api.close();
      await rm(folder, { recursive: true });
    },
  };
  api.answer = (request, response) => answer(cluster.objects, request, response);
  return cluster;
}

function answer(objects: ClusterObjects, request: ApiRequest, response: ServerResponse): void {
  const { path, query } = request;
  const { pods = [], events = [], others = {}, forbidden, agentUrl = null } = objects;
  if (request.headers.authorization !== 'Bearer s3cret-token') {
    sendStatus(response, 401, 'Unauthorized', 'Unauthorized');
    return;
  }
  if (forbidden?.test(path) === true) {
    sendStatus(response, 403, 'Forbidden', `User "u" cannot get "${path}"`);
    return;
  }
  const proxied = /^\/api\/v1\/namespaces\/[^/]+\/pods\/[^/]+\/proxy(\/.*)$/.exec(path)?.[1];
  if (proxied !== undefined) {
    if (agentUrl === null) {
      sendStatus(response, 503, 'ServiceUnavailable', 'error trying to reach service: connection refused');
      return;
    }
    const onward = ask(`${agentUrl}${proxied}`, { method: request.method, headers: headersOf(request) }, (reply) => {
      response.writeHead(reply.statusCode ?? 502, { 'content-type': reply.headers['content-type'] ?? '' });
      reply.pipe(response);
    });
    onward.on('error', () => sendStatus(response, 503, 'ServiceUnavailable', 'error trying to reach service'));
    onward.end(request.body);
    return;
  }
  const [, namespace, kind = '', name] =
    /^\/api\/v1(?:\/namespaces\/([^/]+))?\/(pods|events)(?:\/([^/]+))?$/.exec(path) ?? [];
  if (kind !== '') {
    const known = (kind === 'pods' ? pods : events).filter(isRecord);
    const there = known.filter((one) => namespace === undefined || meta(one, 'namespace') === namespace);
    if (name !== undefined) {
      const one = there.find((object) => meta(object, 'name') === name);
      if (one !== undefined) {
        sendJson(response, 200, one);
        return;
      }
    } else {
      const fields = query.get('fieldSelector') ?? '';
      const labels = query.get('labelSelector') ?? '';
      const items = there.filter((one) => fits(one, fields, fieldOf) && fits(one, labels, labelOf));
      sendJson(response, 200, { kind: 'List', apiVersion: 'v1', metadata: { resourceVersion: '9' }, items });
      return;
    }
  }
  const other = others[path];
  if (other !== undefined) sendJson(response, 200, other);
  else sendStatus(response, 404, 'NotFound', `${path} not found`);
}

/** The API server takes the caller's credentials away before it hands a request on. */
function headersOf({ headers }: ApiRequest): Record<string, string> {
  const kept = ['accept', 'content-type'].flatMap((name) => {
    const value = headers[name];
    return typeof value === 'string' ? [[name, value] as const] : [];
  });
  return Object.fromEntries(kept);
}

function fits(object: JsonRecord, selector: string, read: (object: JsonRecord, name: string) => string): boolean {
  return selector.split(',').every((term) => {
    const [, name = '', not, value = ''] = /^([^!=]+)(!)?==?(.*)$/.exec(term) ?? [];
    return term === '' || (read(object, name) === value) !== (not === '!');
  });
}

function fieldOf(object: JsonRecord, name: string): string {
  let at: unknown = object;
  for (const part of name.split('.')) at = isRecord(at) ? at[part] : undefined;
  return typeof at === 'string' ? at : '';
}

function labelOf(object: JsonRecord, name: string): string {
  return stringMember(recordMember(recordMember(object, 'metadata') ?? {}, 'labels') ?? {}, name) ?? '';
}

function meta(object: JsonRecord, name: string): string {
  return stringMember(recordMember(object, 'metadata') ?? {}, name) ?? '';
}

/** A pod whose container waits, as a kubelet of 1.36 writes it. */
export function waitingPod(what: {
  readonly name: string;
  readonly image: string;
  readonly namespace?: string;
  readonly node?: string | null;
  readonly reason?: string;
  readonly message?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly owner?: { readonly kind: string; readonly name: string };
}): unknown {
  const { name, image, namespace = 'shop', node = 'node-1', reason = 'ImagePullBackOff', message = '' } = what;
  const { labels = {}, owner } = what;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace,
      uid: `uid-${namespace}-${name}`,
      labels,
      creationTimestamp: '2026-11-22T10:47:11Z',
      ...(owner === undefined
        ? {}
        : { ownerReferences: [{ ...owner, apiVersion: 'apps/v1', uid: 'o', controller: true }] }),
    },
    spec: {
      ...(node === null ? {} : { nodeName: node }),
      containers: [{ name: 'app', image, imagePullPolicy: 'IfNotPresent' }],
    },
    status: {
      phase: 'Pending',
      ...(node === null
        ? {}
        : {
            containerStatuses: [
              { name: 'app', image, imageID: '', ready: false, state: { waiting: { reason, message } } },
            ],
          }),
    },
  };
}

/** A pod of the DaemonSet in deploy/base. */
export function agentPod(node: string, { ready = true, scheme = 'HTTP' } = {}): unknown {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `pullwhy-agent-${node}`,
      namespace: 'pullwhy-system',
      uid: `uid-agent-${node}`,
      labels: { 'app.kubernetes.io/name': 'pullwhy', 'app.kubernetes.io/component': 'agent' },
    },
    spec: {
      nodeName: node,
      hostNetwork: true,
      containers: [
        {
          name: 'agent',
          image: 'pullwhy:0.1.0',
          ports: [{ name: 'http', containerPort: 9440 }],
          readinessProbe: { httpGet: { path: '/readyz', port: 'http', scheme } },
        },
      ],
    },
    status: {
      phase: 'Running',
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
      containerStatuses: [{ name: 'agent', state: { running: { startedAt: '2026-11-22T10:47:11Z' } } }],
    },
  };
}

/** The items of what `-o json` printed, for looking into. */
export function itemsOf(document: unknown, name: string): readonly JsonRecord[] {
  return isRecord(document) ? (arrayMember(document, name) ?? []).filter(isRecord) : [];
}
