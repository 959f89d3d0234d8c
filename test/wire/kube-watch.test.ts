import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import fc from 'fast-check';
import { systemEnv } from '../../src/lib/env.ts';
import { isRecord, type JsonRecord, recordMember, stringMember } from '../../src/lib/json.ts';
import { limits } from '../../src/lib/limits.ts';
import { fail, ok, type Result } from '../../src/lib/result.ts';
import { clusterAccess, inCluster } from '../../src/wire/kube-access.ts';
import { kubeDelay } from '../../src/wire/kube-back-off.ts';
import { type KubeClient, openKubeClient } from '../../src/wire/kube-client.ts';
import { KubeLines } from '../../src/wire/kube-lines.ts';
import { KubeListReader } from '../../src/wire/kube-list-reader.ts';
import { followKube, type KubeFollowState } from '../../src/wire/kube-watch.ts';
import { captures, haveCaptures } from '../kit/captures.ts';
import {
  bookmark,
  type FakeApiServer,
  podList,
  sendJson,
  sendStatus,
  startApiServer,
  statusObject,
  watchLine,
} from '../kit/fake-api-server.ts';

const podsPath = '/api/v1/pods?fieldSelector=spec.nodeName%3Dworker-3';

function pod(name: string, version: string, more: object = {}): JsonRecord {
  return { metadata: { name, namespace: 'shop', uid: `uid-${name}`, resourceVersion: version }, ...more };
}

function nameOf(object: unknown): Result<string, string> {
  const metadata = isRecord(object) ? recordMember(object, 'metadata') : null;
  const name = metadata === null ? null : stringMember(metadata, 'name');
  return name === null ? fail('an object has no name') : ok(name);
}

