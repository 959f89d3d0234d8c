import { type Command, Option } from 'commander';
import { systemEnv } from '../../lib/env.ts';
import type { AgentClient } from '../agent-client.ts';
import { exitStatus, exitStatusOf } from '../exit-status.ts';
import { complain, jsonText, print } from '../output.ts';
import { stdoutStyle } from '../terminal.ts';

interface ClientFlags {
  readonly agent: string;
  readonly tokenFile?: string;
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
  readonly output: 'text' | 'json' | 'markdown' | 'html';
}

interface DiagnoseFlags extends ClientFlags {
  readonly pull?: boolean;
  readonly platform?: string;
  readonly pullPolicy?: 'Always' | 'IfNotPresent' | 'Never';
}

/** Longest wait for an answer that is ready, for an investigation, and for a pull. */
const answerMs = 15_000;
const investigationMs = 180_000;
const pullMs = 900_000;

/** How often a pull is asked about. */
const pollMs = 500;

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
  const asking = (name: string, description: string, formats: readonly ClientFlags['output'][]): Command =>
    node
      .command(name)
      .description(description)
      .addOption(
        new Option('--agent <URL>', 'where the agent answers').env('PULLWHY_AGENT').default('http://127.0.0.1:9440'),
      )
      .addOption(new Option('--token-file <FILE>', 'its bearer token').env('PULLWHY_TOKEN_FILE'))
      .option('--ca-file <FILE>', "the authority of its certificate (default: this machine's)")
      .option('--cert-file <FILE>', 'a client certificate')
      .option('--key-file <FILE>', 'the key of it')
      .addOption(new Option('-o, --output <FORMAT>', 'how to print').choices(formats).default('text'));
  const withClient = async (flags: ClientFlags, work: (client: AgentClient) => Promise<number>): Promise<void> => {
    const url = URL.parse(flags.agent);
    if (url === null || !/^https?:$/.test(url.protocol)) {
      return finish(complain('--agent', `${flags.agent} is no address such as http://127.0.0.1:9440.`));
    }
    const { openAgentClient } = await import('../agent-client.ts');
    const client = await openAgentClient({
      url,
      tokenFile: flags.tokenFile ?? null,
      caFile: flags.caFile ?? null,
      certFile: flags.certFile ?? null,
      keyFile: flags.keyFile ?? null,
      signal,
    });
    return finish(client.ok ? await work(client.value) : complain('node', client.error));
  };
  const lost = (message: string): number => {
    complain('node', message);
    return exitStatus.inconclusive;
  };

  asking('pods', 'pods of the node whose images do not come', ['text', 'json'])
    .addHelpText('after', '\nExample:\n  pullwhy node pods --agent http://127.0.0.1:9440')
    .action((flags: ClientFlags) =>
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
    .addHelpText('after', '\nExample:\n  pullwhy node registries')
    .action((flags: ClientFlags) =>
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
    .addHelpText('after', '\nExample:\n  pullwhy node report -o html > report.html')
    .action((flags: ClientFlags) =>
      withClient(flags, async (client) => {
        const accept = {
          text: 'text/markdown',
          markdown: 'text/markdown',
          html: 'text/html',
          json: 'application/json',
        }[flags.output];
        const report = await client.ask({ path: '/v1/report', accept, timeoutMs: answerMs });
        if (!report.ok) return lost(report.error);
        await print(report.value.text);
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
    .addHelpText('after', '\nExample:\n  pullwhy node diagnose registry.corp.example/team/web:1.4')
    .action((image: string, flags: DiagnoseFlags) =>
      withClient(flags, async (client) => {
        const { platform, pull, pullPolicy } = flags;
        const answer = await client.ask({
          method: 'POST',
          path: '/v1/investigations',
          body: { image, platform, pull, pullPolicy },
          timeoutMs: investigationMs,
        });
        if (!answer.ok) return lost(answer.error);
        const [{ replay }, { printInvestigation }] = await Promise.all([
          import('../../engine/replay.ts'),
          import('../print-investigation.ts'),
        ]);
        const read = replay(answer.value.text);
        if (!read.ok) return lost(`The agent's answer ${read.error}`);
        if (flags.output === 'json') await print(jsonText(JSON.parse(answer.value.text)));
        else await printInvestigation(read.value.document, flags.output === 'markdown' ? 'markdown' : 'text');
        return exitStatusOf(read.value.document.verdict);
      }),
    );

  asking('pull', 'have the runtime of that node pull an image', ['text', 'json'])
    .argument('<IMAGE>')
    .addHelpText('after', '\nExample:\n  pullwhy node pull nginx:1.27')
    .action((image: string, flags: ClientFlags) =>
      withClient(flags, async (client) => {
        const { PullRecord } = await import('../../api/investigation.ts');
        const until = systemEnv.monotonic() + pullMs;
        let record = await client.document(PullRecord, {
          method: 'POST',
          path: '/v1/pulls',
          body: { image },
          timeoutMs: answerMs,
        });
        while (record.ok && (record.value.state === 'queued' || record.value.state === 'pulling')) {
          if (systemEnv.monotonic() > until || signal.aborted) break;
          await new Promise((resolve) => setTimeout(resolve, pollMs));
          record = await client.document(PullRecord, {
            path: `/v1/pulls/${encodeURIComponent(record.value.id)}`,
            timeoutMs: answerMs,
          });
        }
        if (!record.ok) return lost(record.error);
        const { state, summary, error } = record.value;
        await print(
          flags.output === 'json' ? jsonText(record.value) : `${summary}${error === null ? '' : `\n  ${error}`}`,
        );
        return state === 'done' ? exitStatus.ok : state === 'failed' ? exitStatus.faulty : exitStatus.inconclusive;
      }),
    );
}
