import assert from 'node:assert/strict';
import { InvestigationShape } from '../../src/api/investigation.ts';
import { checkAgainst } from '../../src/api/schema.ts';
import { Secret } from '../../src/lib/secret.ts';
import {
  authOf,
  documentOf,
  type EngineStage,
  incidentOf,
  investigated,
  never,
  openEngineStage,
  recheck,
} from '../kit/engine-stage.ts';
import { grpcCodes } from '../kit/fake-cri.ts';
import { closedPort } from '../kit/tcp-server.ts';

describe('agent: node engine', () => {
  let stage: EngineStage;
  beforeEach(async () => {
    stage = await openEngineStage();
  });
  afterEach(() => stage.close());

  describe('investigations', () => {
    it('investigates, and the document fits its schema', async () => {
      const registry = await stage.registry();
      const document = await investigated(await stage.engine(), `registry.test:${registry.port}/team/app:1`);
      assert.equal(document.verdict, 'healthy', document.summary);
      assert.equal(document.node, 'node-1');
      assert.ok(checkAgainst(InvestigationShape, JSON.parse(JSON.stringify(document))).ok);
    });

    it('declines a platform that does not parse', async () => {
      const result = await (await stage.engine()).investigate(
        { image: 'a/b', reason: 'asked', platform: 'a/b/c/d' },
        never,
      );
      assert.ok(!result.ok);
      assert.equal(result.error.reason, 'bad-platform');
      assert.match(result.error.message, /linux\/arm64/);
    });

    it('tells of an image that does not parse in a document', async () => {
      const document = await investigated(await stage.engine(), 'UPPER/Case:1');
      assert.equal(document.cause, 'invalid-image-name');
    });

    it('declines everything when the runtime’s socket is set to what is none', async () => {
      const made = await stage.engine({ runtime: 'tcp://127.0.0.1:1' });
      const result = await made.investigate({ image: 'a/b', reason: 'asked' }, never);
      assert.equal(result.ok ? '' : result.error.reason, 'misconfigured');
      assert.equal((await made.pull({ image: 'a/b', reason: 'recovery' }, never)).pull.attempted, false);
      assert.equal((await made.recheck(incidentOf(made, documentOf('tcp')), 'tcp', never)).state, 'unknown');
    });

    it("uses a caller's credentials first, and shows them nowhere", async () => {
      const users = { caller: 'a-secret-of-the-caller' };
      const registry = await stage.registry({ token: { users } });
      const image = `registry.test:${registry.port}/team/app:1`;
      const made = await stage.engine();
      const without = await investigated(made, image);
      assert.equal(without.cause, 'repository-not-found-or-private');
      const credentials = { username: 'caller', password: new Secret(users.caller) };
      const document = await investigated(made, image, { credentials });
      assert.equal(document.verdict, 'healthy', document.summary);
      assert.deepEqual(
        document.credentials?.matches.map(({ username, source }) => [username, source]),
        [['caller', 'the request']],
      );
      const text = JSON.stringify(document) + stage.logged.join('');
      for (const form of [users.caller, Buffer.from(`caller:${users.caller}`).toString('base64')]) {
        assert.ok(!text.includes(form), 'the password is shown');
      }
      // They were for that one investigation.
      assert.equal((await investigated(made, image)).cause, without.cause);
    });

    it("masks a caller's password that the registry repeats", async () => {
      const registry = await stage.registry({ basic: { app: 'right-password' } });
      registry.override = (_method, _path, authorization) =>
        authorization === null
          ? null
          : {
              status: 401,
              headers: { 'content-type': 'text/plain' },
              body: `no: ${authorization} ${decoded(authorization)}`,
            };
      const credentials = { username: 'app', password: new Secret('wrong-password') };
      const image = `registry.test:${registry.port}/team/app:1`;
      const document = await investigated(await stage.engine(), image, { credentials });
      assert.equal(document.cause, 'credentials-rejected', document.summary);
      assert.ok(!JSON.stringify(document).includes('wrong-password'));
    });

    it('ends soon after its signal', async () => {
      const port = await stage.silentPort();
      const made = await stage.engine();
      const begun = performance.now();
      const order = { image: `registry.test:${port}/team/app:1`, reason: 'asked' } as const;
      await made.investigate(order, AbortSignal.timeout(200));
      assert.ok(performance.now() - begun < 3000);
    });
  });

  describe('what is concluded', () => {
    it('has the cause, the host and the time of the first finding', async () => {
      const port = await closedPort();
      const made = await stage.engine();
      const document = await investigated(made, `registry.test:${port}/team/app:1`);
      const conclusion = made.conclusionOf(document);
      assert.deepEqual(
        [conclusion.verdict, conclusion.cause, conclusion.layer, conclusion.host, conclusion.investigation],
        ['faulty', 'tcp-refused', 'tcp', 'registry.test', document.id],
      );
      assert.equal(conclusion.at, Date.parse(document.startedAt) + document.durationMs);
      assert.ok(conclusion.remedies.length > 0);
      assert.equal(conclusion.notBefore, null);
    });

    it('has the time that a registry asks for quiet until', async () => {
      const registry = await stage.registry();
      registry.override = { status: 429, headers: { 'retry-after': '77' }, body: '{}' };
      const made = await stage.engine();
      const document = await investigated(made, `registry.test:${registry.port}/team/app:1`);
      const { cause, notBefore, at } = made.conclusionOf(document);
      assert.equal(cause, 'rate-limited');
      assert.ok(notBefore !== null && Math.abs(notBefore - at - 77_000) < 5000, `${notBefore} ${at}`);
      assert.ok((await recheck(made, document)).notBefore !== null);
    });

    it('has the time at which a quota starts anew', async () => {
      const reset = Math.floor(Date.now() / 1000) + 1234;
      const registry = await stage.registry();
      const headers = { 'x-ratelimit-limit': '100', 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(reset) };
      registry.override = { status: 429, headers, body: '{}' };
      const made = await stage.engine();
      const document = await investigated(made, `registry.test:${registry.port}/team/app:1`);
      assert.equal(made.conclusionOf(document).notBefore, reset * 1000);
    });

    it('does not believe a registry that asks for days', async () => {
      const registry = await stage.registry();
      registry.override = { status: 429, headers: { 'retry-after': '8640000' }, body: '{}' };
      const made = await stage.engine();
      const { notBefore, at } = made.conclusionOf(
        await investigated(made, `registry.test:${registry.port}/team/app:1`),
      );
      assert.ok(notBefore !== null && notBefore - at <= 6 * 3_600_000);
    });
  });

  describe('marks of credentials', () => {
    it('change with what the files have for the image, and with nothing else', async () => {
      const made = await stage.engine();
      const image = 'registry.test:5000/team/app:1';
      const mark = () => made.credentialsMark(image);
      const none = await mark();
      assert.equal(await mark(), none);
      await stage.file('var/lib/kubelet/config.json', authOf(5000, 'app', 'one'));
      const one = await mark();
      assert.notEqual(one, none);
      await stage.file('var/lib/kubelet/config.json', authOf(5000, 'app', 'two'));
      const two = await mark();
      assert.notEqual(two, one);
      await stage.file('var/lib/kubelet/config.json', authOf(5001, 'app', 'two'));
      assert.equal(await mark(), none);
      assert.ok(![none, one, two].some((text) => /one|two|app/.test(text)));
    });

    it('tell nothing to another process', async () => {
      assert.notEqual(
        await (await stage.engine()).credentialsMark('a/b'),
        await (await stage.engine()).credentialsMark('a/b'),
      );
    });
  });

  describe('pulls', () => {
    it("pulls with the node's credentials, and with a caller's before them", async () => {
      const runtime = await stage.runtime();
      const made = await stage.engine({ runtime: runtime.endpoint });
      await stage.file('var/lib/kubelet/config.json', authOf(5000, 'node', 'of-the-node'));
      const image = 'registry.test:5000/team/app:1';
      const own = await made.pull({ image, reason: 'recovery' }, never);
      assert.equal(own.pull.ok, true, own.summary);
      const credentials = { username: 'caller', password: new Secret('of-the-caller') };
      const asked = await made.pull({ image, reason: 'asked', credentials }, never);
      assert.equal(asked.pull.ok, true, asked.summary);
      const pulls = runtime.calls
        .filter(({ method }) => method === 'PullImage')
        .map(({ request }) => JSON.stringify(request));
      assert.equal(pulls.length, 2);
      assert.match(pulls[0] ?? '', /"username":"node"/);
      assert.match(pulls[1] ?? '', /"username":"caller"/);
      assert.ok(!JSON.stringify([own, asked]).includes('of-the-'));
    });

    it("tells the runtime's own words, and what they mean", async () => {
      const message = 'rpc error: failed to resolve reference: registry.test:5000/team/app:1: not found';
      const runtime = await stage.runtime({ PullImage: () => ({ code: grpcCodes.notFound, message }) });
      const made = await stage.engine({ runtime: runtime.endpoint });
      const { pull } = await made.pull({ image: 'registry.test:5000/team/app:1', reason: 'recovery' }, never);
      assert.equal(pull.ok, false);
      assert.match(pull.error ?? '', /not found/);
    });

    it('says that there is no runtime', async () => {
      const { pull } = await (await stage.engine()).pull(
        { image: 'registry.test:5000/a:1', reason: 'recovery' },
        never,
      );
      assert.equal(pull.cause, 'runtime-unreachable');
    });
  });
});

function decoded(authorization: string): string {
  return Buffer.from(authorization.replace(/^Basic /, ''), 'base64').toString();
}
