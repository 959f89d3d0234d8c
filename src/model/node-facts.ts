/** The runtime over CRI. */
export interface RuntimeFacts {
  readonly endpoint: string;
  readonly name: string | null;
  readonly version: string | null;
  readonly ready: boolean | null;
  readonly conditions: readonly {
    readonly type: string;
    readonly status: boolean;
    readonly reason: string;
    readonly message: string;
  }[];
  /** Where images are stored, as the runtime says. */
  readonly imageFileSystems: readonly string[];
  /**
   * containerd's plugins that keep images, and, where CRI is not served, those that did not load: which, in what folder,
   * at which socket where it is another program, and why it did not load. Absent: no containerd told.
   */
  readonly plugins?: readonly {
    /** `io.containerd.snapshotter.v1.overlayfs` */
    readonly name: string;
    readonly error: string | null;
    readonly root: string | null;
    readonly address: string | null;
  }[];
  /** What stands in the way: `socket-absent`, `refused`, `not-permitted`, `silent`, `not-served`, `not-a-socket`, `rpc`. */
  readonly failure: string | null;
}

/** A snapshotter that is another program than the runtime. */
export interface SnapshotterFacts {
  readonly name: string;
  /** Its socket's path. */
  readonly address: string;
  /** What stands in the way, as for the runtime's own socket; null: it listens. */
  readonly failure: string | null;
}

/** The file system that images are stored on. */
export interface DiskFacts {
  readonly path: string;
  readonly totalBytes: number;
  readonly freeBytes: number;
  readonly totalInodes: number;
  readonly freeInodes: number;
  /** The mount it lies on, as the runtime's process sees it; absent: not known. */
  readonly mount?: {
    readonly point: string;
    /** `ext4` */
    readonly type: string;
    /** Null: it can be written; `mount`: mounted read-only there; `file system`: read-only as a whole. */
    readonly readOnly: 'mount' | 'file system' | null;
    /** The kernel met an error and writes no more. */
    readonly emergency: boolean;
  };
}

/** The pause image, which every new pod of the node needs; the runtime pulls it by itself, without anybody's secret. */
export interface SandboxFacts {
  /** Normalized. */
  readonly image: string;
  /** `the runtime`, where it tells; else the line that sets it, or `default`. */
  readonly source: string;
  readonly present: boolean;
  /** What an investigation of its pull came to; null: it is on the node, or was asked for itself. */
  readonly pull: {
    readonly verdict: 'healthy' | 'degraded' | 'faulty' | 'inconclusive';
    readonly cause: string | null;
    readonly confidence: string | null;
    readonly host: string | null;
    readonly summary: string;
  } | null;
}
