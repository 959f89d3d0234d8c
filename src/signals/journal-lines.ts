import type { EntryQuery, Journal, JournalEntry, Match } from '../journal/journal.ts';
import type { SourceLine } from './pull-line.ts';
import { unitName } from './units.ts';

/** Which entries of a journal are read. */
export type LineQuery = Pick<EntryQuery, 'since' | 'until' | 'cursor' | 'boot' | 'follow' | 'signal'>;

const fields = ['MESSAGE', '_SYSTEMD_UNIT', 'SYSLOG_IDENTIFIER'];

/**
 * What units' entries are found by. Where nobody's entries have a unit (a kubelet in a container, or a journal that was
 * sent over syslog), the name that the program gave itself has to do.
 */
export async function matchUnits(journal: Journal, units: readonly string[]): Promise<readonly Match[]> {
  const byUnit: Match = { field: '_SYSTEMD_UNIT', values: units.map(unitName) };
  if (await hasAny(journal, byUnit)) return [byUnit];
  const names = units.map((unit) => unit.replace(/\.service$/, '').replace(/^snap\./, ''));
  const byName: Match = { field: 'SYSLOG_IDENTIFIER', values: names };
  return [(await hasAny(journal, byName)) ? byName : byUnit];
}

async function hasAny(journal: Journal, match: Match): Promise<boolean> {
  for await (const _ of journal.entries({ match: [match], fields: [] })) return true;
  return false;
}

/** The lines of units in a journal, oldest first. */
export async function* journalLines(
  journal: Journal,
  match: readonly Match[],
  query: LineQuery,
): AsyncGenerator<SourceLine, void, void> {
  for await (const entry of journal.entries({ ...query, match, fields })) {
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
