import { type Command, InvalidArgumentError } from 'commander';
import { systemEnv } from '../../lib/env.ts';
import { exitStatus } from '../exit-status.ts';
import { complain, print } from '../output.ts';
import { stdoutStyle } from '../terminal.ts';
import { version } from '../version.ts';

interface DemoFlags {
  readonly nodes: number;
  readonly agents: boolean;
  readonly once?: boolean;
  readonly listen: string;
}

const usualNodes = 24;
const mostNodes = 2000;

/** Real agents: so many are a cluster of their own. */
const realAgents = 3;

/** `pullwhy demo`. */
export function addDemo(program: Command, finish: (status: number) => void, signal: AbortSignal): void {
  program
    .command('demo')
    .description(
      'show what this is: a made-up cluster on this machine, things that break in it, and what is said of them',
    )
    .option('--nodes <N>', `simulated nodes, 1 to ${mostNodes}`, nodeCount, usualNodes)
    .option('--no-agents', 'without real agents, each of which is a process')
    .option('--once', 'the whole story once and fast, and end')
    .option('--listen <ADDRESS:PORT>', 'where the collector answers, on loopback; port 0 is any', '127.0.0.1:0')
    .addHelpText(
      'after',
      `
Examples:
  pullwhy demo
    break things in turn until Ctrl-C, with time to look at each
  pullwhy demo --once
    the same in under a minute

Nothing is sent beyond this machine and nothing of it is changed; no root, no
container runtime and no cluster is needed. Exit status: 0 interrupted, or all
was told right, 1 something was not, 2 wrong command line, 3 it could not start.`,
    )
    .action(async (flags: DemoFlags) => finish(await runDemo(flags, signal)));
}

async function runDemo({ nodes, agents, once = false, listen }: DemoFlags, signal: AbortSignal): Promise<number> {
  const [{ playDemo }, { renderDemo }, { environment }, { isLoopback, listenAddress }] = await Promise.all([
    import('../../demo/demo.ts'),
    import('../render/demo-text.ts'),
    import('../settings-file.ts'),
    import('../../settings/values.ts'),
  ]);
  const address = listenAddress(listen);
  if (address === null || !isLoopback(address)) {
    return complain('--listen', `${listen} is no loopback address with a port, such as 127.0.0.1:9450.`);
  }
  const style = stdoutStyle();
  const [, executable = ''] = process.argv;
  const told = await playDemo({
    env: systemEnv,
    version,
    listen,
    nodes,
    agents: agents ? realAgents : 0,
    once,
    command: [process.execPath, executable],
    path: environment.PATH ?? '/usr/bin:/bin',
    signal,
    tell: (event) => print(renderDemo(event, style)),
  });
  if (!told.ok) {
    complain('demo', told.error);
    return exitStatus.inconclusive;
  }
  return told.value ? exitStatus.ok : exitStatus.faulty;
}

function nodeCount(value: string): number {
  if (!/^[1-9]\d{0,3}$/.test(value) || Number(value) > mostNodes) {
    throw new InvalidArgumentError(`It must be a whole number, 1 to ${mostNodes}.`);
  }
  return Number(value);
}
