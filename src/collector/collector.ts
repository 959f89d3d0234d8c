import { randomUUID } from 'node:crypto';
import type { Env } from '../lib/env.ts';
import type { Log } from '../lib/log.ts';
import { redactUrl } from '../lib/redact.ts';
import { fail, ok, type Result } from '../lib/result.ts';
import { Secret } from '../lib/secret.ts';
import { readSmallFile } from '../lib/small-file.ts';
import { withoutTrailing } from '../lib/trailing.ts';
import { byteCount, durationMs, type ListenAddress } from '../settings/values.ts';
import { openCollectorMetrics } from './collector-metrics.ts';
import { collectorRoutesOf } from './http/all-routes.ts';
import { openBudget } from './http/budget.ts';
import { openEventFeed } from './http/event-feed.ts';
import { startHttp } from './http/server.ts';
import { httpSettings } from './http-settings.ts';
import { compare } from './incidents/compare.ts';
import { openLeader } from './leader.ts';
import { openNotifier } from './notify/notifier.ts';
import { openTarget } from './notify/target.ts';
import type { Store } from './parts.ts';
import { openFleetReporter } from './report/fleet-reporter.ts';
import { openRetention } from './retention.ts';
import type { CollectorSettings } from './settings.ts';
import { isShared, openStore } from './store/store.ts';
import { watchStore } from './store-watch.ts';
import { openReader, type ReaderAbout } from './threads/reader.ts';
import { startWorkers, type Workers } from './threads/threads.ts';
import { openWriter } from './threads/writer.ts';

/** What the collector needs. The settings may change while it runs: those that are `live` are taken over. */
export interface CollectorNeeds {
  readonly env: Env;
  readonly log: Log;
  readonly settings: () => CollectorSettings;
  readonly version: string;
  /** Of this process: what Kubernetes gives its pods. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** For tests: in place of the one that the settings name. */
  readonly store?: Store;
  /** Whether questions are answered and the fleet is looked at in threads of their own; a small fleet needs none. */
  readonly threads?: boolean;
  /** For the demo: in place of the rule of this name (rules.ts). */
  readonly closeAfterMs?: number;
}

/** A collector that runs. */
export interface Collector {
  readonly address: ListenAddress;
  /** Reads files that rotate again. */
  readonly reload: () => Promise<void>;
  /** Lets what runs end for a moment, gives the lease back, and ends. */
  readonly stop: () => Promise<void>;
}

/** The only timer of what is due: leader, store, retention. */
const tickMs = 250;

