/**
 * What a table of our own has for a word from outside. A plain index would answer for `constructor` and `__proto__` too,
 * with what every object has.
 */
export function lookUp<V>(table: Readonly<Record<string, V>>, word: string | null | undefined): V | undefined {
  return word !== null && word !== undefined && Object.hasOwn(table, word) ? table[word] : undefined;
}
