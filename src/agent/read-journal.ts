import { openJournal } from '../journal/open.ts';
import type { Env } from '../lib/env.ts';
import { fail, ok, type Result } from '../lib/result.ts';
import { journalLines, readableUnits } from '../signals/journal-lines.ts';
import type { PullEvent } from '../signals/pull-event.ts';
import { pullEvents } from '../signals/pull-events.ts';

/** What is read of the journal for a caller. */
export interface JournalQuery {
  readonly directories: readonly string[];
  readonly machineId: string | null;
  readonly units: readonly string[];
  /** Milliseconds since the epoch. */
  readonly since: number;
  readonly image: string | null;
  readonly signal: AbortSignal;
}

/** The events of pulls since a time, oldest first; or one sentence why there are none to read. */
export async function readJournal(query: JournalQuery, env: Env): Promise<Result<AsyncIterable<PullEvent>, string>> {
  const { directories, machineId, units, since, image, signal } = query;
  const opened = await openJournal({ directories, machineId });
  if (!opened.ok) return fail(`This node's journal cannot be read (${opened.error.kind}): ${directories.join(', ')}.`);
  const journal = opened.value;
  async function* events(): AsyncGenerator<PullEvent> {
    try {
      const selection = await readableUnits(journal, units);
      const lines = journalLines(journal, selection, { since: BigInt(Math.floor(since)) * 1000n, signal });
      yield* pullEvents(lines, { image, env });
    } finally {
      journal.close();
    }
  }
  return ok(events());
}
