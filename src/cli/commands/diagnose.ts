import type { Command } from 'commander';
import { systemEnv } from '../../lib/env.ts';
import { exitStatusOf } from '../exit-status.ts';
import { addProviderFlag, addSharedFlags, type SharedFlags } from '../flags.ts';
import { complain } from '../output.ts';
import { printInvestigation } from '../print-investigation.ts';
import { progress, statusLine } from '../progress.ts';
import { terminalKind } from '../terminal.ts';

interface DiagnoseFlags extends SharedFlags {
  readonly pull?: boolean;
}

/** `pullwhy diagnose IMAGE`. */
export function addDiagnose(program: Command, finish: (status: number) => void, signal: AbortSignal): void {
  const command = program
    .command('diagnose <IMAGE>')
    .description('find out why this node cannot pull an image, and prove it');
  addProviderFlag(addSharedFlags(command))
    .option('--pull', 'also retry the pull by the runtime, over CRI')
    .addHelpText(
      'after',
      `
Examples:
  pullwhy diagnose registry.corp.example/team/web:1.4
    what is wrong with this image on this node
  pullwhy diagnose --pull nginx:1.27
    the same, and the runtime's own words beside the verdict
  pullwhy diagnose --auth-file ~/.docker/config.json reg.corp.example/app:2
    with the credentials that a pod's pull secret has
  pullwhy diagnose --host-root /host -o json nginx
    from a container that has the node's / at /host, for a script

Exit status: 0 healthy or degraded, 1 faulty, 2 wrong command line,
3 inconclusive.`,
    )
    .action(async (image: string, flags: DiagnoseFlags) => {
      // Loaded here, not above: help and version need none of it. Both before the first probe, which measures time.
      const [{ prepare }, { investigate }] = await Promise.all([
        import('../prepare.ts'),
        import('../../engine/investigate.ts'),
      ]);
      const prepared = await prepare(image, flags, signal);
      if (!prepared.ok) return finish(complain(prepared.error.flag, prepared.error.message));
      const { plan, node, begunAt } = prepared.value;
      const shown = progress(statusLine(process.stderr, systemEnv, terminalKind()));
      const document = await investigate(plan, {
        env: systemEnv,
        node,
        pull: flags.pull === true,
        deadlineMs: flags.deadline * 1000,
        pullDeadlineMs: flags.pullDeadline * 1000,
        signal,
        onEvent: shown.onEvent,
        begunAt,
      });
      shown.end();
      await printInvestigation(document, flags.output);
      // What was interrupted before anything failed is not good: it was not looked at to its end.
      const cut = signal.aborted && document.verdict !== 'faulty';
      return finish(exitStatusOf(cut ? 'inconclusive' : document.verdict));
    });
}
