import assert from 'node:assert/strict';
import { ProblemDocument } from '../../../src/api/problem.ts';
import { checkAgainst, type Static, type TSchema } from '../../../src/api/schema.ts';

/** The document that was answered, which fits its schema. */
export async function document<S extends TSchema>(response: Response, schema: S): Promise<Static<S>> {
  const text = await response.text();
  assert.equal(response.status, 200, text);
  assert.match(response.headers.get('content-type') ?? '', /^application\/json/);
  const checked = checkAgainst(schema, JSON.parse(text));
  assert.ok(checked.ok, checked.ok ? '' : JSON.stringify(checked.error));
  return checked.value;
}

/** The problem that was answered with this status. */
export async function problem(response: Response, status: number): Promise<ProblemDocument> {
  const text = await response.text();
  assert.equal(response.status, status, text);
  assert.equal(response.headers.get('content-type'), 'application/problem+json');
  const checked = checkAgainst(ProblemDocument, JSON.parse(text));
  assert.ok(checked.ok, text);
  return checked.value;
}
