import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type AgentNode, makeAgentNode } from '../kit/agent-node.ts';
import { type AgentProcess, startAgentProcess } from '../kit/agent-process.ts';
import { type FakeCri, startFakeCri } from '../kit/fake-cri.ts';
import { kubeletFails, kubeletWaits, runtimeFails } from '../kit/node-lines.ts';

describe('e2e: pullwhy agent lives through', function () {
  this.timeout(90_000);
  let node: AgentNode;
  let agent: AgentProcess | null = null;
  const more: FakeCri[] = [];

  beforeEach(async function () {
    node = await makeAgentNode({ registries: 1, images: 2, journald: ['SystemMaxFileSize=1M'] });
    if (node.journald === null) return this.skip();
  });
  afterEach(async () => {
    await agent?.stop('SIGKILL');
    agent = null;
    for (const one of more.splice(0)) await one.close();
    await node.close();
  });

  const says = (one: AgentProcess, words: string): boolean => one.logText().includes(words);
  const fail = async (tag: string): Promise<string> => {
    const image = `${node.hosts[0]}/team/app:${tag}`;
    const failing = { image, pod: `web-${tag}`, error: `failed to resolve image: ${image}: not found` };
    await node.say([...runtimeFails(failing), ...kubeletFails(failing), kubeletWaits(failing)]);
    return image;
  };
  /** It notices a failure, proves its cause, and answers as ever. */
  const works = async (one: AgentProcess, tag: string, cause = 'tag-not-found'): Promise<void> => {
    const image = await fail(tag);
    let seen = '';
    await until(`the cause of ${tag}`, one, async () => {
      const rows = await one.pods();
      seen = JSON.stringify(rows);
      return rows.some((row) => row.image === image && row.cause === cause && row.confidence === 'proven');
    }).catch((error: unknown) => assert.fail(`${String(error)}\n${seen}`));
    for (const path of ['/healthz', '/readyz', '/metrics', '/v1/report']) {
      assert.equal((await one.ask(path)).status, 200, path);
    }
  };

  it('a runtime that restarts, whose socket goes away and comes back', async () => {
    const { path } = node.cri;
    agent = await startAgentProcess(node.flags);
    const one = agent;
    await until('the runtime', one, async () => says(one, 'the runtime answers'));
    for (let round = 0; round < 2; round++) {
      await (more.pop() ?? node.cri).close();
      await rm(path, { force: true });
      await until('that it is gone', one, async () => count(one, 'the runtime does not answer') > round);
      await works(one, `7.${round}`, 'runtime-unreachable');
      more.push(await startFakeCri({}, undefined, undefined, null, path));
      await until('that it is back', one, async () => count(one, 'the runtime answers') > round + 1);
      // What the runtime's absence stopped is looked at again at once.
      await until('another cause', one, async () => (await one.pods()).every(({ cause }) => cause === 'tag-not-found'));
    }
    await until('its images', one, async () => more[0]?.calls.some(({ method }) => method === 'ListImages') === true);
    await works(one, '7.9');
  });

  it('a journal that rotates again and again, is vacuumed, and goes away as a whole', async () => {
    agent = await startAgentProcess(node.flags);
    const { journald } = node;
    assert.ok(journald);
    const files = async (): Promise<string[]> =>
      (await readdir(journald.directory, { recursive: true })).filter((name) => name.endsWith('.journal'));
    for (let round = 0; round < 4; round++) {
      const before = (await files()).length;
      journald.rotate();
      await until('a new file', agent, async () => (await files()).length > before);
      await works(agent, `2.${round}`);
    }
    const open = async (): Promise<number> => {
      const links = await readdir(`/proc/${agent?.pid}/fd`);
      return links.length;
    };
    const descriptors = await open();
    // Everything but what is written to now.
    for (const name of await files()) if (name.includes('@')) await rm(join(journald.directory, name));
    await works(agent, '2.8');
    assert.ok((await open()) < descriptors, 'files that were vacuumed are still open');
    const aside = `${journald.directory}.aside`;
    await rename(journald.directory, aside);
    await mkdir(journald.directory);
    assert.equal((await agent.ask('/healthz')).status, 200);
    await rm(journald.directory, { recursive: true });
    await rename(aside, journald.directory);
    await works(agent, '2.9');
  });

  /** The agent with a file system of its own in the place of its state's directory: seen by it alone. */
  const onDisk = (options: string, then: string): Promise<AgentProcess> => {
    const script = `mount --make-rprivate / && mount -t tmpfs -o ${options} tmpfs "$0" && ${then} && exec "$@"`;
    return startAgentProcess(node.flags, { under: ['unshare', '-m', 'sh', '-c', script, join(node.root, 'state')] });
  };
  const mayMount = (): boolean => spawnSync('unshare', ['-m', 'mount', '--make-rprivate', '/']).status === 0;

  it('a disk that is full from the start', async function () {
    if (!mayMount()) return this.skip();
    await mkdir(join(node.root, 'state'));
    agent = await onDisk('size=256k', '{ dd if=/dev/zero of="$0/filler" bs=4k 2>/dev/null || true; }');
    await works(agent, '3.0');
    assert.equal(count(agent, 'the state is kept in memory only from now on'), 1, agent.logText());
    assert.match((await agent.ask('/v1/report')).body, /forgotten at the next restart/);
  });

  it('a disk that is read-only', async function () {
    if (!mayMount()) return this.skip();
    await mkdir(join(node.root, 'state'));
    agent = await onDisk('size=1m,ro', 'true');
    await works(agent, '4.0');
    assert.equal(count(agent, 'the state is kept in memory only from now on'), 1, agent.logText());
    assert.match((await agent.ask('/v1/report')).body, /forgotten at the next restart/);
  });

  it('a disk that fills while it runs, and goes back to it when there is room', async function () {
    if (!mayMount()) return this.skip();
    await mkdir(join(node.root, 'state'));
    agent = await onDisk('size=400k', 'true');
    const one = agent;
    await works(one, '5.0');
    const filler = join(`/proc/${one.pid}/root`, node.root, 'state/filler');
    spawnSync('dd', ['if=/dev/zero', `of=${filler}`, 'bs=1k']);
    for (let round = 1; round < 20 && !says(one, 'in memory only'); round++) await works(one, `5.${round}`);
    assert.equal(count(one, 'the state is kept in memory only from now on'), 1, one.logText());
    await rm(filler);
    await until('the disk', one, async () => says(one, 'the state is kept on disk again'), 45_000);
    await works(one, '5.99');
    const rows = (await one.pods()).map(({ image }) => image);
    await one.stop('SIGTERM');
    assert.ok(rows.includes(`${node.hosts[0]}/team/app:5.0`), 'what was before is still known');
  });
});

function count(agent: AgentProcess, msg: string): number {
  return agent.log().filter((line) => line.msg === msg).length;
}

async function until(
  what: string,
  agent: AgentProcess,
  holds: () => Promise<boolean>,
  limitMs = 20_000,
): Promise<void> {
  for (const limit = performance.now() + limitMs; !(await holds()); ) {
    assert.ok(agent.running(), `the agent ended: ${agent.logText()}`);
    assert.ok(performance.now() < limit, `it did not come: ${what}\n${agent.logText()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
