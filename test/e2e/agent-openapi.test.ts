import assert from 'node:assert/strict';
import { checkAgainst } from '../../src/api/schema.ts';
import { isRecord, type JsonRecord } from '../../src/lib/json.ts';
import { openApiMistakes } from '../kit/openapi.ts';
import { type ServedAgent, startServedAgent } from '../kit/served-agent.ts';

/** A member of a document, by its path. */
function at(value: unknown, ...path: readonly string[]): unknown {
  let found = value;
  for (const part of path) found = isRecord(found) ? found[part] : undefined;
  return found;
}

interface Operation {
  readonly method: string;
  readonly path: string;
  readonly described: JsonRecord;
}

describe('e2e: the description of the agent’s HTTP side', function () {
  this.timeout(60_000);
  let served: ServedAgent;
  let document: unknown;
  let operations: readonly Operation[] = [];
  /** What was answered so far, of ids that later paths need. */
  const ids: Record<string, string> = {};

  before(async () => {
    served = await startServedAgent(['--set', 'http.maxPerCaller=20', '--set', 'investigate.concurrency=4']);
    document = await (await fetch(`${served.url}/openapi.json`)).json();
    operations = Object.entries(Object(at(document, 'paths'))).flatMap(([path, item]) =>
      Object.entries(Object(item)).map(([method, described]) => {
        assert.ok(isRecord(described));
        return { method: method.toUpperCase(), path, described };
      }),
    );
  });
  after(() => served.close());

  it('is OpenAPI 3.1', () => {
    assert.deepEqual(openApiMistakes(document), []);
    assert.ok(operations.length >= 19);
  });

  it('is checked by something that finds mistakes', () => {
    const broken = structuredClone(document);
    Object.assign(Object(at(broken, 'paths', '/v1/pods', 'get')), { operationId: 'listRegistries', nonsense: 1 });
    Object.assign(Object(at(broken, 'paths', '/v1/pulls/{id}', 'get')), { parameters: [], responses: {} });
    Object.assign(Object(at(broken, 'components', 'schemas')), { Problem: { type: 'text', required: ['x'] } });
    Object.assign(Object(broken), { security: [{ cookie: [] }] });
    assert.equal(openApiMistakes(broken).length, 7, openApiMistakes(broken).join('\n'));
    assert.ok(openApiMistakes({ openapi: '3.0.0' }).length >= 2);
  });

  /** Sends a request and holds the answer against what is published of it; gives the status and the body. */
  async function hold(
    { method, path, described }: Operation,
    { target, body, accept }: { readonly target: string; readonly body?: unknown; readonly accept?: string },
  ): Promise<{ readonly status: number; readonly body: unknown }> {
    const answer = await fetch(served.url + target, {
      method,
      headers: {
        ...(accept === undefined ? {} : { accept }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    const what = `${method} ${target} ${JSON.stringify(body) ?? ''}: ${answer.status} ${text.slice(0, 300)}`;
    const published = at(described, 'responses', String(answer.status), 'content');
    assert.ok(isRecord(published), `${what}: this status is not described at ${path}`);
    const type = (answer.headers.get('content-type') ?? '').split(';')[0] ?? '';
    const schema = at(published, type, 'schema');
    assert.ok(isRecord(schema), `${what}: ${type} is not described`);
    if (!/[/+]json$/.test(type)) return { status: answer.status, body: text };
    const json: unknown = JSON.parse(text);
    const whole = schema.$ref === undefined ? schema : at(document, 'components', 'schemas', 'Problem');
    const checked = checkAgainst(isRecord(whole) ? whole : {}, json);
    assert.deepEqual(checked.ok ? [] : checked.error, [], what);
    return { status: answer.status, body: json };
  }

  it('fits the answer of every GET', async () => {
    for (const operation of operations) {
      if (operation.method !== 'GET' || operation.path.includes('{')) continue;
      const types = Object.keys(Object(at(operation.described, 'responses', '200', 'content')));
      for (const accept of types) {
        const { status } = await hold(operation, { target: operation.path, accept });
        assert.equal(status, 200, operation.path);
      }
    }
  });

  it('has rows to fit, where a journal can be written', async function () {
    if (!served.hasPods) return this.skip();
    const pods = Object(await (await fetch(`${served.url}/v1/pods`)).json());
    assert.equal(pods.pods.length, 1);
    assert.equal(pods.pods[0].cause, 'tag-not-found');
    assert.equal(pods.pods[0].confidence, 'proven');
  });

  it('has an example of every body, and each gets a success or a problem that is described', async () => {
    let count = 0;
    for (const operation of operations) {
      const schema = at(operation.described, 'requestBody', 'content', 'application/json', 'schema');
      if (!isRecord(schema)) continue;
      assert.ok(Array.isArray(schema.examples) && schema.examples.length > 0, `${operation.path} has no example`);
      for (const body of schema.examples) {
        assert.ok(checkAgainst(schema, body).ok, `an example does not fit its own schema: ${JSON.stringify(body)}`);
        const { status } = await hold(operation, { target: operation.path, body });
        assert.ok(status < 500, `${operation.path} ${JSON.stringify(body)}: ${status}`);
        count++;
      }
    }
    assert.ok(count >= 10);
  });

  it('has examples of parameters that are taken', async () => {
    let count = 0;
    for (const operation of operations) {
      const parameters = at(operation.described, 'parameters');
      for (const parameter of Array.isArray(parameters) ? parameters : []) {
        const examples = at(parameter, 'schema', 'examples');
        for (const example of Array.isArray(examples) ? examples : []) {
          const target = `${operation.path}?${String(at(parameter, 'name'))}=${encodeURIComponent(String(example))}`;
          assert.equal((await hold(operation, { target })).status, 200, target);
          count++;
        }
      }
    }
    assert.ok(count >= 4);
  });

  it('fits what work comes to: investigations, pulls and probes, and what they are asked for by', async () => {
    const find = (method: string, path: string): Operation => {
      const found = operations.find((one) => one.method === method && one.path === path);
      assert.ok(found, `${method} ${path}`);
      return found;
    };
    for (const image of [served.missing, served.present]) {
      const made = await hold(find('POST', '/v1/investigations'), {
        target: '/v1/investigations',
        body: { image, pull: true },
      });
      assert.equal(made.status, 200);
      ids.investigation = String(at(made.body, 'id'));
      const pull = await hold(find('POST', '/v1/pulls'), { target: '/v1/pulls', body: { image } });
      assert.equal(pull.status, 202);
      ids.pull = String(at(pull.body, 'id'));
    }
    for (const [name, path] of [
      ['investigation', '/v1/investigations/{id}'],
      ['pull', '/v1/pulls/{id}'],
    ] as const) {
      const target = (id: string): string => path.replace('{id}', id);
      assert.equal((await hold(find('GET', path), { target: target(ids[name] ?? '') })).status, 200);
      assert.equal((await hold(find('GET', path), { target: target('none') })).status, 404);
    }
    const [host = ''] = served.node.hosts;
    for (const kind of ['dns', 'tcp', 'tls', 'proxy', 'registry']) {
      const path = `/v1/probes/${kind}`;
      const made = await hold(find('POST', path), { target: path, body: { target: host } });
      assert.equal(made.status, 200);
      const nowhere = await hold(find('POST', path), { target: path, body: { target: 'a/b' } });
      assert.equal(nowhere.status, 422);
    }
    const all = await hold(find('GET', '/v1/investigations'), { target: '/v1/investigations?limit=200' });
    assert.ok(Array.isArray(at(all.body, 'investigations')));
  });

  it('describes the problem of every kind of wrong request', async () => {
    for (const operation of operations) {
      const target = operation.path.replace('{id}', 'x');
      if (operation.method === 'GET') {
        assert.equal((await hold(operation, { target: `${target}?nonsense=1` })).status, 400, target);
        continue;
      }
      assert.equal((await hold(operation, { target, body: { nonsense: 1 } })).status, 422, target);
      assert.equal((await hold(operation, { target, body: 'x'.repeat(200_000) })).status, 413, target);
    }
  });
});
