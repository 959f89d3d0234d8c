import { setTimeout as sleep } from 'node:timers/promises';
import { FleetEvent } from '../api/fleet.ts';
import { checkAgainst } from '../api/schema.ts';
import { parseJson } from '../lib/json.ts';
import { ok, type Result } from '../lib/result.ts';
import type { AgentClient } from './agent-client.ts';
import { eventReader } from './event-stream.ts';

/** How events are read. */
export interface Following {
  /** Only what came behind this one; null: from now on. */
  readonly after: string | null;
  /** Go on when everything has been told. */
  readonly follow: boolean;
  readonly signal: AbortSignal;
  readonly onEvent: (event: FleetEvent) => Promise<void>;
  /** The connection was lost and is made again. */
  readonly onTrouble: (words: string) => void;
  /** Before the connection is made again. */
  readonly againMs?: number;
}

/** Longest wait for the beginning of the stream, and for a sign of life: the collector gives one every 10 s. */
const beginMs = 15_000;
const silenceMs = 45_000;

/** Reads a collector's events, over lost connections; fails when it never answered. */
export async function followEvents(
  client: AgentClient,
  { after, follow, signal, onEvent, onTrouble, againMs = 3000 }: Following,
): Promise<Result<void, string>> {
  const stopping = new AbortController();
  const ended = AbortSignal.any([signal, stopping.signal]);
  let last = after;
  let answered = false;
  let printed: Promise<void> = Promise.resolve();
  const troubles = new Set<string>();
  while (!ended.aborted) {
    const reader = eventReader(({ event, data, id }) => {
      if (ended.aborted) return;
      answered = true;
      troubles.clear();
      if (id !== null) last = id;
      if (event === 'current' && !follow) return stopping.abort();
      const checked = checkAgainst(FleetEvent, parseJson(data));
      // What a later collector tells in another form is passed over.
      if (checked.ok) printed = printed.then(() => onEvent(checked.value));
    });
    const stream = 'text/event-stream';
    const answer = await client.ask(
      {
        path: '/v1/events',
        accept: stream,
        timeoutMs: beginMs,
        silenceMs,
        endless: true,
        signal: ended,
        onText: reader,
        ...(last === null ? {} : { lastEventId: last }),
      },
      [stream],
    );
    await printed;
    if (ended.aborted) break;
    if (!answer.ok && !answered) return answer;
    const words = answer.ok ? 'The collector ended the stream.' : answer.error;
    if (!troubles.has(words)) onTrouble(`${words} It is asked again.`);
    troubles.add(words);
    await sleep(againMs, null, { signal: ended }).catch(() => null);
  }
  await printed;
  return ok(undefined);
}
