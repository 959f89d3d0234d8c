import { Type } from '../../api/schema.ts';
import { limits } from '../../lib/limits.ts';
import type { Result } from '../../lib/result.ts';
import { sinceTime } from '../../serve/parameters.ts';
import type { ProblemReply, Reply } from '../../serve/route.ts';
import type { Page, PageQuery, StoreFailure } from '../parts.ts';
import { openCursor, sealCursor } from './cursor.ts';
import { parameterProblem, storeProblem } from './problems.ts';

const mostItems = 500;
const usualItems = 50;

/** What every list takes. */
export const pageParameters = {
  limit: Type.Optional(
    Type.String({
      pattern: '^(?:[1-9][0-9]?|[1-4][0-9]{2}|500)$',
      description: `items of a page, 1 to ${mostItems} (${usualItems})`,
      examples: ['100'],
    }),
  ),
  cursor: Type.Optional(
    // Of a store: three keys of 600 bytes, encoded twice.
    Type.String({ minLength: 1, maxLength: 9000, description: '`next` of the page before, with the same filters' }),
  ),
};

/** A list to be answered. */
export interface AskedList<T> {
  /** The path's name: `nodes`. */
  readonly list: string;
  /** The document's kind. */
  readonly kind: string;
  /** The whole query as it came. */
  readonly query: Readonly<Record<string, string | undefined>>;
  readonly now: number;
  readonly ask: (page: PageQuery) => Promise<Result<Page<T>, StoreFailure>>;
}

/** One page of a list. One that would grow past the bound is made shorter: its `next` goes on behind it. */
export async function listReply<T>({ list, kind, query, now, ask }: AskedList<T>): Promise<Reply> {
  const filters = filterText(query);
  let cursor: string | null = null;
  if (query.cursor !== undefined) {
    cursor = openCursor(list, filters, query.cursor);
    if (cursor === null) {
      const detail = `cursor is none that this list gave for these filters: take \`next\` of the page before, or leave it out to begin again.`;
      return parameterProblem('cursor', detail);
    }
  }
  for (let limit = query.limit === undefined ? usualItems : Number(query.limit); ; limit = Math.ceil(limit / 4)) {
    const page = await ask({ limit, cursor });
    if (!page.ok) return storeProblem(page.error);
    const { items, cursor: next } = page.value;
    const document = {
      apiVersion: 'pullwhy/v1',
      kind,
      at: new Date(now).toISOString(),
      items,
      next: next === null ? null : sealCursor(list, filters, next),
    };
    const body = JSON.stringify(document);
    if (body.length <= limits.fleetAnswerBytes || limit === 1) {
      return { kind: 'text', type: 'application/json', body };
    }
  }
}

/** What a `since` means; undefined without one. */
export function sinceOf(since: string | undefined, now: number): { readonly since?: number } | ProblemReply {
  if (since === undefined) return {};
  const time = sinceTime(since, now);
  return time === null
    ? parameterProblem('since', 'since is a time (RFC 3339) or a span before now, such as 15m or 2h.')
    : { since: time };
}

/** Tells a problem from what was asked for. */
export function isProblem(value: object): value is ProblemReply {
  return 'kind' in value && value.kind === 'problem';
}

/** The filters in an order of their own: the order in the address does not matter. */
function filterText(query: AskedList<unknown>['query']): string {
  const kept = Object.entries(query).filter(([name, value]) => value !== undefined && !/^(?:limit|cursor)$/.test(name));
  return JSON.stringify(kept.sort(([a], [b]) => (a < b ? -1 : 1)));
}
