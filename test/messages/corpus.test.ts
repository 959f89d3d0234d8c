import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isRecord } from '../../src/lib/json.ts';
import { type Explanation, explainMessage } from '../../src/messages/explain.ts';

const file = fileURLToPath(new URL('../../../shared/corpus.jsonl', import.meta.url));

interface Row {
  readonly id: number;
  readonly text: string;
  readonly accept: readonly string[];
  readonly ambiguous: boolean;
}

function readRow(line: string): Row {
  const value: unknown = JSON.parse(line);
  assert.ok(isRecord(value));
  const { id, text, accept, ambiguous } = value;
  assert.ok(
    typeof id === 'number' && typeof text === 'string' && typeof ambiguous === 'boolean' && Array.isArray(accept),
  );
  return { id, text, ambiguous, accept: accept.filter((cause) => typeof cause === 'string') };
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
});
