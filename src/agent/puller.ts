import type { PullRecord } from '../api/investigation.ts';
import type { Env } from '../lib/env.ts';
import { limits } from '../lib/limits.ts';
import { fail, ok } from '../lib/result.ts';
import { timeOf } from '../lib/time.ts';
import type { PullDocument } from '../model/investigation.ts';
import { countedAs, imageKey } from '../signals/image-match.ts';
import type { Declined, Puller } from './parts.ts';

/** One order for a pull. */
export type PullOrder = Parameters<Puller['pull']>[0];

/** What the puller needs. The settings may change while it works. */
export interface PullerNeeds {
  readonly env: Env;
  readonly node: string;
  /** One real pull; it ends soon after the signal, and never throws. */
  readonly run: (order: PullOrder, signal: AbortSignal) => Promise<PullOutcome>;
  readonly settings: () => { readonly concurrency: number; readonly perRegistry: number };
}

/** What came of a pull. */
export type PullOutcome = Pick<PullDocument, 'pull' | 'imageRef' | 'summary'>;

interface Job {
  readonly order: PullOrder;
  readonly key: string;
  readonly registry: string | null;
  readonly abort: AbortController;
  record: PullRecord;
  done: Promise<void> | null;
}

/** Makes the puller: one pull per image at a time, some per registry and per node; the others wait in their order. */
export function openPuller({ env, node, run, settings }: PullerNeeds): Puller {
  const jobs: Job[] = [];
  const records = new Map<string, PullRecord>();
  const listeners: ((record: PullRecord) => void)[] = [];
  let stopping = false;

  const keep = (record: PullRecord): PullRecord => {
    records.set(record.id, record);
    for (const id of records.keys()) {
      if (records.size <= limits.agentPulls) break;
      if (!jobs.some((job) => job.record.id === id)) records.delete(id);
    }
    return record;
  };

  const startNext = (): void => {
    const { concurrency, perRegistry } = settings();
    for (const job of jobs) {
      const running = jobs.filter(({ done }) => done !== null);
      if (running.length >= concurrency) return;
      const same = running.filter(({ registry }) => registry === job.registry).length;
      if (job.done === null && same < perRegistry) job.done = start(job);
    }
  };

  const end = (job: Job, more: Partial<PullRecord>): void => {
    jobs.splice(jobs.indexOf(job), 1);
    job.record = keep({ ...job.record, ...more, endedAt: timeOf(env.now()) });
    for (const listener of listeners) listener(job.record);
  };

  const start = async (job: Job): Promise<void> => {
    job.record = keep({
      ...job.record,
      state: 'pulling',
      startedAt: timeOf(env.now()),
      summary: 'The runtime pulls it.',
    });
    const { pull, imageRef, summary } = await run(job.order, job.abort.signal);
    const state = pull.ok === true ? 'done' : 'failed';
    end(job, { state, durationMs: pull.durationMs, imageRef, error: pull.error, cause: pull.cause, summary });
    startNext();
  };

  return {
    pull(order) {
      if (stopping) return fail(declined('stopping', 'The agent is stopping.', null));
      const key = imageKey(order.image);
      const known = jobs.find((job) => job.key === key);
      if (known !== undefined) {
        // With other credentials it is another pull, and one at a time per image is the rule.
        if (order.credentials === undefined) return ok(known.record);
        return fail(declined('busy', `${order.image} is being pulled already.`, 5000));
      }
      if (jobs.length >= limits.agentPulls) return fail(declined('busy', `${jobs.length} pulls wait already.`, 10_000));
      const requested = env.now();
      const record: PullRecord = {
        apiVersion: 'pullwhy/v1',
        kind: 'Pull',
        id: `${Math.floor(requested).toString(36)}-${Math.floor(env.random() * 36 ** 6)
          .toString(36)
          .padStart(6, '0')}`,
        node,
        image: order.image,
        state: 'queued',
        reason: order.reason,
        requestedAt: timeOf(requested),
        startedAt: null,
        endedAt: null,
        durationMs: null,
        imageRef: null,
        error: null,
        cause: null,
        summary: 'It waits for its turn.',
      };
      const job: Job = {
        order,
        key,
        registry: countedAs(order.image),
        abort: new AbortController(),
        record,
        done: null,
      };
      jobs.push(job);
      keep(record);
      startNext();
      return ok(job.record);
    },
    get: (id) => records.get(id) ?? null,
    recent: () => [...records.values()].reverse(),
    onEnd: (listener) => void listeners.push(listener),
    async stop() {
      stopping = true;
      for (const job of [...jobs]) {
        job.abort.abort();
        if (job.done === null) end(job, { state: 'failed', summary: 'The agent stopped before it began.' });
      }
      await Promise.all(jobs.map(({ done }) => done));
    },
  };
}

function declined(reason: Declined['reason'], message: string, retryAfterMs: number | null): Declined {
  return { reason, message, retryAfterMs };
}