describe('wire: the Kubernetes API', () => {
  let server: FakeApiServer;
  let folder = '';
  let client: KubeClient;
  beforeEach(async () => {
    server = await startApiServer();
    folder = mkdtempSync(`${tmpdir()}/pullwhy-kube-`);
    writeFileSync(`${folder}/token`, 'token-one\n');
    writeFileSync(`${folder}/ca.crt`, server.pki.root.pem);
    const at = inCluster({ KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: `${server.port}` }, folder);
    assert.ok(at !== null);
    client = openKubeClient(clusterAccess(at), systemEnv);
  });
  afterEach(async () => {
    await client.close();
    await server.close();
    rmSync(folder, { recursive: true });
  });

  /** Follows until `until` says so; pauses take no time and are noted. */
  const follow = async (until: (seen: readonly string[]) => boolean) => {
    const seen: string[] = [];
    const states: KubeFollowState[] = [];
    const pauses: number[] = [];
    const ended = new AbortController();
    const late = setTimeout(() => ended.abort(), 8000);
    const say = (word: string): void => {
      seen.push(word);
      if (until(seen)) ended.abort();
    };
    await followKube<string>({
      client,
      path: podsPath,
      read: nameOf,
      onList: (names) => say(`list ${names.join(' ')}`),
      onChange: (type, name) => say(`${type} ${name}`),
      onDamaged: (sentence) => say(`damaged: ${sentence}`),
      onState: (state) => {
        states.push(state);
        if (state.state === 'failing') say(`failing: ${state.failure.kind}`);
      },
      env: { ...systemEnv, random: () => 0.5 },
      signal: ended.signal,
      pause: async (ms) => {
        pauses.push(ms);
        await new Promise((resolve) => setTimeout(resolve, 1));
      },
    });
    clearTimeout(late);
    return { seen, states, pauses };
  };
  /** Answers lists by `list` and watches by `watch`, each told how many there were before. */
  const serve = (
    list: (response: ServerResponse, index: number, query: URLSearchParams) => void,
    watch: (response: ServerResponse, index: number, query: URLSearchParams) => void,
  ): void => {
    let lists = 0;
    let watches = 0;
    server.answer = ({ query }, response) =>
      query.get('watch') === null ? list(response, lists++, query) : watch(response, watches++, query);
  };
  const stream = (response: ServerResponse, ...lines: readonly string[]): void => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    for (const line of lines) response.write(line);
  };

  it('lists in pages, and watches from the version of the list', async () => {
    serve(
      (response, index) =>
        sendJson(
          response,
          200,
          index === 0 ? podList([pod('a', '3')], '10', 'next=1') : podList([pod('b', '4')], '10'),
        ),
      (response) => stream(response, watchLine('ADDED', pod('c', '11'))),
    );
    const { seen, states } = await follow((words) => words.includes('added c'));
    assert.deepEqual(seen, ['list a b', 'added c']);
    const [first, second, third] = server.requests;
    assert.equal(first?.path, '/api/v1/pods');
    assert.equal(first?.query.get('fieldSelector'), 'spec.nodeName=worker-3');
    assert.equal(first?.query.get('resourceVersion'), '0');
    assert.equal(second?.query.get('continue'), 'next=1');
    assert.equal(second?.query.get('resourceVersion'), null, 'a page tells its version itself');
    assert.equal(third?.query.get('resourceVersion'), '10');
    assert.equal(third?.query.get('allowWatchBookmarks'), 'true');
    assert.ok(Number(third?.query.get('timeoutSeconds')) >= 300);
    assert.equal(first?.headers.authorization, 'Bearer token-one');
    assert.deepEqual(
      states.map(({ state }) => state),
      ['starting', 'following'],
    );
  });

  it('goes on from the last version, bookmarks included, when a watch is cut in the middle of an event', async () => {
    const half = watchLine('MODIFIED', pod('a', '15')).slice(0, 40);
    serve(
      (response) => sendJson(response, 200, podList([pod('a', '3')], '10')),
      (response, index) => {
        if (index > 0) return stream(response, watchLine('DELETED', pod('a', '16')));
        stream(response, watchLine('MODIFIED', pod('a', '12')), bookmark('14'), half);
        setTimeout(() => response.destroy(), 20);
      },
    );
    const { seen, pauses } = await follow((words) => words.includes('deleted a'));
    assert.deepEqual(seen, ['list a', 'modified a', 'failing: unreachable', 'deleted a']);
    assert.deepEqual(
      server.requests.map(({ query }) => query.get('resourceVersion')),
      ['0', '10', '14'],
      'no second list',
    );
    assert.equal(pauses.length, 1);
  });

  it('notices the cut where the server ends the answer in order, within a line', async () => {
    serve(
      (response) => sendJson(response, 200, podList([], '10')),
      (response, index) => {
        if (index > 0) return stream(response, watchLine('ADDED', pod('b', '12')));
        stream(response, '{"type":"ADDED","obj');
        response.end();
      },
    );
    const { seen } = await follow((words) => words.includes('added b'));
    assert.deepEqual(seen, ['list ', 'failing: unreachable', 'added b']);
  });

  it('puts events together however the network cuts them', async () => {
    const wide = pod('ä😀b', '11', { note: 'ü'.repeat(3000) });
    const bytes = Buffer.from(watchLine('ADDED', wide) + watchLine('DELETED', pod('z', '12')));
    serve(
      (response) => sendJson(response, 200, podList([], '10')),
      async (response) => {
        stream(response);
        for (let at = 0; at < bytes.length; at += 257) {
          response.write(bytes.subarray(at, at + 257));
          await new Promise((resolve) => setImmediate(resolve));
        }
      },
    );
    const { seen } = await follow((words) => words.includes('deleted z'));
    assert.deepEqual(seen, ['list ', 'added ä😀b', 'deleted z']);
  });

  it('lists again when the version is gone, told by an event or by the answer', async () => {
    serve(
      (response, index) =>
        sendJson(response, 200, podList(index === 0 ? [pod('a', '3')] : [pod('b', '30')], `${10 + index}`)),
      (response, index) => {
        if (index === 0)
          stream(response, watchLine('ERROR', statusObject(410, 'Expired', 'too old resource version: 10 (20)')));
        else if (index === 1) sendStatus(response, 410, 'Expired', 'too old resource version');
        else stream(response, watchLine('ADDED', pod('c', '40')));
      },
    );
    const { seen } = await follow((words) => words.includes('added c'));
    assert.deepEqual(
      seen.filter((word) => !word.startsWith('failing')),
      ['list a', 'list b', 'list b', 'added c'],
    );
    assert.equal(server.requests.filter(({ query }) => query.get('watch') === null).length, 3);
  });

  it('begins a list once more when its next page is gone', async () => {
    let gone = 0;
    serve(
      (response, _, query) => {
        if (query.get('continue') === null) return sendJson(response, 200, podList([pod('a', '3')], '10', 'old'));
        if (gone++ === 0) return sendStatus(response, 410, 'Expired', 'The provided continue parameter is too old');
        sendJson(response, 200, podList([pod('b', '4')], '10'));
      },
      (response) => stream(response, watchLine('ADDED', pod('c', '11'))),
    );
    const { seen } = await follow((words) => words.includes('added c'));
    assert.deepEqual(seen, ['list a b', 'added c'], 'nothing twice');
  });

  it('takes the new token when the old one is refused, also in the middle of a list', async () => {
    let valid = 'token-one';
    serve(
      (response, index) => {
        // Rotated by the kubelet between reading and sending: the file changes while the server looks at the old token.
        if (index === 0) {
          valid = 'token-two';
          writeFileSync(`${folder}/token`, 'token-two');
        }
        const authorization = server.requests.at(-1)?.headers.authorization;
        if (authorization !== `Bearer ${valid}`) return sendStatus(response, 401, 'Unauthorized', 'Unauthorized');
        sendJson(response, 200, podList([pod('a', '1')], '10'));
      },
      (response) => stream(response, watchLine('ADDED', pod('b', '11'))),
    );
    const { seen } = await follow((words) => words.includes('added b'));
    assert.deepEqual(seen, ['list a', 'added b']);
    assert.deepEqual(
      server.requests.map(({ headers }) => headers.authorization),
      ['Bearer token-one', 'Bearer token-two', 'Bearer token-two'],
    );
  });

  it('is told of a token that stays refused, and of a right that is missing', async () => {
    const words = 'pods is forbidden: User "system:serviceaccount:x:y" cannot list resource "pods"';
    serve(
      (response, index) =>
        index === 0
          ? sendStatus(response, 401, 'Unauthorized', 'Unauthorized')
          : sendStatus(response, 403, 'Forbidden', words),
      () => undefined,
    );
    const { states } = await follow((seen) => seen.includes('failing: forbidden'));
    const messages = states.flatMap((state) => (state.state === 'failing' ? [state.failure.message] : []));
    assert.match(messages[0] ?? '', /answers 401 \(it does not know the token/);
    assert.match(messages[1] ?? '', /answers 403 \(not allowed\): pods is forbidden: User "system:serviceaccount:x:y"/);
    assert.doesNotMatch(messages.join(), /token-one/);
    assert.equal(server.requests.length, 2, 'the same token is not shown twice');
  });

  it('waits as long as the server asks for, and longer after each failure', async () => {
    serve(
      (response, index) => {
        if (index === 0) return sendStatus(response, 429, 'TooManyRequests', 'slow down', { 'retry-after': '7' });
        if (index < 4) return sendStatus(response, 500, 'InternalError', 'etcdserver: leader changed');
        sendJson(response, 200, podList([], '10'));
      },
      (response) => stream(response, watchLine('ADDED', pod('a', '11'))),
    );
    const { seen, pauses } = await follow((words) => words.includes('added a'));
    assert.deepEqual(seen, [
      'failing: throttled',
      'failing: server-error',
      'failing: server-error',
      'failing: server-error',
      'list ',
      'added a',
    ]);
    assert.deepEqual(pauses.map(Math.round), [7500, 1050, 2050, 4050]);
  });

  it('does not ask in a loop a server that ends each watch at once', async () => {
    serve(
      (response) => sendJson(response, 200, podList([], '10')),
      (response) => response.writeHead(200).end(),
    );
    const { pauses } = await follow((words) => words.filter((word) => word.startsWith('failing')).length === 4);
    assert.deepEqual(pauses.map(Math.round).slice(0, 3), [550, 1050, 2050]);
    assert.equal(server.requests.filter(({ query }) => query.get('watch') === null).length, 1);
  });

  it('refuses an object without end, and what is no event', async () => {
    serve(
      (response) => sendJson(response, 200, podList([], '10')),
      (response, index) => {
        if (index === 1) return stream(response, '<html>captive portal</html>\n');
        if (index === 2) return stream(response, watchLine('ADDED', pod('a', '11')));
        stream(response, '{"type":"ADDED","object":{"metadata":{"annotations":{"x":"');
        const chunk = 'x'.repeat(256 * 1024);
        const more = (): void => {
          while (!response.destroyed && response.write(chunk));
        };
        response.on('drain', more);
        more();
      },
    );
    const { seen, states } = await follow((words) => words.includes('added a'));
    assert.deepEqual(seen, ['list ', 'failing: too-large', 'failing: invalid', 'added a']);
    assert.match(
      states.map((one) => (one.state === 'failing' ? one.failure.message : '')).join(),
      /more than 8388608 bytes/,
    );
  });

  it('leaves out objects that cannot be read, and lists again when one of them was deleted', async () => {
    serve(
      (response, index) =>
        sendJson(
          response,
          200,
          podList(index === 0 ? [pod('a', '1'), { spec: {} }, 5] : [pod('b', '2')], `${10 + index}`),
        ),
      (response, index) => {
        if (index > 0) return stream(response, watchLine('ADDED', pod('c', '20')));
        stream(response, watchLine('DELETED', { metadata: { resourceVersion: '12' } }));
        response.end();
      },
    );
    const { seen } = await follow((words) => words.includes('added c'));
    const damaged = 'damaged: an object has no name';
    assert.deepEqual(seen, [damaged, damaged, 'list a', damaged, 'list b', 'added c']);
  });

  it('refuses a list that is none, that repeats itself, or that has too much', async () => {
    const list = () => client.list({ path: podsPath, read: nameOf });
    const cases: readonly (readonly [unknown, RegExp])[] = [
      [{ kind: 'PodList', items: [] }, /something else than a list/],
      [[], /something else than a list/],
      [podList([pod('a', '1')], '1', 'again'), /again and again/],
      [
        podList(
          Array.from({ length: limits.kubeListItems + 1 }, () => 0),
          '1',
        ),
        /lists more than 20000/,
      ],
    ];
    for (const [body, words] of cases) {
      server.answer = (_, response) => sendJson(response, 200, body);
      const listed = await list();
      assert.ok(!listed.ok, String(words));
      assert.match(listed.error.message, words);
    }
    server.answer = (_, response) => sendJson(response, 200, { ...Object(podList([], '5')), items: null });
    const empty = await list();
    assert.deepEqual(empty, ok({ items: [], resourceVersion: '5', damaged: { count: 0, some: [] } }));
  });

  it('creates objects and patches their status', async () => {
    server.answer = ({ body }, response) => sendJson(response, 201, JSON.parse(body));
    const event = { kind: 'Event', message: 'x' };
    assert.deepEqual(await client.create('/api/v1/namespaces/shop/events', event), ok(event));
    assert.ok((await client.mergePatch('/api/v1/nodes/worker-3/status', { status: { conditions: [] } })).ok);
    const [first, second] = server.requests;
    assert.deepEqual([first?.method, first?.headers['content-type']], ['POST', 'application/json']);
    assert.deepEqual([second?.method, second?.headers['content-type']], ['PATCH', 'application/merge-patch+json']);
    server.answer = (_, response) => sendStatus(response, 409, 'Conflict', 'the object has been modified');
    const refused = await client.create('/x', {});
    assert.ok(!refused.ok && refused.error.kind === 'conflict');
  });

  it('gives up on a server that is silent, in its time', async () => {
    server.answer = () => undefined;
    const silent = await client.get('/api/v1/nodes/worker-3', { timeoutMs: 150 });
    assert.ok(!silent.ok && silent.error.kind === 'timeout');
    assert.match(silent.error.message, /did not answer within 0\.15 s/);
  });

  it('does not believe a server of another authority, and leaves no connection behind', async () => {
    writeFileSync(`${folder}/ca.crt`, server.pki.strangeRoot.pem);
    const strange = await client.get('/version');
    assert.ok(!strange.ok && strange.error.kind === 'unreachable');
    assert.match(strange.error.message, /certificate/);
    assert.equal(server.requests.length, 0, 'the token is not shown to it');
    writeFileSync(`${folder}/ca.crt`, server.pki.root.pem);
    server.answer = (_, response) => sendJson(response, 200, { major: '1' });
    assert.ok((await client.get('/version')).ok);
    await client.close();
    for (let n = 0; n < 50 && server.open() > 0; n++) await new Promise((resolve) => setTimeout(resolve, 10));
    assert.equal(server.open(), 0);
  });

  it('replays what a real API server told of its pods', async function () {
    if (!haveCaptures()) return this.skip();
    for (const run of ['containerd-1.7.24-api', 'cri-o-1.36.3-api']) {
      const at = `${captures}/${run}/api`;
      if (!existsSync(at)) continue;
      const pods = readdirSync(at).map((name) => {
        const saved: unknown = JSON.parse(readFileSync(`${at}/${name}`, 'utf8'));
        assert.ok(isRecord(saved));
        return saved.pod;
      });
      const names = pods.map((one) => {
        const name = nameOf(one);
        return name.ok ? name.value : '';
      });
      const half = Math.floor(pods.length / 2);
      serve(
        (response, _, query) =>
          query.get('continue') === null
            ? sendJson(response, 200, podList(pods.slice(0, half), '9000', 'c'))
            : sendJson(response, 200, podList(pods.slice(half), '9000')),
        (response, index) => {
          const lines = pods.map((one) => watchLine('MODIFIED', one)).join('');
          if (index > 0) return stream(response, lines, watchLine('DELETED', pods[0]));
          // Cut somewhere in the middle of the pods.
          stream(response, lines.slice(0, Math.floor(lines.length / 2)));
          setTimeout(() => response.destroy(), 30);
        },
      );
      const { seen } = await follow((words) => words.some((word) => word.startsWith('deleted')));
      assert.equal(seen[0], `list ${names.join(' ')}`);
      assert.ok(seen.includes('failing: unreachable'));
      const after = seen.slice(seen.indexOf('failing: unreachable') + 1);
      assert.deepEqual(after, [...names.map((name) => `modified ${name}`), `deleted ${names[0]}`]);
    }
  });
});

