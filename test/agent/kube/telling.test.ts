import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { openEventSender } from '../../../src/agent/kube/event-sender.ts';
import { openPodDirectory } from '../../../src/agent/kube/known-pods.ts';
import { openPodNotices, repeatMs } from '../../../src/agent/kube/pod-notices.ts';
import { openTelling, type Telling, type TellingNeeds } from '../../../src/agent/kube/telling.ts';
import type { Incident } from '../../../src/agent/parts.ts';
import type { RegistryRow } from '../../../src/api/node.ts';
import { readPod } from '../../../src/kube/pod.ts';
import { systemEnv } from '../../../src/lib/env.ts';
import { isRecord, parseJson } from '../../../src/lib/json.ts';
import { openLog } from '../../../src/lib/log.ts';
import { clusterAccess } from '../../../src/wire/kube-access.ts';
import { openKubeClient } from '../../../src/wire/kube-client.ts';
import { concluded, incidentOf, nodeHealth, registryRow, waitingPod } from '../../kit/agent-health.ts';
import {
  type ApiRequest,
  type FakeApiServer,
  sendJson,
  sendStatus,
  startApiServer,
  statusObject,
} from '../../kit/fake-api-server.ts';

const token = 'agent-secret-token';

async function until(what: string, holds: () => boolean, step: () => void = () => undefined): Promise<void> {
  for (let n = 0; n < 500; n++) {
    if (holds()) return;
    step();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.fail(`it did not come: ${what}`);
}

const bodyOf = ({ body }: ApiRequest): Readonly<Record<string, unknown>> => {
  const value = parseJson(body);
  assert.ok(isRecord(value), body);
  return value;
};
const failing = (more: Partial<Incident> = {}): Incident =>
  incidentOf('reg.example/app:1', { conclusion: concluded('tcp-refused'), ...more });

describe('agent: telling Kubernetes', () => {
  let server: FakeApiServer;
  let folder = '';
  const clock = { shift: 0 };
  const lines: string[] = [];
  const env = {
    ...systemEnv,
    now: () => Date.now() + clock.shift,
    monotonic: () => performance.now() + clock.shift,
    random: () => 0,
  };
  const log = openLog({ env, write: (line) => lines.push(line), settings: () => ({ level: 'debug', format: 'text' }) });
  const access = () => {
    writeFileSync(`${folder}/token`, token);
    writeFileSync(`${folder}/ca`, server.pki.root.pem);
    return clusterAccess({
      host: '127.0.0.1',
      port: server.port,
      tokenFile: `${folder}/token`,
      caFile: `${folder}/ca`,
    });
  };
  beforeEach(async () => {
    server = await startApiServer();
    folder = mkdtempSync(`${tmpdir()}/pullwhy-telling-`);
    clock.shift = 0;
    lines.length = 0;
  });
  afterEach(async () => {
    await server.close();
    rmSync(folder, { recursive: true });
    assert.doesNotMatch(lines.join(''), /agent-secret/);
  });

  describe('Events', () => {
    const start = () => {
      const stopping = new AbortController();
      const client = openKubeClient(access(), env);
      const ends: string[] = [];
      const stands: (string | null)[] = [];
      const sender = openEventSender({
        env,
        log,
        client,
        node: 'worker-3',
        ended: (end) => ends.push(end),
        stands: (failure) => {
          assert.doesNotMatch(failure?.message ?? '', /agent-secret/);
          stands.push(failure?.kind ?? null);
        },
        signal: stopping.signal,
      });
      const notices = openPodNotices({ env, uidOf: (_, pod) => `uid-${pod}`, secretsOf: () => null, before: [] });
      const stop = async (): Promise<void> => {
        stopping.abort();
        await sender.stop();
        await client.close();
      };
      const tell = (incident: Incident): void => sender.push(notices.changed(incident, 'concluded'));
      return { sender, notices, ends, stands, stop, tell };
    };

    it('are created, counted up, and written anew when the server has forgotten them', async () => {
      const { sender, notices, ends, stop, tell } = start();
      server.answer = (request, response) => sendJson(response, 201, bodyOf(request));
      tell(failing());
      await until('the Event', () => ends.length === 1, sender.tick);
      const [created] = server.requests;
      assert.deepEqual([created?.method, created?.path], ['POST', '/api/v1/namespaces/shop/events']);
      assert.equal(created?.headers.authorization, `Bearer ${token}`);
      assert.ok(created !== undefined);
      const { metadata, reason } = bodyOf(created);
      assert.equal(reason, 'ImagePullCauseFound');
      const name = isRecord(metadata) ? metadata.name : null;
      clock.shift = repeatMs;
      sender.push(notices.due([failing()]));
      await until('the count', () => ends.length === 2, sender.tick);
      const patched = server.requests[1];
      assert.deepEqual([patched?.method, patched?.path], ['PATCH', `/api/v1/namespaces/shop/events/${name}`]);
      assert.equal(patched?.headers['content-type'], 'application/merge-patch+json');
      assert.ok(patched !== undefined);
      assert.equal(bodyOf(patched).count, 2);
      clock.shift = repeatMs * 2;
      server.answer = (request, response) =>
        request.method === 'PATCH'
          ? sendStatus(response, 404, 'NotFound', 'events not found')
          : sendJson(response, 201, bodyOf(request));
      sender.push(notices.due([failing()]));
      await until('a new one', () => ends.length === 3, sender.tick);
      const anew = server.requests.at(-1);
      assert.equal(anew?.method, 'POST');
      assert.ok(anew !== undefined);
      assert.equal(bodyOf(anew).count, 3);
      assert.deepEqual(ends, ['sent', 'sent', 'sent']);
      await stop();
      await until('nothing open', () => server.open() === 0);
    });

    it('are tried again, later and later, while the server is in trouble, and are there once', async () => {
      const { sender, ends, stands, stop, tell } = start();
      tell(failing());
      const answers: ((response: ServerResponse) => void)[] = [
        (response) => sendStatus(response, 500, 'InternalError', 'etcdserver: request timed out'),
        (response) => sendStatus(response, 429, 'TooManyRequests', 'slow down', { 'retry-after': '30' }),
        // A kept connection that breaks is replaced at once; a new one that does so is a failure.
        (response) => void response.destroy(),
        (response) => void response.destroy(),
        // It came through, and the answer was lost: the next try finds it there.
        (response) => sendStatus(response, 409, 'AlreadyExists', 'events already exists'),
      ];
      server.answer = (_, response) => answers[server.requests.length - 1]?.(response);
      await until('the first try', () => stands.length === 1, sender.tick);
      sender.tick();
      assert.equal(server.requests.length, 1, 'not at once');
      clock.shift += 5000;
      await until('the second', () => stands.length === 2, sender.tick);
      clock.shift += 29_000;
      sender.tick();
      assert.equal(server.requests.length, 2, 'the server asked for half a minute');
      clock.shift += 5000;
      await until('the third', () => stands.length === 3, sender.tick);
      clock.shift += 120_000;
      await until('the end', () => ends.length === 1, sender.tick);
      assert.deepEqual(stands, ['server-error', 'throttled', 'unreachable', null]);
      assert.deepEqual(ends, ['sent']);
      assert.equal(new Set(server.requests.map(({ body }) => body)).size, 1, 'one name for all tries');
      await stop();
    });

    it('are let go where they are not allowed, with one line in the log', async () => {
      const { sender, ends, stands, stop, tell } = start();
      server.answer = (_, response) =>
        sendStatus(response, 403, 'Forbidden', 'events is forbidden: User "x" cannot create resource "events"');
      tell(failing({ pods: [waitingPod('web-0'), waitingPod('web-1')] }));
      await until('the first', () => ends.length === 1, sender.tick);
      clock.shift += 60_000;
      await until('the second', () => ends.length === 2, sender.tick);
      assert.deepEqual(ends, ['refused', 'refused']);
      assert.deepEqual(stands, ['forbidden', 'forbidden']);
      assert.equal(lines.filter((line) => line.includes('an Event cannot be written')).length, 1);
      await stop();
    });

    it('are no failure in a namespace that is being deleted', async () => {
      const { sender, ends, stands, stop, tell } = start();
      server.answer = (_, response) =>
        sendJson(
          response,
          403,
          statusObject(
            403,
            'Forbidden',
            'unable to create new content in namespace shop because it is being terminated',
          ),
        );
      tell(failing());
      await until('the end', () => ends.length === 1, sender.tick);
      assert.deepEqual([ends, stands, lines], [['dropped'], [null], []]);
      await stop();
    });

    it('hold up nothing when the server is slow, and the oldest make room', async () => {
      const { sender, ends, stop, tell } = start();
      server.answer = () => undefined;
      const pods = Array.from({ length: 600 }, (_, n) => waitingPod(`web-${n}`));
      tell(failing({ pods }));
      assert.equal(sender.waiting(), 500);
      assert.equal(ends.filter((end) => end === 'dropped').length, 100);
      sender.tick();
      await until('the request', () => server.requests.length === 1);
      for (let n = 0; n < 20; n++) sender.tick();
      assert.equal(server.requests.length, 1, 'one at a time');
      await stop();
      await until('nothing open at the end', () => server.open() === 0);
    });

    it('come in a bounded stream, and what is too old is let go', async () => {
      const { sender, ends, stop, tell } = start();
      server.answer = (request, response) => sendJson(response, 201, bodyOf(request));
      tell(failing({ pods: Array.from({ length: 100 }, (_, n) => waitingPod(`web-${n}`)) }));
      await until('the burst', () => ends.length >= 20, sender.tick);
      const soon = ends.length;
      assert.ok(soon <= 30, `${soon} at once`);
      clock.shift = 2 * 3_600_000;
      sender.tick();
      assert.equal(sender.waiting(), 0);
      assert.equal(ends.filter((end) => end === 'dropped').length, 100 - ends.filter((end) => end === 'sent').length);
      await stop();
    });
  });

  describe('as a whole', () => {
    let telling: Telling | null = null;
    afterEach(async () => {
      await telling?.stop();
      telling = null;
    });
    const start = (more: Partial<TellingNeeds> = {}, annotations = {}) => {
      const directory = openPodDirectory();
      const pod = readPod({
        metadata: { name: 'web-0', namespace: 'shop', uid: 'u-0', annotations },
        spec: { nodeName: 'worker-3', containers: [{ name: 'main', image: 'reg.example/app:1' }] },
        status: { phase: 'Pending' },
      });
      assert.ok(pod.ok);
      directory.set(pod.value);
      const state: { incidents: Incident[]; registries: RegistryRow[]; ends: string[] } = {
        incidents: [],
        registries: [],
        ends: [],
      };
      telling = openTelling({
        env,
        log,
        node: 'worker-3',
        settings: { enabled: 'on', events: true, nodeCondition: true },
        variables: {},
        directory,
        incidents: () => state.incidents,
        registries: () => state.registries,
        health: () => nodeHealth(),
        noticeEnded: (end) => state.ends.push(end),
        access: access(),
        ...more,
      });
      return state;
    };
    /** A node as the API server keeps it: conditions are merged by type. */
    const keepNode = () => {
      const conditions = new Map<string, Record<string, unknown>>([['Ready', { type: 'Ready', status: 'True' }]]);
      server.answer = (request, response) => {
        if (request.method === 'POST') return sendJson(response, 201, bodyOf(request));
        assert.deepEqual([request.method, request.path], ['PATCH', '/api/v1/nodes/worker-3/status']);
        assert.equal(request.headers['content-type'], 'application/strategic-merge-patch+json');
        const { status } = bodyOf(request);
        const given = isRecord(status) && Array.isArray(status.conditions) ? status.conditions : [];
        for (const one of given.filter(isRecord)) conditions.set(String(one.type), one);
        return sendJson(response, 200, { kind: 'Node', status: { conditions: [...conditions.values()] } });
      };
      return conditions;
    };
    const tick = (): void => telling?.tick();

    it('writes Events with the uid, and the condition beside the kubelet’s own', async () => {
      const conditions = keepNode();
      const state = start();
      await until('a first look', () => server.requests.length === 1, tick);
      assert.equal(server.requests[0]?.body, '{}', 'read without a right to read');
      assert.equal(telling?.condition(), null);
      clock.shift = 31_000;
      await until('False', () => telling?.condition() === 'False', tick);
      state.registries = [
        registryRow('reg.example', {
          verdict: 'faulty',
          cause: 'tcp-refused',
          summary: 'reg.example refuses.',
          findings: [{ cause: 'tcp-refused', confidence: 'proven', summary: 'reg.example refuses.', host: null }],
        }),
      ];
      const one = failing();
      state.incidents = [one];
      telling?.changed(one, 'concluded');
      clock.shift = 34_000;
      await until('the Event', () => state.ends.length === 1, tick);
      const event = server.requests.find(({ method }) => method === 'POST');
      assert.match(event?.body ?? '', /"uid":"u-0"/);
      clock.shift = 70_000;
      await until('True', () => telling?.condition() === 'True', tick);
      const written = conditions.get('ImagePullProblem') ?? {};
      const { lastHeartbeatTime, lastTransitionTime, ...rest } = written;
      assert.deepEqual(rest, {
        type: 'ImagePullProblem',
        status: 'True',
        reason: 'TcpRefused',
        message: 'reg.example refuses.',
      });
      assert.match(String(lastHeartbeatTime), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
      assert.equal(lastTransitionTime, lastHeartbeatTime, 'it has just changed');
      assert.ok(conditions.has('Ready'));
      assert.deepEqual(
        telling?.states().map(({ source, state: word }) => [source, word]),
        [
          ['kubernetes-events', 'following'],
          ['kubernetes-condition', 'following'],
        ],
      );
      const before = server.requests.length;
      await telling?.stop();
      assert.equal(server.requests.length, before, 'it is left as it is');
      assert.equal(conditions.get('ImagePullProblem')?.status, 'True');
      await until('nothing open', () => server.open() === 0);
    });

    it('names a static pod as the kubelet does, so that kubectl describe finds the Event', async () => {
      const settings = { enabled: 'on', events: true, nodeCondition: false } as const;
      const state = start({ settings }, { 'kubernetes.io/config.mirror': 'a1b2c3' });
      keepNode();
      state.incidents = [failing()];
      await until('the Event', () => state.ends.length === 1, tick);
      assert.match(server.requests[0]?.body ?? '', /"uid":"a1b2c3"/);
    });

    it('says which right or name is missing', async () => {
      start({ settings: { enabled: 'on', events: false, nodeCondition: true } });
      server.answer = (_, response) => sendStatus(response, 403, 'Forbidden', 'nodes is forbidden');
      const note = (): string => telling?.states()[0]?.note ?? '';
      await until('its absence', () => telling?.states()[0]?.state === 'unreadable', tick);
      assert.match(note(), /answers 403.*patch nodes\/status/);
      server.answer = (_, response) => sendStatus(response, 404, 'NotFound', 'nodes "worker-3" not found');
      clock.shift = 120_000;
      await until('another word', () => /answers 404.*kubectl get nodes/.test(note()), tick);
    });

    it('says at once that there is no API server to tell', async () => {
      for (const [enabled, why] of [
        ['off', /kubernetes\.events is on and nobody is told: kubernetes\.enabled is off\./],
        ['auto', /kubernetes\.events is on and nobody is told: There is no API server here\./],
      ] as const) {
        lines.length = 0;
        telling = openTelling({
          env,
          log,
          node: 'worker-3',
          settings: { enabled, events: true, nodeCondition: false },
          variables: {},
          directory: openPodDirectory(),
          incidents: () => [failing()],
          registries: () => [],
          health: () => nodeHealth(),
          noticeEnded: () => assert.fail('nobody is told'),
        });
        await until('the state', () => telling?.states()[0]?.state === 'absent', tick);
        assert.match(telling?.states()[0]?.note ?? '', why);
        assert.match(lines.join(''), /ERROR Kubernetes is not told/);
        tick();
        telling?.changed(failing(), 'concluded');
        await telling?.stop();
      }
    });

    it('is nothing when nothing is asked for', () => {
      start({ settings: { enabled: 'on', events: false, nodeCondition: false } });
      assert.equal(telling, null);
    });
  });
});
