import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { EntryQuery } from '../../src/journal/journal.ts';
import { openJournal } from '../../src/journal/open.ts';
import { exportEntry, formatEnvironment, type JournalTools, journalTools } from '../kit/journal-maker.ts';

const units = ['kubelet.service', 'containerd.service', 'sshd.service', 'cron.service'];
/** One boot on a fixed day: the journal is the same in every run but for its ids. */
const start = 1_795_344_000_000_000;
const bootId = '379b4f5ece2e4290b82bfd6f34ad8c69';

/** What the benchmark measured. */
export interface JournalFigures {
  readonly entries: number;
  /** Entries of the two units. */
  readonly matching: number;
  /** Entries a second of two units of four, MESSAGE only. */
  readonly ownPerSecond: number;
  readonly journalctlPerSecond: number;
  /** Entries a second with all fields of all units. */
  readonly ownAllPerSecond: number;
  /** Opening, finding and reading one unit's last 15 minutes. */
  readonly lastQuarterMs: number;
  /** The same up to the first entry. */
  readonly firstEntryMs: number;
  /** Peak memory of a process that reads two units' messages, MiB. */
  readonly peakMiB: number;
}

/** Writes `count` entries of 20 fields, one every 10 ms, to a journal in `directory`; it rotates as journald would. */
export async function writeLargeJournal(made: JournalTools, directory: string, count: number): Promise<void> {
  const path = join(directory, 'system.journal');
  const child = spawn(made.remote, ['-o', path, '-'], {
    env: { PATH: '/usr/sbin:/usr/bin', ...formatEnvironment({}) },
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  const ended = new Promise<void>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => (code === 0 ? resolve() : reject(new Error(`exit status ${code}`))));
  });
  for (let from = 0; from < count; from += 1000) {
    const chunk: Buffer[] = [];
    for (let index = from; index < Math.min(from + 1000, count); index++) chunk.push(entry(index));
    if (!child.stdin.write(Buffer.concat(chunk))) {
      await new Promise((resolve) => child.stdin.once('drain', resolve));
    }
  }
  child.stdin.end();
  await ended;
}

function entry(index: number): Buffer {
  const unit = units[index % 10 < 4 ? 0 : index % 10 < 8 ? 1 : index % 10 === 8 ? 2 : 3] ?? '';
  const realtime = start + index * 10_000;
  const image = `registry.example.com/team-${index % 17}/app-${index % 101}:1.${index % 7}`;
  const message = `E1122 10:36:45.${index} 24326 log.go:32] "PullImage from image service failed" err="rpc error: code = NotFound" image="${image}"`;
  return exportEntry({
    realtime,
    monotonic: index * 10_000 + 1_000_000,
    bootId,
    fields: [
      ['MESSAGE', message],
      ['PRIORITY', String(index % 5 === 0 ? 3 : 6)],
      ['_SYSTEMD_UNIT', unit],
      ['_SOURCE_REALTIME_TIMESTAMP', String(realtime - 12)],
      ['_PID', String(1000 + (index % 4))],
      ['_COMM', unit.split('.')[0] ?? ''],
      ['_EXE', `/usr/bin/${unit}`],
      ['_CMDLINE', `/usr/bin/${unit} --config=/etc/${unit}.yaml`],
      ['_SYSTEMD_CGROUP', `/system.slice/${unit}`],
      ['_SYSTEMD_SLICE', 'system.slice'],
      ['_SYSTEMD_INVOCATION_ID', '7c55ff0ce1a8492887fbfb61f9eda257'],
      ['_STREAM_ID', 'd970510ed02341368b2ee81e109ac2bd'],
      ['_MACHINE_ID', '432fb4306f30484b9babc3fedf356a91'],
      ['_HOSTNAME', 'worker-3'],
      ['_TRANSPORT', 'stdout'],
      ['_UID', '0'],
      ['_GID', '0'],
      ['_CAP_EFFECTIVE', '1fffeffffff'],
      ['SYSLOG_IDENTIFIER', unit.split('.')[0] ?? ''],
      ['_RUNTIME_SCOPE', 'system'],
    ],
  });
}

const twoUnits: EntryQuery = {
  match: [{ field: '_SYSTEMD_UNIT', values: units.slice(0, 2) }],
  fields: ['MESSAGE'],
};

