import { exitStatus } from './exit-status.ts';

/** Writes to standard output and waits until it is taken; a closed pipe (`| head`) is no error. */
export async function print(text: string): Promise<void> {
  const { stdout } = process;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      // An error comes to the callback first and to its listeners after that: the listener must outlive the callback.
      setImmediate(() => stdout.off('error', done));
      resolve();
    };
    stdout.on('error', done);
    stdout.write(text.endsWith('\n') ? text : `${text}\n`, done);
  });
}

/** One JSON document, and nothing else, on standard output. */
export async function printJson(document: unknown): Promise<void> {
  await print(JSON.stringify(document, null, 2));
}

/** Says on standard error what is wrong with the command line or a file it names. */
export function complain(flag: string, message: string): number {
  const named = message.startsWith(`${flag} `) ? message : `${flag}: ${message}`;
  process.stderr.write(`pullwhy: ${named}\n`);
  return exitStatus.usage;
}
