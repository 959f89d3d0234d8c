import { exitStatus } from './exit-status.ts';

/** Writes to standard output and waits until it is taken; a closed pipe (`| head`) is no error. */
export async function print(text: string): Promise<void> {
  await new Promise<void>((resolve) => {
    process.stdout.once('error', () => resolve());
    process.stdout.write(text.endsWith('\n') ? text : `${text}\n`, () => resolve());
  });
}

/** One JSON document, and nothing else, on standard output. */
export async function printJson(document: unknown): Promise<void> {
  await print(JSON.stringify(document, null, 2));
}

/** Says on standard error what is wrong with the command line or a file it names. */
export function complain(flag: string, message: string): number {
  process.stderr.write(`pullwhy: ${flag}: ${message}\n`);
  return exitStatus.usage;
}
