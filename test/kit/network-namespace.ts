import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Whether this machine lets a test make a network namespace of its own (root on Linux, with iproute2 and nftables). */
export async function canMakeNamespaces(): Promise<boolean> {
  return run('unshare', ['--net', 'sh', '-c', 'ip link set lo up && nft list ruleset']).then(
    () => true,
    () => false,
  );
}

/**
 * Runs the body of an async function in a process inside a new network namespace that has nothing but loopback, and
 * gives what it returns (through JSON). Modules are imported by URL: `await import(url)`.
 * @param setup Shell commands to run in the namespace first, as root: routes, packet filters.
 */
export async function inNamespace(setup: readonly string[], body: string): Promise<unknown> {
  const script = `(async () => {${body}})().then((value) => console.log(JSON.stringify(value)))`;
  const commands = ['set -e', 'ip link set lo up', ...setup, 'exec "$0" -e "$1"'].join('\n');
  const { stdout } = await run('unshare', ['--net', 'sh', '-c', commands, process.execPath, script], {
    timeout: 15_000,
  });
  return JSON.parse(stdout);
}
