import { type Command, Option } from 'commander';
import { systemEnv } from '../../lib/env.ts';
import { exitStatus, exitStatusOf } from '../exit-status.ts';
import type { KubeReport } from '../kube/report.ts';
import { presentable, print, printJson } from '../output.ts';
import { statusLine } from '../progress.ts';
import { stdoutStyle, terminalKind } from '../terminal.ts';

interface KubectlFlags {
  readonly namespace?: string;
  readonly allNamespaces?: boolean;
  readonly node?: string;
  readonly context?: string;
  readonly kubeconfig?: string;
  readonly agentNamespace?: string;
  readonly output: 'text' | 'wide' | 'json';
}

/** `kubectl pullwhy [POD]` or, as kubectl itself takes it, `kubectl pullwhy KIND NAME`, as a command of its own or below the program: the same flags. */
export function configureKubectl(command: Command, finish: (status: number) => void, signal: AbortSignal): Command {
  return command
    .description('say why the images of pods do not come: by the agent of their node, else by their own words')
    .argument('[POD]', 'POD, or deploy/NAME, sts/NAME, ds/NAME, rs/NAME, job/NAME (default: every pod that waits)')
    .argument('[NAME]', 'its name, where a kind stands before it: deploy NAME is deploy/NAME')
    .option('-n, --namespace <NAMESPACE>', "where (default: the context's)")
    .option('-A, --all-namespaces', 'in every namespace')
    .option('--node <NODE>', 'only pods on this node')
    .option('--context <CONTEXT>', 'of the kubeconfig (default: its current one)')
    .option('--kubeconfig <FILE>', 'instead of KUBECONFIG and ~/.kube/config')
    .option('--agent-namespace <NAMESPACE>', 'where the agents run (default: looked for)')
    .addOption(
      new Option('-o, --output <FORMAT>', 'how to print; wide: one line for each image')
        .choices(['text', 'wide', 'json'])
        .default('text'),
    )
    .addHelpText(
      'after',
      `
Examples:
  kubectl pullwhy web-7d4b9c6f5-x2x8p -n shop
  kubectl pullwhy -n shop deploy/web  (or: deploy web)
  kubectl pullwhy -A -o wide          every pod that waits for an image
  kubectl pullwhy -A --node worker-3  those of a node

It gets pods and lists events. An agent is asked by the API server's proxy
(pods/proxy), else by "kubectl port-forward" (pods/portforward); without one,
the pod's status and events are explained.

Exit status: 0 no image fails, 1 some do, 2 wrong command line, no such pod or
kubeconfig, 3 inconclusive, or the API server gave no answer.`,
    )
    .action(async (first: string | undefined, name: string | undefined, flags: KubectlFlags) => {
      const text = first === undefined || name === undefined ? first : `${first}/${name}`;
      finish(await runKubectl(text, flags, signal));
    });
}

function complain({ message, status }: { readonly message: string; readonly status: number }): number {
  process.stderr.write(`${presentable(`kubectl pullwhy: ${message}`)}\n`);
  return status;
}

function wrong(message: string): number {
  return complain({ message, status: exitStatus.usage });
}

async function runKubectl(text: string | undefined, flags: KubectlFlags, signal: AbortSignal): Promise<number> {
  const { namespace, allNamespaces = false, node, output } = flags;
  const kubeconfig = flags.kubeconfig ?? null;
  const context = flags.context ?? null;
  const [{ findPods, isName, parseTarget }, { openCluster }, { lookClosely, lookWidely }, { environment: variables }] =
    await Promise.all([
      import('../kube/target.ts'),
      import('../kube/cluster.ts'),
      import('../kube/look.ts'),
      import('../settings-file.ts'),
    ]);
  if (allNamespaces && namespace !== undefined) return wrong('-n and -A exclude each other: give one of them.');
  for (const [flag, value] of Object.entries({
    '-n': namespace,
    '--node': node,
    '--agent-namespace': flags.agentNamespace,
  }))
    if (value !== undefined && !isName(value))
      return wrong(`${flag}: "${value.slice(0, 300)}" is no name of Kubernetes.`);
  const target = parseTarget(text);
  if (!target.ok) return complain(target.error);
  const cluster = await openCluster({ kubeconfig, context, variables, terminal: process.stdin.isTTY === true });
  if (!cluster.ok) return wrong(cluster.error);
  const client = cluster.value;
  const line = statusLine(process.stderr, systemEnv, terminalKind());
  try {
    line.show(`asking ${client.server}`);
    const place = allNamespaces ? null : (namespace ?? client.namespace ?? 'default');
    const pods = await findPods(client, target.value, { namespace: place, node: node ?? null }, signal);
    if (!pods.ok) {
      line.end();
      return complain(pods.error);
    }
    const needs = {
      client,
      now: systemEnv.now(),
      namespace: place,
      agentNamespace: flags.agentNamespace ?? null,
      forward: { kubeconfig, context, variables, signal },
      scope: scopeWords(place, node, target.value.kind === 'all' ? undefined : text),
      onStep: (words: string) => line.show(words),
      signal,
    };
    const closely = target.value.kind !== 'all';
    const report = closely ? await lookClosely(pods.value, needs) : await lookWidely(pods.value, needs);
    line.end();
    if (signal.aborted) return complain({ message: 'It was interrupted.', status: exitStatus.inconclusive });
    if (output === 'json') {
      const { podPullsDocument } = await import('../kube/document.ts');
      await printJson(podPullsDocument(report));
    } else {
      const { renderClosely, renderTable, renderWide } = await import('../render/kube-text.ts');
      const render = output === 'wide' ? renderWide : closely ? renderClosely : renderTable;
      await print(render(report, stdoutStyle()));
    }
    return statusOf(report);
  } finally {
    line.end();
    await client.close();
  }
}

function scopeWords(namespace: string | null, node: string | undefined, target: string | undefined): string {
  const place = namespace === null ? 'all namespaces' : `the namespace ${namespace}`;
  const where = node === undefined ? place : `${place} on ${node}`;
  return target === undefined ? where : `${target} in ${where}`;
}

/** As of diagnose: the worst of the investigations, and of pods without one what their own words say. */
function statusOf({ pods }: KubeReport): number {
  const statuses = pods.flatMap(({ images, investigations }) =>
    investigations.length > 0
      ? investigations.map(({ verdict }) => exitStatusOf(verdict))
      : images.map(({ state }) => (state === 'failing' ? exitStatus.faulty : exitStatus.ok)),
  );
  if (statuses.includes(exitStatus.faulty)) return exitStatus.faulty;
  return statuses.includes(exitStatus.inconclusive) ? exitStatus.inconclusive : exitStatus.ok;
}
