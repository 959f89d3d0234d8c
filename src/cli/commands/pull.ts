import type { Command } from 'commander';
import { systemEnv } from '../../lib/env.ts';
import { exitStatus } from '../exit-status.ts';
import { addProviderFlag, addSharedFlags, type SharedFlags } from '../flags.ts';
import { complain, print, printJson } from '../output.ts';
import { statusLine } from '../progress.ts';
import { renderPullMarkdown, renderPullText } from '../render/pull-text.ts';
import { stdoutStyle, terminalKind } from '../terminal.ts';

/** `pullwhy pull IMAGE`. */
export function addPull(program: Command, finish: (status: number) => void, signal: AbortSignal): void {
  const command = program.command('pull <IMAGE>').description('retry the pull by the runtime now, over CRI');
  addProviderFlag(addSharedFlags(command))
    .addHelpText(
      'after',
      `
Examples:
  pullwhy pull registry.corp.example/team/web:1.4
  pullwhy pull --auth-file secret.json --pull-deadline 600 reg.corp/big:1

A pull with a pod's secret makes the image usable by every pod of this node.
Exit status: 0 pulled, 1 not pulled, 2 wrong command line, 3 no runtime to ask.`,
    )
    .action(async (image: string, flags: SharedFlags) => {
      const [{ prepare }, { pullNow }] = await Promise.all([import('../prepare.ts'), import('../../engine/pull.ts')]);
      const prepared = await prepare(image, flags, signal);
      if (!prepared.ok) return finish(complain(prepared.error.flag, prepared.error.message));
      const { plan, node } = prepared.value;
      const line = statusLine(process.stderr, systemEnv, terminalKind());
      line.show(`pulling ${image}`);
      const document = await pullNow(plan, { env: systemEnv, node, deadlineMs: flags.pullDeadline * 1000, signal });
      line.end();
      if (flags.output === 'json') await printJson(document);
      else if (flags.output === 'markdown') await print(renderPullMarkdown(document));
      else await print(renderPullText(document, stdoutStyle()));
      if (document.pull.ok === true) return finish(exitStatus.ok);
      return finish(document.pull.attempted ? exitStatus.faulty : exitStatus.inconclusive);
    });
}
