import { type Static, Type } from '../api/schema.ts';
import { authModeSetting, LogSettings, listenSetting, ReportSettings, TlsSettings } from '../settings/sections.ts';
import { bytes, duration, flag, oneOf, optionalText, text, texts, whole } from '../settings/values.ts';

/** Everything that can be set of the agent (contract.md, section 7). The order is that of the documentation. */
export const AgentSettings = Type.Object({
  node: Type.Object({
    name: optionalText({ description: "the node's name; NODE_NAME, else the host root's own hostname" }),
    hostRoot: text({ description: "where the node's file system is", default: '/' }),
    labels: texts({
      description:
        "what sets this node apart, told to the collector; the labels of the node's own object are told by themselves where the API server may be asked",
      expects: 'a list such as zone=eu-1a, node-pool=gpu',
    }),
  }),
  runtime: Type.Object({
    endpoint: optionalText({ description: 'the CRI socket; the first that answers, when it is not set' }),
  }),
  http: Type.Object({
    listen: listenSetting({ who: 'agent', port: 9440 }),
    tls: TlsSettings,
    auth: Type.Object({
      mode: authModeSetting('who may ask'),
      tokenFile: optionalText({ description: 'file of the bearer token (mode token); it may rotate' }),
      clientNames: texts({
        description:
          'names (common name or DNS name) of client certificates that are let in (mode mtls); all, when empty',
      }),
    }),
    allowTargets: texts({
      description:
        'addresses, networks or hosts, with :port or without, that callers may have probed although they are loopback, link-local or metadata addresses',
      expects: 'a list of addresses, networks such as 127.0.0.0/8, or host names',
      live: true,
    }),
    maxConcurrent: whole({
      description: 'requests that are answered at a time',
      default: 64,
      minimum: 1,
      maximum: 10_000,
    }),
    maxPerCaller: whole({
      description: 'investigations and pulls that one caller may have under way',
      default: 4,
      minimum: 1,
      maximum: 1000,
      live: true,
    }),
  }),
  state: Type.Object({
    directory: optionalText({
      description: 'where incidents, cursor and schedules are kept over restarts; nowhere, when it is not set',
    }),
  }),
  journal: Type.Object({
    directories: texts({ description: "folders of journals below the host root; the node's own, when empty" }),
    units: texts({ description: 'units that are followed; those of kubelets and runtimes, when empty' }),
  }),
  kubernetes: Type.Object({
    enabled: oneOf(['auto', 'on', 'off'], { description: 'ask the API server for pods', default: 'auto' }),
    readSecrets: flag({
      description:
        'read the pull secrets of pods that wait, to try them; it needs the right to get them in each namespace (deploy/components/pull-secrets)',
      default: false,
    }),
    events: flag({ description: 'write an Event on the pod with the cause', default: false }),
    nodeCondition: flag({ description: 'set the node condition ImagePullProblem', default: false }),
  }),
  investigate: Type.Object({
    concurrency: whole({ description: 'investigations at a time', default: 2, minimum: 1, maximum: 64, live: true }),
    deadline: duration({ description: 'of one investigation', default: '10s', live: true }),
    perRegistry: whole({
      description: 'investigations per registry in ten minutes; a tenth of it at Docker Hub',
      default: 60,
      minimum: 1,
      maximum: 100_000,
      live: true,
    }),
    keep: whole({ description: 'investigations that are kept', default: 200, minimum: 1, maximum: 100_000 }),
  }),
  retry: Type.Object({
    mode: oneOf(['off', 'on-recovery', 'eager'], {
      description: 'pull by itself: never, when the failed hop passes again, or also at once when the cause is unknown',
      default: 'on-recovery',
      live: true,
    }),
    concurrency: whole({
      description: 'pulls at a time on this node',
      default: 2,
      minimum: 1,
      maximum: 64,
      live: true,
    }),
    perRegistry: whole({
      description: 'pulls at a time from one registry',
      default: 1,
      minimum: 1,
      maximum: 64,
      live: true,
    }),
    deadline: duration({ description: 'of one pull', default: '10m', live: true }),
    withPodCredentials: flag({
      description: "pull with a pod's own secret; every pod of the node can then use the image (README, security)",
      default: false,
      live: true,
    }),
  }),
  health: Type.Object({
    registries: texts({ description: 'registries that are checked besides those in use', live: true }),
    interval: duration({ description: 'between two checks of a registry; 0s: never', default: '60s', live: true }),
  }),
  collector: Type.Object({
    url: optionalText({ description: 'the collector that is reported to; none, when it is not set' }),
    tokenFile: optionalText({ description: 'file of the bearer token for it; it may rotate' }),
    caFile: optionalText({
      description: "file of the authority of its certificate; this machine's store, when it is not set",
    }),
    certFile: optionalText({ description: 'file of a client certificate for it' }),
    keyFile: optionalText({ description: 'file of its key' }),
    spool: Type.Object({
      maxBytes: bytes({ description: 'that reports may take on disk while the collector is away', default: '64MiB' }),
      maxAge: duration({ description: 'of a report that is still sent', default: '7d' }),
    }),
  }),
  report: ReportSettings,
  log: LogSettings,
});
export type AgentSettings = Static<typeof AgentSettings>;
