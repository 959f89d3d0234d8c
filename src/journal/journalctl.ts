import { spawn } from 'node:child_process';
import { limits } from '../lib/limits.ts';
import { compareLocations, type Location, parseCursor } from './cursor.ts';
import type { Found } from './directory.ts';
import { FieldList } from './entry.ts';
import type { Boot, EntryQuery, FileProblem, Journal, JournalEntry, QueryFailure } from './journal.ts';

/** Longest that journalctl may take to say whether it can read a file at all. */
const trialMs = 15_000;

/** One entry of journalctl's JSON (systemd: docs/JOURNAL_EXPORT_FORMATS.md, "Journal JSON Format"). */
interface PrintedEntry extends JournalEntry {
  readonly location: Location;
}

/** A journal that a journalctl process reads, one process for each folder. Bad lines are passed over. */
export class JournalctlJournal implements Journal {
  readonly source = 'journalctl';
  readonly note: string;
  readonly machines: readonly string[];
  private readonly program: string;
  private readonly folders: readonly string[];
  private readonly ending = new AbortController();

  constructor(program: string, found: Found, note: string) {
    this.program = program;
    // The machines' folders themselves: so other machines' stay apart.
    this.folders = found.folders.filter((folder) => found.files.some(({ path }) => path.startsWith(`${folder}/`)));
    this.machines = found.machines;
    this.note = note;
  }

  get storage(): 'persistent' | 'volatile' | 'both' {
    const inMemory = (folder: string) => /(?:^|\/)run\/log\/journal(?:\/|$)/.test(folder);
    if (!this.folders.some(inMemory)) return 'persistent';
    return this.folders.every(inMemory) ? 'volatile' : 'both';
  }

  /** True when the program is there and can read the files: an older journalctl cannot read a newer format either. */
  async works(): Promise<boolean> {
    for (const folder of this.folders) {
      const { code, error } = await this.run(['-D', folder, '-n', '1', '-o', 'json']);
      if (code !== 0 || /unsupported|incompatible|not supported/i.test(error)) return false;
    }
    return true;
  }

  problems(): readonly FileProblem[] {
    return [];
  }

  async check(query: EntryQuery): Promise<QueryFailure | null> {
    if (query.cursor !== undefined && parseCursor(query.cursor) === null) {
      return { kind: 'bad-cursor', cursor: query.cursor };
    }
    for (const { field } of query.match ?? []) {
      if (!/^[A-Z0-9_]{1,64}$/.test(field)) return { kind: 'bad-match', field };
    }
    if (query.boot !== undefined && (await this.bootId(query.boot)) === null) {
      return { kind: 'no-such-boot', boot: query.boot };
    }
    return null;
  }

  async *entries(query: EntryQuery = {}): AsyncGenerator<JournalEntry, void, void> {
    if ((await this.check(query)) !== null) return;
    const args = ['--all', '-o', 'json'];
    if (query.since !== undefined) args.push(`--since=${seconds(query.since)}`);
    if (query.until !== undefined) args.push(`--until=${seconds(query.until)}`);
    if (query.cursor !== undefined) args.push(`--after-cursor=${query.cursor}`);
    if (query.follow === true) args.push('--follow', '--no-tail');
    if (query.fields !== undefined) args.push(`--output-fields=${query.fields.join(',')}`);
    for (const { field, values } of query.match ?? []) args.push(...values.map((value) => `${field}=${value}`));
    if (query.boot !== undefined) args.push(`_BOOT_ID=${await this.bootId(query.boot)}`);
    const wanted = query.fields === undefined ? null : new Set(query.fields);
    const ending = new AbortController();
    const stop = () => ending.abort();
    for (const signal of [query.signal, this.ending.signal]) {
      if (signal?.aborted === true) return;
      signal?.addEventListener('abort', stop);
    }
    const parts = this.folders.map((folder) => this.print(['-D', folder, ...args], wanted, ending.signal));
    try {
      for await (const entry of query.follow === true ? together(parts) : merged(parts)) {
        if (ending.signal.aborted) return;
        yield entry;
      }
    } finally {
      ending.abort();
      for (const signal of [query.signal, this.ending.signal]) signal?.removeEventListener('abort', stop);
    }
  }

