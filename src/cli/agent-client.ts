import { type IncomingMessage, request as plainRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { StringDecoder } from 'node:string_decoder';
import { createSecureContext } from 'node:tls';
import { ProblemDocument } from '../api/problem.ts';
import { checkAgainst, type Static, type TSchema } from '../api/schema.ts';
import { parseJson } from '../lib/json.ts';
import { limits } from '../lib/limits.ts';
import { safeLine } from '../lib/redact.ts';
import { fail, ok, type Result } from '../lib/result.ts';
import { Secret } from '../lib/secret.ts';
import { readSmallFile } from '../lib/small-file.ts';
import { agentPeer, lostWords, type Peer } from './agent-lost.ts';

/** How an agent, or a collector, is asked. */
export interface ClientSettings {
  /** For the words of failures; the agent where nothing is said. */
  readonly peer?: Peer;
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
  /** For the whole answer. */
  readonly timeoutMs: number;
  /** It is a stream without an end: `timeoutMs` is for its beginning, and nothing of it is kept. */
  readonly endless?: boolean;
  /** Between two parts of it; of a stream, which says now and then that it is alive. */
  readonly silenceMs?: number;
  /** Ends this one alone. */
  readonly signal?: AbortSignal;
  /** Where a reader of events goes on. */
  readonly lastEventId?: string;
  /** Each part of it as it comes. */
  readonly onText?: (text: string) => void;
}

/** What was answered. */
export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

/** Asks an agent; the failure is one sentence that says what to do. */
export interface AgentClient {
  /** `types`: the media types that an agent answers with. */
  readonly ask: (question: Question, types: readonly string[]) => Promise<Result<Answer, string>>;
  /** The same, for a JSON document of this form. */
  readonly document: <S extends TSchema>(schema: S, question: Question) => Promise<Result<Static<S>, string>>;
}

/** Reads the files and makes the client. Certificates are always verified. */
export async function openAgentClient(settings: ClientSettings): Promise<Result<AgentClient, string>> {
  const { url, signal, peer = agentPeer } = settings;
  const files = await filesOf(settings);
  if (!files.ok) return files;
  const { token, tls } = files.value;

  const exchange = (question: Question): Promise<Result<Answer, string>> =>
    new Promise((resolve) => {
      const {
        method = 'GET',
        path,
        body,
        accept = 'application/json',
        timeoutMs,
        lastEventId,
        endless = false,
      } = question;
      const silenceMs = question.silenceMs ?? timeoutMs;
      const text = body === undefined ? null : JSON.stringify(body);
      const headers = {
        accept,
        ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
        ...(token === null ? {} : { authorization: `Bearer ${token.reveal()}` }),
        ...(text === null ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
      };
      const target = new URL(path.replace(/^\//, ''), url.href.endsWith('/') ? url : `${url.href}/`);
      const options = { method, headers, agent: false, signal: question.signal ?? signal };
      const asked =
        url.protocol === 'https:' ? tlsRequest(target, { ...options, ...tls }) : plainRequest(target, options);
      // The first word counts; what comes behind it settles nothing.
      const end = (result: Result<Answer, string>): void => {
        for (const timer of [whole, silence]) clearTimeout(timer);
        resolve(result);
        asked.destroy();
      };
      const late = (ms: number): void => end(fail(`${url.host} did not answer within ${Math.round(ms / 1000)} s.`));
      const whole = setTimeout(late, timeoutMs, timeoutMs);
      const silence = setTimeout(late, silenceMs, silenceMs);
      const lost = (error: Error): void => end(fail(lostWords(url, error, peer)));
      asked.on('error', lost);
      asked.on('response', (response: IncomingMessage) => {
        const decoder = new StringDecoder('utf8');
        const parts: string[] = [];
        let size = 0;
        response.on('error', lost);
        response.on('data', (chunk: Buffer) => {
          silence.refresh();
          const part = decoder.write(chunk);
          // What is wrong is said in a problem document, of a stream too.
          if (endless && response.statusCode === 200) clearTimeout(whole);
          else {
            size += chunk.length;
            if (size > limits.apiAnswerBytes)
              return end(
                fail(`${url.host} answers more than ${peer.name === 'agent' ? 'an agent' : 'a collector'} does.`),
              );
            parts.push(part);
          }
          question.onText?.(part);
        });
        response.on('end', () => {
          const type = (response.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
          end(ok({ status: response.statusCode ?? 0, type, text: parts.join('') + decoder.end() }));
        });
      });
      asked.end(text ?? undefined);
    });

  const ask: AgentClient['ask'] = async (question, types) => {
    const answer = await exchange(question);
    if (!answer.ok) return answer;
    const { status, type } = answer.value;
    if (status < 200 || status > 299) return fail(problemWords(url, answer.value, peer));
    return types.includes(type) ? answer : fail(otherWords(url, `${type === '' ? 'nothing' : type}`, peer));
  };
  return ok({
    ask,
    async document(schema, question) {
      const answer = await ask(question, ['application/json']);
      if (!answer.ok) return answer;
      const checked = checkAgainst(schema, parseJson(answer.value.text));
      if (checked.ok) return checked;
      const [first] = checked.error;
      const where = first?.pointer === '' ? 'the whole' : first?.pointer;
      return fail(otherWords(url, `a document in which ${where} ${first?.message}`, peer));
    },
  });
}

interface ClientFiles {
  readonly token: Secret | null;
  readonly tls: { readonly ca?: string; readonly cert?: string; readonly key?: string };
}

async function filesOf(settings: ClientSettings): Promise<Result<ClientFiles, string>> {
  const { url, tokenFile, caFile, certFile, keyFile, peer = agentPeer } = settings;
  const named = { '--token-file': tokenFile, '--ca-file': caFile, '--cert-file': certFile, '--key-file': keyFile };
  if ((certFile === null) !== (keyFile === null)) return fail('--cert-file and --key-file belong together: give both.');
  const texts: Record<string, string> = {};
  for (const [flag, path] of Object.entries(named)) {
    if (path === null) continue;
    if (flag !== '--token-file' && url.protocol === 'http:') {
      return fail(
        `${flag} is for ${peer.name === 'agent' ? 'an agent' : 'a collector'} that speaks TLS: use https:// (${peer.flag} URL).`,
      );
    }
    const text = await readSmallFile(path, { regular: false });
    if (!text.ok) return fail(`${flag}: ${path} ${text.error.what}.`);
    texts[flag] = text.value;
  }
  const { '--token-file': tokenText, '--ca-file': ca, '--cert-file': cert, '--key-file': key } = texts;
  const token = tokenText?.trim();
  if (token !== undefined && url.protocol === 'http:' && !/^(?:localhost|127\.[\d.]+|\[::1\])$/.test(url.hostname)) {
    return fail(`The token is not sent to ${url.host} in clear: use https:// (or a port-forward to this machine).`);
  }
  // What no header may hold would be an exception of Node's, with the token in it.
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token)) return fail(`--token-file: ${tokenFile} holds no token.`);
  // An empty list of authorities would mean this machine's to Node.
  if (ca !== undefined && !ca.includes('-----BEGIN')) return fail(`--ca-file: ${caFile} holds no certificate.`);
  const tls = {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
  // An empty certificate or key would mean none to Node.
  const empty = [cert, key].some((text) => text !== undefined && !text.includes('-----BEGIN'));
  if (empty || !makesContext(tls)) {
    return cert === undefined
      ? fail(`--ca-file: ${caFile} holds no certificate in PEM form.`)
      : fail(`--cert-file ${certFile} and --key-file ${keyFile} are no pair in PEM form, without a password.`);
  }
  return ok({ token: token === undefined ? null : new Secret(token), tls });
}

function makesContext(tls: ClientFiles['tls']): boolean {
  try {
    createSecureContext(tls);
    return true;
  } catch {
    return false;
  }
}

/** What to do about an answer that is no success. */
const hints: Readonly<Record<number, string>> = {
  401: ' (--token-file FILE, or --cert-file and --key-file)',
};

/** The sentence of a problem document that came in the middle of a stream. */
export function problemSentence(text: string): string {
  const problem = checkAgainst(ProblemDocument, parseJson(text));
  return problem.ok
    ? `The agent says: ${safeLine(problem.value.detail, 2000)}`
    : 'The agent ended its answer with a problem.';
}

/** The sentence for an answer that is no success. */
function problemWords(url: URL, { status, text }: Answer, { name }: Peer): string {
  const problem = checkAgainst(ProblemDocument, parseJson(text));
  if (!problem.ok) return `${url.host} answers ${status}, and not as Pullwhy's ${name} does: is it the right address?`;
  return `The ${name} at ${url.host} answers ${status}: ${safeLine(problem.value.detail, 2000)}${hints[status] ?? ''}`;
}

function otherWords(url: URL, what: string, { name }: Peer): string {
  return `${url.host} answers ${safeLine(what, 200)}, which Pullwhy's ${name} of this version does not: is it the right address?`;
}
