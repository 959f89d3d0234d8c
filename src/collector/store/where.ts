import type { Value } from './sql.ts';

/** Conditions of a statement with their values; `?` in a condition is its next value. */
export class Where {
  readonly values: Value[] = [];
  readonly #conditions: string[] = [];

  /** Adds a condition. */
  and(condition: string, ...values: readonly Value[]): this {
    let next = 0;
    this.#conditions.push(
      condition.replace(/\?/g, () => {
        this.values.push(values[next++] ?? null);
        return `$${this.values.length}`;
      }),
    );
    return this;
  }

  /** A place for one more value. */
  value(value: Value): string {
    this.values.push(value);
    return `$${this.values.length}`;
  }

  /** `WHERE …`, or nothing. */
  text(): string {
    return this.#conditions.length === 0 ? '' : `WHERE ${this.#conditions.map((one) => `(${one})`).join(' AND ')}`;
  }
}

/** One more than asked for is read: whether there is a next page is then known without a count. */
export function pageOf<R, T>(
  rows: readonly R[],
  limit: number,
  item: (row: R) => T,
  cursor: (row: R) => string,
): { readonly items: readonly T[]; readonly cursor: string | null } {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return { items: shown.map(item), cursor: rows.length > limit && last !== undefined ? cursor(last) : null };
}

/** The bounds of `limit` in every list. */
export function bounded(limit: number): number {
  return Math.max(1, Math.min(500, Math.trunc(limit)));
}