  async boots(): Promise<readonly Boot[]> {
    const found = new Map<string, { first: bigint; last: bigint }>();
    for (const folder of this.folders) {
      const { output } = await this.run(['-D', folder, '-F', '_BOOT_ID']);
      for (const id of output.split('\n').filter((line) => /^[0-9a-f]{32}$/.test(line))) {
        const one = ['-D', folder, '-o', 'json', '--output-fields=_BOOT_ID', '-n', '1', `_BOOT_ID=${id}`];
        const last = readEntry((await this.run(one)).output, null);
        const first = readEntry(await this.firstLine(folder, id), null);
        if (first === null || last === null) continue;
        const known = found.get(id);
        found.set(id, {
          first: known !== undefined && known.first < first.realtimeUs ? known.first : first.realtimeUs,
          last: known !== undefined && known.last > last.realtimeUs ? known.last : last.realtimeUs,
        });
      }
    }
    const sorted = [...found].sort(([, a], [, b]) => (a.first < b.first ? -1 : 1));
    return sorted.map(([bootId, { first, last }], index) => ({
      bootId,
      index: index - sorted.length + 1,
      firstUs: first,
      lastUs: last,
    }));
  }

  close(): void {
    this.ending.abort();
  }

  private async firstLine(folder: string, boot: string): Promise<string> {
    const ending = new AbortController();
    const args = ['-D', folder, '-o', 'json', '--output-fields=_BOOT_ID', `_BOOT_ID=${boot}`];
    for await (const line of this.lines(args, ending.signal)) {
      ending.abort();
      return line;
    }
    return '';
  }

  private async bootId(boot: string | number): Promise<string | null> {
    if (typeof boot === 'string') {
      const id = boot.replaceAll('-', '').toLowerCase();
      return /^[0-9a-f]{32}$/.test(id) ? id : null;
    }
    const boots = await this.boots();
    return boots[boot > 0 ? boot - 1 : boots.length - 1 + boot]?.bootId ?? null;
  }

  private async *print(
    args: readonly string[],
    wanted: ReadonlySet<string> | null,
    signal: AbortSignal,
  ): AsyncGenerator<PrintedEntry, void, void> {
    for await (const line of this.lines(args, signal)) {
      const entry = readEntry(line, wanted);
      if (entry !== null) yield entry;
    }
  }

  /** Lines of the program's output; it ends with the iteration, and a line that was cut off is not among them. */
  private async *lines(args: readonly string[], signal: AbortSignal): AsyncGenerator<string, void, void> {
    const child = spawn(this.program, ['--no-pager', '--quiet', ...args], { stdio: ['ignore', 'pipe', 'ignore'] });
    const kill = () => child.kill('SIGKILL');
    child.on('error', () => child.stdout.destroy());
    signal.addEventListener('abort', kill);
    let parts: Buffer[] = [];
    let length = 0;
    try {
      for await (const chunk of child.stdout) {
        let rest: Buffer = Buffer.from(chunk);
        for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
          parts.push(rest.subarray(0, end));
          if (length + end <= limits.journalLineBytes) yield Buffer.concat(parts).toString('utf8');
          parts = [];
          length = 0;
          rest = rest.subarray(end + 1);
        }
        length += rest.length;
        if (length <= limits.journalLineBytes) parts.push(rest);
        else parts = [];
      }
    } catch {
      // Killed, or it could not be started: there are no more lines.
    } finally {
      signal.removeEventListener('abort', kill);
      kill();
    }
  }

  private run(args: readonly string[]): Promise<{ code: number | null; output: string; error: string }> {
    return new Promise((resolve) => {
      const child = spawn(this.program, ['--no-pager', ...args], {
        stdio: ['ignore', 'pipe', 'pipe'],
        timeout: trialMs,
        killSignal: 'SIGKILL',
      });
      const texts = { output: '', error: '' };
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        if (texts.output.length < limits.journalLineBytes) texts.output += text;
      });
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        if (texts.error.length < 65_536) texts.error += text;
      });
      child.on('error', () => resolve({ code: null, ...texts }));
      child.on('close', (code) => resolve({ code, ...texts }));
    });
  }
}

