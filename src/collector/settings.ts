import { type Static, Type } from '../api/schema.ts';
import { authModeSetting, LogSettings, listenSetting, ReportSettings, TlsSettings } from '../settings/sections.ts';
import { bytes, duration, optionalText, text, texts, whole } from '../settings/values.ts';
import { NotifySettings } from './notify/settings.ts';

/** Where everything is kept, when nothing is said. */
export const usualStore = 'sqlite:///var/lib/pullwhy/collector.db';

/** Everything that can be set of the collector (contract.md, section 7). The order is that of the documentation. */
export const CollectorSettings = Type.Object({
  http: Type.Object({
    listen: listenSetting({ who: 'collector', port: 9450 }),
    publicUrl: optionalText({
      description: 'where people reach it, for links in notices; none are written, when it is not set',
      expects: 'a URL such as https://pullwhy.corp.example',
    }),
    tls: TlsSettings,
    auth: Type.Object({
      mode: authModeSetting('who may ask and report'),
      tokenFile: optionalText({
        description:
          'file of bearer tokens (mode token), one a line: TOKEN for everything, reader TOKEN to ask, node/NAME TOKEN to report as that node; it may rotate',
      }),
      clientNames: texts({
        description:
          'names (common name or DNS name) of client certificates that may ask (mode mtls); all, when empty. A node reports by a certificate of its own name',
      }),
      audiences: texts({
        description:
          "audiences that tokens must be for (mode kubernetes); the API server's own, when empty, which lets the collector act as its agents",
      }),
      anyNode: texts({
        description:
          'users such as system:serviceaccount:pullwhy:pullwhy-agent that may report as every node although their tokens name none (mode kubernetes, before Kubernetes 1.30)',
      }),
    }),
    maxConcurrent: whole({
      description: 'requests that are answered at a time',
      default: 2000,
      minimum: 1,
      maximum: 100_000,
    }),
    maxConnections: whole({
      description: 'connections that are kept open; the oldest idle one makes room for a new one',
      default: 10_000,
      minimum: 16,
      maximum: 1_000_000,
    }),
  }),
  ingest: Type.Object({
    maxBytes: bytes({
      description: 'that reports may take of the memory while they are stored; agents keep what is beyond',
      default: '64MiB',
      live: true,
    }),
    maxBatches: whole({
      description: 'reports that are read and stored at a time',
      default: 4000,
      minimum: 1,
      maximum: 100_000,
      live: true,
    }),
  }),
  store: text({
    description:
      'where everything is kept: sqlite:///absolute/path of a file, or postgres://user@host/database?sslmode=verify-full',
    expects: 'a URL with sqlite:// or postgres://',
    default: usualStore,
  }),
  storeFile: optionalText({
    description: 'file that holds the URL of the store, for one with a password; it takes the place of store',
  }),
  retention: Type.Object({
    maxAge: duration({
      description: 'of investigations, closed incidents, events and nodes that are heard of no more',
      default: '30d',
      live: true,
    }),
    maxBytes: bytes({ description: 'that the store may take; the oldest goes first', default: '10GiB', live: true }),
  }),
  notify: NotifySettings,
  report: ReportSettings,
  log: LogSettings,
});
export type CollectorSettings = Static<typeof CollectorSettings>;
