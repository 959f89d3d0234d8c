import { type Command, InvalidArgumentError, Option } from 'commander';
import { systemEnv } from '../../lib/env.ts';
import { limits } from '../../lib/limits.ts';
import type { PullEvent } from '../../signals/pull-event.ts';
import { exitStatus } from '../exit-status.ts';
import { parseTime } from '../journal-time.ts';
import { complain, jsonText, presentable, print, printJson } from '../output.ts';
import { journalRenderer } from '../render/journal-text.ts';
import { stdoutStyle } from '../terminal.ts';

interface JournalFlags {
  readonly since?: number;
  readonly until?: number;
  readonly follow?: true;
  readonly unit?: readonly string[];
  readonly image?: string;
  readonly boot?: string | true;
  readonly directory?: readonly string[];
  readonly file?: readonly string[];
  readonly hostRoot: string;
  readonly afterCursor?: string;
  readonly output: 'text' | 'json' | 'ndjson';
}

/** What is read where nothing else says from where on. */
const defaultSpanUs = 3_600_000_000;

const collect = (value: string, before: readonly string[] | undefined): readonly string[] => [...(before ?? []), value];

/** `pullwhy journal`. */
export function addJournal(program: Command, finish: (status: number) => void, signal: AbortSignal): void {
  program
    .command('journal')
    .description("show the pulls in the kubelet's and the runtime's journal")
    .option('--since <TIME>', 'from this time on (default: -1h; with --follow: now)', time)
    .option('--until <TIME>', 'up to this time', time)
    .option('-f, --follow', 'go on with what is written from now on')
    .option('-u, --unit <UNIT>', 'of this unit; repeatable (default: all kubelets and runtimes)', collect)
    .option('--image <IMAGE>', 'about this image only, in any spelling, and all that names it')
    .option('-b, --boot [BOOT]', 'of this boot: an id, 0 for the last, -1 for the one before')
    .option('-D, --directory <DIR>', "a journal's folder; repeatable (default: below --host-root)", collect)
    .option('--file <FILE>', 'a log file instead, - for standard input; repeatable', collect)
    .option('--host-root <DIR>', "where the node's file system is", '/')
    .option('--after-cursor <CURSOR>', 'behind this entry; -o ndjson and journalctl print cursors')
    .addOption(new Option('-o, --output <FORMAT>', 'how to print').choices(['text', 'json', 'ndjson']).default('text'))
    .addHelpText(
      'after',
      `
TIME is as journalctl takes it: 2026-11-22T10:00:00Z, '2026-11-22 10:00',
today, yesterday, -1h, '90 min ago', @1795344419.

Examples:
  pullwhy journal --since today
    which pulls failed on this node, of which pods, and why
  pullwhy journal --follow --image nginx:1.99
    what happens to one image, as it happens
  pullwhy journal --host-root /host -o ndjson | jq .cause
    one event a line, from a pod that has the node's / at /host
  pullwhy journal --file /var/log/kubelet.log --since -1d
    on a node without a journal

Exit status: 0 read, also where no pull is found, 2 wrong command line,
3 no journal to read.`,
    )
    .action(async (flags: JournalFlags) => {
      const wrong = contradiction(flags);
      if (wrong !== null) return finish(complain(wrong.flag, wrong.message));
      // Loaded here, not above: the rules are many, and other commands do without.
      const [{ openSource }, { pullEvents }] = await Promise.all([
        import('../journal-source.ts'),
        import('../../signals/pull-events.ts'),
      ]);
      const follow = flags.follow === true;
      // A reader that is gone ends the following, which nothing else would.
      const ending = new AbortController();
      const stop = () => ending.abort();
      process.stdout.once('error', stop);
      const until = AbortSignal.any([signal, ending.signal]);
      const source = await openSource(
        {
          files: flags.file ?? [],
          directories: flags.directory ?? [],
          hostRoot: flags.hostRoot,
          units: flags.unit ?? [],
          sinceUs: flags.since ?? defaultSince(flags),
          untilUs: flags.until ?? null,
          cursor: flags.afterCursor ?? null,
          boot: bootOf(flags.boot),
          follow,
        },
        systemEnv,
        until,
      );
      if (!source.ok) {
        const { kind, flag, message } = source.error;
        if (kind === 'usage') return finish(complain(flag, message));
        process.stderr.write(`${presentable(`pullwhy: ${message}`)}\n`);
        return finish(exitStatus.inconclusive);
      }
      const { lines, notes, close } = source.value;
      for (const note of notes) process.stderr.write(`${presentable(`pullwhy: ${note}`)}\n`);
      const live = follow || flags.file?.includes('-') === true;
      const events = pullEvents(lines, { env: systemEnv, image: flags.image ?? null, live });
      try {
        await show(events, flags.output, until);
      } finally {
        close();
        process.stdout.off('error', stop);
      }
      return finish(exitStatus.ok);
    });
}

