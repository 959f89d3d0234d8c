/**
 * Builds what an investigation knows, probe by probe, from small facts made by hand: for tests of everything that only
 * reads facts (ways, causes, conclusions). Whatever a test does not say is right.
 *
 *   const scene = new Scene();                               // registry.test/team/app:1.0, straight to registry.test
 *   scene.reach();                                           // name, connection and handshake are well
 *   const id = scene.ping({ status: 503 });
 *   conclude(scene.view());
 *
 * Mirrors, a proxy, nameservers, credentials and the rest are options of the constructor. Addresses are of 192.0.2.0/24
 * and 2001:db8::/32, hosts of `.test`.
 */
import type {
  DiskFacts,
  FactsByKind,
  IngestFacts,
  JournalFacts,
  JournalMention,
  LoadedFacts,
  RuntimeFacts,
  SandboxFacts,
  TransferFacts,
} from '../../src/model/facts.ts';
import type { RecordsFacts } from '../../src/model/records-facts.ts';
import { digest, type Party } from './scene-parts.ts';
import { RegistryScene } from './scene-registry.ts';

export { certificate, challenge, digest, type Failure, partyOf, startedAtMs } from './scene-parts.ts';
export type { SceneOptions } from './scene-plan.ts';

/** An investigation in the making. Every method adds one probe (`dns` and `reach` more) and gives its id. */
export class Scene extends RegistryScene {
  runtime(facts: Partial<RuntimeFacts> = {}): string {
    const failure = facts.failure ?? null;
    return this.add({ hop: 'runtime' }, failure === null ? null : ['rpc', failure], {
      kind: 'runtime',
      facts: {
        endpoint: 'unix:///run/containerd/containerd.sock',
        name: failure === null ? 'containerd' : null,
        version: failure === null ? '2.1.9' : null,
        ready: failure === null ? true : null,
        conditions: [],
        imageFileSystems: [],
        ...facts,
        failure,
      },
    });
  }

  /** The runtime's process, which has loaded what the files say. */
  loaded(facts: Partial<LoadedFacts> = {}): string {
    return this.add({ hop: 'runtime' }, null, {
      kind: 'loaded',
      facts: {
        pid: 512,
        startedAt: '2026-11-22T06:00:00.000Z',
        unit: 'containerd',
        files: [],
        environment: [],
        settings: [],
        endpoints: null,
        sameNetwork: true,
        ...facts,
      },
    });
  }

  /** Whether the image is on the node; null: the runtime does not say. */
  image(present: boolean | null): string {
    const facts = { present, id: present === true ? digest('c') : null, sizeBytes: null };
    return this.add({ hop: 'runtime' }, present === null ? 'rpc' : null, { kind: 'image', facts });
  }

  /** The kubelet's records of the image on the node: none, when nothing is said. */
  records(facts: Partial<RecordsFacts> = {}): string {
    return this.add({ hop: 'node' }, null, {
      kind: 'records',
      facts: {
        directory: 'var/lib/kubelet/image_manager',
        record: 'none',
        file: null,
        nodePods: null,
        secrets: [],
        serviceAccounts: [],
        credentialsFit: null,
        ...facts,
      },
    });
  }

  /** The pause image: on the node, or what came of its way. */
  sandbox(pull: SandboxFacts['pull'] | 'present', facts: Partial<SandboxFacts> = {}): string {
    const failed = pull !== 'present' && pull?.verdict === 'faulty';
    return this.add({ hop: 'runtime' }, failed ? ['rpc', pull.summary] : null, {
      kind: 'sandbox',
      facts: {
        image: 'pause.test/pause:3.9',
        source: 'etc/containerd/config.toml:3',
        present: pull === 'present',
        pull: pull === 'present' ? null : pull,
        ...facts,
      },
    });
  }

  /** A snapshotter that is another program; null: it listens. */
  snapshotter(failure: string | null): string {
    return this.add({ hop: 'node' }, failure === null ? null : ['rpc', failure], {
      kind: 'snapshotter',
      facts: { name: 'lazy', address: '/run/lazy.sock', failure },
    });
  }

  disk(facts: Partial<DiskFacts> = {}): string {
    return this.add({ hop: 'node' }, null, {
      kind: 'disk',
      facts: {
        path: '/var/lib/containerd',
        totalBytes: 100 * 2 ** 30,
        freeBytes: 40 * 2 ** 30,
        totalInodes: 1_000_000,
        freeInodes: 900_000,
        ...facts,
      },
    });
  }

  /** What the journal tells of the image: its last mentions, oldest first; the rest follows from them unless told. */
  journal(mentions: readonly Partial<JournalMention>[], facts: Partial<JournalFacts> = {}): string {
    const matching = mentions.map((mention, index) => ({
      at: `2026-11-22T07:5${index}:00.000000Z`,
      unit: 'kubelet.service',
      event: 'pull-failed',
      message: 'it failed',
      cause: null,
      confidence: mention.cause === undefined ? null : 'proven',
      underlying: null,
      ...mention,
    }));
    const last = (wanted: string): string | null => matching.findLast(({ event }) => event === wanted)?.at ?? null;
    return this.add({ hop: 'node' }, null, {
      kind: 'journal',
      facts: {
        directory: 'var/log/journal',
        windowSeconds: 900,
        entriesRead: 100,
        matching,
        attempts: matching.filter(({ event }) => event === 'pull-failed').length,
        lastFailureAt: last('pull-failed'),
        lastSuccessAt: last('pull-succeeded'),
        underWay: matching.at(-1)?.event === 'pull-started',
        ...facts,
      },
    });
  }

  /**
   * What containerd's content store has in flight; of each what is not said is a layer of this image (`manifest`'s own)
   * that the runtime has open, watched for 5 s in which it read nothing.
   */
  ingest(transfers: readonly Partial<TransferFacts>[], facts: Partial<IngestFacts> = {}): string {
    const path = '/var/lib/containerd/io.containerd.content.v1.content/ingest';
    const at = (ms: number): string => new Date(this.startedAtMs + ms).toISOString();
    return this.add({ hop: 'node' }, null, {
      kind: 'ingest',
      facts: {
        path,
        watchedMs: 5000,
        lookedAt: at(5000),
        receivedBytes: 300,
        runtimeStartedAt: at(-86_400_000),
        transfers: transfers.map((transfer) => ({ ...layerInFlight(at), ...transfer })),
        more: false,
        ...facts,
      },
    });
  }

  /** A real pull: null for one that works, else the runtime's words and what they were taken to mean. */
  pull(
    error: string | null,
    cause: string | null = null,
    facts: Partial<FactsByKind['pull']> = {},
    party: Pick<Party, 'durationMs'> = {},
  ): string {
    this.pullAsked = true;
    return this.add({ ...party, hop: 'runtime' }, error === null ? null : ['rpc', error], {
      kind: 'pull',
      facts: {
        imageRef: error === null ? digest('c') : null,
        runtimeError: error,
        cause,
        causeConfidence: cause === null ? null : 'likely',
        alternatives: [],
        host: null,
        ...facts,
      },
    });
  }
}

/** A layer of the image that `manifest` makes, as it stands still for half a minute. */
function layerInFlight(at: (ms: number) => string): TransferFacts {
  return {
    namespace: 'k8s.io',
    ref: `layer-${digest('1')}`,
    digest: digest('1'),
    bytes: 2 * 2 ** 20,
    totalBytes: 8 * 2 ** 20,
    startedAt: at(-27_000),
    changedAt: at(-25_000),
    grownBytes: 0,
    open: true,
  };
}
