// The README's matrix: on which runtimes each cause is made for real. It comes from the lab's own list of cases.
import { causes } from '../src/causes/index.ts';
import { type CauseId, causeIds } from '../src/model/cause-id.ts';
import { crioCaptured, crioTest, kubeletCaptured } from '../test/captures/coverage.ts';
import { type LabCase, onLine } from '../test/lab/case.ts';
import { allCases } from '../test/lab/cases/index.ts';
import { type RuntimeLine, runtimeLines } from '../test/lab/containerd-versions.ts';
import { selection } from '../test/lab/selection.ts';
import { row } from './markdown.ts';
import { notByContainerd, notByCrio, notByCrioInLayer } from './matrix-reasons.ts';

const folder = 'test/lab/cases/';

/** What the test command makes; `PULLWHY_LAB=all` makes more. */
const lineup = selection(false);

/** What a test does not let pass. */
const notMade = 'not made yet';

/** One row for each cause, in the order of a pull; then the notes that say why a cell is empty. */
export function matrix(): string {
  const head = ['cause', ...runtimeLines.map((line) => `containerd ${line}`), 'CRI-O, by captures', 'made in'];
  const notes: string[] = [];
  const rows = causeIds.filter(isKnown).map((id) => rowOf(id, notes));
  const list = notes.map((why, at) => `- ${letter(at)}: ${why}`);
  return [row(head), row(head.map(() => '---')), ...rows, '', ...list].join('\n');
}

/** The mark of a cell that has none: its note, which is added to the notes where it is new. */
function noted(why: string, notes: string[]): string {
  if (!notes.includes(why)) notes.push(why);
  return `– ${letter(notes.indexOf(why))}`;
}

/** a, b, … z, aa, ab. */
function letter(at: number): string {
  const last = String.fromCharCode(97 + (at % 26));
  return at < 26 ? last : `${letter(Math.floor(at / 26) - 1)}${last}`;
}

/** Causes that no case makes on any line, and that have no reason for it. */
export function withoutReason(): CauseId[] {
  return causeIds.filter((id) => isKnown(id) && casesOf(id).length === 0 && notByContainerd[id] === undefined);
}

/** Causes with a reason that are made all the same: the reason is out of date. */
export function needlessReasons(): CauseId[] {
  return causeIds.filter((id) => casesOf(id).length > 0 && notByContainerd[id] !== undefined);
}

function isKnown(id: CauseId): boolean {
  return causes.some((cause) => cause.id === id);
}

/** A case that makes a cause, with its file. */
interface Made {
  readonly file: string;
  readonly labCase: LabCase;
  readonly lines: readonly RuntimeLine[];
}

/** The cases that must find this cause: as the primary one, behind it, or beside it. */
function casesOf(id: CauseId): Made[] {
  return Object.entries(allCases).flatMap(([file, cases]) =>
    cases.flatMap((labCase) => {
      const lines = (lineup.get(labCase) ?? []).filter((line) => {
        const { cause, underlying, alsoFound = [], notYet } = onLine(labCase, line);
        return notYet === undefined && [cause, underlying, ...alsoFound].includes(id);
      });
      return lines.length === 0 ? [] : [{ file, labCase, lines }];
    }),
  );
}

function rowOf(id: CauseId, notes: string[]): string {
  const made = casesOf(id);
  const files = [...new Set(made.map(({ file }) => file))].sort((a, b) => weight(b) - weight(a));
  function weight(file: string): number {
    return file === id ? Number.POSITIVE_INFINITY : made.filter((one) => one.file === file).length;
  }
  return row([
    `\`${id}\``,
    ...runtimeLines.map((line) => cellOf(id, made, line, files, notes)),
    crioCell(id, notes),
    files.map((file) => `[${file}](${folder}${file}.ts)`).join(', ') || '–',
  ]);
}

/** How many cases make it there, with the file that has most to do with it; or why none does. */
function cellOf(
  id: CauseId,
  made: readonly Made[],
  line: RuntimeLine,
  files: readonly string[],
  notes: string[],
): string {
  const here = made.filter(({ lines }) => lines.includes(line));
  const file = files.find((one) => here.some((entry) => entry.file === one));
  if (file !== undefined) return `[✔ ${here.length}](${folder}${file}.ts)`;
  if (made.length === 0) return noted(notByContainerd[id] ?? notMade, notes);
  const whys = made.flatMap(({ labCase }) => labCase.differs?.[line]?.why ?? labCase.runtimesWhy ?? []);
  return noted([...new Set(whys)].join('; ') || notMade, notes);
}

function crioCell(id: CauseId, notes: string[]): string {
  const ofKubelet = kubeletCaptured[id];
  const scenario = crioCaptured[id] ?? (ofKubelet === undefined ? undefined : `kubelet: ${ofKubelet}`);
  if (scenario !== undefined) return crioTest === null ? `✔ ${scenario}` : `[✔ ${scenario}](${crioTest})`;
  const cause = causes.find((one) => one.id === id);
  return noted(notByCrio[id] ?? (cause === undefined ? notMade : notByCrioInLayer[cause.layer]), notes);
}
