import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { startAgent } from '../../../src/agent/agent.ts';
import { AgentSettings } from '../../../src/agent/settings.ts';
import { systemEnv } from '../../../src/lib/env.ts';
import { isRecord, parseJson } from '../../../src/lib/json.ts';
import { openLog } from '../../../src/lib/log.ts';
import { loadSettings } from '../../../src/settings/load.ts';
import { podList, sendJson, startApiServer, watchLine } from '../../kit/fake-api-server.ts';

const image = 'reg.invalid/Team/App:1';

function podOf(state: object): object {
  return {
    metadata: { name: 'web-0', namespace: 'shop', uid: 'u-0', resourceVersion: '20' },
    spec: { nodeName: 'worker-3', containers: [{ name: 'app', image }] },
    status: { phase: 'Pending', containerStatuses: [{ name: 'app', state }] },
  };
}

describe('agent: with kubernetes.events and kubernetes.nodeCondition', () => {
  it('tells a pod of its typo, once, and sets no condition for it', async function () {
    this.timeout(30_000);
    const server = await startApiServer();
    const folder = mkdtempSync(`${tmpdir()}/pullwhy-tells-`);
    const waiting = {
      waiting: { reason: 'InvalidImageName', message: `Failed to apply default image tag "${image}"` },
    };
    const node = { kind: 'Node', status: { conditions: [{ type: 'Ready', status: 'True' }] } };
    server.answer = ({ method, query, body }, response) => {
      if (method === 'POST') return sendJson(response, 201, parseJson(body));
      if (method === 'PATCH') return sendJson(response, 200, node);
      if (query.get('watch') === null) return sendJson(response, 200, podList([podOf(waiting)], '10'));
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write(watchLine('MODIFIED', podOf(waiting)));
    };
    writeFileSync(
      `${folder}/config`,
      `current-context: x
clusters: [ { name: c, cluster: { server: 'https://127.0.0.1:${server.port}', certificate-authority-data: ${Buffer.from(server.pki.root.pem).toString('base64')} } } ]
users: [ { name: u, user: { token: agent-secret } } ]
contexts: [ { name: x, context: { cluster: c, user: u } } ]
`,
    );
    const loaded = loadSettings(AgentSettings, {
      flags: new Map(),
      environment: {
        PULLWHY_NODE_HOST_ROOT: folder,
        PULLWHY_HTTP_LISTEN: '127.0.0.1:0',
        PULLWHY_KUBERNETES_EVENTS: 'true',
        PULLWHY_KUBERNETES_NODE_CONDITION: 'true',
        PULLWHY_HEALTH_INTERVAL: '0s',
      },
      file: null,
    });
    assert.ok(loaded.ok, JSON.stringify(loaded));
    const lines: string[] = [];
    const log = openLog({
      env: systemEnv,
      write: (line) => lines.push(line),
      settings: () => ({ level: 'debug', format: 'json' }),
    });
    const agent = await startAgent({
      env: systemEnv,
      log,
      settings: () => loaded.value.value,
      node: 'worker-3',
      version: '0',
      variables: { KUBECONFIG: `${folder}/config` },
    });
    assert.ok(agent.ok, agent.ok ? '' : agent.error);
    try {
      const events = () => server.requests.filter(({ method }) => method === 'POST');
      const until = Date.now() + 15_000;
      while (events().length === 0 && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 50));
      const [event] = events();
      assert.equal(event?.path, '/api/v1/namespaces/shop/events', lines.join(''));
      const written = parseJson(event?.body ?? '');
      assert.ok(isRecord(written));
      assert.match(String(written.message), /\[invalid-image-name, proven\]$/);
      assert.deepEqual(written.involvedObject, {
        apiVersion: 'v1',
        kind: 'Pod',
        namespace: 'shop',
        name: 'web-0',
        uid: 'u-0',
      });
      await new Promise((resolve) => setTimeout(resolve, 1000));
      const { host, port } = agent.value.address;
      const metrics = await (await fetch(`http://${host}:${port}/metrics`)).text();
      assert.match(metrics, /^pullwhy_kubernetes_events_total\{result="sent"\} 1$/m);
      assert.match(metrics, /^pullwhy_kubernetes_events_waiting 0$/m);
      assert.equal(events().length, 1);
      assert.deepEqual(
        server.requests.filter(({ method, body }) => method === 'PATCH' && body !== '{}'),
        [],
      );
      assert.doesNotMatch(lines.join('') + metrics, /agent-secret/);
    } finally {
      await agent.value.stop();
      await server.close();
      rmSync(folder, { recursive: true });
    }
  });
});
