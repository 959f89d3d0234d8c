/** The agent as a process whose API server goes away: what needs none works on, and what needs it says so and comes back. */
import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { type AgentNode, makeAgentNode } from '../kit/agent-node.ts';
import { type AgentProcess, startAgentProcess } from '../kit/agent-process.ts';
import { type ApiRequest, bookmark, podList, sendJson, watchLine } from '../kit/fake-api-server.ts';
import { type FakeCluster, startCluster, waitingPod } from '../kit/fake-cluster.ts';
import { kubeletFails, runtimeFails } from '../kit/node-lines.ts';

describe('e2e: an agent whose API server is away', function () {
  this.timeout(90_000);
  let node: AgentNode;
  let cluster: FakeCluster;
  let agent: AgentProcess | undefined;
  let away = false;
  let pods: unknown[] = [];
  const streams = new Set<ServerResponse>();

  before(async () => {
    node = await makeAgentNode({ journald: [] });
    cluster = await startCluster();
    cluster.api.answer = (request: ApiRequest, response: ServerResponse) => {
      if (away) return void response.socket?.destroy();
      if (request.path !== '/api/v1/pods') return sendJson(response, 404, {});
      if (request.query.get('watch') === null) return sendJson(response, 200, podList(pods, '10'));
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write(bookmark('10'));
      streams.add(response);
    };
  });
  after(async () => {
    await agent?.stop();
    await cluster.close();
    await node.close();
  });

  async function until(what: string, is: () => Promise<boolean>): Promise<void> {
    for (const end = Date.now() + 30_000; !(await is()); ) {
      if (Date.now() > end) throw new Error(`${what} did not come: ${agent?.logText()}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  it('finds causes by the journal, answers everything, and goes on with the watch without a list', async function () {
    if (node.journald === null) return this.skip();
    const [host = ''] = node.hosts;
    const image = `${host}/team/app:9`;
    const waiting = (name: string) => waitingPod({ name, image, message: `Back-off pulling image "${image}"` });
    pods = [waiting('web-0')];
    agent = await startAgentProcess([...node.flags], {
      env: {
        KUBECONFIG: cluster.kubeconfig,
        PULLWHY_HTTP_ALLOW_TARGETS: '127.0.0.0/8',
        PULLWHY_HEALTH_INTERVAL: '1s',
      },
    });
    const running = agent;
    const row = async (pod: string) => (await running.pods()).find((one) => one.pod === pod);
    const asked = (way: 'list' | 'watch') =>
      cluster.api.requests.filter(
        ({ path, query }) => path === '/api/v1/pods' && (query.get('watch') === null) === (way === 'list'),
      );
    await until('the row by the API', async () => (await row('web-0'))?.cause === 'tag-not-found');
    assert.equal((await row('web-0'))?.policy, 'IfNotPresent');
    assert.equal(asked('list').length, 1);

    away = true;
    for (const stream of streams) stream.destroy();
    streams.clear();
    await until('the word', async () => /^kubernetes waiting /m.test((await running.ask('/readyz?verbose')).body));
    assert.match(
      (await running.ask('/readyz?verbose')).body,
      /^kubernetes waiting \S+ The API server \S+ cannot be asked/m,
    );
    assert.equal((await running.ask('/readyz')).status, 200);
    assert.equal((await running.ask('/healthz')).status, 200);
    const other = `${host}/team/app:8`;
    const failing = {
      image: other,
      pod: 'web-1',
      error: `failed to pull and unpack image "${other}": failed to resolve reference "${other}": ${other}: not found`,
    };
    await node.say([...runtimeFails(failing), ...kubeletFails(failing)]);
    await until('the cause by the journal', async () => {
      const one = await row('web-1');
      return one?.cause === 'tag-not-found' && one.confidence === 'proven';
    });
    assert.ok((await row('web-0')) !== undefined, 'what was known is not forgotten');
    const made = await running.ask('/v1/investigations', { method: 'POST', body: { image: `${host}/team/app:1.0` } });
    assert.equal(JSON.parse(made.body).verdict, 'healthy', made.body);
    for (const path of ['/v1/report', '/v1/registries', '/v1/runtime', '/metrics'])
      assert.equal((await running.ask(path)).status, 200, path);

    away = false;
    await until('the watch', async () => streams.size === 1);
    const [gone] = pods.map((pod) => JSON.parse(JSON.stringify(pod)));
    gone.metadata.resourceVersion = '11';
    for (const stream of streams) stream.write(watchLine('DELETED', gone));
    await until('the end of the pod', async () => (await row('web-0')) === undefined);
    assert.match((await running.ask('/readyz?verbose')).body, /^kubernetes following /m);
    assert.equal(asked('list').length, 1, 'it goes on from the version that it had');
    assert.equal(asked('watch').at(-1)?.query.get('resourceVersion'), '10');
  });
});
