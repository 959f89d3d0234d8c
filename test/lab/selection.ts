import { type LabCase, linesOf } from './case.ts';
import { allCases } from './cases/index.ts';
import type { RuntimeLine } from './containerd-versions.ts';

/** Cases of one cause that are made on every line; what comes after them varies the fault, not the runtime. */
const onEveryLine = 2;

/**
 * Where each case is made. The first two of a cause, and whatever differs between runtimes, are made on every line; of the
 * others each is made on one, in turn, which spares half of the time. `PULLWHY_LAB=all` makes every case on every line.
 */
export function selection(all = process.env.PULLWHY_LAB === 'all'): ReadonlyMap<LabCase, readonly RuntimeLine[]> {
  const counts = new Map<string | null, number>();
  let turn = 0;
  const lines = (labCase: LabCase): readonly RuntimeLine[] => {
    const possible = linesOf(labCase);
    const count = (counts.get(labCase.cause) ?? 0) + 1;
    counts.set(labCase.cause, count);
    if (all || count <= onEveryLine || labCase.differs !== undefined || labCase.runtimes !== undefined) return possible;
    return [possible[turn++ % possible.length]].filter((line) => line !== undefined);
  };
  return new Map(
    Object.values(allCases)
      .flat()
      .map((labCase) => [labCase, lines(labCase)]),
  );
}
