import { type Style, terminalStyle } from './render/style.ts';

/** How standard output takes text: its colours and width, and the symbols of the locale that this process was given. */
export function stdoutStyle(): Style {
  return terminalStyle(process.stdout, process.env);
}

/** The kind of terminal that progress is written to: TERM. */
export function terminalKind(): string | undefined {
  return process.env.TERM;
}