async function readOwn(
  directory: string,
  query: EntryQuery,
  most = Number.POSITIVE_INFINITY,
): Promise<{ count: number; ms: number }> {
  const started = performance.now();
  const opened = await openJournal({ directories: [directory], journalctl: null });
  if (!opened.ok) throw new Error(opened.error.kind);
  let count = 0;
  let characters = 0;
  for await (const { fields } of opened.value.entries(query)) {
    count++;
    characters += fields.get('MESSAGE')?.length ?? 0;
    if (count === most) break;
  }
  opened.value.close();
  if (characters === 0) throw new Error('no messages');
  return { count, ms: performance.now() - started };
}

async function readJournalctl(made: JournalTools, directory: string): Promise<{ count: number; ms: number }> {
  const started = performance.now();
  const matches = units.slice(0, 2).map((unit) => `_SYSTEMD_UNIT=${unit}`);
  const child = spawn(made.journalctl, ['-D', directory, '-o', 'json', '--no-pager', '-q', ...matches], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let count = 0;
  let characters = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    const parsed: unknown = JSON.parse(line);
    if (typeof parsed === 'object' && parsed !== null && 'MESSAGE' in parsed)
      characters += String(parsed.MESSAGE).length;
    count++;
  }
  if (characters === 0) throw new Error('no messages');
  return { count, ms: performance.now() - started };
}

/** Measures on a journal of `count` entries in `directory`, which is written when it is not there. */
export async function benchJournal(made: JournalTools, directory: string, count: number): Promise<JournalFigures> {
  if (!existsSync(directory)) {
    await mkdir(directory, { recursive: true });
    await writeLargeJournal(made, directory, count);
  }
  const peakMiB = await peakOf(directory);
  await readOwn(directory, twoUnits);
  const own = await best(() => readOwn(directory, twoUnits));
  const all = await best(() => readOwn(directory, {}));
  const last = BigInt(start) + BigInt(count) * 10_000n;
  const quarter: EntryQuery = {
    match: [{ field: '_SYSTEMD_UNIT', values: ['sshd.service'] }],
    fields: ['MESSAGE'],
    since: last - 900_000_000n,
  };
  const lastQuarter = await best(() => readOwn(directory, quarter));
  const first = await best(() => readOwn(directory, quarter, 1));
  const other = await readJournalctl(made, directory);
  if (other.count !== own.count) throw new Error(`journalctl: ${other.count} entries, own reader: ${own.count}`);
  return {
    entries: all.count,
    matching: own.count,
    ownPerSecond: Math.round((own.count / own.ms) * 1000),
    journalctlPerSecond: Math.round((other.count / other.ms) * 1000),
    ownAllPerSecond: Math.round((all.count / all.ms) * 1000),
    lastQuarterMs: Math.round(lastQuarter.ms * 10) / 10,
    firstEntryMs: Math.round(first.ms * 10) / 10,
    peakMiB,
  };
}

async function best(run: () => Promise<{ count: number; ms: number }>): Promise<{ count: number; ms: number }> {
  let fastest = await run();
  for (let round = 0; round < 2; round++) {
    const one = await run();
    if (one.ms < fastest.ms) fastest = one;
  }
  return fastest;
}

/** Peak memory of a process of its own that does nothing but read. */
async function peakOf(directory: string): Promise<number> {
  const child = spawn(process.execPath, [import.meta.filename, 'read', directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  for await (const chunk of child.stdout) text += String(chunk);
  return Number(text);
}

if (process.argv[1] === import.meta.filename) {
  if (process.argv[2] === 'read') {
    await readOwn(process.argv[3] ?? '', twoUnits);
    process.stdout.write(String(Math.round(process.resourceUsage().maxRSS / 1024)));
  } else {
    const made = await journalTools();
    if (made !== null) {
      const directory = process.argv[2] ?? join(await mkdtemp(join(tmpdir(), 'pullwhy-bench-')), 'journal');
      const figures = await benchJournal(made, directory, Number(process.argv[3] ?? 300_000));
      process.stdout.write(`${JSON.stringify(figures, null, 2)}\n`);
      if (process.argv[2] === undefined) await rm(join(directory, '..'), { recursive: true, force: true });
    }
  }
}
