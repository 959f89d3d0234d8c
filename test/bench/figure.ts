/** One measured thing. */
export interface Figure {
  readonly name: string;
  readonly unit: 'ms' | 'MB' | 'MiB' | '/s' | '%' | 'requests' | 'records';
  readonly median: number;
  readonly least: number;
  readonly most: number;
  /** How many measurements the median is of. */
  readonly samples: number;
  /** What it is compared with, measured in the same run and in turn with it. */
  readonly reference: { readonly name: string; readonly median: number } | null;
  /** The median divided by the reference's. */
  readonly ratio: number | null;
  /** What must not be exceeded; null where nobody would notice. */
  readonly atMost: number | null;
  /** No single measurement may exceed it; else the median may not. */
  readonly always: boolean;
}

/** What one part of the benchmark says: its figures, what it left out and why, and what is known and not measured. */
export interface Part {
  readonly figures: readonly Figure[];
  readonly notes: readonly string[];
}

/** What `figureOf` is told besides the samples. */
export interface FigureOptions {
  readonly reference?: Figure;
  readonly atMost?: number;
  readonly always?: boolean;
}

/** Makes a figure of its samples. */
export function figureOf(
  name: string,
  unit: Figure['unit'],
  samples: readonly number[],
  options: FigureOptions = {},
): Figure {
  const sorted = [...samples].sort((a, b) => a - b);
  const [least = Number.NaN, most = Number.NaN] = [sorted[0], sorted.at(-1)];
  return figure({ name, unit, median: medianOf(sorted), least, most, samples: sorted.length }, options);
}

/** Makes a figure whose median and range are known. */
export function figure(
  { median, least, most, ...rest }: Omit<Figure, 'reference' | 'ratio' | 'atMost' | 'always'>,
  { reference, atMost, always = false }: FigureOptions = {},
): Figure {
  return {
    ...rest,
    median: rounded(median),
    least: rounded(least),
    most: rounded(most),
    reference: reference === undefined ? null : { name: reference.name.trim(), median: reference.median },
    ratio: reference === undefined ? null : rounded(median / reference.median),
    atMost: atMost ?? null,
    always,
  };
}

/** True when a figure is worse than its bound. */
export function isMissed({ median, most, atMost, always }: Figure): boolean {
  return atMost !== null && !((always ? most : median) <= atMost);
}

/** The figures as a table for a terminal. */
export function tableOf(figures: readonly Figure[]): string {
  const rows = [
    ['', 'median', 'least', 'most', 'runs', 'compared with', ''],
    ...figures.map((figure) => [
      figure.name,
      `${shown(figure.median)} ${figure.unit}`,
      shown(figure.least),
      shown(figure.most),
      String(figure.samples),
      figure.reference === null ? '' : `${shown(figure.ratio ?? Number.NaN)} × ${figure.reference.name}`,
      figure.atMost === null
        ? ''
        : `${isMissed(figure) ? 'MISSED' : figure.always ? 'always within' : 'within'} ${shown(figure.atMost)} ${figure.unit}`,
    ]),
  ];
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const left = new Set([0, 5, 6]);
  return rows
    .map((row) =>
      row
        .map((cell, column) =>
          left.has(column) ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function medianOf(sorted: readonly number[]): number {
  const half = Math.floor(sorted.length / 2);
  const upper = sorted[half] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] ?? Number.NaN) + upper) / 2;
}

/** Four digits are more than a run is worth. */
function rounded(value: number): number {
  return Number(value.toPrecision(4));
}

function shown(value: number): string {
  return value >= 1000 ? Math.round(value).toLocaleString('en') : String(rounded(value));
}
