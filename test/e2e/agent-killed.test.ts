import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type AgentNode, makeAgentNode } from '../kit/agent-node.ts';
import { type AgentProcess, startAgentProcess } from '../kit/agent-process.ts';
import type { FakeAnswer } from '../kit/fake-cri.ts';
import { errorBody, makeImage } from '../kit/fake-registry.ts';
import { kubeletFails, kubeletWaits, runtimeFails } from '../kit/node-lines.ts';

const executable = fileURLToPath(new URL('../../bin/pullwhy.js', import.meta.url));

const json = { 'content-type': 'application/json' };

/** A pull takes this long, so that it is met in the middle. */
const pullMs = 400;

/** From the kubelet's line to the end of the agent: while it reads, asks, concludes, writes, and after all that. */
const afterLineMs = [0, 15, 40, 80, 130, 200, 300, 450, 700, 1000, 1400, 2000];

/** From the repair on, one after the other: some hundred milliseconds apart, so that looks and pulls are met. */
const afterRepairMs = [900, 1700, 1100, 2300, 1300, 700, 1900, 1500, 2700, 1200];

describe('e2e: pullwhy agent, killed', function () {
  this.timeout(150_000);
  const tags = afterLineMs.map((_, at) => `1.${at}`);
  const pushed = { all: false };
  const begun: string[] = [];
  const completed: string[] = [];
  let node: AgentNode;
  let agent: AgentProcess | null = null;

  before(async function () {
    const repositories = {
      'team/app': Object.fromEntries(tags.map((tag) => [tag, makeImage({ os: 'linux', architecture: 'amd64' })])),
    };
    node = await makeAgentNode({
      registries: 3,
      repositories,
      journald: [],
      methods: {
        ImageStatus: (request) => ({ answer: node.images.has(imageOf(request)) ? { image: { id: 'sha256:1' } } : {} }),
        PullImage: (request) => pull(imageOf(request)),
      },
    });
    if (node.journald === null) return this.skip();
    for (const registry of node.registries) {
      registry.override = (_, path) => {
        if (pushed.all) return null;
        if (path.includes('/manifests/')) {
          return { status: 404, headers: json, body: errorBody('MANIFEST_UNKNOWN', 'manifest unknown') };
        }
        return path.includes('/tags/list')
          ? { status: 200, headers: json, body: '{"name":"team/app","tags":[]}' }
          : null;
      };
    }
  });
  after(async () => {
    await agent?.stop('SIGKILL');
    await node.close();
  });

  /** As containerd: a pull whose caller goes away is given up. */
  async function pull(image: string): Promise<FakeAnswer> {
    begun.push(image);
    const given = node.cri.cancelled.length;
    await sleep(pullMs);
    if (node.cri.cancelled.slice(given).includes('PullImage')) return { code: 1, message: 'context canceled' };
    node.images.add(image);
    completed.push(image);
    return { answer: { image_ref: 'sha256:1' } };
  }

  const start = async (): Promise<AgentProcess> => {
    agent = await startAgentProcess(node.flags);
    return agent;
  };
  const imageFor = (tag: string): string => `${node.hosts[tags.indexOf(tag) % node.hosts.length]}/team/app:${tag}`;

  it('at any point loses no incident and finds every cause', async () => {
    const current = { agent: await start() };
    for (const [at, ms] of afterLineMs.entries()) {
      const image = imageFor(tags[at] ?? '');
      const failing = { image, pod: `web-${at}`, error: `failed to resolve image: ${image}: not found` };
      await node.say([...runtimeFails(failing), ...kubeletFails(failing), kubeletWaits(failing)]);
      await sleep(ms);
      await current.agent.stop('SIGKILL');
      if (at % 3 === 0) await endWhileStarting(node.flags, 60 + at * 25);
      current.agent = await start();
      await until(
        async () => {
          const rows = await current.agent.pods();
          const told = rows.filter(({ investigation, cause }) => investigation !== null && cause === 'tag-not-found');
          return tags.slice(0, at + 1).every((tag) => told.some((row) => row.image === imageFor(tag)));
        },
        async () => `killed ${ms} ms after the line of ${image}: ${JSON.stringify(await current.agent.pods())}`,
      );
    }
    assert.deepEqual(begun, [], 'nothing can be pulled yet');
  });

  it('at any point of its recovery pulls every image, and none twice', async () => {
    assert.ok(agent, 'the agent runs');
    pushed.all = true;
    const meanwhile: number[] = [];
    for (const ms of afterRepairMs) {
      await sleep(ms);
      const pulling =
        begun.length - completed.length - node.cri.cancelled.filter((name) => name === 'PullImage').length;
      if (pulling > 0) meanwhile.push(pulling);
      await agent.stop('SIGKILL');
      agent = await start();
    }
    const here = (): boolean => tags.every((tag) => node.images.has(imageFor(tag)));
    await until(
      () => Promise.resolve(here()),
      async () => `not pulled: ${JSON.stringify(await agent?.pods())}`,
    );
    // Time for a pull too many.
    await sleep(3000);
    const twice = completed.filter((image, at) => completed.indexOf(image) !== at);
    assert.deepEqual(twice, [], `${begun.length} pulls were begun, ${completed.length} came to their end`);
    const late = begun.filter((image, at) => begun.indexOf(image) !== at).length;
    process.stdout.write(
      `      ${afterLineMs.length + afterRepairMs.length} kills, ${meanwhile.length} in the middle of a pull; ${late} pulls begun anew\n`,
    );
    const { body } = await agent.ask('/v1/report');
    for (const tag of tags) assert.ok(body.includes(imageFor(tag)), `the report does not know ${imageFor(tag)}`);
  });
});

/** The agent, killed before it can answer. */
async function endWhileStarting(flags: readonly string[], ms: number): Promise<void> {
  const child = spawn(process.execPath, [executable, 'agent', '--listen', '127.0.0.1:0', ...flags], {
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', NODE_NAME: 'node-1' },
    stdio: 'ignore',
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  await sleep(ms);
  child.kill('SIGKILL');
  await ended;
}

function imageOf(request: unknown): string {
  return /"image":"([^"]+)"/.exec(JSON.stringify(request))?.[1] ?? '';
}

async function until(holds: () => Promise<boolean>, what: () => Promise<string>): Promise<void> {
  for (const limit = performance.now() + 30_000; !(await holds()); ) {
    if (performance.now() > limit) assert.fail(await what());
    await sleep(50);
  }
}
