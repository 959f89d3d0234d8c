import { createHash } from 'node:crypto';
import { fail, ok, type Result } from '../../lib/result.ts';
import { isToken } from '../../serve/auth.ts';

/** What a token lets its bearer do. */
export type Grant =
  | { readonly may: 'all' }
  | { readonly may: 'read' }
  | { readonly may: 'report'; readonly node: string };

/** Tokens of a file. The tokens themselves are not kept: what is looked up is their digest, in a time that says nothing of them. */
export interface Tokens {
  readonly grantOf: (token: string) => Grant | null;
}

/**
 * Reads a token file: on each line `TOKEN` (everything), `reader TOKEN` (asks) or `node/NAME TOKEN` (reports as that node);
 * empty lines and those that begin with # are passed over. The failure names the line and does not repeat it.
 */
export function parseTokens(text: string): Result<Tokens, string> {
  const grants = new Map<string, Grant>();
  for (const [index, line] of text.split('\n').entries()) {
    const words = line.trim().split(/\s+/);
    const [first = ''] = words;
    if (first === '' || first.startsWith('#')) continue;
    const broken = (what: string) => fail(`line ${index + 1} ${what}`);
    const token = words.at(-1) ?? '';
    const grant: Grant | null = words.length === 1 ? { may: 'all' } : grantOf(first);
    if (grant === null || words.length > 2)
      return broken('is none of TOKEN, reader TOKEN and node/NAME TOKEN: three words, or another first one');
    if (!isToken(token)) return broken('has a token of other characters than letters, digits and -._~+/= (RFC 6750)');
    const key = digestOf(token);
    if (grants.has(key)) return broken('has the same token as a line before: each needs its own');
    grants.set(key, grant);
  }
  if (grants.size === 0) return fail('has no token: write one into it');
  return ok({ grantOf: (token) => grants.get(digestOf(token)) ?? null });
}

function grantOf(word: string): Grant | null {
  if (word === 'reader') return { may: 'read' };
  const node = /^node\/([A-Za-z0-9_.:-]{1,253})$/.exec(word)?.[1];
  return node === undefined ? null : { may: 'report', node };
}

function digestOf(token: string): string {
  return createHash('sha256').update(token).digest('base64');
}
