import type { Env } from '../../lib/env.ts';
import type { Log } from '../../lib/log.ts';
import { type Intake, openIntake } from '../intake/intake.ts';
import type { Store } from '../parts.ts';

/** What of the store is for those who decide, tell and prune. */
type Ruling = 'lease' | 'decide' | 'sent' | 'recordSent' | 'prune';

/** Everything that writes, in one place: SQLite takes one who writes at a time. */
export interface Writer extends Pick<Store, Ruling>, Intake {}

/** Writes to this store, in this thread. */
export function openWriter({
  env,
  log,
  store,
}: {
  readonly env: Env;
  readonly log: Log;
  readonly store: Store;
}): Writer {
  const { lease, decide, sent, recordSent, prune } = store;
  return { ...{ lease, decide, sent, recordSent, prune }, ...openIntake({ env, log, store }) };
}
