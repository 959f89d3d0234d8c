import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { ReportReceipt } from '../../api/records.ts';
import type { Env } from '../../lib/env.ts';
import type { Log } from '../../lib/log.ts';
import { safeLine } from '../../lib/redact.ts';
import type { SourceState } from '../parts.ts';
import type { CollectorClient, Sent } from './collector-client.ts';
import type { Spool, SpoolBatch } from './spool.ts';

/** What the sender needs. */
export interface SenderNeeds {
  readonly env: Env;
  readonly log: Log;
  readonly node: string;
  readonly spool: Pick<Spool, 'next' | 'settle' | 'size'>;
  readonly client: Pick<CollectorClient, 'server' | 'post'>;
  /** What became of a batch, and of its records, for the metrics. */
  readonly ended: (result: 'taken' | 'too-large' | 'later' | 'unusable', taken: number, refused: number) => void;
}

/** How soon something is to be sent: within a second, some seconds, half a minute. */
export type Haste = 'now' | 'soon' | 'usual';

/** Sends what the spool has, one batch at a time. */
export interface Sender {
  readonly wake: (haste: Haste) => void;
  /** Sends what is due; to be called some times a second. */
  readonly tick: () => void;
  /** A batch is under way. */
  readonly busy: () => boolean;
  readonly state: () => SourceState;
  /** Lets what is under way end for a moment. */
  readonly stop: () => Promise<void>;
}

/** Records and characters of one batch; fewer after the collector has called one too large. */
const mostRecords = 500;
const mostChars = 512 * 1024;

/** From when something came until it is sent, milliseconds: a first part and a part by chance, which spreads a fleet. */
const hastes: Readonly<Record<Haste, readonly [number, number]>> = {
  now: [100, 500],
  soon: [1500, 2500],
  usual: [5000, 15_000],
};

/** Between two batches while more waits: four a second at most, so that a fleet that comes back strikes nobody down. */
const paceMs = [250, 250] as const;

/** Back-off from one second on, doubled, to five minutes; with full jitter, so that a fleet spreads over all of it. */
const firstMs = 1000;
const longestMs = 300_000;

/** Nobody can mend a setting within seconds. */
const firstUnusableMs = 30_000;

/** A fleet that was told to come back at one moment does not. */
const afterShare = 0.2;

/** How long the last batch may take when the agent stops. */
const endMs = 2000;

/** Kinds of refusals that are told of in the log, each once. */
const mostTold = 50;

const compress = promisify(gzip);

