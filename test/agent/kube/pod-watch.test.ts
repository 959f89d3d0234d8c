import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { goneAfterMs, openBook } from '../../../src/agent/book.ts';
import { openPodDirectory } from '../../../src/agent/kube/known-pods.ts';
import { type PodWatch, watchPods } from '../../../src/agent/kube/pod-watch.ts';
import type { IncidentChange } from '../../../src/agent/parts.ts';
import { systemEnv } from '../../../src/lib/env.ts';
import { isRecord } from '../../../src/lib/json.ts';
import { openLog } from '../../../src/lib/log.ts';
import type { PullEvent } from '../../../src/signals/pull-event.ts';
import { captures, haveCaptures } from '../../kit/captures.ts';
import {
  type FakeApiServer,
  podList,
  sendJson,
  sendStatus,
  startApiServer,
  watchLine,
} from '../../kit/fake-api-server.ts';
import { pullEvent } from '../../kit/pull-event.ts';
import { until } from '../../kit/until.ts';

const image = 'reg.corp/app:1';

function podOf(
  name: string,
  state: object,
  more: { readonly uid?: string; readonly policy?: string; readonly image?: string; readonly metadata?: object } = {},
): object {
  const { uid = `uid-${name}`, policy = 'IfNotPresent', metadata = {} } = more;
  return {
    metadata: { name, namespace: 'shop', uid, resourceVersion: '20', ...metadata },
    spec: { nodeName: 'worker-3', containers: [{ name: 'app', image: more.image ?? image, imagePullPolicy: policy }] },
    status: { phase: 'Pending', containerStatuses: [{ name: 'app', state }] },
  };
}

const failing = (reason: string, message: string): object => ({ waiting: { reason, message } });
const refusedWords =
  'failed to do request: Head "https://reg.corp/v2/app/manifests/1": dial tcp 10.0.0.9:443: connect: connection refused';
const refused = failing('ImagePullBackOff', `Back-off pulling image "${image}": ErrImagePull: ${refusedWords}`);
const creating = { waiting: { reason: 'ContainerCreating' } };
const runningSince = (at: number): object => ({ running: { startedAt: new Date(at).toISOString() } });

