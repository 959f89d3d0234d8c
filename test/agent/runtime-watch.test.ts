import assert from 'node:assert/strict';
import type { WatchSink } from '../../src/agent/parts.ts';
import { watchRuntime } from '../../src/agent/watch/runtime-watch.ts';
import { systemEnv } from '../../src/lib/env.ts';
import { openLog } from '../../src/lib/log.ts';
import { openCri } from '../../src/wire/cri.ts';
import { type FakeCri, grpcCodes, startFakeCri } from '../kit/fake-cri.ts';
import { until, wait } from '../kit/until.ts';

const log = openLog({ env: systemEnv, write: () => undefined, settings: () => ({ level: 'error', format: 'text' }) });

describe('agent: runtime watch', () => {
  const abort = { current: new AbortController() };
  const running: (FakeCri | { readonly done: Promise<void> })[] = [];
  afterEach(async () => {
    abort.current.abort();
    for (const one of running.splice(0)) await ('done' in one ? one.done : one.close());
    abort.current = new AbortController();
  });

  function watch(endpoint: () => string, more: Partial<Parameters<typeof watchRuntime>[0]> = {}) {
    const lists: (ReadonlySet<string> | null)[] = [];
    const said: string[] = [];
    const sink: WatchSink = {
      event: () => undefined,
      images: (names) => void lists.push(names),
      runtime: (state) => void said.push(state),
    };
    const watching = watchRuntime({
      env: systemEnv,
      log,
      open: () => openCri(endpoint(), { env: systemEnv, connectTimeoutMs: 1000, callTimeoutMs: 1000 }),
      eager: () => false,
      sink,
      signal: abort.current.signal,
      ...more,
    });
    running.push(watching);
    return { lists, said, watching };
  }

  it('lists images at once, and again when a container is created', async () => {
    let tags = ['docker.io/library/nginx:1'];
    const fake = await startFakeCri({
      ListImages: () => ({ answer: { images: [{ id: 'sha256:1', repo_tags: tags }] } }),
    });
    const { lists, watching } = watch(() => fake.endpoint);
    running.push(fake);
    await until('the first list', () => lists.length === 1);
    assert.deepEqual([...(lists[0] ?? [])], ['docker.io/library/nginx:1']);
    assert.equal(watching.state().state, 'following');
    await until('a listener', () => fake.calls.some(({ method }) => method === 'GetContainerEvents'));
    tags = ['registry.lab/app:2'];
    fake.event('CONTAINER_STOPPED_EVENT');
    await new Promise((resolve) => setTimeout(resolve, 400));
    assert.equal(lists.length, 1, 'a container that stops brings no image');
    fake.event('CONTAINER_CREATED_EVENT');
    await until('the second list', () => lists.length === 2);
    assert.deepEqual([...(watching.images() ?? [])], ['registry.lab/app:2']);
  });

  it('does without events where there are none', async () => {
    const fake = await startFakeCri({}, undefined, 'unimplemented');
    const { lists, watching } = watch(() => fake.endpoint);
    running.push(fake);
    await until('a list', () => lists.length >= 1 && /now and then/.test(watching.state().note));
    assert.equal(watching.state().state, 'following');
  });

  it('lists more often from when a pod begins to wait, where there are no events, and until it waits no more', async () => {
    const fake = await startFakeCri({}, undefined, 'unimplemented');
    running.push(fake);
    const world = { waits: false };
    const listEach = { eagerMs: 100, lazyMs: 60_000 };
    const { lists } = watch(() => fake.endpoint, { eager: () => world.waits, listEach });
    await until('a list', () => lists.length >= 1);
    // The answer that there are no events has the images listed once more.
    await wait(1000);
    const before = lists.length;
    await wait(600);
    assert.equal(lists.length, before, 'nobody waits');
    world.waits = true;
    await until('more lists', () => lists.length >= before + 3);
    world.waits = false;
    await wait(600);
    const after = lists.length;
    await wait(600);
    assert.equal(lists.length, after, 'nobody waits any more');
  });

  it('lists now and then while nobody waits', async () => {
    const fake = await startFakeCri({}, undefined, 'unimplemented');
    running.push(fake);
    const { lists } = watch(() => fake.endpoint, { listEach: { eagerMs: 50, lazyMs: 200 } });
    await until('lists', () => lists.length >= 4);
  });

  it('lives through a runtime that goes away and comes again', async () => {
    const tagged = {
      ListImages: () => ({ answer: { images: [{ id: 'sha256:1', repo_tags: ['registry.lab/app:2'] }] } }),
    };
    const first = await startFakeCri(tagged);
    let endpoint = first.endpoint;
    const { lists, said, watching } = watch(() => endpoint);
    await until('a list', () => lists.length === 1);
    await first.close();
    await until('that it is gone', () => said.includes('gone'));
    assert.notEqual(watching.state().state, 'following');
    assert.equal(lists.at(-1), null);
    assert.deepEqual([...(watching.images() ?? [])], ['registry.lab/app:2'], 'what was listed last is still known');
    const second = await startFakeCri({ ListImages: () => ({ answer: { images: [] } }) });
    running.push(second);
    endpoint = second.endpoint;
    await until('that it is back', () => said.includes('back'));
    assert.equal(watching.state().state, 'following');
    assert.deepEqual([...(watching.images() ?? ['not listed'])], [], 'a runtime without images');
  });

  it('says why a runtime does not answer', async () => {
    const fake = await startFakeCri({ Version: () => ({ code: grpcCodes.unimplemented, message: 'unknown service' }) });
    const { watching } = watch(() => fake.endpoint);
    running.push(fake);
    await until('a state', () => watching.state().state === 'unreadable');
    const { watching: none } = watch(() => 'unix:///nowhere/cri.sock');
    await until('a state', () => none.state().state === 'absent');
  });
});
