import { limits } from '../lib/limits.ts';

/** What the search needs of a file. */
interface Source {
  readonly end: number;
  readonly tailSeqnum: number;
  readonly pages: { u32(offset: number): number; u64(offset: number): number };
}

const entryType = 3;
/** The types that the format has; objects of later ones are stepped over as well, by their size. */
const lastType = 7;

/**
 * Entries from `from` on, at most `most`, found by going from object to object; `known` says that the one at `from` is
 * known already. Where an object's head is damaged there is no next one to go to: then every place is tried until one
 * looks like an entry that is later than those before.
 */
export function findEntries(source: Source, from: number, known: boolean, most: number): readonly number[] {
  const { pages, end } = source;
  const found: number[] = [];
  let seqnum = known ? pages.u64(from + 16) : 0;
  let lost = false;
  let at = from;
  while (at + 64 <= end && found.length < most) {
    const head = pages.u32(at);
    const type = head & 0xff;
    const size = pages.u64(at + 8);
    const possible = size >= 16 && at + size <= end && type > 0;
    const entry = possible && type === entryType && isEntry(at, head, size);
    if (entry && !(known && at === from)) {
      found.push(at);
      seqnum = pages.u64(at + 16);
    }
    if (entry) lost = false;
    else if (!possible || type > lastType) lost = true;
    at += lost || !possible ? 8 : Math.ceil(size / 8) * 8;
  }
  return found;

  function isEntry(offset: number, head: number, size: number): boolean {
    if (known && offset === from) return true;
    const number = pages.u64(offset + 16);
    const plausible = head === entryType && pages.u32(offset + 4) === 0 && size >= 64;
    return (
      plausible &&
      size <= 64 + 16 * limits.journalEntryFields &&
      number > seqnum &&
      (source.tailSeqnum === 0 || number <= source.tailSeqnum)
    );
  }
}
