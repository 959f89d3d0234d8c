import type { Command } from 'commander';
import { Option } from 'commander';
import { boundedLines } from '../../lib/bounded-lines.ts';
import { limits } from '../../lib/limits.ts';
import type { ExplainedText } from '../../model/explained-text.ts';
import { exitStatus } from '../exit-status.ts';
import { complain, jsonText, print, printJson } from '../output.ts';
import { renderExplanations } from '../render/explain-text.ts';
import { stdoutStyle } from '../terminal.ts';

interface ExplainFlags {
  readonly output: 'text' | 'json' | 'ndjson' | 'markdown';
  readonly replay?: string;
}

/** `pullwhy explain [TEXT…]`. */
export function addExplain(program: Command, finish: (status: number) => void): void {
  program
    .command('explain')
    .argument('[TEXT...]', 'an event, a log line, an error; standard input, line by line, when there is none')
    .description('say what an error text of a failing pull means')
    .option('--replay <FILE>', 'conclude an investigation again that "diagnose -o json" saved, offline')
    .addOption(
      new Option('-o, --output <FORMAT>', 'how to print; ndjson for texts, markdown for --replay')
        .choices(['text', 'json', 'ndjson', 'markdown'])
        .default('text'),
    )
    .addHelpText(
      'after',
      `
Examples:
  pullwhy explain 'Failed to pull image "nginx:1.99": ... not found'
  journalctl -u kubelet --since -1h | pullwhy explain
  kubectl get events -A | pullwhy explain -o ndjson
  pullwhy explain --replay saved.json     what diagnose -o json had printed

Exit status: 0 something was understood, 3 nothing was, 2 wrong command line.
With --replay that of diagnose, and 2 for a file that is no investigation.`,
    )
    .action(async (words: readonly string[], flags: ExplainFlags) => {
      const { output, replay: file } = flags;
      if (file !== undefined) {
        if (words.length > 0) return finish(complain('--replay', 'takes a file and no TEXT beside it.'));
        if (output === 'ndjson')
          return finish(complain('-o', 'ndjson is for many texts; --replay makes one document.'));
        const { explainReplay } = await import('./explain-replay.ts');
        return finish(await explainReplay(file, output));
      }
      if (output === 'markdown') return finish(complain('-o', 'markdown is for --replay.'));
      // Loaded here, not above: the rules are many, and other commands do without.
      const { explainText } = await import('../../engine/explain.ts');
      const single = words.length > 0;
      const texts = single ? [words.join(' ')] : boundedLines(process.stdin, limits.explainedChars);
      const results: ExplainedText[] = [];
      let understood = 0;
      let omitted = 0;
      for await (const text of texts) {
        if (text.trim() === '') continue;
        const explained = explainText(text);
        if (explained.cause !== null && explained.cause !== 'unknown') understood++;
        if (flags.output === 'ndjson') await print(jsonText(explained, 0));
        // A journal of a day has a million lines; those that say nothing of a pull are not kept.
        else if (single || (explained.cause !== null && results.length < limits.explainedLines))
          results.push(explained);
        else omitted++;
      }
      const head = { apiVersion: 'pullwhy/v1' };
      if (flags.output === 'json') {
        await printJson(
          single
            ? { ...head, kind: 'Explanation', ...results[0] }
            : { ...head, kind: 'Explanations', results, omittedLines: omitted },
        );
      } else if (flags.output === 'text') {
        await print(renderExplanations(results, stdoutStyle()));
      }
      return finish(understood > 0 ? exitStatus.ok : exitStatus.inconclusive);
    });
}