async function show(
  events: AsyncIterable<PullEvent>,
  output: JournalFlags['output'],
  signal: AbortSignal,
): Promise<void> {
  const render = journalRenderer(stdoutStyle());
  const kept: PullEvent[] = [];
  let found = 0;
  for await (const event of events) {
    found++;
    if (output === 'ndjson') await print(jsonText(event, 0));
    else if (output === 'text') {
      const text = render(event);
      if (text !== null) await print(text);
    } else {
      kept.push(event);
      if (kept.length > limits.explainedLines) kept.shift();
    }
    if (signal.aborted) break;
  }
  if (output === 'json') {
    const head = { apiVersion: 'pullwhy/v1', kind: 'PullEvents' };
    await printJson({ ...head, events: kept, omittedEvents: found - kept.length });
  } else if (output === 'text' && found === 0 && !signal.aborted) {
    process.stderr.write('pullwhy: no pull is mentioned in the time and the units that were looked at.\n');
  }
}

/** Flags that do not go together; null when all do. */
function contradiction(flags: JournalFlags): { readonly flag: string; readonly message: string } | null {
  if (flags.follow === true && flags.output === 'json') {
    return { flag: '--output', message: 'one JSON document has an end, and --follow has none: take -o ndjson.' };
  }
  if (flags.since !== undefined && flags.until !== undefined && flags.since > flags.until) {
    return { flag: '--until', message: 'it lies before --since.' };
  }
  if (flags.file === undefined) {
    if (flags.boot === undefined || bootOf(flags.boot) !== null) return null;
    return { flag: '--boot', message: `'${flags.boot}' is neither a boot's id (32 hexadecimal digits) nor a number.` };
  }
  const journalOnly = (['follow', 'unit', 'boot', 'directory', 'afterCursor'] as const).find(
    (name) => flags[name] !== undefined,
  );
  if (journalOnly === undefined) return null;
  const flag = journalOnly === 'afterCursor' ? '--after-cursor' : `--${journalOnly}`;
  const hint = journalOnly === 'follow' ? ' To follow a file: tail -F FILE | pullwhy journal --file -' : '';
  return { flag, message: `it is about a journal and does not go with --file.${hint}` };
}

/** From now on when following, an hour back else; a cursor, a boot or a file says for itself where to begin. */
function defaultSince(flags: JournalFlags): number | null {
  if (flags.afterCursor !== undefined || flags.boot !== undefined || flags.file !== undefined) return null;
  if (flags.until !== undefined && flags.follow !== true) return flags.until - defaultSpanUs;
  return systemEnv.now() * 1000 - (flags.follow === true ? 0 : defaultSpanUs);
}

/** Null for what is neither a number nor an id. */
function bootOf(value: string | true | undefined): string | number | null {
  if (value === undefined) return null;
  if (value === true) return 0;
  if (/^[+-]?\d{1,9}$/.test(value)) return Number(value);
  return /^[0-9a-f]{32}$/i.test(value.replaceAll('-', '')) ? value : null;
}

function time(value: string): number {
  const us = parseTime(value, systemEnv.now());
  if (us === null) {
    throw new InvalidArgumentError(
      "It must be a time: 2026-11-22T10:00:00Z, '2026-11-22 10:00', today, -1h or '90 min ago'.",
    );
  }
  return us;
}