/** Makes it. Nothing is sent before the first `tick`. */
export function openSender({ env, log, node, spool, client, ended }: SenderNeeds): Sender {
  const stopping = new AbortController();
  let dueAt: number | null = env.monotonic() + env.random() * 5000;
  let notBefore = Number.NEGATIVE_INFINITY;
  let failures = 0;
  let records = mostRecords;
  let underWay: Promise<void> | null = null;
  const told = new Set<string>();
  let tried = false;
  let state: SourceState = {
    source: 'collector',
    state: 'waiting',
    note: `Nothing was sent to ${client.server} yet.`,
    since: env.now(),
    lastEventAt: null,
  };

  const become = (word: SourceState['state'], note: string): void => {
    const taken = word === 'following';
    const lastEventAt = taken ? env.now() : state.lastEventAt;
    const [before, noteBefore] = [tried ? state.state : null, state.note];
    tried = true;
    state = { ...state, lastEventAt, note, ...(state.state === word ? {} : { state: word, since: env.now() }) };
    if (taken) {
      if (before !== word) log.info('the collector takes reports', { server: client.server });
    } else if (before !== word || (word === 'unreadable' && note !== noteBefore)) {
      const level = word === 'unreadable' ? log.error : log.warn;
      level('the collector takes no reports', { note, waiting: spool.size().rows });
    }
  };

  const between = (least: number, more: number): number => least + env.random() * more;
  const soonest = (at: number): void => {
    if (dueAt === null || at < dueAt) dueAt = at;
  };
  const backOff = (least: number, retryAfterMs: number | null): void => {
    failures++;
    const span = Math.min(longestMs, least * 2 ** Math.min(20, failures - 1));
    const asked = retryAfterMs === null ? 0 : retryAfterMs * (1 + env.random() * afterShare) + env.random() * 1000;
    notBefore = env.monotonic() + Math.max(asked, env.random() * span);
    dueAt = notBefore;
  };

  const took = (batch: SpoolBatch, acked: number, refused: ReportReceipt['refused']): void => {
    const done = batch.records.filter(({ seq }) => seq <= acked).map(({ seq }) => seq);
    const turnedAway = new Map(refused.map((one) => [one.seq, one]));
    for (const { seq, kind } of batch.records) {
      const one = turnedAway.get(seq);
      if (one === undefined) continue;
      const place = `${kind}${one.pointer.replace(/^\/records\/\d+/, '')}`;
      if (told.has(place) || told.size >= mostTold) continue;
      told.add(place);
      log.error('the collector refuses a record, which is dropped', {
        kind,
        seq,
        pointer: safeLine(one.pointer, 200),
        detail: safeLine(one.detail, 300),
      });
    }
    const lost = done.filter((seq) => turnedAway.has(seq));
    spool.settle({ taken: done.filter((seq) => !turnedAway.has(seq)), lost });
    ended('taken', done.length - lost.length, lost.length);
    failures = 0;
    records = Math.min(mostRecords, records * 2);
    become('following', `Reports are taken by ${client.server}.`);
  };

  const answered = (batch: SpoolBatch, sent: Sent): void => {
    switch (sent.kind) {
      case 'taken': {
        const [first] = batch.records;
        if (first !== undefined && sent.acked < first.seq) {
          spool.settle({ taken: [], lost: [] });
          ended('unusable', 0, 0);
          become(
            'unreadable',
            `${client.server} answers, and takes nothing: it acknowledges ${sent.acked} of ${first.seq}.`,
          );
          backOff(firstUnusableMs, null);
          return;
        }
        took(batch, sent.acked, sent.refused);
        // What came meanwhile has said by itself how soon it is to go.
        if (spool.size().rows > 0) soonest(env.monotonic() + between(...paceMs));
        return;
      }
      case 'too-large': {
        ended('too-large', 0, 0);
        const only = batch.records.length <= 1;
        if (only) {
          log.error('the collector takes no record as large, and it is dropped', {
            note: sent.note,
            kind: batch.records[0]?.kind,
            chars: batch.chars,
          });
        }
        spool.settle({ taken: [], lost: only ? batch.records.map(({ seq }) => seq) : [] });
        records = only ? mostRecords : Math.ceil(batch.records.length / 2);
        dueAt = env.monotonic() + between(...paceMs);
        return;
      }
      case 'later':
        ended('later', 0, 0);
        spool.settle({ taken: [], lost: [] });
        become('waiting', sent.note);
        backOff(firstMs, sent.retryAfterMs);
        return;
      case 'unusable':
        ended('unusable', 0, 0);
        spool.settle({ taken: [], lost: [] });
        become('unreadable', sent.note);
        backOff(firstUnusableMs, null);
        return;
    }
  };

  const send = async (batch: SpoolBatch): Promise<void> => {
    const head = JSON.stringify({ node, bootId: batch.bootId, sentAt: new Date(env.now()).toISOString() });
    const text = `${head.slice(0, -1)},"records":[${batch.records.map((record) => record.text).join(',')}]}`;
    const sent = await client.post(await compress(text), stopping.signal);
    if (stopping.signal.aborted && sent.kind !== 'taken') spool.settle({ taken: [], lost: [] });
    else answered(batch, sent);
  };

  return {
    wake: (haste) => soonest(env.monotonic() + between(...hastes[haste])),
    tick() {
      const now = env.monotonic();
      if (underWay !== null || stopping.signal.aborted || dueAt === null || now < dueAt || now < notBefore) return;
      dueAt = null;
      const batch = spool.next({ records, chars: mostChars });
      if (batch === null) return;
      underWay = send(batch).finally(() => {
        underWay = null;
      });
    },
    busy: () => underWay !== null,
    state: () => state,
    async stop() {
      const timer = setTimeout(() => stopping.abort(), endMs);
      await underWay;
      clearTimeout(timer);
      stopping.abort();
    },
  };
}
