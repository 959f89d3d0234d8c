/** One piece of content in containerd's content store that is being fetched, or that a pull which ended has left there. */
export interface TransferFacts {
  /** Of containerd: `k8s.io` for all that comes over CRI; null where the entry does not tell. */
  readonly namespace: string | null;
  /** As containerd names it: `layer-sha256:…`, `manifest-sha256:…`, `config-…`, `index-…`. */
  readonly ref: string;
  /** Of the ref; null where it names none. */
  readonly digest: string | null;
  /** Bytes that are on the disk at the last look. containerd writes whole MiB, but for the last. */
  readonly bytes: number;
  /** Bytes that it will have; null: not known. */
  readonly totalBytes: number | null;
  /** RFC 3339, by the node's clock; null: the entry does not tell. */
  readonly startedAt: string | null;
  /** When bytes were last written. */
  readonly changedAt: string;
  /** Bytes that were written between the first look and the last one. */
  readonly grownBytes: number;
  /** Whether the runtime's process has it open to write to; null: that could not be looked at. */
  readonly open: boolean | null;
}

/** What is in flight in containerd's content store, of whatever image. */
export interface IngestFacts {
  /** The folder, as the node names it. */
  readonly path: string;
  /** Between the first look and the last one; 0 where nothing was in flight. */
  readonly watchedMs: number;
  /** The last look; RFC 3339, by the node's clock. */
  readonly lookedAt: string;
  /** What the runtime's process read in that time, from the network and all else; null: that could not be looked at. */
  readonly receivedBytes: number | null;
  /** When the runtime's process started; null: not known. */
  readonly runtimeStartedAt: string | null;
  readonly transfers: readonly TransferFacts[];
  /** There are more than are listed. */
  readonly more: boolean;
}

/** What was seen of a real pull's bytes while it went on. */
export interface PullProgress {
  /** How it ended: the runtime said so; our own deadline; or the runtime went away, and came back or did not. */
  readonly ended: 'runtime' | 'deadline' | 'runtime-restarted' | 'runtime-gone';
  /** How long the runtime's content store was watched; 0: it was not. */
  readonly watchedMs: number;
  /** Content in flight when it was last looked at. */
  readonly transfers: readonly TransferFacts[];
  /** Bytes that came, of content in flight and complete. */
  readonly movedBytes: number;
  /** Since bytes came for the last time, by the files and by what the process reads; null: not known. */
  readonly quietMs: number | null;
  /** Whether what the process reads was part of that. */
  readonly exact: boolean;
}
