import type { Command, Option } from 'commander';

/** What a flag's value is, as far as a shell can help with it. */
export type ValueKind = 'none' | 'choice' | 'file' | 'directory' | 'other';

/** A flag as completion needs it. */
export interface FlagShape {
  /** `-o`; null without one. */
  readonly short: string | null;
  /** `--output`; null without one. */
  readonly long: string | null;
  readonly description: string;
  readonly value: ValueKind;
  /** The placeholder, `FORMAT`. */
  readonly placeholder: string;
  readonly choices: readonly string[];
}

/** A command as completion needs it. */
export interface CommandShape {
  /** From the program on: `[]` for itself, `['node', 'pods']`. */
  readonly path: readonly string[];
  readonly description: string;
  readonly flags: readonly FlagShape[];
  readonly commands: readonly CommandShape[];
  /** What its first argument can be; empty when that is free (an image). */
  readonly words: readonly string[];
}

/** Reads commander's own tables, so that no command or flag can be forgotten here. */
export function shapeOf(command: Command, path: readonly string[] = []): CommandShape {
  const help = command.createHelp();
  const commands = help
    .visibleCommands(command)
    .filter((one) => one.name() !== 'help')
    .map((one) => shapeOf(one, [...path, one.name()]));
  return {
    path,
    description: oneLine(command.description()),
    flags: help.visibleOptions(command).map(flagOf),
    commands,
    words: command.registeredArguments[0]?.argChoices ?? [],
  };
}

/** Every command of a shape, itself first. */
export function allCommands(shape: CommandShape): CommandShape[] {
  return [shape, ...shape.commands.flatMap(allCommands)];
}

function flagOf(option: Option): FlagShape {
  const placeholder = /[<[]([^>]+)[>\]]$/.exec(option.flags)?.[1] ?? '';
  return {
    short: option.short ?? null,
    long: option.long ?? null,
    description: oneLine(option.description),
    value: kindOf(option, placeholder),
    placeholder,
    choices: option.argChoices ?? [],
  };
}

function kindOf(option: Option, placeholder: string): ValueKind {
  if (!option.required && !option.optional) return 'none';
  if (option.argChoices !== undefined) return 'choice';
  if (placeholder === 'FILE') return 'file';
  return placeholder === 'DIR' ? 'directory' : 'other';
}

function oneLine(text: string): string {
  return text.replace(/\s+/gu, ' ').trim();
}