/** Microseconds as journalctl's times take them: `@seconds.fraction`. */
function seconds(time: bigint): string {
  return `@${time / 1_000_000n}.${(time % 1_000_000n).toString().padStart(6, '0')}`;
}

/** Reads one line of `-o json`; null when it is none. */
export function readEntry(line: string, wanted: ReadonlySet<string> | null): PrintedEntry | null {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    return null;
  }
  if (typeof parsed !== 'object' || parsed === null) return null;
  const values = new Map<string, unknown>(Object.entries(parsed));
  const cursor = values.get('__CURSOR');
  if (typeof cursor !== 'string') return null;
  const parts = parseCursor(cursor);
  if (parts === null || parts.realtime === null || parts.monotonic === null || parts.bootId === null) return null;
  const fields = new FieldList();
  let incomplete = false;
  for (const [name, value] of values) {
    if (name.startsWith('__') || (wanted !== null && !wanted.has(name))) continue;
    // A number list is a binary value, or several values where it has texts or lists in it.
    const several = Array.isArray(value) && value.some((part) => typeof part !== 'number') ? value : [value];
    for (const one of several) {
      if (typeof one === 'string') fields.add(name, one);
      else if (Array.isArray(one)) fields.add(name, Buffer.from(one.filter((byte) => typeof byte === 'number')));
      else if (one === null) incomplete = true;
    }
  }
  return {
    cursor,
    realtimeUs: BigInt(parts.realtime),
    monotonicUs: BigInt(parts.monotonic),
    bootId: parts.bootId,
    fields,
    damage: incomplete ? ['field-too-large'] : [],
    location: {
      seqnumId: parts.seqnumId ?? '',
      seqnum: parts.seqnum ?? 0,
      bootId: parts.bootId,
      monotonic: parts.monotonic,
      realtime: parts.realtime,
      xorHigh: parts.xorHigh ?? 0,
      xorLow: parts.xorLow ?? 0,
    },
  };
}

type Parts = readonly AsyncGenerator<PrintedEntry, void, void>[];

/** Several sources in the order of their entries. */
async function* merged(parts: Parts): AsyncGenerator<PrintedEntry, void, void> {
  const heads = await Promise.all(parts.map(async (part) => ({ part, head: await part.next() })));
  for (;;) {
    let first: (typeof heads)[number] | null = null;
    for (const one of heads) {
      if (one.head.done === true) continue;
      const best = first?.head.value?.location;
      if (best === undefined || compareLocations(one.head.value.location, best) < 0) first = one;
    }
    if (first === null || first.head.done === true) return;
    const { value } = first.head;
    first.head = await first.part.next();
    yield value;
  }
}

/** Several sources as they come: nobody can tell whether a silent one will have something earlier. */
async function* together(parts: Parts): AsyncGenerator<PrintedEntry, void, void> {
  const next = (index: number) => parts[index]?.next().then((result) => ({ index, result }));
  const waiting = new Map(parts.map((_, index) => [index, next(index)] as const));
  while (waiting.size > 0) {
    const arrived = await Promise.race(waiting.values());
    if (arrived === undefined) return;
    if (arrived.result.done === true) waiting.delete(arrived.index);
    else {
      waiting.set(arrived.index, next(arrived.index));
      yield arrived.result.value;
    }
  }
}