/** Starts every part; the failure's text says which setting cannot be, and why. */
export async function startCollector(needs: CollectorNeeds): Promise<Result<Collector, string>> {
  const { env, log, settings, version } = needs;
  const first = settings();
  const startedAt = env.now();
  const http = await httpSettings(first, needs);
  if (!http.ok) return http;
  const place = await storePlace(first);
  const about = { version, startedAt };
  const threaded = needs.threads === true && needs.store === undefined && place.ok && isShared(place.value.reveal());
  const working = await (threaded
    ? startWorkers({ store: place.value.reveal(), ...about }, { log })
    : workHere(needs, place, about));
  if (!working.ok) {
    http.value.tls?.stop();
    return working;
  }
  const { writer, asked, looker } = working.value;

  const budget = openBudget(() => {
    const { maxBytes, maxBatches } = settings().ingest;
    return { bytes: byteCount(maxBytes) ?? 0, bodies: maxBatches };
  });
  const watch = watchStore(asked, env);
  const feed = openEventFeed({ store: asked });
  const counted = openCollectorMetrics({
    version,
    budget: budget.used,
    eventReaders: feed.subscribers,
    store: () => (watch.trouble() === null ? watch.size() : null),
    storeLimit: () => byteCount(settings().retention.maxBytes) ?? 0,
    storeUp: () => watch.trouble() === null,
  });
  const { metrics } = counted;
  const { publicUrl } = first.http;
  const base = publicUrl === null ? null : withoutTrailing(publicUrl, '/');
  const notifier = openNotifier({
    env,
    log,
    metrics,
    store: { incident: asked.incident, sent: writer.sent, recordSent: writer.recordSent },
    targets: first.notify.map((entry) => openTarget(entry, env)),
    linkOf: (id) => (base === null ? null : `${base}/v1/incidents/${encodeURIComponent(id)}`),
  });
  const retention = openRetention({
    env,
    log,
    metrics,
    store: writer,
    keep: () => {
      const { maxAge, maxBytes } = settings().retention;
      return { maxAgeMs: durationMs(maxAge) ?? Number.POSITIVE_INFINITY, maxBytes: byteCount(maxBytes) ?? 0 };
    },
  });
  // Several collectors may write to one PostgreSQL: then nobody knows what is new without a look.
  let taken = 0;
  const alone = place.ok && !/^postgres/i.test(place.value.reveal());
  const leader = openLeader({
    env,
    log,
    metrics,
    store: writer,
    looker,
    holder: randomUUID(),
    notifier,
    retention,
    ...(alone ? { news: () => taken } : {}),
    ...(needs.closeAfterMs === undefined ? {} : { closeAfterMs: needs.closeAfterMs }),
  });
  const reporter = openFleetReporter({
    env,
    log,
    make: asked.report,
    settings: () => settings().report,
  });

  const routes = collectorRoutesOf({
    version,
    store: asked,
    intake: writer,
    compare,
    feed,
    report: reporter.report,
    now: env.now,
    ingested: (ingested) => {
      if (ingested.fresh > 0) taken++;
      counted.ingested(ingested);
    },
    metrics: metrics.text,
    ready: async () => {
      const trouble = watch.trouble();
      return [
        { name: 'store', ok: trouble === null, note: trouble?.message ?? 'It answers.' },
        { name: 'incidents', ok: true, note: leaderNote(leader.leading(), leader.problems()) },
      ];
    },
  });
  const end = async (): Promise<void> => {
    clearInterval(timer);
    feed.stop();
    await Promise.all([leader.close(), reporter.stop(), watch.idle()]);
    await working.value.stop();
  };
  const timer = setInterval(() => {
    watch.tick();
    // A rejection is a defect, and ends the process as every other does.
    void leader.tick();
  }, tickMs);
  const server = await startHttp({
    ...http.value,
    env,
    log,
    routes,
    budget,
    full: counted.full,
    answered: counted.answered,
    maxConcurrent: first.http.maxConcurrent,
    maxConnections: first.http.maxConnections,
  });
  if (!server.ok) {
    await end();
    return server;
  }
  const { address } = server.value;
  log.info('the collector answers', {
    version,
    address: `${address.host}:${address.port}`,
    auth: first.http.auth.mode,
    store: place.ok ? redactUrl(place.value.reveal()) : null,
  });
  return ok({
    address,
    reload: async () => void (await http.value.tls?.reload()),
    async stop() {
      await server.value.stop();
      await end();
      log.info('the collector has stopped');
    },
  });
}

/** All of them in this thread. */
async function workHere(
  { store: given, env, log }: CollectorNeeds,
  place: Result<Secret, string>,
  about: ReaderAbout,
): Promise<Result<Workers, string>> {
  const opened = given !== undefined ? ok(given) : place.ok ? await openStore(place.value, { env, log }) : place;
  if (!opened.ok) return opened;
  const store = opened.value;
  const reader = openReader({ env, store, ...about });
  return ok({ writer: openWriter({ env, log, store }), asked: reader, looker: reader, stop: store.close });
}

/** The URL of the store: it may hold a password. */
async function storePlace({ store, storeFile }: CollectorSettings): Promise<Result<Secret, string>> {
  if (storeFile === null) return ok(new Secret(store));
  const text = await readSmallFile(storeFile, { regular: true });
  if (!text.ok) return fail(`storeFile: ${storeFile} ${text.error.what}.`);
  const url = text.value.trim();
  return /^[\x21-\x7e]+$/.test(url) ? ok(new Secret(url)) : fail(`storeFile: ${storeFile} holds no URL in one line.`);
}

function leaderNote(leading: boolean, problems: readonly string[]): string {
  if (problems.length > 0) return problems.join(' ');
  return leading ? 'This collector evaluates the fleet.' : 'Another collector evaluates the fleet, or none does yet.';
}
