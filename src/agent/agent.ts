import type { RuntimeDocument } from '../api/node.ts';
import { fail, ok, type Result } from '../lib/result.ts';
import { hostFiles } from '../node/host-files.ts';
import { machineId } from '../node/node-name.ts';
import { discoverRuntime } from '../node/runtime-discovery.ts';
import { durationMs, type ListenAddress } from '../settings/values.ts';
import { defaultUnits } from '../signals/units.ts';
import { type CriClient, type CriFailure, openCri } from '../wire/cri.ts';
import { openAgentMetrics } from './agent-metrics.ts';
import type { AgentNeeds } from './agent-needs.ts';
import { openBook } from './book.ts';
import { loadCollecting } from './collecting.ts';
import { openDiagnoser } from './diagnoser.ts';
import { configuredRegistries } from './health/configured-registries.ts';
import { openHealth } from './health/health.ts';
import { agentRoutes } from './http/routes/index.ts';
import { startHttp } from './http/server.ts';
import type { Services } from './http/services.ts';
import { httpSettings } from './http-settings.ts';
import { openInvestigator } from './investigator.ts';
import { hasServer } from './kube/api-access.ts';
import { openPodDirectory } from './kube/known-pods.ts';
import { openPodSecrets } from './kube/pod-secrets.ts';
import { watchPods } from './kube/pod-watch.ts';
import { openPullQueue } from './kube/pull-queue.ts';
import { openTelling } from './kube/telling.ts';
import { openNodeAccess } from './node-access.ts';
import { openNodeEngine } from './node-engine.ts';
import { startPace } from './pace.ts';
import { podsDocument } from './pod-rows.ts';
import { openPuller } from './puller.ts';
import { readJournal } from './read-journal.ts';
import { openRecovery } from './recovery.ts';
import { reportHtml } from './report/report-html.ts';
import { reportMarkdown } from './report/report-markdown.ts';
import { openReporter } from './report/reporter.ts';
import { runtimeDocument } from './runtime-document.ts';
import { openState } from './state/state.ts';
import { watchJournal } from './watch/journal-watch.ts';
import { watchRuntime } from './watch/runtime-watch.ts';

/** An agent that runs. */
export interface Agent {
  readonly address: ListenAddress;
  /** Reads files that rotate again. */
  readonly reload: () => Promise<void>;
  /** Lets what runs end for a moment, writes what has to be kept, and ends. */
  readonly stop: () => Promise<void>;
}

/** Asking a runtime that hangs must not hold up the rest. */
const criMs = 5000;

