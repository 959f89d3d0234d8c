import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, Option } from 'commander';
import { systemEnv } from '../../lib/env.ts';
import type { AgentClient } from '../agent-client.ts';
import { agentPeer } from '../agent-lost.ts';
import { addClientFlags, type ClientFlags, clientOf } from '../client-flags.ts';
import { exitStatus, exitStatusOf } from '../exit-status.ts';
import { complain, jsonText, print } from '../output.ts';
import { statusLine } from '../progress.ts';
import { stdoutStyle, terminalKind } from '../terminal.ts';

interface NodeFlags extends ClientFlags {
  readonly agent: string;
  readonly output: 'text' | 'json' | 'markdown' | 'html';
}

interface DiagnoseFlags extends NodeFlags {
  readonly pull?: boolean;
  readonly platform?: string;
  readonly pullPolicy?: 'Always' | 'IfNotPresent' | 'Never';
}

/** Longest wait for the answer that the agent is alive. */
const healthMs = 4000;

/** Longest wait for an answer that is ready. */
const answerMs = 15_000;

/** Longest wait for an investigation, for one with a pull in it, and for a pull: more than an agent lets them take. */
const investigationMs = 300_000;
const pullMs = 900_000;

/** An agent at work says every 5 s that it is alive. */
const silenceMs = 30_000;

/** How often a pull is asked about, and how many times in a row that may fail: the pull goes on all the same. */
const pollMs = 500;
const maxLostPolls = 10;

