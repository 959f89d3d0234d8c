import type { RunEvent } from '../engine/run.ts';
import type { Env } from '../lib/env.ts';
import { limits } from '../lib/limits.ts';
import { fail, type Result } from '../lib/result.ts';
import type { Investigation } from '../model/investigation.ts';
import { countedAs, imageKey } from '../signals/image-match.ts';
import { openBudget } from './budget.ts';
import type { Declined, InvestigationOrder, InvestigationReason, Investigator } from './parts.ts';

/** Where finished investigations are kept; bounded by whoever keeps them. */
export interface InvestigationArchive {
  readonly put: (document: Investigation) => void;
  readonly get: Investigator['get'];
  readonly recent: Investigator['recent'];
}

/** What the investigator needs. The settings may change while it works. */
export interface InvestigatorNeeds {
  readonly env: Env;
  /** Makes one investigation; it ends soon after the signal. */
  readonly run: (order: InvestigationOrder, signal: AbortSignal) => Promise<Result<Investigation, Declined>>;
  readonly archive: InvestigationArchive;
  readonly settings: () => { readonly concurrency: number; readonly perRegistry: number };
}

const order: readonly InvestigationReason[] = ['asked', 'noticed', 'changed', 'cleared', 'again'];

/** The span that the budget of a registry is counted over. */
const budgetSpanMs = 600_000;

/** Docker Hub counts what it is asked by address (pull-facts, section 12), so a node asks it least. */
const hubShare = 0.1;

interface Job {
  readonly key: string;
  readonly image: string;
  readonly order: InvestigationOrder;
  readonly done: Promise<Result<Investigation, Declined>>;
  readonly settle: (result: Result<Investigation, Declined>) => void;
  /** What has been told so far, for those who come later. */
  readonly told: RunEvent[];
  readonly listeners: Set<(event: RunEvent) => void>;
  readonly abort: AbortController;
  /** Who still wants it; without any it is ended. */
  waiting: number;
  running: boolean;
}

/** Makes the investigator. */
export function openInvestigator({ env, run, archive, settings }: InvestigatorNeeds): Investigator {
  const jobs = new Set<Job>();
  const doneListeners: ((document: Investigation, order: InvestigationOrder) => void)[] = [];
  const budget = openBudget(env, (registry) => {
    const { perRegistry } = settings();
    const share = registry === 'registry-1.docker.io' ? hubShare : 1;
    return { count: Math.max(1, perRegistry * share), spanMs: budgetSpanMs };
  });
  let stopping = false;

  const startNext = (): void => {
    const waiting = [...jobs].filter(({ running }) => !running);
    waiting.sort((a, b) => order.indexOf(a.order.reason) - order.indexOf(b.order.reason));
    let running = jobs.size - waiting.length;
    for (const job of waiting) {
      if (running >= settings().concurrency) return;
      job.running = true;
      running++;
      void start(job);
    }
  };

  const start = async (job: Job): Promise<void> => {
    const onEvent = (event: RunEvent): void => {
      if (job.told.length < limits.investigationProbes * 2) job.told.push(event);
      for (const listener of job.listeners) listener(event);
    };
    const result = await run({ ...job.order, onEvent }, job.abort.signal);
    jobs.delete(job);
    // What was cut off tells of the caller's patience, or of the agent's end, and not of this node.
    if (result.ok && !job.abort.signal.aborted) {
      archive.put(result.value);
      for (const listener of doneListeners) listener(result.value, job.order);
    }
    job.settle(result);
    startNext();
  };

  const join = (job: Job, { onEvent, signal }: InvestigationOrder): Promise<Result<Investigation, Declined>> => {
    job.waiting++;
    if (onEvent !== undefined) {
      for (const event of job.told) onEvent(event);
      job.listeners.add(onEvent);
    }
    const leave = (): void => {
      if (onEvent !== undefined) job.listeners.delete(onEvent);
      job.waiting--;
      if (job.waiting > 0) return;
      job.abort.abort();
      if (job.running) return;
      jobs.delete(job);
      job.settle(fail(stopped));
    };
    if (signal === undefined) return job.done;
    if (signal.aborted) leave();
    else signal.addEventListener('abort', leave, { once: true });
    return job.done.finally(() => signal.removeEventListener('abort', leave));
  };

  return {
    investigate(wanted) {
      if (stopping) return Promise.resolve(fail(stopped));
      const key = jobKey(wanted);
      // One that is being ended has no answer for those who come now.
      const serves = (job: Job): boolean =>
        job.key === key && job.order.credentials === undefined && !job.abort.signal.aborted;
      const known = wanted.credentials === undefined ? [...jobs].find(serves) : undefined;
      if (known !== undefined) return join(known, wanted);
      if (jobs.size >= limits.agentQueue) {
        return Promise.resolve(
          fail({ reason: 'busy', message: `${jobs.size} investigations wait already.`, retryAfterMs: 10_000 }),
        );
      }
      const registry = countedAs(wanted.image);
      const wait = registry === null ? null : budget.take(registry);
      if (registry !== null && wait !== null) {
        const seconds = Math.ceil(wait / 1000);
        const message = `This node has asked ${registry} often enough for now (investigate.perRegistry); again in ${seconds} s.`;
        return Promise.resolve(fail({ reason: 'budget', message, retryAfterMs: wait }));
      }
      const { promise, resolve } = Promise.withResolvers<Result<Investigation, Declined>>();
      const job: Job = {
        key,
        image: imageKey(wanted.image),
        order: wanted,
        done: promise,
        settle: resolve,
        told: [],
        listeners: new Set(),
        abort: new AbortController(),
        waiting: 0,
        running: false,
      };
      jobs.add(job);
      const result = join(job, wanted);
      startNext();
      return result;
    },
    busy: (key) => [...jobs].some(({ image }) => image === key),
    get: archive.get,
    recent: archive.recent,
    onDone: (listener) => void doneListeners.push(listener),
    async stop() {
      stopping = true;
      const running = [...jobs];
      for (const job of running) {
        job.abort.abort();
        if (job.running) continue;
        jobs.delete(job);
        job.settle(fail(stopped));
      }
      await Promise.all(running.map(({ done }) => done));
    },
  };
}

const stopped: Declined = {
  reason: 'stopping',
  message: 'The investigation was ended before it began.',
  retryAfterMs: null,
};

/** Orders that one investigation serves. One with a caller's credentials serves nobody else. */
function jobKey({ image, platform, pull, pullPolicy, guarded, pod }: InvestigationOrder): string {
  const whose = pod === undefined ? '' : `${pod.namespace}/${pod.name}`;
  return [imageKey(image), platform ?? '', pull === true, pullPolicy ?? '', guarded === true, whose].join(' ');
}
