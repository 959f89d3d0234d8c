import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { zstdDecompressSync } from 'node:zlib';

/** What makes journals and reads them as the oracle; null, and one printed line, where it is not there. */
export interface JournalTools {
  readonly journalctl: string;
  readonly remote: string;
}

const remote = '/lib/systemd/systemd-journal-remote';
const journalctl = '/usr/bin/journalctl';
let tools: Promise<JournalTools | null> | undefined;

/** The tools, where they are installed already; null where they are not. */
export function installedJournalTools(): JournalTools | null {
  return existsSync(remote) && existsSync(journalctl) ? { journalctl, remote } : null;
}

/** Finds the tools, or installs them where this is Debian and the tests run as root; once a process. */
export function journalTools(): Promise<JournalTools | null> {
  tools ??= prepare();
  return tools;
}

async function prepare(): Promise<JournalTools | null> {
  if (!existsSync(remote) || !existsSync(journalctl)) {
    const why = await install();
    if (why !== null) {
      process.stdout.write(`    journal: left out, ${why}\n`);
      return null;
    }
  }
  return { journalctl, remote };
}

async function install(): Promise<string | null> {
  if (process.platform !== 'linux') return 'it needs Linux';
  if (process.getuid?.() !== 0) return 'systemd-journal-remote is missing, and this is not root';
  let release = '';
  try {
    release = readFileSync('/etc/os-release', 'utf8');
  } catch {
    // No such file: no Debian.
  }
  if (!/^ID=debian$/m.test(release)) return 'systemd-journal-remote is missing, and this is not Debian';
  process.stdout.write('    journal: installing systemd, systemd-journal-remote\n');
  const policy = '/usr/sbin/policy-rc.d';
  const own = !existsSync(policy);
  if (own) await writeFile(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    const env = { DEBIAN_FRONTEND: 'noninteractive' };
    await command('apt-get', ['update', '-q'], { env, timeoutMs: 240_000 });
    const args = ['install', '-y', '-q', '--no-install-recommends', 'systemd', 'systemd-journal-remote'];
    const done = await command('apt-get', args, { env, timeoutMs: 480_000 });
    return done.code === 0 ? null : 'systemd-journal-remote cannot be installed';
  } finally {
    if (own) await rm(policy, { force: true });
  }
}

interface CommandOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: Buffer;
  readonly timeoutMs?: number;
}

/** Runs a program to its end. */
export function command(
  program: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<{ code: number | null; stdout: Buffer; stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8', ...options.env },
      timeout: options.timeoutMs ?? 120_000,
      killSignal: 'SIGKILL',
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    child.on('error', reject);
    child.on('close', (code) => {
      resolve({ code, stdout: Buffer.concat(out), stderr: Buffer.concat(err).toString('utf8') });
    });
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input ?? '');
  });
}

/** An entry to be written. Times in microseconds. */
export interface MadeEntry {
  readonly realtime: number;
  readonly monotonic: number;
  readonly bootId: string;
  readonly fields: readonly (readonly [name: string, value: string | Buffer])[];
}

/** An entry in journal export format (systemd: docs/JOURNAL_EXPORT_FORMATS.md). */
export function exportEntry({ realtime, monotonic, bootId, fields }: MadeEntry): Buffer {
  const parts: Buffer[] = [
    Buffer.from(`__REALTIME_TIMESTAMP=${realtime}\n__MONOTONIC_TIMESTAMP=${monotonic}\n_BOOT_ID=${bootId}\n`),
  ];
  for (const [name, value] of fields) {
    const bytes = Buffer.from(value);
    if (bytes.every((byte) => byte >= 32 || byte === 9)) parts.push(Buffer.from(`${name}=`), bytes);
    else {
      const length = Buffer.alloc(8);
      length.writeBigUInt64LE(BigInt(bytes.length));
      parts.push(Buffer.from(`${name}\n`), length, bytes);
    }
    parts.push(Buffer.from('\n'));
  }
  parts.push(Buffer.from('\n'));
  return Buffer.concat(parts);
}

/** How a journal is written. */
export interface Format {
  readonly compact?: boolean;
  readonly keyed?: boolean;
  readonly compress?: boolean;
}

/** The environment in which systemd's writer makes files of a format. */
export function formatEnvironment(format: Format): Record<string, string> {
  return {
    SYSTEMD_JOURNAL_COMPACT: format.compact === false ? '0' : '1',
    SYSTEMD_JOURNAL_KEYED_HASH: format.keyed === false ? '0' : '1',
  };
}

