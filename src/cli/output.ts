import { exitStatus } from './exit-status.ts';

/** Control characters and marks that act on a terminal instead of standing in it, but for the line feed. */
const acting = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/gu;

/** What our own styles write: colours and weights, nothing that moves or erases. */
const ownStyle = /\u001b\[\d{1,2}m/gu;

/** Writes to standard output and waits until it is taken; a closed pipe (`| head`) is no error. */
export async function print(text: string): Promise<void> {
  const { stdout } = process;
  const whole = presentable(text, stdout.isTTY === true);
  // The callback comes after an error too. A listener must be there when its event follows: one for all writes, for there
  // may be thousands in one turn.
  if (stdout.listenerCount('error') === 0) stdout.on('error', () => undefined);
  await new Promise<void>((resolve) => {
    stdout.write(whole.endsWith('\n') ? whole : `${whole}\n`, () => resolve());
  });
}

/** One JSON document, and nothing else, on standard output. */
export async function printJson(document: unknown): Promise<void> {
  await print(jsonText(document));
}

/**
 * A document as JSON that is as harmless on a terminal as the text is: JSON.stringify escapes the characters below a
 * space, and leaves those alone by which some terminals take commands, or turn the direction of writing, all the same.
 */
export function jsonText(document: unknown, indent = 2): string {
  return JSON.stringify(document, null, indent).replace(/[^\n -~]/gu, (character) =>
    character.search(acting) === -1 ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/**
 * `text` without anything that acts on a terminal, with `styled` but for colours and weights. The renderers see to it
 * already; a foreign text that one of them forgets ends here.
 */
export function presentable(text: string, styled = false): string {
  if (!styled) return text.replace(acting, ' ');
  let shown = '';
  let at = 0;
  for (const style of text.matchAll(ownStyle)) {
    shown += text.slice(at, style.index).replace(acting, ' ') + style[0];
    at = style.index + style[0].length;
  }
  return shown + text.slice(at).replace(acting, ' ');
}

/** Says on standard error what is wrong with the command line or a file it names. */
export function complain(flag: string, message: string): number {
  const named = message.startsWith(`${flag} `) ? message : `${flag}: ${message}`;
  process.stderr.write(`${presentable(`pullwhy: ${named}`)}\n`);
  return exitStatus.usage;
}
