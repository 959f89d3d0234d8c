import { createHash } from 'node:crypto';
import { parseJson } from '../../lib/json.ts';
import { type Row, Trouble } from './sql.ts';

/** Members of rows, checked as they are read: a database may have been changed by somebody else. */

/** A text. */
export function textOf(row: Row, name: string): string {
  const value = row[name];
  if (typeof value !== 'string') throw unreadable(name);
  return value;
}

/** A text or null. */
export function textOrNull(row: Row, name: string): string | null {
  return row[name] === null ? null : textOf(row, name);
}

/** A number; sums and counts come as text from some databases. */
export function numberOf(row: Row, name: string): number {
  const value = row[name];
  const number = typeof value === 'string' && value !== '' ? Number(value) : value;
  if (typeof number === 'bigint') return Number(number);
  if (typeof number !== 'number' || !Number.isFinite(number)) throw unreadable(name);
  return number;
}

/** A number or null. */
export function numberOrNull(row: Row, name: string): number | null {
  return row[name] === null ? null : numberOf(row, name);
}

/** Bytes. */
export function bytesOf(row: Row, name: string): Uint8Array {
  const value = row[name];
  if (!(value instanceof Uint8Array)) throw unreadable(name);
  return value;
}

/** A JSON text that `check` finds fit. */
export function jsonOf<T>(text: string, what: string, check: (value: unknown) => T | null): T {
  const value = check(parseJson(text));
  if (value === null) throw unreadable(what);
  return value;
}

/** The failure of a row that does not hold what this version writes. */
export function unreadable(what: string): Trouble {
  return new Trouble({
    reason: 'damaged',
    message: `A row of the store does not have a ${what} that can be read. Somebody else changed it, or it is damaged: restore the database from a backup, or begin a new one.`,
  });
}

/** Longest text in an index, UTF-8: PostgreSQL takes 2704 bytes of all columns of an entry together. */
const keyBytes = 600;

/** A text for a column that is indexed: itself, or for very long ones its beginning with a hash of the whole. */
export function keyOf(text: string): string {
  const plain = cleanText(text);
  if (plain.length * 3 <= keyBytes || Buffer.byteLength(plain) <= keyBytes) return plain;
  return `${cleanText(plain.slice(0, 100))}#${createHash('sha256').update(plain).digest('hex')}`;
}

/** A text that both databases take: no NUL, which PostgreSQL refuses, and no halves of characters. */
export function cleanText(text: string): string {
  return (text.includes('\0') ? text.replaceAll('\0', '\uFFFD') : text).toWellFormed();
}

/** The same, or null. */
export function cleanOrNull(text: string | null): string | null {
  return text === null ? null : cleanText(text);
}
