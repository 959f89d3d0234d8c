import type { Remedy } from '../model/investigation.ts';
import type { Cause, CauseArgs } from './cause.ts';

/**
 * Words that a shell takes as they are. Hosts, tags and paths come from registries, DNS and log lines: one that holds
 * `;`, `$(…)`, quotes or spaces must not stand in a command that a tired person copies into a root shell.
 */
const plainWord = /^[\w.,:@%+=/~[\]-]+$/;

/** Some nameservers, or some addresses, as the causes join them. */
const plainList = /^[\w.:%[\]]+(?:(?: and |, )[\w.:%[\]]+)*$/;

/** A cause's remedies. Their texts say everything; their commands hold only words that are safe in a shell. */
export function remediesOf(cause: Cause, args: CauseArgs): readonly Remedy[] {
  const safe = shellSafe(args);
  const forCommands = cause.remedies(safe);
  const forTexts = cause.remedies(args);
  if (forTexts.length !== forCommands.length) return forCommands;
  return forTexts.map(({ text, command }, index) => ({
    text,
    // Without an argument a remedy may be another one: its command does not belong to this text.
    command: command === null ? null : (forCommands[index]?.command ?? null),
  }));
}

/** `args` without what a shell would read as more than a word: the commands then show their placeholders. */
function shellSafe(args: CauseArgs): CauseArgs {
  const kept: Record<string, string | readonly string[]> = {};
  for (const [name, value] of Object.entries(args)) {
    if (value === undefined) continue;
    if (typeof value !== 'string') {
      kept[name] = value.filter((word: string) => isSafe(word));
    } else if (isSafe(value)) {
      kept[name] = value;
    }
  }
  return kept;
}

/** No option either: a word that begins with a dash would be read as one. */
function isSafe(value: string): boolean {
  return !value.startsWith('-') && (plainWord.test(value) || plainList.test(value));
}
