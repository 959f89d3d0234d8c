import type { Command } from 'commander';
import { exitStatus } from '../exit-status.ts';
import { addSharedFlags, type SharedFlags } from '../flags.ts';
import { complain, print, printJson } from '../output.ts';
import { renderPlanMarkdown } from '../render/markdown.ts';
import { renderPlanText } from '../render/plan-text.ts';
import { stdoutStyle } from '../terminal.ts';

/** `pullwhy plan IMAGE`. */
export function addPlan(program: Command, finish: (status: number) => void, signal: AbortSignal): void {
  addSharedFlags(
    program.command('plan <IMAGE>').description('say what the runtime would do for an image; no network is touched'),
  )
    .addHelpText(
      'after',
      `
Examples:
  pullwhy plan nginx
    which endpoints, by which proxy, with which credentials
  pullwhy plan --runtime cri-o --host-root /host team/app:1
    as CRI-O would do it on the node whose / is at /host
  pullwhy plan -o json registry.corp.example/web:1 | jq '.endpoints[].source'
    the file and line that set each endpoint

Exit status: 0, 1 when a file of the node or the image name stops the pull,
2 wrong command line.`,
    )
    .action(async (image: string, flags: SharedFlags) => {
      const [{ prepare }, { planDocument }] = await Promise.all([
        import('../prepare.ts'),
        import('../../engine/plan-document.ts'),
      ]);
      const prepared = await prepare(image, flags, signal);
      if (!prepared.ok) return finish(complain(prepared.error.flag, prepared.error.message));
      const { plan, node } = prepared.value;
      if (plan.cri?.ok === true) plan.cri.value.close();
      const document = planDocument(plan, node);
      if (flags.output === 'json') await printJson(document);
      else if (flags.output === 'markdown') await print(renderPlanMarkdown(document));
      else await print(renderPlanText(document, stdoutStyle()));
      return finish(document.cause === null ? exitStatus.ok : exitStatus.faulty);
    });
}
