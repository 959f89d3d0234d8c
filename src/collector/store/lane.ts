import type { Env } from '../../lib/env.ts';

/** What a lane does to the database. All of it is synchronous, and throws what the database says. */
export interface LaneNeeds {
  readonly env: Env;
  /** How long it goes on before others get a turn, milliseconds. */
  readonly turnMs: number;
  readonly begin: () => void;
  readonly commit: () => void;
  /** Gives up what was begun; nothing, where the database has done so by itself. */
  readonly rollback: () => void;
}

/** The one way to a database that does one thing at a time. */
export interface Lane {
  /** Between transactions, and before those that wait: who asks does not wait for a storm of reports. */
  readonly read: <T>(work: () => Promise<T>) => Promise<T>;
  /**
   * Within a transaction, with other work that waits: the work of one that fails is undone, and it alone fails. `work` may be
   * run twice. It is done when the transaction is.
   */
  readonly write: <T>(work: () => Promise<T>) => Promise<T>;
  /** For who reads in slices: gives others a turn, if they have had none for as long as a turn is. */
  readonly pause: () => Promise<void>;
}

interface Job {
  /** Runs the work and keeps what it gives; rejects with what it throws. */
  readonly run: () => Promise<void>;
  /** Tells whoever waits. */
  readonly settle: () => void;
  readonly fail: (error: unknown) => void;
}

/**
 * Makes it. Transactions that wait are made one: a page that many of them change is written once, and thousands of small
 * batches cost a part of what they cost one by one. Work waits for nothing but the database, so that none of them holds the
 * others up.
 */
export function openLane({ env, turnMs, begin, commit, rollback }: LaneNeeds): Lane {
  const reads: Job[] = [];
  const writes: Job[] = [];
  let running = false;
  /** When this turn ends. */
  let until = Number.NEGATIVE_INFINITY;

  const alone = async (job: Job): Promise<void> => {
    try {
      begin();
      await job.run();
      commit();
    } catch (error) {
      rollback();
      job.fail(error);
      return;
    }
    job.settle();
  };

  /** Some of the work that waits, in one transaction; where one of them fails each goes by itself. */
  const group = async (): Promise<void> => {
    const jobs: Job[] = [];
    try {
      begin();
      for (let job = writes.shift(); job !== undefined; job = env.monotonic() < until ? writes.shift() : undefined) {
        jobs.push(job);
        await job.run();
      }
      commit();
    } catch (error) {
      rollback();
      const [only] = jobs;
      // Before the first of them: the transaction could not be begun.
      if (only === undefined) writes.shift()?.fail(error);
      else if (jobs.length === 1) only.fail(error);
      else for (const job of jobs) await alone(job);
      return;
    }
    for (const job of jobs) job.settle();
  };

  const breathe = async (): Promise<void> => {
    await new Promise((resolve) => setImmediate(resolve));
    until = env.monotonic() + turnMs;
  };

  const go = async (): Promise<void> => {
    running = true;
    // What is asked for in the same moment goes along.
    await Promise.resolve();
    // Over for long: nothing was done here meanwhile. Over just now: who asks in a row has had its turn.
    const over = env.monotonic() - until;
    if (over > turnMs) until = env.monotonic() + turnMs;
    else if (over >= 0) await breathe();
    for (;;) {
      const read = reads.shift();
      if (read !== undefined) {
        await read.run().then(read.settle, read.fail);
      } else if (writes.length > 0) await group();
      else break;
      if (env.monotonic() >= until) await breathe();
    }
    running = false;
  };

  const into = <T>(queue: Job[], work: () => Promise<T>): Promise<T> =>
    new Promise<T>((resolve, reject) => {
      let value: { readonly of: T } | null = null;
      queue.push({
        run: async () => {
          value = { of: await work() };
        },
        settle: () => {
          if (value !== null) resolve(value.of);
        },
        fail: reject,
      });
      if (!running) void go();
    });

  return {
    read: (work) => into(reads, work),
    write: (work) => into(writes, work),
    async pause() {
      if (env.monotonic() >= until) await breathe();
    },
  };
}
