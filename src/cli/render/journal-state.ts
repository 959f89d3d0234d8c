import type { FileProblem, JournalState, QueryFailure } from '../../journal/journal.ts';
import { count, listed, visible } from './words.ts';

/** Why there is no journal to read, and what to do. */
export function journalStateWords(state: JournalState): string {
  const file = 'Where a node keeps no journal, read its log file with --file FILE.';
  switch (state.kind) {
    case 'absent':
      return `There is no journal here: ${neither(state.directories)}. In a container, mount the node's folder and name it with --host-root or --directory. ${file}`;
    case 'empty':
      return `${listed(state.directories.map(visible))} has no journal file. Either systemd-journald is not running, or it keeps its files elsewhere (--directory DIR). ${file}`;
    case 'denied':
      return `${visible(state.path)} may not be read by this user. Run as root, or as a member of the group systemd-journal.`;
    case 'wrong-machine':
      return `There are journals of other machines only (${listed(state.found.map(visible))}); this one is ${visible(state.expected)} by its etc/machine-id. To read one of theirs, name its folder with --directory.`;
    case 'unsupported':
      return `${visible(state.path)} uses ${listed(state.features.map(visible))}, which Pullwhy cannot read by itself, and no journalctl that can was found. Install systemd's journalctl here, or pipe it: journalctl -u kubelet | pullwhy journal --file -`;
    case 'damaged':
      return `No journal file can be read: ${listed(state.problems.map(problemWords))}. journalctl --verify says more; journalctl --rotate starts a new file.`;
  }
}

/** A file that is left out, and why. */
export function problemWords({ path, failure }: FileProblem): string {
  const name = visible(path);
  switch (failure.kind) {
    case 'denied':
      return `${name} may not be read by this user`;
    case 'absent':
      return `${name} is gone`;
    case 'failed':
      return `${name} cannot be read (${visible(failure.code)})`;
    case 'new':
      return `${name} has no entries yet`;
    case 'not-a-journal':
      return `${name} is no journal file, or its header is damaged`;
    case 'unsupported':
      return `${name} uses ${listed(failure.features.map(visible))}`;
  }
}

/** What is wrong with a question to the journal. */
export function queryFailureWords(failure: QueryFailure): { readonly flag: string; readonly message: string } {
  switch (failure.kind) {
    case 'bad-cursor':
      return {
        flag: '--after-cursor',
        message: `'${visible(failure.cursor)}' is no cursor. Cursors look like s=…;i=…;b=…;m=…;t=…;x=… and come from -o ndjson or journalctl --show-cursor.`,
      };
    case 'no-such-boot':
      return {
        flag: '--boot',
        message: `the journal has no boot '${visible(String(failure.boot))}'. journalctl --list-boots shows them.`,
      };
    case 'bad-match':
      return { flag: '--unit', message: `'${visible(failure.field)}' cannot be looked for.` };
  }
}

function neither(directories: readonly string[]): string {
  const names = directories.map(visible);
  if (names.length === 1) return `${names[0]} does not exist`;
  return names.length === 2
    ? `neither ${names.join(' nor ')} exists`
    : `${count(names.length, 'folder')} were looked for, and none exists`;
}
