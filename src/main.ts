import { run } from './cli/main.ts';
import { safeLine } from './lib/redact.ts';
import { stackOf } from './lib/stack-trace.ts';

/** How long sockets and files may keep the process after its work: a file system that hangs must not hang Pullwhy. */
const lingerMs = 1000;

// What a socket throws when nobody awaits anything of it: not the status 1 that means "faulty".
process.on('uncaughtException', (error) => {
  defect(error);
  process.exit(3);
});

try {
  process.exitCode = await run(process.argv.slice(2), process.argv[1]);
} catch (error) {
  defect(error);
  process.exitCode = 3;
}
setTimeout(leave, lingerMs).unref();

/**
 * Ends a process that a hanging file system keeps: `process.exit` waits for the threads that hang in it, so a new program
 * takes this one's place, and has only the status to give.
 */
function leave(): void {
  const status = `process.exit(${Number(process.exitCode ?? 0)})`;
  if (process.execve === undefined) process.exit();
  process.execve(process.execPath, [process.execPath, '-e', status], {});
}

/** Expected failures are values; whatever arrives here is a defect of Pullwhy, and is said to be one. */
function defect(error: unknown): void {
  const lines = stackOf(error).split('\n').slice(0, 30);
  process.stderr.write(
    `pullwhy: this is a defect of pullwhy: ${lines.map((line) => safeLine(line, 500)).join('\n  ')}\n`,
  );
}
