import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type AgentNode, makeAgentNode } from './agent-node.ts';
import { type AgentProcess, startAgentProcess } from './agent-process.ts';
import { exportEntry, journalTools, makeJournal } from './journal-maker.ts';
import { kubeletFails, kubeletWaits, runtimeFails } from './node-lines.ts';

/** A real agent, built, on a made-up node that has something to tell: a pod whose tag is not there. */
export interface ServedAgent {
  readonly node: AgentNode;
  readonly agent: AgentProcess;
  readonly url: string;
  /** The image that the pod waits for. */
  readonly missing: string;
  /** One that comes. */
  readonly present: string;
  /** False where no journal can be written here: no pod waits then. */
  readonly hasPods: boolean;
  readonly close: () => Promise<void>;
}

/** Starts it and waits until the pod is there with its cause. */
export async function startServedAgent(flags: readonly string[] = []): Promise<ServedAgent> {
  const node = await makeAgentNode({
    images: 3,
    methods: {
      PullImage: (request) =>
        JSON.stringify(request).includes(':9.9')
          ? { code: 5, message: 'failed to pull and unpack image: not found' }
          : { answer: { image_ref: `sha256:${'a'.repeat(64)}` } },
    },
  });
  // A nameserver that nobody runs: names that are not in the hosts file lead nowhere, least of all off this machine.
  await node.write('etc/resolv.conf', 'nameserver 127.254.254.254\n');
  const [host = ''] = node.hosts;
  const missing = `${host}/team/app:9.9`;
  const tools = await journalTools().catch(() => null);
  if (tools !== null) {
    const failing = { image: missing, pod: 'web-7d4b9c6f5-x2x8p', error: `${missing}: not found` };
    const lines = [...runtimeFails(failing), ...kubeletFails(failing), kubeletWaits(failing)];
    const bootId = 'c0ffee00c0ffee00c0ffee00c0ffee00';
    const now = Date.now() * 1000 - 3_000_000;
    const entries = lines.map(({ unit, message }, at) =>
      exportEntry({
        realtime: now + at * 1000,
        monotonic: 1_000_000 + at * 1000,
        bootId,
        fields: [
          ['_SYSTEMD_UNIT', `${unit}.service`],
          ['SYSLOG_IDENTIFIER', unit],
          ['_TRANSPORT', 'stdout'],
          ['MESSAGE', message],
        ],
      }),
    );
    await mkdir(join(node.root, 'var/log/journal'), { recursive: true });
    await makeJournal(tools, join(node.root, 'var/log/journal/system.journal'), Buffer.concat(entries));
  }
  const allow = ['--set', 'http.allowTargets=127.0.0.0/8'];
  const agent = await startAgentProcess([...node.flags, ...allow, ...flags]);
  const close = async (): Promise<void> => {
    await agent.stop();
    await node.close();
  };
  if (tools !== null) {
    for (const limit = performance.now() + 10_000; ; ) {
      const { body } = await agent.ask('/v1/pods');
      if (body.includes('"proven"')) break;
      if (performance.now() > limit) {
        await close();
        throw new Error(`the pod was not noticed: ${body}\n${agent.logText()}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  const url = `http://127.0.0.1:${agent.port}`;
  return { node, agent, url, missing, present: `${host}/team/app:1.0`, hasPods: tools !== null, close };
}
