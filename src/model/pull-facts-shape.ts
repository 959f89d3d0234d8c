import { amount, flag, list, nullable, number, object, oneOf, text } from '../lib/shape.ts';
import type { CredentialWord, JournalFacts, JournalMention, OtherPull, WaitingPod } from './journal-facts.ts';
import type { IngestFacts, PullProgress, TransferFacts } from './transfer-facts.ts';

const maybe = { text: nullable(text), amount: nullable(amount), flag: nullable(flag) };

const transfers = list(
  object<TransferFacts>({
    namespace: maybe.text,
    ref: text,
    digest: maybe.text,
    bytes: amount,
    totalBytes: maybe.amount,
    startedAt: maybe.text,
    changedAt: text,
    grownBytes: number,
    open: maybe.flag,
  }),
);

/** What is in flight in a content store. */
export const ingest = object<IngestFacts>({
  path: text,
  watchedMs: amount,
  lookedAt: text,
  receivedBytes: maybe.amount,
  runtimeStartedAt: maybe.text,
  transfers,
  more: flag,
});

/** What a journal tells. */
export const journal = object<JournalFacts>(
  {
    directory: text,
    windowSeconds: amount,
    entriesRead: amount,
    matching: list(
      object<JournalMention>({
        at: text,
        unit: text,
        event: text,
        message: text,
        cause: maybe.text,
        confidence: maybe.text,
        underlying: maybe.text,
      }),
    ),
    attempts: amount,
    lastFailureAt: maybe.text,
    lastSuccessAt: maybe.text,
    underWay: flag,
    underWaySince: text,
    kubelet: flag,
    waiting: list(
      object<WaitingPod>({ pod: text, lastFailureAt: text, lastWordAt: text, backOffSeconds: amount, nextTryAt: text }),
    ),
    others: list(object<OtherPull>({ image: text, since: text, cause: maybe.text })),
    credentials: list(
      object<CredentialWord>({
        at: text,
        unit: text,
        kind: oneOf(['secret-missing', 'plugin-failed']),
        pod: maybe.text,
        name: text,
        message: text,
      }),
    ),
  },
  ['underWaySince', 'kubelet', 'waiting', 'others', 'credentials'],
);

/** What was seen of a pull. */
export const progress = object<PullProgress>({
  ended: oneOf(['runtime', 'deadline', 'runtime-restarted', 'runtime-gone']),
  watchedMs: amount,
  transfers,
  movedBytes: amount,
  quietMs: maybe.amount,
  exact: flag,
});