/** Writes a journal file from an export stream with systemd-journal-remote. */
export async function makeJournal(
  made: JournalTools,
  path: string,
  stream: Buffer,
  format: Format = {},
): Promise<void> {
  const args = [`--compress=${format.compress === false ? 'no' : 'yes'}`, '-o', path, '-'];
  const done = await command(made.remote, args, { env: formatEnvironment(format), input: stream });
  if (done.code !== 0) throw new Error(`systemd-journal-remote: exit status ${done.code}\n${done.stderr}`);
}

/** An entry as journalctl prints it. */
export interface OracleEntry {
  readonly cursor: string;
  readonly realtime: string;
  readonly monotonic: string;
  /** Values as hexadecimal bytes, by name. */
  readonly fields: ReadonlyMap<string, readonly string[]>;
}

/** What journalctl reads: `-o json --all` with these arguments. */
export async function oracle(made: JournalTools, args: readonly string[]): Promise<readonly OracleEntry[]> {
  const done = await command(made.journalctl, ['--all', '--no-pager', '-q', '-o', 'json', ...args]);
  return done.stdout
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const parsed: unknown = JSON.parse(line);
      if (typeof parsed !== 'object' || parsed === null) throw new Error(`no entry: ${line}`);
      const values = new Map<string, unknown>(Object.entries(parsed));
      const fields = new Map<string, readonly string[]>();
      for (const [name, value] of values) {
        if (name.startsWith('__')) continue;
        const several = Array.isArray(value) && value.some((part) => typeof part !== 'number');
        fields.set(name, several ? value.map(hexOf) : [hexOf(value)]);
      }
      return {
        cursor: String(values.get('__CURSOR')),
        realtime: String(values.get('__REALTIME_TIMESTAMP')),
        monotonic: String(values.get('__MONOTONIC_TIMESTAMP')),
        fields,
      };
    });
}

function hexOf(value: unknown): string {
  if (typeof value === 'string') return Buffer.from(value).toString('hex');
  if (Array.isArray(value)) return Buffer.from(value.filter((byte) => typeof byte === 'number')).toString('hex');
  throw new Error(`neither text nor bytes: ${JSON.stringify(value)}`);
}

/**
 * Rewrites a file whose data objects are not compressed, or with zstd, to LZ4, as systemd before 246 wrote them. The
 * objects stay where they are; the space behind a smaller payload is left over, as the format allows readers to ignore.
 */
export async function toLz4(path: string): Promise<number> {
  const file = await readFile(path);
  const compact = (file.readUInt32LE(12) & 16) !== 0;
  const dataHeader = compact ? 72 : 64;
  const end = Number(file.readBigUInt64LE(88) + file.readBigUInt64LE(96));
  let packed = 0;
  for (let at = Number(file.readBigUInt64LE(88)); at + 16 <= end; ) {
    const size = Number(file.readBigUInt64LE(at + 8));
    if (size < 16) break;
    const type = file[at];
    if (type === 1) {
      const flags = file[at + 1] ?? 0;
      const stored = file.subarray(at + dataHeader, at + size);
      const payload = flags === 4 ? zstdDecompressSync(stored) : Buffer.from(stored);
      const block = packLz4(payload);
      if (payload.length >= 64 && block.length + 8 <= stored.length) {
        file.fill(0, at + dataHeader, at + size);
        file.writeBigUInt64LE(BigInt(payload.length), at + dataHeader);
        block.copy(file, at + dataHeader + 8);
        file[at + 1] = 2;
        file.writeBigUInt64LE(BigInt(dataHeader + 8 + block.length), at + 8);
        packed++;
      }
    }
    at += Math.ceil(size / 8) * 8;
  }
  file.writeUInt32LE(file.readUInt32LE(12) | 2, 12);
  await writeFile(path, file);
  return packed;
}

/** A simple LZ4 block compressor: greedy, with the last place of each four bytes remembered. */
export function packLz4(input: Buffer): Buffer {
  const out: number[] = [];
  const seen = new Map<number, number>();
  let anchor = 0;
  let at = 0;
  // The format wants the last five bytes to be literals, and no match in the last twelve.
  while (at + 12 < input.length) {
    const four = input.readUInt32LE(at);
    const before = seen.get(four);
    seen.set(four, at);
    if (before === undefined || at - before > 65_535) {
      at++;
      continue;
    }
    let length = 4;
    while (at + length < input.length - 5 && input[before + length] === input[at + length]) length++;
    sequence(input.subarray(anchor, at), at - before, length);
    at += length;
    anchor = at;
  }
  sequence(input.subarray(anchor), 0, 0);
  return Buffer.from(out);

  function sequence(literals: Buffer, distance: number, length: number): void {
    const extra = length - 4;
    out.push((Math.min(literals.length, 15) << 4) | (distance === 0 ? 0 : Math.min(extra, 15)));
    if (literals.length >= 15) lengthBytes(literals.length - 15);
    out.push(...literals);
    if (distance === 0) return;
    out.push(distance & 0xff, distance >>> 8);
    if (extra >= 15) lengthBytes(extra - 15);
  }

  function lengthBytes(length: number): void {
    let left = length;
    for (; left >= 255; left -= 255) out.push(255);
    out.push(left);
  }
}

