import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { Secret } from '../../src/lib/secret.ts';
import { kubeletFails, kubeletWaits, runtimeFails } from '../kit/node-lines.ts';
import { until } from '../kit/until.ts';
import type { LiveFault, Prepared } from './agent/fault.ts';
import { liveFaults } from './agent/faults.ts';
import { type NodeAgent, startNodeAgent } from './agent/node-agent.ts';
import { type Runtime, withCri } from './containerd.ts';
import { runtimeLines } from './containerd-versions.ts';
import { type Lab, users, wrongPassword } from './lab.ts';
import { useLabs } from './labs.ts';

/** What the issue asks for, from the journal's line and from the repair. */
const diagnosedWithinMs = 2000;
const pulledWithinMs = 5000;

/** The bounds are those of a node; a machine that runs four labs at once is given more. PULLWHY_LAB_SLACK=1: none. */
const slack = Number(process.env.PULLWHY_LAB_SLACK ?? 3);

describe('lab: the agent', function () {
  this.timeout(120_000);
  const labs = useLabs('the agent beside a real containerd and a real journald');
  let current: Lab | undefined;
  const lab = (): Lab => {
    if (current === undefined) throw new Error('the lab is used before its suite began');
    return current;
  };
  before(async function () {
    this.timeout(60_000);
    const line = [...runtimeLines].reverse().find((one) => one !== '2.x local' && labs().has(one));
    if (line === undefined) return this.skip();
    current = await labs().on(line);
  });
  afterEach(() => lab().undoAll());

  for (const fault of liveFaults) {
    it(`${fault.name}: finds the cause, and pulls when it is gone`, async function () {
      const times = await live(lab(), fault);
      if (times === null) return this.skip();
      const { diagnosedMs, pulledMs } = times;
      process.stdout.write(
        `      ${fault.name}: proven ${diagnosedMs} ms after the line, on the node ${pulledMs} ms after the repair\n`,
      );
      assert.ok(diagnosedMs <= diagnosedWithinMs * slack, `${fault.cause} stood there after ${diagnosedMs} ms`);
      assert.ok(pulledMs <= pulledWithinMs * slack, `the image was there after ${pulledMs} ms`);
    });
  }
});

/** Makes the fault, says it as a node says it, and repairs it. */
async function live(lab: Lab, fault: LiveFault): Promise<{ diagnosedMs: number; pulledMs: number } | null> {
  const prepared = await fault.prepare(lab);
  const { image } = prepared;
  const runtime = prepared.runtime ?? (await lab.runtime());
  const agent = await startNodeAgent(lab, { endpoint: runtime.endpoint });
  if (agent === null) return null;
  await prepared.fail(agent);
  const error = prepared.error ?? (await refusal(runtime, prepared));
  const failing = { image, error, pod: 'web-7d9c' };

  const saidAt = performance.now();
  await agent.say([...runtimeFails(failing), ...kubeletFails(failing)]);
  const ended = new AbortController();
  const waits = kubeletGoesOn(agent, failing, ended.signal);
  try {
    let seen = '';
    await until(
      `${fault.cause} at /v1/pods`,
      async () => {
        const { pods } = await agent.pods();
        seen = JSON.stringify(pods);
        return pods.some((row) => row.image === image && row.cause === fault.cause && row.confidence === 'proven');
      },
      20_000,
    ).catch(async (error: unknown) => {
      throw new Error(`${String(error)}\n${seen}\n${JSON.stringify(await agent.logged(), null, 1)}`);
    });
    const diagnosedMs = Math.round(performance.now() - saidAt);
    await sleep(prepared.lastsMs ?? 3000);
    assert.equal(await present(runtime, image), false, 'the image is here before the repair');
    await prepared.mend(agent);
    const mendedAt = performance.now();
    await until(`${image} on the node`, () => present(runtime, image), 40_000).catch(async (error: unknown) => {
      throw new Error(
        `${String(error)}\n${JSON.stringify(await agent.pods())}\n${JSON.stringify(await agent.logged(), null, 1)}`,
      );
    });
    const pulledMs = Math.round(performance.now() - mendedAt);
    await prepared.after?.();
    await until('retry: pulled', async () => (await agent.pods()).pods.every(({ retry }) => retry.state === 'pulled'));
    await noSecrets(agent);
    return { diagnosedMs, pulledMs };
  } finally {
    ended.abort();
    await waits;
  }
}

/** The kubelet looks at the pod every 10 to 15 s and writes that it waits. */
async function kubeletGoesOn(
  agent: NodeAgent,
  failing: Parameters<typeof kubeletWaits>[0],
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await sleep(12_000, undefined, { signal }).catch(() => undefined);
    if (!signal.aborted) await agent.say([kubeletWaits(failing)]);
  }
}

/** The real runtime's words about a real try. */
async function refusal(runtime: Runtime, { image, credentials }: Prepared): Promise<string> {
  const auth =
    credentials === undefined
      ? {}
      : { auth: { username: credentials.name, password: new Secret(credentials.password) } };
  const pulled = await withCri(runtime, (cri) =>
    cri.pullImage(image, { ...auth, signal: AbortSignal.timeout(15_000), deadlineMs: 15_000 }),
  );
  assert.ok(!pulled.ok, `${image} was pulled although something is wrong`);
  return pulled.error.message;
}

async function present(runtime: Runtime, image: string): Promise<boolean> {
  const status = await withCri(runtime, (cri) => cri.imageStatus(image, AbortSignal.timeout(5000)));
  return status.ok && status.value.present;
}

/** No secret of the lab in what the agent logs and answers. */
async function noSecrets(agent: NodeAgent): Promise<void> {
  const answers = await Promise.all(['/v1/pods', '/v1/investigations', '/v1/report', '/metrics'].map(agent.get));
  const text = [JSON.stringify(await agent.logged()), ...answers].join('\n');
  for (const secret of [...Object.values(users).map(({ password }) => password), wrongPassword]) {
    assert.ok(!text.includes(secret), 'the agent tells a secret');
  }
}
