import { createHash } from 'node:crypto';

/**
 * A store's cursor (letters, digits, `-` and `_`) as callers get it: bound to the list and its filters, so that one of
 * another list, or one that was mistyped, is refused by name instead of giving a page that means nothing. It is no secret,
 * and every collector on the same database takes it.
 */
export function sealCursor(list: string, filters: string, inner: string): string {
  return `${inner}.${tagOf(list, filters, inner)}`;
}

/** The store's own cursor; null when this list did not give it for these filters. */
export function openCursor(list: string, filters: string, given: string): string | null {
  const [, inner, tag] = /^([\w-]+)\.([\w-]+)$/.exec(given) ?? [];
  return inner !== undefined && tag === tagOf(list, filters, inner) ? inner : null;
}

function tagOf(list: string, filters: string, inner: string): string {
  return createHash('sha256').update([list, filters, inner].join('\0')).digest('base64url').slice(0, 12);
}
