/**
 * Where an entry stands: what systemd's cursors carry, and what entries of several files are ordered by
 * (systemd: src/libsystemd/sd-journal/sd-journal.c, sd_journal_get_cursor and compare_with_location).
 */
export interface Location {
  /** The source of the sequence numbers, 32 hexadecimal digits. */
  readonly seqnumId: string;
  readonly seqnum: number;
  /** 32 hexadecimal digits. */
  readonly bootId: string;
  /** Microseconds since the boot. */
  readonly monotonic: number;
  /** Microseconds since 1970. */
  readonly realtime: number;
  /** The hash of the contents, in two words. */
  readonly xorHigh: number;
  readonly xorLow: number;
}

/** The cursor as journalctl prints it: `s=…;i=…;b=…;m=…;t=…;x=…`. */
export function formatCursor(location: Location): string {
  const { seqnumId, seqnum, bootId, monotonic, realtime, xorHigh, xorLow } = location;
  const hash = xorHigh === 0 ? xorLow.toString(16) : xorHigh.toString(16) + xorLow.toString(16).padStart(8, '0');
  return `s=${seqnumId};i=${seqnum.toString(16)};b=${bootId};m=${monotonic.toString(16)};t=${realtime.toString(16)};x=${hash}`;
}

/** What a cursor says; parts that it lacks are null. systemd too takes cursors with parts missing. */
export interface PartialLocation {
  readonly seqnumId: string | null;
  readonly seqnum: number | null;
  readonly bootId: string | null;
  readonly monotonic: number | null;
  readonly realtime: number | null;
  readonly xorHigh: number | null;
  readonly xorLow: number | null;
}

/** Takes a cursor apart; null when it is none, or says neither a sequence number, nor a boot's, nor a wall clock's time. */
export function parseCursor(text: string): PartialLocation | null {
  if (text.length > 512) return null;
  const parts = new Map<string, string>();
  for (const part of text.trim().split(';')) {
    if (part === '') continue;
    const match = /^([a-z])=([0-9a-fA-F]{1,32})$/.exec(part);
    if (match?.[1] === undefined || match[2] === undefined) return null;
    parts.set(match[1], match[2].toLowerCase());
  }
  const id = (key: string) => (parts.get(key)?.length === 32 ? (parts.get(key) ?? null) : null);
  const number = (key: string) => {
    const value = Number.parseInt(parts.get(key) ?? '', 16);
    return Number.isSafeInteger(value) ? value : null;
  };
  const hash = parts.get('x')?.padStart(16, '0') ?? null;
  const location: PartialLocation = {
    seqnumId: id('s'),
    seqnum: number('i'),
    bootId: id('b'),
    monotonic: number('m'),
    realtime: number('t'),
    xorHigh: hash === null ? null : Number.parseInt(hash.slice(-16, -8), 16),
    xorLow: hash === null ? null : Number.parseInt(hash.slice(-8), 16),
  };
  const bySeqnum = location.seqnumId !== null && location.seqnum !== null;
  const byBoot = location.bootId !== null && location.monotonic !== null;
  return bySeqnum || byBoot || location.realtime !== null ? location : null;
}

/** True when both are one entry, be it in two files. */
export function sameEntry(a: Location, b: Location): boolean {
  return (
    a.seqnum === b.seqnum &&
    a.realtime === b.realtime &&
    a.monotonic === b.monotonic &&
    a.xorLow === b.xorLow &&
    a.xorHigh === b.xorHigh &&
    a.bootId === b.bootId &&
    a.seqnumId === b.seqnumId
  );
}

/**
 * Which of two entries comes first, as journalctl orders them: by sequence number where both are of one source, by the
 * boot's clock where both are of one boot, else by the wall clock; the contents decide between equals.
 */
export function compareLocations(a: PartialLocation, b: PartialLocation): number {
  if (a.seqnumId !== null && a.seqnumId === b.seqnumId && a.seqnum !== null && b.seqnum !== null) {
    if (a.seqnum !== b.seqnum) return a.seqnum - b.seqnum;
  }
  if (a.bootId !== null && a.bootId === b.bootId && a.monotonic !== null && b.monotonic !== null) {
    if (a.monotonic !== b.monotonic) return a.monotonic - b.monotonic;
  }
  if (a.realtime !== null && b.realtime !== null && a.realtime !== b.realtime) return a.realtime - b.realtime;
  if (a.xorHigh !== null && b.xorHigh !== null && a.xorHigh !== b.xorHigh) return a.xorHigh - b.xorHigh;
  if (a.xorLow !== null && b.xorLow !== null) return a.xorLow - b.xorLow;
  return 0;
}
