import { request } from 'node:http';
import { checkAgainst, type Static, type TSchema } from '../api/schema.ts';
import { parseJson } from '../lib/json.ts';
import { limits } from '../lib/limits.ts';
import { fail, ok, type Result } from '../lib/result.ts';

/** How long an answer may take. */
const answerMs = 10_000;

/** Asks the demo's collector over HTTP, as anybody would. The failure is a sentence. */
export function ask<S extends TSchema>(
  url: string,
  path: string,
  schema: S,
  signal: AbortSignal,
): Promise<Result<Static<S>, string>> {
  return new Promise((resolve) => {
    const lost = (error: Error): void => resolve(fail(`GET ${path}: ${error.message}`));
    const asked = request(new URL(path, url), { agent: false, signal, timeout: answerMs });
    asked.on('timeout', () => asked.destroy(new Error('no answer in time')));
    asked.on('error', lost);
    asked.on('response', (response) => {
      const parts: string[] = [];
      let chars = 0;
      response.on('error', lost);
      response.setEncoding('utf8').on('data', (part: string) => {
        chars += part.length;
        if (chars > limits.fleetAnswerBytes) asked.destroy(new Error('the answer is too long'));
        else parts.push(part);
      });
      response.on('end', () => {
        const checked = checkAgainst(schema, parseJson(parts.join('')));
        resolve(
          response.statusCode === 200 && checked.ok
            ? ok(checked.value)
            : fail(`GET ${path}: ${response.statusCode ?? 'no'} is not what a collector answers`),
        );
      });
    });
    asked.end();
  });
}
