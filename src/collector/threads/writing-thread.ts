// What the thread that writes begins with. It brings the store's tables up to date, and is the only one that changes what is in
// them.
import { parentPort, workerData } from 'node:worker_threads';
import { systemEnv as env } from '../../lib/env.ts';
import { openStore } from '../store/store.ts';
import { answerCalls, cannotBegin, logThrough } from './calls.ts';
import { goBehind } from './priority.ts';
import type { ThreadOptions } from './threads.ts';
import { openWriter } from './writer.ts';

if (parentPort !== null) await begin(parentPort, workerData);

async function begin(port: NonNullable<typeof parentPort>, { store: url }: ThreadOptions): Promise<void> {
  goBehind();
  const log = logThrough(port);
  const opened = await openStore(url, { env, log });
  if (!opened.ok) return cannotBegin(port, opened.error);
  const store = opened.value;
  answerCalls(port, openWriter({ env, log, store }), store.close);
}
