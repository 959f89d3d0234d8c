import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseReference } from '../../src/image/reference.ts';
import { isRecord } from '../../src/lib/json.ts';
import { type Explanation, explainMessage } from '../../src/messages/explain.ts';

const file = fileURLToPath(new URL('../../../shared/corpus.jsonl', import.meta.url));

interface Row {
  readonly id: number;
  readonly text: string;
  readonly accept: readonly string[];
  readonly ambiguous: boolean;
  /** The image that the thread was about; the text itself need not name it. */
  readonly image: string | null;
}

function readRow(line: string): Row {
  const value: unknown = JSON.parse(line);
  assert.ok(isRecord(value));
  const { id, text, accept, ambiguous, image } = value;
  assert.ok(
    typeof id === 'number' && typeof text === 'string' && typeof ambiguous === 'boolean' && Array.isArray(accept),
  );
  return {
    id,
    text,
    ambiguous,
    image: typeof image === 'string' ? image : null,
    accept: accept.filter((cause) => typeof cause === 'string'),
  };
}

/** Right: the cause is accepted, or the text cannot tell, says so, and an accepted cause is among the alternatives. */
function judge(row: Row, explanation: Explanation | null): 'right' | 'wrong' | 'unknown' {
  if (explanation === null) return 'unknown';
  if (row.accept.includes(explanation.cause)) return 'right';
  const hedged =
    explanation.confidence !== 'proven' && explanation.alternatives.some((cause) => row.accept.includes(cause));
  if (row.ambiguous && hedged) return 'right';
  return explanation.cause === 'unknown' ? 'unknown' : 'wrong';
}

/** Registry, path, tag and digest of a reference; of one that is none (a censored name), the text itself. */
function partsOf(image: string): { name: string; tag: string | null; digest: string | null } {
  const parsed = parseReference(image);
  if (!parsed.ok) return { name: image, tag: null, digest: null };
  const { domain, path, tag, digest } = parsed.value;
  return { name: `${domain}/${path}`, tag, digest };
}

/** The same image, as far as the text tells it: a tag or a digest that it does not have cannot be asked for. */
function sameImage({ text, image }: Row, found: string | null): boolean {
  if (image === null || found === null) return false;
  const [wanted, ours] = [partsOf(image), partsOf(found)];
  const same = (of: 'tag' | 'digest'): boolean =>
    ours[of] === wanted[of] ||
    wanted[of] === null ||
    !text.includes(`${wanted[of]}`) ||
    !image.includes(`${wanted[of]}`);
  return ours.name === wanted.name && same('tag') && same('digest');
}

describe('messages: real ones from public threads', () => {
  before(function () {
    if (existsSync(file)) return;
    console.log('    skipped: the corpus is not beside this checkout');
    this.skip();
  });

  it('are explained rightly, 95 of 100, and wrongly at most 1 of 100', () => {
    const rows = readFileSync(file, 'utf8').trim().split('\n').map(readRow);
    const verdicts = rows.map((row) => ({ row, verdict: judge(row, explainMessage(row.text)) }));
    const count = (wanted: string): number => verdicts.filter(({ verdict }) => verdict === wanted).length;
    const missed = verdicts.filter(({ verdict }) => verdict !== 'right').map(({ row }) => row.id);
    assert.ok(
      count('right') >= 0.95 * rows.length,
      `${count('right')} of ${rows.length} right; not: ${missed.join(', ')}`,
    );
    assert.ok(count('wrong') <= 0.01 * rows.length, `${count('wrong')} of ${rows.length} wrong: ${missed.join(', ')}`);
  });

  it('give their image, wherever they have its name', () => {
    const rows = readFileSync(file, 'utf8').trim().split('\n').map(readRow);
    // A path without its registry (a page that shows its own URL's path) is no image's name.
    const named = rows.filter(({ image, text }) => {
      if (image === null) return false;
      const [, registry = '', path = ''] = /^([^/]+)\/(?:library\/)?(.*)$/.exec(partsOf(image).name) ?? [];
      const word = new RegExp(`(?<![\\w-])${path.replace(/[.*+?]/g, '\\$&')}(?![\\w-])`);
      return word.test(text.replaceAll('%2F', '/')) && (registry === 'docker.io' || text.includes(registry));
    });
    assert.ok(named.length >= 75, `${named.length} texts name their image`);
    const missed = named.filter((row) => !sameImage(row, explainMessage(row.text)?.image ?? null));
    assert.deepEqual(
      missed.map(({ id, image, text }) => ({ id, image, found: explainMessage(text)?.image })),
      [],
    );
  });
});
