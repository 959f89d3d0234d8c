import { join } from 'node:path';
import { installedJournalTools } from '../kit/journal-maker.ts';
import { figureOf, type Part } from './figure.ts';
import { benchJournal } from './journal.ts';
import type { World } from './world.ts';

const count = 300_000;
/** Reading two units of four is to be at least this many times as fast as parsing journalctl's JSON. */
const timesFaster = 5;
/** Finding and opening what a node said last must not be felt. */
const firstEntryMs = 50;
/** A pod's limit is larger; the pages of the journal that are kept do not grow with the journal. */
const peakMb = 120;

/** The journal reader beside journalctl, on a journal that is written for it. */
export async function journal(world: World): Promise<Part> {
  const tools = installedJournalTools();
  if (tools === null) {
    return {
      figures: [],
      notes: [
        'journal: left out, there is no systemd-journal-remote on this machine that could write a large journal.',
      ],
    };
  }
  const measured = await benchJournal(tools, join(world.folder, 'journal'), count);
  const many = count.toLocaleString('en');
  const ms = (perSecond: number, entries: number): number[] => [(entries / perSecond) * 1000];
  const reference = figureOf(
    'journalctl -o json, parsed in Node',
    'ms',
    ms(measured.journalctlPerSecond, measured.matching),
  );
  return {
    figures: [
      figureOf(`journal: two units of four, of ${many} entries`, 'ms', ms(measured.ownPerSecond, measured.matching), {
        reference,
        atMost: reference.median / timesFaster,
      }),
      reference,
      figureOf('journal: every field of every entry', 'ms', ms(measured.ownAllPerSecond, measured.entries)),
      figureOf('journal: first entry of a unit, 15 min back', 'ms', [measured.firstEntryMs], { atMost: firstEntryMs }),
      figureOf('journal: one unit, last 15 min, all read', 'ms', [measured.lastQuarterMs]),
      figureOf('journal: most memory', 'MB', [measured.peakMiB * 1.048576], { atMost: peakMb * 1.048576 }),
    ],
    notes: [
      `journal: a tenth of its entries are of the unit whose last 15 minutes are read; ${measured.entries.toLocaleString('en')} entries in all.`,
    ],
  };
}
