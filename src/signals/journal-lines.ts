import type { EntryQuery, Journal, JournalEntry, Match } from '../journal/journal.ts';
import type { SourceLine } from './pull-line.ts';
import { unitName } from './units.ts';

/** Which entries of a journal are read. */
export type LineQuery = Pick<EntryQuery, 'since' | 'until' | 'cursor' | 'boot' | 'follow' | 'signal'>;

const fields = ['MESSAGE', '_SYSTEMD_UNIT', 'SYSLOG_IDENTIFIER'];

/** The values by which units' entries are found, and the field that has them. */
export interface UnitSelection {
  readonly field: '_SYSTEMD_UNIT' | 'SYSLOG_IDENTIFIER';
  readonly values: readonly string[];
}

/** The selection as a query has it. */
export function unitMatches({ field, values }: UnitSelection): readonly Match[] {
  return [{ field, values }];
}

/**
 * What units' entries are found by. Where nobody's entries have a unit (a kubelet in a container, or a journal that was
 * sent over syslog), the name that the program gave itself has to do.
 */
export async function readableUnits(journal: Journal, units: readonly string[]): Promise<UnitSelection> {
  const byUnit: UnitSelection = { field: '_SYSTEMD_UNIT', values: units.map(unitName) };
  if (await hasAny(journal, byUnit)) return byUnit;
  const names = units.map((unit) => unit.replace(/\.service$/, '').replace(/^snap\./, ''));
  const byName: UnitSelection = { field: 'SYSLOG_IDENTIFIER', values: names };
  return (await hasAny(journal, byName)) ? byName : byUnit;
}

async function hasAny(journal: Journal, selection: UnitSelection): Promise<boolean> {
  for await (const _ of journal.entries({ match: unitMatches(selection), fields: [] })) return true;
  return false;
}

/**
 * The lines of units in a journal, oldest first. Each unit is read by itself and they are put in order by time: a journal
 * that was imported has one unit's entries behind the other's, in the order in which they came. What is followed comes
 * as it is written.
 */
export async function* journalLines(
  journal: Journal,
  units: UnitSelection,
  query: LineQuery,
): AsyncGenerator<SourceLine, void, void> {
  const { field, values } = units;
  const found: string[] = [];
  if (query.follow !== true && journal.source === 'files') {
    for (const value of values) if (await hasAny(journal, { field, values: [value] })) found.push(value);
  }
  if (found.length < 2) return yield* linesOf(journal, units, query);
  const streams = found.map((value) => linesOf(journal, { field, values: [value] }, query));
  try {
    const heads = await Promise.all(streams.map(async (stream) => ({ stream, line: (await stream.next()).value })));
    for (;;) {
      let first: (typeof heads)[number] | null = null;
      for (const head of heads) {
        if (head.line && (!first?.line || head.line.timeUs < first.line.timeUs)) first = head;
      }
      if (!first?.line) return;
      yield first.line;
      first.line = (await first.stream.next()).value;
    }
  } finally {
    for (const stream of streams) await stream.return();
  }
}

async function* linesOf(
  journal: Journal,
  units: UnitSelection,
  query: LineQuery,
): AsyncGenerator<SourceLine, void, void> {
  for await (const entry of journal.entries({ ...query, match: unitMatches(units), fields })) {
    const message = entry.fields.get('MESSAGE');
    if (message !== undefined) yield new EntryLine(entry, message);
  }
}

/** An entry as a line. The cursor is written out for the few lines that are about a pull. */
class EntryLine implements SourceLine {
  readonly message: string;
  readonly timeUs: number;
  private readonly entry: JournalEntry;

  constructor(entry: JournalEntry, message: string) {
    this.entry = entry;
    this.message = message;
    this.timeUs = Number(entry.realtimeUs);
  }

  get unit(): string {
    return this.entry.fields.get('_SYSTEMD_UNIT') ?? this.entry.fields.get('SYSLOG_IDENTIFIER') ?? '';
  }

  get cursor(): string {
    return this.entry.cursor;
  }
}
