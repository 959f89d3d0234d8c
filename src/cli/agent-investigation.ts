import { isRecord, parseJson, recordMember, stringMember } from '../lib/json.ts';
import { fail, ok, type Result } from '../lib/result.ts';
import { type AgentClient, problemSentence } from './agent-client.ts';
import { eventReader } from './event-stream.ts';

/** An investigation that an agent is asked for. */
export interface AskedInvestigation {
  readonly body: unknown;
  readonly timeoutMs: number;
  readonly silenceMs: number;
  /** What has been found out so far, for a status line. */
  readonly onProbe: (words: string) => void;
}

/** Has an agent investigate, and gives the text of the document; the failure is one sentence. */
export async function investigateAt(
  client: AgentClient,
  { body, timeoutMs, silenceMs, onProbe }: AskedInvestigation,
): Promise<Result<string, string>> {
  const said: { document?: string; problem?: string } = {};
  let count = 0;
  const onText = eventReader(({ event, data }) => {
    if (event === 'investigation') said.document = data;
    else if (event === 'problem') said.problem = data;
    else if (event === 'probe') onProbe(probeWords(++count, parseJson(data)));
  });
  const stream = 'text/event-stream';
  const question = {
    method: 'POST',
    path: '/v1/investigations',
    body,
    accept: stream,
    timeoutMs,
    silenceMs,
    onText,
  } as const;
  const answer = await client.ask(question, [stream]);
  if (!answer.ok) return answer;
  const { document, problem } = said;
  if (document !== undefined) return ok(document);
  return fail(
    problem === undefined ? 'The agent ended its answer before the investigation.' : problemSentence(problem),
  );
}

function probeWords(count: number, probe: unknown): string {
  if (!isRecord(probe)) return `${count} looked at`;
  const error = recordMember(probe, 'error');
  const outcome =
    stringMember(probe, 'status') === 'ok' ? 'ok' : ((error === null ? null : stringMember(error, 'code')) ?? 'not ok');
  return `${count} looked at, last: ${stringMember(probe, 'kind')} ${stringMember(probe, 'target')}: ${outcome}`;
}
