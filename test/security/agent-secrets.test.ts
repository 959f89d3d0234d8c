import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type ServedAgent, startServedAgent } from '../kit/served-agent.ts';
import { stateText } from '../kit/state-text.ts';

const secret = 'hunter22-Xyzzy+/=';
/** Some registries take a token as the name, too. */
const token = 'dop_v1_Xyzzy0123456789';

describe('security: credentials that an agent is handed', function () {
  this.timeout(60_000);
  let served: ServedAgent;
  before(async () => {
    served = await startServedAgent(['--log-level', 'debug', '--set', 'http.maxPerCaller=50']);
  });
  after(() => served.close());

  it('are in no answer, no log and no file, however they are sent', async () => {
    const { agent, missing, present, node } = served;
    const answers: string[] = [];
    const ask = async (path: string, body?: unknown): Promise<number> => {
      const answer = await agent.ask(path, body === undefined ? {} : { method: 'POST', body });
      answers.push(answer.body);
      return answer.status;
    };
    const credentials = { username: 'app', password: secret };
    for (const image of [missing, present, 'registry.invalid/x:1', 'Not An Image']) {
      await ask('/v1/investigations', { image, credentials, pull: true });
      await ask('/v1/pulls', { image, credentials });
      await ask('/v1/investigations', { image, credentials, pul: true });
    }
    assert.equal(
      await ask('/v1/investigations', { image: present, credentials: { ...credentials, password: [secret] } }),
      422,
    );
    for (const image of [missing, present])
      await ask('/v1/investigations', { image, credentials: { username: token, password: token } });
    const plain = 'hunter22Xyzzy';
    for (const image of [
      `https://app:${secret}@registry.invalid/x`,
      `app:${secret}@registry.invalid/x:1`,
      `app:${plain}@registry.invalid:5000`,
      `https://app:${plain}@registry.invalid:5000`,
    ]) {
      assert.equal(await ask('/v1/investigations', { image }), 422);
      assert.equal(await ask('/v1/pulls', { image }), 422);
    }
    const digest = `${present}@sha256:${'a'.repeat(64)}`;
    assert.equal(await ask('/v1/investigations', { image: digest }), 200);
    assert.equal(await ask('/v1/probes/dns', { target: `app:${secret}@registry.invalid` }), 422);
    await ask(`/v1/none?token=${encodeURIComponent(secret)}`);
    for (const path of [
      '/v1/investigations?limit=200',
      '/v1/pods',
      '/v1/registries',
      '/v1/runtime',
      '/v1/report',
      '/metrics',
    ])
      assert.equal(await ask(path), 200, path);
    // Written within the second, and with the end.
    await agent.stop();
    const state = await stateText(join(node.root, 'state'));
    assert.ok(state.documents > 3, 'the investigations are not among what is searched');
    const words = [
      secret,
      encodeURIComponent(secret),
      Buffer.from(`app:${secret}`).toString('base64'),
      'hunter22',
      token,
    ];
    for (const word of words) {
      for (const answer of answers) assert.ok(!answer.includes(word), answer.slice(0, 400));
      assert.ok(!agent.logText().includes(word));
      assert.ok(!state.text.includes(word), `the state has ${word}`);
    }
    // That they were used at all: the runtime got them.
    assert.ok(JSON.stringify(node.cri.calls).includes(secret));
  });
});