/** `pullwhy node …`: what an agent knows of its node. */
export function addNode(program: Command, finish: (status: number) => void, signal: AbortSignal): void {
  const node = program
    .command('node')
    .description('ask the agent of a node, over HTTP')
    .helpCommand(false)
    .addHelpText(
      'after',
      `
Examples:
  pullwhy node pods
    what does not come to this node, why, and when it is tried again
  pullwhy node diagnose nginx:1.27 --agent https://worker-3:9440 \\
      --token-file token --ca-file ca.crt
    an investigation on another node
  pullwhy node report -o html > report.html
    the node-health report, as a page that stands alone`,
    );
  const asking = (name: string, description: string, formats: readonly NodeFlags['output'][]): Command =>
    addClientFlags(node.command(name).description(description), agentPeer).addOption(
      new Option('-o, --output <FORMAT>', 'how to print').choices(formats).default('text'),
    );
  const withClient = async (flags: NodeFlags, work: (client: AgentClient) => Promise<number>): Promise<void> => {
    const client = await clientOf(flags, agentPeer, 'node', signal);
    return finish(client === null ? exitStatus.usage : await work(client));
  };
  const lost = (message: string): number => {
    complain('node', message);
    return exitStatus.inconclusive;
  };

  asking('pods', 'pods of the node whose images do not come', ['text', 'json'])
    .addHelpText(
      'after',
      '\nExamples:\n  pullwhy node pods --agent http://127.0.0.1:9440\n\nExit status: 0 every image comes, 1 some do not, 2 wrong command line,\n3 no answer.',
    )
    .action((flags: NodeFlags) =>
      withClient(flags, async (client) => {
        const [{ PodsDocument }, { renderPods }] = await Promise.all([
          import('../../api/node.ts'),
          import('../render/node-text.ts'),
        ]);
        const pods = await client.document(PodsDocument, { path: '/v1/pods', timeoutMs: answerMs });
        if (!pods.ok) return lost(pods.error);
        await print(flags.output === 'json' ? jsonText(pods.value) : renderPods(pods.value, stdoutStyle()));
        return pods.value.pods.length === 0 ? exitStatus.ok : exitStatus.faulty;
      }),
    );

  asking('registries', 'registries that the node uses, and how they are', ['text', 'json'])
    .addHelpText(
      'after',
      '\nExamples:\n  pullwhy node registries\n\nExit status: 0 none is faulty, 1 some are, 2 wrong command line, 3 no answer.',
    )
    .action((flags: NodeFlags) =>
      withClient(flags, async (client) => {
        const [{ RegistriesDocument }, { renderRegistries }] = await Promise.all([
          import('../../api/node.ts'),
          import('../render/node-text.ts'),
        ]);
        const registries = await client.document(RegistriesDocument, { path: '/v1/registries', timeoutMs: answerMs });
        if (!registries.ok) return lost(registries.error);
        await print(
          flags.output === 'json' ? jsonText(registries.value) : renderRegistries(registries.value, stdoutStyle()),
        );
        return registries.value.registries.some(({ verdict }) => verdict === 'faulty')
          ? exitStatus.faulty
          : exitStatus.ok;
      }),
    );

  asking('report', 'the node-health report', ['text', 'markdown', 'html', 'json'])
    .addHelpText(
      'after',
      '\nExamples:\n  pullwhy node report -o html > report.html\n    a page that stands alone, to be kept or sent\n\nExit status: 0 whatever it says, 2 wrong command line, 3 no answer.',
    )
    .action((flags: NodeFlags) =>
      withClient(flags, async (client) => {
        const path = '/v1/report';
        if (flags.output === 'json') {
          const { NodeReport } = await import('../../api/report.ts');
          const report = await client.document(NodeReport, { path, timeoutMs: answerMs });
          if (!report.ok) return lost(report.error);
          await print(jsonText(report.value));
          return exitStatus.ok;
        }
        const accept = flags.output === 'html' ? 'text/html' : 'text/markdown';
        const report = await client.ask({ path, accept, timeoutMs: answerMs }, [accept]);
        if (!report.ok) return lost(report.error);
        const { text } = report.value;
        // What a page folds away stands there at once on a terminal.
        const plain = text.replace(/^<(?:\/?details|summary>.*<\/summary)>\n/gm, '');
        await print(flags.output === 'text' ? plain : text);
        return exitStatus.ok;
      }),
    );

  asking('health', 'whether the agent answers: a health check that needs no shell', ['text', 'json'])
    .addHelpText(
      'after',
      '\nExamples:\n  pullwhy node health --agent http://127.0.0.1:9440\n\nExit status: 0 it answers, 1 it does not (for docker and podman, which know\nno other), 2 wrong command line.',
    )
    .action((flags: NodeFlags) =>
      withClient(flags, async (client) => {
        const health = await client.ask({ path: '/healthz', accept: 'text/plain', timeoutMs: healthMs }, [
          'text/plain',
        ]);
        if (!health.ok) {
          complain('node', health.error);
          return exitStatus.faulty;
        }
        await print(flags.output === 'json' ? jsonText({ healthy: true }) : 'The agent answers.');
        return exitStatus.ok;
      }),
    );

  asking('diagnose', 'find out on that node why it cannot pull an image', ['text', 'markdown', 'json'])
    .argument('<IMAGE>')
    .option('--pull', 'also retry the pull by the runtime')
    .option('--platform <OS/ARCH[/VARIANT]>', "the platform to pull for (default: that node's)")
    .addOption(
      new Option('--pull-policy <POLICY>', "the pod's imagePullPolicy").choices(['Always', 'IfNotPresent', 'Never']),
    )
    .addHelpText(
      'after',
      '\nExamples:\n  pullwhy node diagnose registry.corp.example/team/web:1.4\n  pullwhy node diagnose --pull nginx:1.27 -o json\n\nExit status: 0 healthy or degraded, 1 faulty, 2 wrong command line,\n3 inconclusive, or no answer.',
    )
    .action((image: string, flags: DiagnoseFlags) =>
      withClient(flags, async (client) => {
        const { platform, pull, pullPolicy } = flags;
        const [{ replay }, { printInvestigation }, { investigateAt }] = await Promise.all([
          import('../../engine/replay.ts'),
          import('../print-investigation.ts'),
          import('../agent-investigation.ts'),
        ]);
        const line = statusLine(process.stderr, systemEnv, terminalKind());
        line.show(`asking ${flags.agent}`);
        const text = await investigateAt(client, {
          body: { image, platform, pull, pullPolicy },
          timeoutMs: pull === true ? pullMs : investigationMs,
          silenceMs,
          onProbe: (words) => line.show(words),
        });
        line.end();
        if (!text.ok) return lost(text.error);
        const read = replay(text.value);
        if (!read.ok) return lost(`The agent's answer ${read.error}`);
        for (const note of read.value.notes) complain('node', note);
        if (flags.output === 'json') await print(jsonText(JSON.parse(text.value)));
        else await printInvestigation(read.value.document, flags.output === 'markdown' ? 'markdown' : 'text');
        return exitStatusOf(read.value.document.verdict);
      }),
    );

  asking('pull', 'have the runtime of that node pull an image', ['text', 'json'])
    .argument('<IMAGE>')
    .addHelpText(
      'after',
      '\nExamples:\n  pullwhy node pull nginx:1.27\n\nExit status: 0 pulled, 1 not pulled, 2 wrong command line, 3 no answer, or not\nended yet: the pull goes on.',
    )
    .action((image: string, flags: NodeFlags) =>
      withClient(flags, async (client) => {
        const [{ PullRecord }, { renderPullRecord }] = await Promise.all([
          import('../../api/investigation.ts'),
          import('../render/node-text.ts'),
        ]);
        const line = statusLine(process.stderr, systemEnv, terminalKind());
        line.show(`asking ${flags.agent}`);
        let record = await client.document(PullRecord, {
          method: 'POST',
          path: '/v1/pulls',
          body: { image },
          timeoutMs: answerMs,
        });
        if (!record.ok) {
          line.end();
          return lost(record.error);
        }
        const until = systemEnv.monotonic() + pullMs;
        const path = `/v1/pulls/${encodeURIComponent(record.value.id)}`;
        let last = record.value;
        let failures = 0;
        while ((last.state === 'queued' || last.state === 'pulling') && systemEnv.monotonic() < until) {
          line.show(last.state === 'queued' ? `${image} waits for its turn` : `${last.node} pulls ${image}`);
          await sleep(pollMs, null, { signal }).catch(() => null);
          if (signal.aborted) break;
          record = await client.document(PullRecord, { path, timeoutMs: answerMs });
          if (record.ok) last = record.value;
          failures = record.ok ? 0 : failures + 1;
          if (!record.ok && failures >= maxLostPolls) {
            line.end();
            return lost(`${record.error} The pull was asked for, and may go on.`);
          }
        }
        line.end();
        await print(flags.output === 'json' ? jsonText(last) : renderPullRecord(last, stdoutStyle()));
        if (last.state === 'done') return exitStatus.ok;
        return last.state === 'failed' ? exitStatus.faulty : exitStatus.inconclusive;
      }),
    );
}