/** A systemd-journald of the test's own, in a mount namespace of its own. */
export interface LiveJournald {
  /** Its journal folder (`/var/log/journal` inside), readable from outside. */
  readonly directory: string;
  /** Writes lines to it, as a service's standard output; a unit's name is taken where this process is in none itself. */
  write(identifier: string, lines: readonly string[], unit?: string): Promise<void>;
  /** Has it start new files. */
  rotate(): void;
  stop(): Promise<void>;
}

const streamSocket = '/run/systemd/journal/stdout';

/** Starts a journald that keeps its files below `root`; null, and one printed line, where that is not possible. */
export async function startJournald(root: string, settings: readonly string[]): Promise<LiveJournald | null> {
  const program = '/lib/systemd/systemd-journald';
  if (process.getuid?.() !== 0 || !existsSync(program)) {
    process.stdout.write('    journal: live journald left out, it needs root and systemd-journald\n');
    return null;
  }
  const script = [
    'set -e',
    'mount --make-rprivate /',
    'mount -t tmpfs tmpfs /run',
    'mkdir -p /run/systemd/journal /run/systemd/system /run/log /run/systemd/journald.conf.d "$1/var/journal"',
    'touch /run/systemd/journal/flushed',
    'mount --bind "$1/var" /var/log',
    'printf "%s\\n" "$2" > /run/systemd/journald.conf.d/test.conf',
    `exec ${program}`,
  ].join('\n');
  const always = ['[Journal]', 'Storage=persistent', 'RateLimitIntervalSec=0', 'ReadKMsg=no', 'Audit=no'];
  const child = spawn('unshare', ['-m', 'sh', '-c', script, 'sh', root, [...always, ...settings].join('\n')], {
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
    stdio: 'ignore',
  });
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()));
  child.on('error', () => undefined);
  const socket = `/proc/${child.pid}/root${streamSocket}`;
  const stop = async () => {
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), 3000);
    await ended;
    clearTimeout(timer);
  };
  for (let attempt = 0; attempt < 100 && child.exitCode === null; attempt++) {
    if (existsSync(socket) && (await connects(socket))) {
      return {
        directory: `${root}/var/journal`,
        write: (identifier, lines, unit = '') => writeStream(`/proc/${child.pid}`, [identifier, unit], lines),
        rotate: () => child.kill('SIGUSR2'),
        stop,
      };
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await stop();
  process.stdout.write('    journal: live journald left out, it does not start here\n');
  return null;
}

/** The sockets that a process has open, by their inodes. */
function openSockets(process: string): ReadonlySet<string> {
  const links = readdirSync(`${process}/fd`).map((fd) => {
    try {
      return readlinkSync(`${process}/fd/${fd}`);
    } catch {
      return '';
    }
  });
  return new Set(links.filter((link) => link.startsWith('socket:')));
}

function connects(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = connect(socket);
    connection.on('connect', () => {
      connection.destroy();
      resolve(true);
    });
    connection.on('error', () => resolve(false));
  });
}

/**
 * journald's stream protocol: seven lines that say who speaks, then what is said. Nothing is said before it has taken the
 * connection: of bytes that came earlier it does not know whose they are, and names no unit (SO_PASSCRED is set then, and not
 * on the socket that it listens at, as systemd's own is).
 */
function writeStream(
  journald: string,
  [identifier, unit]: readonly [string, string],
  lines: readonly string[],
): Promise<void> {
  const before = openSockets(journald);
  return new Promise((resolve, reject) => {
    // It ends its own side at once.
    const connection = connect({ path: `${journald}/root${streamSocket}`, allowHalfOpen: true });
    connection.on('error', reject);
    connection.on('close', () => resolve());
    const say = async (): Promise<void> => {
      const isTaken = () => [...openSockets(journald)].some((socket) => !before.has(socket));
      for (let waited = 0; waited < 500 && !isTaken(); waited++) await sleep(1);
      await sleep(1);
      connection.end([identifier, unit, '6', '0', '0', '0', '0', ...lines, ''].join('\n'));
    };
    connection.on('connect', () => void say().catch(reject));
    connection.resume();
  });
}