/** Starts every part; the failure's text says which setting cannot be, and why. */
export async function startAgent(needs: AgentNeeds): Promise<Result<Agent, string>> {
  const { env, log, settings, node, version, variables } = needs;
  const first = settings();
  const { hostRoot } = first.node;
  const startedAt = env.now();
  const host = hostFiles(hostRoot);
  const stopping = new AbortController();
  const { signal } = stopping;

  const http = await httpSettings(first, needs);
  if (!http.ok) return http;
  const openCollecting = await loadCollecting(first);

  const state = openState({ env, log, directory: first.state.directory, keep: first.investigate.keep });
  const directory = openPodDirectory();
  const hasApi = first.kubernetes.enabled !== 'off' && hasServer(variables);
  const book = openBook(env, state.memory, directory);
  const secrets = openPodSecrets({ env, variables, settings: first.kubernetes, directory });
  const engine = openNodeEngine({
    env,
    log,
    node,
    hostRoot,
    runtimeEndpoint: first.runtime.endpoint,
    variables,
    settings: () => ({
      deadlineMs: durationMs(settings().investigate.deadline) ?? 10_000,
      pullDeadlineMs: durationMs(settings().retry.deadline) ?? 600_000,
      allowTargets: settings().http.allowTargets,
      withPodCredentials: settings().retry.withPodCredentials,
    }),
    podSecrets: secrets.read,
  });
  const investigator = openInvestigator({
    env,
    run: engine.investigate,
    archive: state.archive,
    settings: () => settings().investigate,
  });
  const puller = openPuller({ env, node, run: engine.pull, settings: () => settings().retry });
  const diagnoser = openDiagnoser({
    env,
    book,
    investigator,
    conclusionOf: engine.conclusionOf,
    ...(hasApi ? { knowsPod: directory.names } : {}),
  });
  const recovery = openRecovery({
    env,
    book,
    puller,
    recheck: engine.recheck,
    credentialsMark: engine.credentialsMark,
    investigate: (incident) => diagnoser.order(incident, 'cleared'),
    podSecrets: first.kubernetes.readSecrets,
    settings: () => settings().retry,
  });

  const queue = openPullQueue({
    env,
    pods: directory.all,
    images: () => runtime.images(),
    incidents: book.open,
    settings: engine.pullSettings,
  });
  const runtimeEndpoint = async (): Promise<string | null> => {
    const choice = await discoverRuntime(host, { endpoint: first.runtime.endpoint, runtime: null, env: variables });
    return choice.ok ? choice.value.endpoint : null;
  };
  const openRuntime = async (): Promise<Result<CriClient, CriFailure>> => {
    const endpoint = await runtimeEndpoint();
    if (endpoint !== null) return openCri(endpoint, { env, connectTimeoutMs: criMs, callTimeoutMs: criMs, signal });
    const message = "There is no runtime's socket below the host root: mount it, or set runtime.endpoint.";
    return fail({ kind: 'socket-absent', code: null, message });
  };
  const runtimeNow = async (asked: AbortSignal): Promise<RuntimeDocument> =>
    runtimeDocument(
      { node, now: env.now, endpoint: await runtimeEndpoint(), open: openRuntime, locate: host.locate },
      asked,
    );
  const journals = async (): Promise<readonly string[]> => {
    const given = first.journal.directories;
    const folders = given.length > 0 ? given : ['/var/log/journal', '/run/log/journal'];
    const found = await Promise.all(folders.map((folder) => host.locate(folder)));
    return found.filter((folder) => folder !== null);
  };
  const units = first.journal.units.length > 0 ? first.journal.units : defaultUnits;
  const sink = {
    event: (event: Parameters<typeof book.notice>[0], cursor: string | null) => {
      book.notice(event);
      queue.notice(event);
      if (cursor !== null) state.saveCursor(cursor);
    },
    images: book.images,
    runtime: (word: 'gone' | 'back') => {
      queue.forget();
      // What failed because the runtime was away is looked at again at once.
      if (word === 'back') for (const incident of book.open()) diagnoser.order(incident, 'cleared');
    },
  };
  const runtime = watchRuntime({ env, log, open: openRuntime, eager: () => book.open().length > 0, sink, signal });
  const id = () => (first.journal.directories.length > 0 ? Promise.resolve(null) : machineId(host));
  const journal = watchJournal({
    env,
    log,
    directories: journals,
    machineId: id,
    units,
    cursor: state.cursor,
    sink,
    signal,
  });
  const { enabled } = first.kubernetes;
  const journalFollowed = () => journal.state().state === 'following';
  const kube =
    enabled === 'off'
      ? null
      : watchPods({ env, log, node, enabled, variables, directory, book, journalFollowed, signal });
  const sources = () => [journal.state(), runtime.state(), kube?.state() ?? null].filter((source) => source !== null);

  const health = openHealth({
    env,
    images: runtime.images,
    configured: () => configuredRegistries(host),
    incidents: book.open,
    check: engine.checkRegistry,
    runtime: runtimeNow,
    settings: () => {
      const { registries, interval } = settings().health;
      return { registries, intervalMs: durationMs(interval) ?? 60_000 };
    },
  });
  investigator.onDone((document) => health.learn(document));
  const reporter = openReporter({
    env,
    log,
    node,
    version,
    startedAt,
    incidents: book.open,
    past: book.over,
    rows: () => pods().pods,
    registries: health.registries,
    local: health.local,
    // What is told is not looked at: only that it cannot be told is worth a line.
    sources: () => [...sources(), ...toldStates().filter((told) => told.state !== 'following')],
    trouble: state.trouble,
    lastTime: state.lastTime,
    saveTime: state.saveTime,
    settings: () => settings().report,
  });
  const telling = openTelling({
    env,
    log,
    node,
    settings: first.kubernetes,
    variables,
    directory,
    incidents: book.open,
    registries: health.registries,
    health: health.local,
    noticeEnded: (end) => metrics.noticeEnded(end),
  });
  const pods = () =>
    podsDocument(book.open(), {
      node,
      now: env.now(),
      retryOf: recovery.retryOf,
      busy: diagnoser.busy,
      podOf: (namespace, name) => directory.get(namespace, name),
      queued: queue.rows,
    });

  const metrics = openAgentMetrics({
    version,
    now: env.now,
    incidents: book.open,
    registries: health.registries,
    local: health.local,
    sources,
    onDisk: () => state.trouble() === null,
    condition: () => telling?.condition() ?? null,
    noticesWaiting: () => telling?.waiting() ?? 0,
    collecting: () => {
      const told = collecting?.state() ?? null;
      if (collecting === null || told === null) return null;
      return { taken: told.state === 'following', lastTakenAt: told.lastEventAt, ...collecting.waiting() };
    },
  });
  const collecting =
    openCollecting?.({
      env,
      log,
      node,
      version,
      variables,
      startedAt,
      incidents: book.open,
      registries: health.registries,
      health: health.local,
      directory,
      engine,
      metrics,
    }) ?? null;
  const toldStates = () =>
    [...(telling?.states() ?? []), collecting?.state() ?? null, secrets.state()].filter((state) => state !== null);
  investigator.onDone((document) => collecting?.investigated(document));
  investigator.onDone((document) => metrics.investigated(document));
  puller.onEnd((record) => {
    metrics.pulled(record);
    log.info('a pull ended', {
      image: record.image,
      state: record.state,
      reason: record.reason,
      ms: record.durationMs,
      error: record.error,
    });
  });
  book.onChange((incident, change) => {
    state.saveIncident(incident);
    telling?.changed(incident, change);
    collecting?.changed(incident, change);
    if (change === 'ended') metrics.ended(incident);
    if (change === 'pods') return;
    const { image, conclusion, saidCause, pods: waiting, endedBy, secondsGained } = incident;
    const cause = conclusion?.cause ?? saidCause;
    log.info(changeWords[change], {
      image,
      cause,
      pods: waiting.length,
      by: endedBy,
      secondsGained,
      summary: change === 'concluded' ? conclusion?.summary : undefined,
    });
  });

  const api = { wanted: enabled === 'auto', there: hasServer(variables) };
  const access = openNodeAccess({ env, host, endpoint: runtimeEndpoint, runtime: runtimeNow, api });
  const services: Services = {
    node,
    notReady: () =>
      sources().every((source) => source.note.endsWith('being opened.') || source.note.endsWith('being asked.'))
        ? 'The journal and the runtime are being opened.'
        : null,
    states: async () => [...sources(), ...(await access()), ...toldStates()],
    metrics: metrics.metrics.text,
    pods,
    registries: () => ({
      apiVersion: 'pullwhy/v1',
      kind: 'Registries',
      node,
      at: new Date(env.now()).toISOString(),
      registries: [...health.registries()],
    }),
    runtime: runtimeNow,
    report: reporter.report,
    reportMarkdown,
    reportHtml,
    investigator,
    puller,
    maxPerCaller: () => settings().http.maxPerCaller,
    probe: engine.probe,
    journal: async ({ since, unit, image, signal: asked }) =>
      readJournal(
        {
          directories: await journals(),
          machineId: await id(),
          units: unit === null ? units : [unit],
          since,
          image,
          signal: asked,
        },
        env,
      ),
    now: env.now,
  };
  const server = await startHttp({
    ...http.value,
    env,
    routes: agentRoutes(services, version),
    maxConcurrent: first.http.maxConcurrent,
    log,
    answered: metrics.answered,
  });
  if (!server.ok) {
    stopping.abort();
    await Promise.all([runtime.done, journal.done, kube?.done, telling?.stop(), collecting?.stop()]);
    state.close();
    return server;
  }
  log.info('the agent answers', {
    node,
    version,
    address: `${server.value.address.host}:${server.value.address.port}`,
    auth: first.http.auth.mode,
  });

  const pace = startPace({
    busy: () => book.open().length > 0,
    work() {
      book.tick();
      diagnoser.tick();
      recovery.tick();
      queue.tick();
      kube?.tick();
      health.tick();
      reporter.tick();
      telling?.tick();
      collecting?.tick();
      state.tick(book.untold);
    },
  });
  book.onChange(pace.stir);

  return ok({
    address: server.value.address,
    reload: async () => void (await http.value.tls?.reload()),
    async stop() {
      pace.stop();
      stopping.abort();
      await Promise.all([
        server.value.stop(),
        investigator.stop(),
        puller.stop(),
        recovery.stop(),
        health.stop(),
        reporter.stop(),
        telling?.stop(),
        collecting?.stop(),
      ]);
      await Promise.all([runtime.done, journal.done, kube?.done]);
      for (const incident of book.open()) state.saveIncident(incident);
      state.close();
      log.info('the agent has stopped', { node });
    },
  });
}

const changeWords = {
  opened: 'an image does not come',
  signal: 'an image fails in another way',
  concluded: 'a cause was found',
  ended: 'an incident is over',
} as const;
