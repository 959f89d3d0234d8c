import assert from 'node:assert/strict';
import { operationRoutes } from '../../src/serve/operations.ts';
import { nothing, type Reply, route } from '../../src/serve/route.ts';

describe('serve: the description of the API', () => {
  const describing = operationRoutes({
    api: { title: 'x', version: '0.1.0', description: 'x' },
    liveness: 'x',
    readiness: route({
      method: 'GET',
      path: '/readyz',
      id: 'readiness',
      summary: 'x',
      access: 'open',
      query: nothing,
      body: nothing,
      replies: {},
      handle: () => ({ kind: 'text', type: 'text/plain', body: '' }),
    }),
    metrics: () => '',
    all: () => [],
  }).find(({ path }) => path === '/openapi.json');
  const ask = async (signal: AbortSignal): Promise<Reply> => {
    assert.ok(describing !== undefined);
    return describing.run({ params: {}, query: {}, body: {}, accepts: [], signal, caller: 'x', nodes: null, at: 0 });
  };

  it('is in the memory once, however many are sent it, and so many at a time', async () => {
    const readers: AbortController[] = [];
    const bodies = new Set<unknown>();
    let answer: Reply;
    for (;;) {
      const reader = new AbortController();
      answer = await ask(reader.signal);
      if (answer.kind !== 'text') break;
      readers.push(reader);
      bodies.add(answer.body);
      assert.ok(readers.length <= 100, 'no bound');
    }
    assert.ok(answer.kind === 'problem' && answer.status === 503 && answer.headers?.['retry-after'] === '2');
    assert.ok(readers.length >= 8);
    assert.equal(bodies.size, 1);
    assert.ok(Buffer.isBuffer([...bodies][0]));
    readers[0]?.abort();
    assert.equal((await ask(new AbortController().signal)).kind, 'text');
  });
});
