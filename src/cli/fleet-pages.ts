import type { Static, TSchema } from '../api/schema.ts';
import { fail, ok, type Result } from '../lib/result.ts';
import type { AgentClient } from './agent-client.ts';

/** A list as the collector answers it. */
interface ListDocument {
  readonly at: string;
  readonly items: readonly unknown[];
  readonly next: string | null;
}

/** Longest wait for one page. */
const pageMs = 15_000;

const pageItems = 500;

/** All items of a list up to `limit`, page by page, as one document; its `next` is null when that was all. */
export async function everyPage<S extends TSchema>(
  client: AgentClient,
  schema: Static<S> extends ListDocument ? S : never,
  path: string,
  filters: Readonly<Record<string, string | undefined>>,
  limit: number,
): Promise<Result<Static<S>, string>> {
  const items: unknown[] = [];
  let cursor: string | null = null;
  for (;;) {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(filters)) if (value !== undefined) query.set(name, value);
    query.set('limit', String(Math.min(pageItems, limit - items.length)));
    if (cursor !== null) query.set('cursor', cursor);
    const page: Result<Static<S>, string> = await client.document<S>(schema, {
      path: `${path}?${query}`,
      timeoutMs: pageMs,
    });
    if (!page.ok) return page;
    const document: ListDocument = page.value;
    items.push(...document.items);
    // A collector whose cursor does not move would be asked for ever.
    if (document.next !== null && (document.next === cursor || document.items.length === 0)) {
      return fail(`${path} does not come to an end: its cursor stands still.`);
    }
    cursor = document.next;
    if (cursor === null || items.length >= limit) return ok({ ...page.value, items, next: cursor });
  }
}
