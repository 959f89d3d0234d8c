import type { CauseId } from '../../src/model/cause-id.ts';

/** The test that reads CRI-O's captures, from the top of the tree; null until there is one. */
export const crioTest: string | null = null;

/** The causes that the captures of a real CRI-O show, with the scenario that does; the README's matrix has them. */
export const crioCaptured: Readonly<Partial<Record<CauseId, string>>> = {};
