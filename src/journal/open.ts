import { fail, ok, type Result } from '../lib/result.ts';
import { findFiles } from './directory.ts';
import { FileJournal } from './file-journal.ts';
import type { FileProblem, Journal, JournalState, OpenOptions } from './journal.ts';
import { JournalctlJournal } from './journalctl.ts';

/**
 * Opens the journal in folders. Where one of its files has what this reader cannot read (XZ, or features of a later
 * format), all is read by journalctl instead, so that no entry is left out; where journalctl cannot either, what can be
 * read is read and the rest is in `problems()`.
 */
export async function openJournal(options: OpenOptions): Promise<Result<Journal, JournalState>> {
  const { directories, machineId = null, journalctl = 'journalctl', cacheBytes } = options;
  const found = findFiles(directories, machineId);
  if (found.files.length === 0) {
    if (found.denied !== null) return fail({ kind: 'denied', path: found.denied });
    if (found.present.length === 0) return fail({ kind: 'absent', directories });
    const others = found.machines.filter((id) => id !== machineId);
    if (machineId !== null && others.length > 0 && findFiles(directories, null).files.length > 0) {
      return fail({ kind: 'wrong-machine', expected: machineId, found: others });
    }
    return fail({ kind: 'empty', directories: found.present });
  }

  const journal = new FileJournal(directories, machineId, cacheBytes);
  const problems = journal.problems();
  const unsupported = problems.find(({ failure }) => failure.kind === 'unsupported');
  if (unsupported !== undefined && journalctl !== null) {
    const { path, failure } = unsupported;
    const features = failure.kind === 'unsupported' ? failure.features.join(', ') : '';
    const note = `${path} uses ${features}, which is read with ${journalctl}.`;
    const other = new JournalctlJournal(journalctl, found, note);
    if (await other.works()) {
      journal.close();
      return ok(other);
    }
  }
  if (journal.size > 0) return ok(journal);
  journal.close();
  return fail(stateOf(problems, found.present));
}

/** Why no file could be opened, the reason that a person can do most about first. */
function stateOf(problems: readonly FileProblem[], directories: readonly string[]): JournalState {
  const denied = problems.find(({ failure }) => failure.kind === 'denied');
  if (denied !== undefined) return { kind: 'denied', path: denied.path };
  for (const { path, failure } of problems) {
    if (failure.kind === 'unsupported') return { kind: 'unsupported', path, features: failure.features };
  }
  return problems.length === 0 ? { kind: 'empty', directories } : { kind: 'damaged', problems };
}