describe('wire: lines of a watch', () => {
  it('come out as they went in, whatever the chunks', () => {
    const lines = fc.array(
      fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\n') && text.trim() !== ''),
    );
    fc.assert(
      fc.property(lines, fc.integer({ min: 1, max: 9 }), (texts, step) => {
        const bytes = Buffer.from(texts.map((text) => `${text}\n`).join(''));
        const seen: string[] = [];
        const reader = new KubeLines(10_000, (line) => seen.push(line));
        for (let at = 0; at < bytes.length; at += step) reader.push(bytes.subarray(at, at + step));
        assert.deepEqual(seen, texts);
        assert.equal(reader.pending, 0);
      }),
    );
  });

  it('longer than allowed end the reading', () => {
    const seen: string[] = [];
    const reader = new KubeLines(5, (line) => seen.push(line));
    reader.push(Buffer.from('12345\n123456\n1\n'));
    assert.deepEqual(seen, ['12345']);
    assert.ok(reader.overlong);
  });
});

describe('wire: a list that is taken apart while it comes', () => {
  const read = (bytes: Buffer, step: number, most = 1_000_000) => {
    const items: string[] = [];
    const reader = new KubeListReader(most, (text) => items.push(text));
    for (let at = 0; at < bytes.length; at += step) reader.push(bytes.subarray(at, at + step));
    return { items, rest: reader.rest, overlong: reader.overlong };
  };

  it('gives each element and what is left, whatever stands around it and however it is cut', () => {
    const nested = { items: [1, { items: [2] }] };
    const value = fc.jsonValue();
    fc.assert(
      fc.property(
        fc.array(value),
        value,
        value,
        fc.integer({ min: 1, max: 60 }),
        fc.boolean(),
        fc.boolean(),
        (items, a, b, step, wide, first) => {
          const decoys = {
            other: nested,
            x: 'items',
            y: ['items', [1]],
            'no"items': [5],
            item: [6],
            itemss: [7],
            z: '"items":[',
          };
          const list = first ? { items, metadata: a, ...decoys, b } : { metadata: a, ...decoys, b, items };
          const found = read(Buffer.from(JSON.stringify(list, null, wide ? 2 : 0)), step);
          const plain = JSON.parse(JSON.stringify(list));
          assert.deepEqual(
            found.items.map((text) => JSON.parse(text)),
            plain.items,
          );
          assert.deepEqual(JSON.parse(found.rest), { ...plain, items: [] });
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('is bounded, and takes anything', () => {
    assert.ok(read(Buffer.from(`{"items":["${'x'.repeat(100)}`), 7, 50).overlong);
    assert.ok(read(Buffer.from(`{"a":"${'x'.repeat(100)}`), 7, 50).overlong);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.integer({ min: 1, max: 9 }), (bytes, step) => {
        read(Buffer.concat([Buffer.from('{"items":['), bytes]), step);
      }),
    );
  });
});

describe('wire: waiting for the API server', () => {
  it('is by chance below a bound that doubles up to a minute', () => {
    const bounds = [1, 2, 3, 4, 5, 6, 7, 8, 500].map((failures) =>
      Math.round(kubeDelay(failures, 0.999999, null) / 1000),
    );
    assert.deepEqual(bounds, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
    fc.assert(
      fc.property(fc.nat(10_000), fc.double({ min: 0, max: 0.99, noNaN: true }), (failures, random) => {
        const wait = kubeDelay(failures, random, null);
        assert.ok(wait >= 100 && wait <= 60_000);
      }),
    );
  });

  it('spreads a fleet of a thousand nodes over the minute after an outage of an hour', () => {
    let seed = 7;
    const random = (): number => {
      seed = (seed * 16807) % 2147483647;
      return seed / 2147483647;
    };
    const back = 3_600_000;
    const perSecond = new Array<number>(61).fill(0);
    for (let node = 0; node < 1000; node++) {
      let at = random() * 1000;
      for (let failures = 1; at < back; failures++) at += kubeDelay(failures, random(), null);
      const second = Math.floor((at - back) / 1000);
      perSecond[second] = (perSecond[second] ?? 0) + 1;
    }
    assert.ok(Math.max(...perSecond) < 60, `${Math.max(...perSecond)} nodes in one second`);
  });

  it('is never shorter than what the server asked for', () => {
    assert.ok(kubeDelay(1, 0, 30_000) >= 30_000);
    assert.ok(kubeDelay(1, 0.99, 30_000) <= 33_000);
  });
});