describe('agent: pods of the API server', () => {
  let server: FakeApiServer;
  let folder = '';
  let stopping: AbortController;
  let watching: PodWatch | null = null;
  let streams: ServerResponse[] = [];
  let listed: readonly object[] = [];
  let followed = true;
  beforeEach(async () => {
    server = await startApiServer();
    folder = mkdtempSync(`${tmpdir()}/pullwhy-pods-`);
    stopping = new AbortController();
    streams = [];
    listed = [];
    followed = true;
    server.answer = ({ query }, response) => {
      if (query.get('watch') === null) return sendJson(response, 200, podList(listed, '10'));
      response.writeHead(200, { 'content-type': 'application/json' });
      response.flushHeaders();
      streams.push(response);
    };
  });
  afterEach(async () => {
    stopping.abort();
    await watching?.done;
    await server.close();
    rmSync(folder, { recursive: true });
  });

  const start = (node = 'worker-3') => {
    const clock = { shift: 0 };
    // Time that passes: a clock that jumps is something else.
    const monotonic = () => systemEnv.monotonic() + clock.shift;
    const env = { ...systemEnv, now: () => Date.now() + clock.shift, monotonic, random: () => 0.01 };
    const directory = openPodDirectory();
    const book = openBook(env, { open: [], over: [] }, directory);
    const changes: (readonly [IncidentChange, string])[] = [];
    book.onChange((incident, change) => changes.push([change, incident.image]));
    const kubeconfig = `${folder}/config`;
    writeFileSync(
      kubeconfig,
      `current-context: x
clusters: [ { name: c, cluster: { server: 'https://127.0.0.1:${server.port}', certificate-authority-data: ${Buffer.from(server.pki.root.pem).toString('base64')} } } ]
users: [ { name: u, user: { token: agent-secret } } ]
contexts: [ { name: x, context: { cluster: c, user: u } } ]
`,
    );
    const lines: string[] = [];
    const log = openLog({
      env,
      write: (line) => lines.push(line),
      settings: () => ({ level: 'debug', format: 'text' }),
    });
    const made = watchPods({
      env,
      log,
      node,
      enabled: 'auto',
      variables: { KUBECONFIG: kubeconfig },
      directory,
      book,
      journalFollowed: () => followed,
      signal: stopping.signal,
    });
    watching = made;
    return { made, book, directory, changes, lines, clock };
  };
  const send = (type: string, pod: object): void => void streams.at(-1)?.write(watchLine(type, pod));
  const journal = (pod: string, more: Partial<PullEvent> = {}): PullEvent =>
    pullEvent({ at: new Date().toISOString(), cursor: 'c', image, pod, ...more });

  it('open incidents with pod, policy and cause, and end them with the pod', async () => {
    listed = [podOf('web-0', refused, { policy: 'Always' }), podOf('fine', runningSince(Date.now()))];
    const { made, book, changes, lines } = start();
    await until('an incident', () => book.open().length === 1);
    await until('the watch', () => streams.length === 1 && made.state()?.state === 'following');
    assert.equal(server.requests[0]?.query.get('fieldSelector'), 'spec.nodeName=worker-3');
    const [incident] = book.open();
    assert.equal(incident?.image, image);
    assert.equal(incident?.saidCause, 'tcp-refused');
    assert.deepEqual(
      incident?.pods.map(({ namespace, pod, container, reason, policy, attempts }) => [
        namespace,
        pod,
        container,
        reason,
        policy,
        attempts,
      ]),
      [['shop', 'web-0', 'app', 'ImagePullBackOff', 'Always', 0]],
      'tries are for the journal to count',
    );
    send('ADDED', podOf('web-1', refused));
    await until('its second pod', () => book.open()[0]?.pods.length === 2);
    send('DELETED', podOf('web-0', refused));
    await until('one pod less', () => book.open()[0]?.pods.length === 1);
    send('MODIFIED', podOf('web-1', refused, { metadata: { deletionTimestamp: new Date().toISOString() } }));
    await until('the end', () => book.open().length === 0);
    assert.equal(book.over(0)[0]?.endedBy, 'gone');
    assert.deepEqual(
      changes.map(([change]) => change),
      ['opened', 'pods', 'pods', 'ended'],
    );
    assert.doesNotMatch(lines.join(''), /agent-secret/);
  });

  it('give rows of the journal their policy, before or after the line comes', async () => {
    listed = [podOf('web-0', creating, { policy: 'Never' })];
    const { made, book } = start();
    book.notice(journal('web-0'));
    assert.equal(book.open()[0]?.pods[0]?.policy, null);
    await until('following', () => made.state()?.state === 'following');
    assert.equal(book.open()[0]?.pods[0]?.policy, 'Never');
    send('ADDED', podOf('web-1', creating, { policy: 'Always' }));
    book.notice(journal('web-1'));
    await until('its policy', () => book.open()[0]?.pods[1]?.policy === 'Always');
  });

  it('end a row when the container has started since, and not when it started before', async () => {
    listed = [podOf('web-0', creating), podOf('web-1', creating)];
    const { made, book } = start();
    await until('following', () => made.state()?.state === 'following' && streams.length === 1);
    book.notice(journal('web-0'));
    book.notice(journal('web-1'));
    send('MODIFIED', podOf('web-0', runningSince(Date.now() - 60_000)));
    send('MODIFIED', podOf('web-1', runningSince(Date.now() + 1000)));
    await until('one row less', () => book.open()[0]?.pods.length === 1);
    assert.equal(book.open()[0]?.pods[0]?.pod, 'web-0');
    send('MODIFIED', podOf('web-0', runningSince(Date.now() + 1000)));
    await until('the end', () => book.open().length === 0);
    assert.equal(book.over(0)[0]?.endedBy, 'kubelet');
  });

  it("end a row when the pod's image was corrected", async () => {
    listed = [podOf('web-0', refused)];
    const { book } = start();
    await until('the watch', () => book.open().length === 1 && streams.length === 1);
    send('MODIFIED', podOf('web-0', creating, { image: 'reg.corp/app:2' }));
    await until('the end', () => book.open().length === 0);
  });

  it('keep a row that is silent for as long as the pod waits, and let it go when nothing is known', async () => {
    listed = [podOf('web-0', refused)];
    const { made, book, clock } = start();
    await until('the watch', () => made.state()?.state === 'following' && book.open().length === 1);
    clock.shift = goneAfterMs * 3;
    book.tick();
    assert.equal(book.open().length, 1);
    server.answer = (_, response) => sendStatus(response, 503, 'ServiceUnavailable', 'down');
    streams.at(-1)?.destroy();
    await until('its absence', () => made.state()?.state === 'waiting');
    assert.match(made.state()?.note ?? '', /cannot be asked|answers 503/);
    book.tick();
    assert.equal(book.open().length, 0, 'the journal alone says nothing of it any more');
  });

  it('keep no silent row of a container that waits for something else than its image', async () => {
    const wanting = { creating: 'ContainerCreating', tried: 'ErrImagePull', inspected: 'ImageInspectError' };
    const past = { crashing: 'CrashLoopBackOff', unset: 'CreateContainerConfigError', broken: 'RunContainerError' };
    const names = Object.keys({ ...wanting, ...past });
    listed = names.map((name) => podOf(name, refused, { policy: 'Always' }));
    const { made, book, directory, clock } = start();
    await until('the watch', () => made.state()?.state === 'following' && book.open()[0]?.pods.length === names.length);
    for (const [name, reason] of Object.entries({ ...wanting, ...past }))
      send('MODIFIED', podOf(name, failing(reason, ''), { policy: 'Always' }));
    await until('the last word', () => directory.get('shop', 'broken')?.images[0]?.reason === 'RunContainerError');
    clock.shift = goneAfterMs * 3;
    book.tick();
    assert.deepEqual(
      book
        .open()[0]
        ?.pods.map(({ pod }) => pod)
        .sort(),
      Object.keys(wanting).sort(),
    );
  });

  it('are what they are again after the server was away: one list, and rows of pods that are gone end', async () => {
    listed = [podOf('web-0', refused), podOf('web-1', refused)];
    const { made, book, clock } = start();
    await until('both', () => book.open()[0]?.pods.length === 2 && streams.length === 1);
    clock.shift = 60_000;
    listed = [podOf('web-1', refused)];
    streams
      .at(-1)
      ?.write(`${JSON.stringify({ type: 'ERROR', object: { kind: 'Status', code: 410, message: 'too old' } })}\n`);
    await until('one', () => book.open()[0]?.pods.length === 1);
    await until('following', () => made.state()?.state === 'following' && streams.length === 2);
    assert.equal(book.open()[0]?.pods[0]?.pod, 'web-1');
  });

  it('count tries where no journal does', async () => {
    followed = false;
    const tried = failing('ErrImagePull', refusedWords);
    listed = [podOf('web-0', tried)];
    const { book } = start();
    await until('the watch', () => book.open().length === 1 && streams.length === 1);
    send('MODIFIED', podOf('web-0', refused));
    send('MODIFIED', podOf('web-0', refused));
    await until('the wait', () => book.open()[0]?.pods[0]?.reason === 'ImagePullBackOff');
    assert.equal(book.open()[0]?.pods[0]?.attempts, 1);
    await new Promise((resolve) => setTimeout(resolve, 1100));
    send('MODIFIED', podOf('web-0', tried));
    await until('the second try', () => book.open()[0]?.pods[0]?.attempts === 2);
  });

  it('say what is wrong when the server does not let the agent see them, and go on without', async () => {
    server.answer = (_, response) => sendStatus(response, 403, 'Forbidden', 'pods is forbidden: User "x" cannot list');
    const { made, book, lines } = start();
    await until('a word', () => made.state()?.state === 'unreadable');
    assert.match(made.state()?.note ?? '', /pods is forbidden.*list and watch pods\.$/);
    book.notice(journal('web-0'));
    assert.equal(book.open().length, 1);
    assert.doesNotMatch(lines.join(''), /agent-secret/);
  });

  it('say that their Events may not be read, too', async () => {
    const before = server.answer;
    server.answer = (request, response) =>
      request.path.endsWith('/events')
        ? sendStatus(response, 403, 'Forbidden', 'events is forbidden: User "x" cannot list')
        : before(request, response);
    followed = false;
    listed = [podOf('web-0', refused)];
    const { made } = start();
    for (let n = 0; n < 100 && !/list events/.test(made.state()?.note ?? ''); n++) {
      made.tick();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.match(made.state()?.note ?? '', /are watched at .* Events may not be listed.*list events\.$/);
    assert.equal(made.state()?.state, 'following');
  });

  it('ask after the name of a node that has none', async () => {
    const { made } = start('worker-3.corp');
    await until('following', () => made.state()?.state === 'following');
    assert.match(made.state()?.note ?? '', /there are none: is node\.name/);
  });

  it('are not asked for where there is no server, and are missed only when they were wanted', async () => {
    const needs = {
      env: systemEnv,
      log: openLog({ env: systemEnv, write: () => undefined, settings: () => ({ level: 'error', format: 'text' }) }),
      node: 'n',
      variables: {},
      directory: openPodDirectory(),
      book: openBook(systemEnv),
      journalFollowed: () => true,
      signal: stopping.signal,
    };
    const auto = watchPods({ ...needs, enabled: 'auto' });
    await auto.done;
    assert.equal(auto.state(), null);
    const on = watchPods({ ...needs, enabled: 'on' });
    await on.done;
    assert.equal(on.state()?.state, 'absent');
    assert.match(on.state()?.note ?? '', /in no pod of a cluster\. There is no kubeconfig/);
  });

  it('as a real API server has them make one row for each container that fails', async function () {
    if (!haveCaptures()) return this.skip();
    const at = `${captures}/containerd-1.7.24-api/api`;
    if (!existsSync(at)) return this.skip();
    const pods = readdirSync(at).map((name) => {
      const saved: unknown = JSON.parse(readFileSync(`${at}/${name}`, 'utf8'));
      assert.ok(isRecord(saved) && isRecord(saved.pod));
      return saved.pod;
    });
    listed = pods;
    const { made, book } = start('lab-node-2');
    await until('following', () => made.state()?.state === 'following');
    const text = (pod: object): string => JSON.stringify(pod);
    const waits = pods.filter((pod) => /"reason":"(?:ErrImage|ImagePull|InvalidImage)/.test(text(pod))).length;
    const rows = book.open().flatMap(({ pods: all }) => all);
    assert.equal(rows.length, waits);
    assert.ok(waits > 30);
    for (const pod of pods) send('DELETED', pod);
    await until('the end of all', () => book.open().length === 0);
  });
});
