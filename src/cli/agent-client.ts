import { readFile } from 'node:fs/promises';
import { request as plainRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { ProblemDocument } from '../api/problem.ts';
import { checkAgainst, type Static, type TSchema } from '../api/schema.ts';
import { parseJson } from '../lib/json.ts';
import { limits } from '../lib/limits.ts';
import { safeLine } from '../lib/redact.ts';
import { fail, ok, type Result } from '../lib/result.ts';

/** How an agent is asked. */
export interface ClientSettings {
  readonly url: URL;
  /** Of the bearer token; null: none is sent. */
  readonly tokenFile: string | null;
  /** Authorities of the agent's certificate instead of this machine's; null: these. */
  readonly caFile: string | null;
  readonly certFile: string | null;
  readonly keyFile: string | null;
  readonly signal: AbortSignal;
}

/** One request. */
export interface Question {
  readonly method?: 'GET' | 'POST';
  /** With its query: `/v1/pods`. */
  readonly path: string;
  readonly body?: unknown;
  readonly accept?: string;
  readonly timeoutMs: number;
}

/** What was answered. */
export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

/** Asks an agent; the failure is one sentence that says what to do. */
export interface AgentClient {
  readonly ask: (question: Question) => Promise<Result<Answer, string>>;
  /** The same, for a JSON document of this form. */
  readonly document: <S extends TSchema>(schema: S, question: Question) => Promise<Result<Static<S>, string>>;
}

/** Reads the files and makes the client. Certificates are always verified. */
export async function openAgentClient(settings: ClientSettings): Promise<Result<AgentClient, string>> {
  const { url, tokenFile, caFile, certFile, keyFile, signal } = settings;
  const files: (string | undefined)[] = [];
  for (const [flag, path] of [
    ['--token-file', tokenFile],
    ['--ca-file', caFile],
    ['--cert-file', certFile],
    ['--key-file', keyFile],
  ] as const) {
    const text = path === null ? undefined : await readFile(path, 'utf8').catch(() => null);
    if (text === null) return fail(`${flag}: ${path} cannot be read.`);
    files.push(text);
  }
  const [token, ca, cert, key] = files;
  if (token !== undefined && url.protocol === 'http:' && !/^(?:localhost|127\.[\d.]+|\[::1\])$/.test(url.hostname)) {
    return fail(`The token is not sent to ${url.host} in clear: use https:// (or a port-forward to this machine).`);
  }
  const tls = {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };

  const ask = ({
    method = 'GET',
    path,
    body,
    accept = 'application/json',
    timeoutMs,
  }: Question): Promise<Result<Answer, string>> =>
    new Promise((resolve) => {
      const text = body === undefined ? null : JSON.stringify(body);
      const headers = {
        accept,
        ...(token === undefined ? {} : { authorization: `Bearer ${token.trim()}` }),
        ...(text === null ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
      };
      const target = new URL(path.replace(/^\//, ''), url.href.endsWith('/') ? url : `${url.href}/`);
      const options = { method, headers, signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]) };
      const asked =
        url.protocol === 'https:' ? tlsRequest(target, { ...options, ...tls }) : plainRequest(target, options);
      const lost = (error: Error & { readonly code?: string }): void => resolve(fail(lostWords(url, error, timeoutMs)));
      asked.on('error', lost);
      asked.on('response', (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on('error', lost);
        response.on('data', (chunk: Buffer) => {
          size += chunk.length;
          if (size <= limits.apiAnswerBytes) chunks.push(chunk);
          else asked.destroy(new Error('the answer is too long'));
        });
        response.on('end', () => {
          const type = (response.headers['content-type'] ?? '').split(';')[0] ?? '';
          resolve(ok({ status: response.statusCode ?? 0, type, text: Buffer.concat(chunks).toString('utf8') }));
        });
      });
      asked.end(text ?? undefined);
    });

  return ok({
    ask: async (question) => {
      const answer = await ask(question);
      return !answer.ok || answer.value.status < 400 ? answer : fail(problemWords(url, answer.value));
    },
    async document(schema, question) {
      const answer = await ask(question);
      if (!answer.ok) return answer;
      if (answer.value.status >= 400) return fail(problemWords(url, answer.value));
      const checked = checkAgainst(schema, parseJson(answer.value.text));
      if (checked.ok) return checked;
      const [first] = checked.error;
      return fail(
        `${url.host} answers something else than Pullwhy's agent of this version does (${first?.pointer} ${first?.message}).`,
      );
    },
  });
}

function problemWords(url: URL, { status, text }: Answer): string {
  const problem = checkAgainst(ProblemDocument, parseJson(text));
  if (!problem.ok) return `${url.host} answers ${status}, and not as Pullwhy's agent does: is it the right address?`;
  return `The agent at ${url.host} answers ${status}: ${safeLine(problem.value.detail, 2000)}`;
}

function lostWords(url: URL, error: Error & { readonly code?: string }, timeoutMs: number): string {
  if (error.name === 'TimeoutError') return `${url.host} did not answer within ${Math.round(timeoutMs / 1000)} s.`;
  if (error.name === 'AbortError') return 'It was interrupted.';
  if (error.code === 'ECONNREFUSED')
    return `Nothing listens at ${url.host}: is the agent running there? (--agent URL names another)`;
  if (error.code === 'ENOTFOUND') return `The host ${url.hostname} is not known (--agent URL).`;
  return `${url.host} cannot be asked: ${safeLine(error.message, 500)}`;
}
