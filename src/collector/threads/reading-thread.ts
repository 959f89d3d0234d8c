// What a thread that reads begins with. It has a way to the store of its own, and writes nothing.
import { parentPort, workerData } from 'node:worker_threads';
import { systemEnv as env } from '../../lib/env.ts';
import { openStore } from '../store/store.ts';
import { answerCalls, cannotBegin, logThrough } from './calls.ts';
import { goBehind } from './priority.ts';
import { openReader } from './reader.ts';
import type { ReadingOptions } from './threads.ts';

if (parentPort !== null) await begin(parentPort, workerData);

async function begin(port: NonNullable<typeof parentPort>, options: ReadingOptions): Promise<void> {
  const { store: url, for: work, ...about } = options;
  if (work === 'looks') goBehind();
  const opened = await openStore(url, { env, log: logThrough(port), reads: true });
  if (!opened.ok) return cannotBegin(port, opened.error);
  const store = opened.value;
  answerCalls(port, openReader({ env, store, ...about }), store.close);
}
