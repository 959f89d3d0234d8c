import { arrayMember, isRecord, parseJson } from '../lib/json.ts';
import { limits } from '../lib/limits.ts';
import { fail, ok, type Result } from '../lib/result.ts';
import { type AnswerHeaders, headersOf } from './exchange.ts';

/** The distribution specification's grammar of a tag, and of a repository's name (255 characters at most). */
const tagGrammar = /^\w[\w.-]{0,127}$/;
const repositoryGrammar =
  /^(?=.{1,255}$)[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*)*$/;

/**
 * The `tags` of a tag list, or the `repositories` of a catalog. A null list, as some registries send, is an empty one.
 * Of a page with more than limits.listedNames one more than that is given, so that it is seen to be cut.
 */
export function parseNames(body: Uint8Array, member: 'tags' | 'repositories'): Result<readonly string[], string> {
  const value = parseJson(new TextDecoder().decode(body));
  if (!isRecord(value)) return fail(`the answer is not a list of ${member}: it is no JSON object`);
  if (Object.hasOwn(value, member) && value[member] === null) return ok([]);
  const names = arrayMember(value, member);
  if (names === null) return fail(`the answer is not a list of ${member}: it has no such member`);
  const near = names.slice(0, limits.listedNames + 1);
  // What the grammar does not allow is no tag and no repository, whatever a registry lists: names end up in commands.
  const grammar = member === 'tags' ? tagGrammar : repositoryGrammar;
  return ok(near.filter((name) => typeof name === 'string').filter((name) => grammar.test(name)));
}

/**
 * The next page as the `Link` header names it (RFC 8288, `rel="next"`); null when there is none. A link to another
 * host is not followed there: registries behind a gateway name themselves wrongly, so only its path and query count.
 */
export function nextPage(current: URL, headers: AnswerHeaders): URL | null {
  for (const line of headersOf(headers, 'link')) {
    for (const [, target = '', parameters = ''] of line.matchAll(/<([^<>]{0,4000})>((?:\s*;[^,<]{0,500})*)/gu)) {
      const written = parameters.split(';').map((one) => /^\s*rel\s*=(.*)/isu.exec(one)?.[1] ?? '');
      const relations = written.flatMap((value) => value.replaceAll('"', ' ').trim().toLowerCase().split(/\s+/u));
      if (!relations.includes('next')) continue;
      const url = URL.parse(target, current.href);
      if (url === null) continue;
      const next = new URL(current);
      next.pathname = url.pathname;
      next.search = url.search;
      return next.href === current.href ? null : next;
    }
  }
  return null;
}
