import type { RuntimeDocument } from '../../api/node.ts';
import { probesOf } from '../../evidence/view.ts';
import { safeLine } from '../../lib/redact.ts';
import type { Investigation } from '../../model/investigation.ts';
import type { NetworkFailure } from '../../model/network-failure.ts';

/** One of the node's nameservers, over all names that were asked. */
export interface NameserverHealth {
  /** `10.0.0.2`, with its port where that is not 53. */
  readonly nameserver: string;
  /** `answering`: an answer of any kind; `silent`, `refusing`: none, and how. */
  readonly state: 'answering' | 'silent' | 'refusing';
  /** Checks in a row in which it gave no answer. */
  readonly failures: number;
  /**
   * Registries whose names it left without an answer since it last gave one. One alone may be the fault of that zone's
   * own servers, for which a nameserver waits.
   */
  readonly names: number;
  readonly since: number;
  readonly checkedAt: number;
  readonly latencyMs: number | null;
}

/** The node's clock beside the Date headers of registries. */
export interface ClockHealth {
  /** The node's clock minus theirs, milliseconds, the middle of them; null: nobody told. Exact to about a second. */
  readonly offsetMs: number | null;
  readonly registries: number;
}

/** A file system that holds images. */
export interface DiskHealth {
  readonly path: string;
  readonly totalBytes: number;
  readonly freeBytes: number;
  /** Null: not told. */
  readonly totalInodes: number | null;
  readonly freeInodes: number | null;
  readonly readOnly: boolean;
  readonly checkedAt: number;
}

/** The runtime as it last answered. */
export interface RuntimeHealth {
  readonly name: string | null;
  readonly version: string | null;
  readonly endpoint: string | null;
  /** Null: it did not say, or was not asked. */
  readonly ready: boolean | null;
  /** Why it does not answer, in one line; null: it does, or was not asked. */
  readonly failure: string | null;
  readonly checkedAt: number;
}

/** What is known of the node itself, from every investigation that was made. */
export interface LocalHealth {
  readonly nameservers: readonly NameserverHealth[];
  readonly clock: ClockHealth;
  readonly disks: readonly DiskHealth[];
  /** Null: no investigation asked it so far. */
  readonly runtime: RuntimeHealth | null;
}

/** Collects it, bounded by what a node has: a handful of nameservers, a value for each registry. */
export interface LocalKeeper {
  readonly learn: (document: Investigation, at: number) => void;
  /** Only what is this node's own: a registry that a caller named could tell any time, and its zone any silence. */
  readonly learnNode: (document: Investigation, at: number) => void;
  /** The same of what the runtime says of itself. */
  readonly learnRuntime: (document: RuntimeDocument, at: number) => void;
  readonly state: () => LocalHealth;
}

const mostNameservers = 16;

/** More of them say nothing more. */
const enoughNames = 8;

const mostClocks = 200;
const mostDisks = 8;

/** Nothing that was measured longer ago than this says how it is now. */
const staleMs = 3_600_000;

/** How long the mount table's word counts when only the file system's room was looked at since. */
const readOnlyMs = 600_000;

/** That nobody answered, as against an answer that one may not like. */
const silence: ReadonlySet<NetworkFailure | 'rpc'> = new Set<NetworkFailure>([
  'timeout',
  'unreachable',
  'not-permitted',
]);
const refusal: ReadonlySet<NetworkFailure | 'rpc'> = new Set<NetworkFailure>([
  'refused',
  'reset',
  'closed',
  'dns-refused',
]);

interface KeptDisk extends DiskHealth {
  /** When the mount table said so last; only some checks read it. */
  readonly readOnlyAt: number | null;
}

/** Makes the keeper. `now` is the wall clock, milliseconds. */
export function openLocalKeeper(now: () => number): LocalKeeper {
  const nameservers = new Map<string, NameserverHealth>();
  const unanswered = new Map<string, Set<string>>();
  const clocks = new Map<string, { readonly offsetMs: number; readonly at: number }>();
  const disks = new Map<string, KeptDisk>();
  let runtime: RuntimeHealth | null = null;

  const learnNameservers = (document: Investigation, at: number): void => {
    const asked = probesOf(document, 'dns').filter(({ facts }) => facts.order >= 0);
    for (const nameserver of new Set(asked.map(({ facts }) => facts.nameserver))) {
      const probes = asked.filter(({ facts }) => facts.nameserver === nameserver);
      const codes = probes.map(({ error }) => error?.code ?? null);
      const silent = codes.every((code) => code !== null && silence.has(code));
      const refusing = !silent && codes.every((code) => code !== null && (silence.has(code) || refusal.has(code)));
      const state = silent ? 'silent' : refusing ? 'refusing' : 'answering';
      const before = nameservers.get(nameserver);
      const names = state === 'answering' ? new Set<string>() : (unanswered.get(nameserver) ?? new Set<string>());
      if (state !== 'answering' && names.size < enoughNames) names.add(document.image.registry ?? '');
      put(unanswered, mostNameservers, nameserver, names);
      const times = probes.filter(({ status }) => status === 'ok').map(({ durationMs }) => durationMs);
      put(nameservers, mostNameservers, nameserver, {
        nameserver: safeLine(nameserver, 100),
        state,
        failures: state === 'answering' ? 0 : (before?.failures ?? 0) + 1,
        names: names.size,
        since: before !== undefined && (before.state === 'answering') === (state === 'answering') ? before.since : at,
        checkedAt: at,
        latencyMs: times.length === 0 ? null : Math.round(Math.min(...times) * 10) / 10,
      });
    }
  };

  const learnClock = (document: Investigation, at: number): void => {
    const registry = document.image.registry ?? '';
    const told = [
      ...probesOf(document, 'clock').map(({ facts }) => facts.offsetMs),
      ...probesOf(document, 'registry').map(({ facts }) => facts.clockOffsetMs),
    ].filter((offset) => offset !== null);
    const [first] = told;
    if (first !== undefined) put(clocks, mostClocks, registry, { offsetMs: middle(told) ?? first, at });
  };

  const learnNode = (document: Investigation, at: number): void => {
    for (const { facts } of probesOf(document, 'disk')) {
      const { path, totalBytes, freeBytes, totalInodes, freeInodes, mount } = facts;
      const readOnly = mount !== undefined && mount.readOnly !== null;
      put(disks, mostDisks, path, {
        path: safeLine(path, 300),
        totalBytes,
        freeBytes,
        totalInodes,
        freeInodes,
        readOnly,
        readOnlyAt: readOnly ? at : null,
        checkedAt: at,
      });
    }
    const asked = probesOf(document, 'runtime')[0];
    if (asked === undefined) return;
    const { name, version, endpoint, ready, failure } = asked.facts;
    runtime = {
      name: name === null ? null : safeLine(name, 100),
      version: version === null ? null : safeLine(version, 100),
      endpoint: safeLine(endpoint, 300),
      ready,
      failure: failure === null ? null : safeLine(asked.error?.message ?? failure, 500),
      checkedAt: at,
    };
  };

  return {
    learn(document, at) {
      learnNameservers(document, at);
      learnClock(document, at);
      learnNode(document, at);
    },
    learnNode,
    learnRuntime({ name, version, endpoint, ready, error, imageFilesystem }, at) {
      runtime = {
        name: name === null ? null : safeLine(name, 100),
        version: version === null ? null : safeLine(version, 100),
        endpoint: endpoint === null ? null : safeLine(endpoint, 300),
        ready,
        failure: error === null ? null : safeLine(error, 500),
        checkedAt: at,
      };
      const { mountpoint, totalBytes = null, freeBytes = null, freeInodes = null } = imageFilesystem ?? {};
      if (mountpoint === undefined || totalBytes === null || freeBytes === null) return;
      const known = disks.get(mountpoint);
      put(disks, mostDisks, mountpoint, {
        path: safeLine(mountpoint, 300),
        totalBytes,
        freeBytes,
        totalInodes: known?.totalInodes ?? null,
        freeInodes,
        readOnly: known?.readOnlyAt != null && at - known.readOnlyAt < readOnlyMs,
        readOnlyAt: known?.readOnlyAt ?? null,
        checkedAt: at,
      });
    },
    state() {
      const from = now() - staleMs;
      const fresh = <T extends { readonly checkedAt: number }>(all: Iterable<T>): T[] =>
        [...all].filter(({ checkedAt }) => checkedAt >= from);
      const offsets = [...clocks.values()].filter(({ at }) => at >= from).map(({ offsetMs }) => offsetMs);
      return {
        nameservers: fresh(nameservers.values()),
        clock: { offsetMs: middle(offsets), registries: offsets.length },
        disks: oncePerFileSystem(fresh(disks.values())).map(({ readOnlyAt: _, ...disk }) => disk),
        runtime: runtime !== null && runtime.checkedAt >= from ? runtime : null,
      };
    },
  };
}

/** Several folders of a runtime lie on one file system: the shortest path stands for it. */
function oncePerFileSystem(disks: readonly KeptDisk[]): KeptDisk[] {
  const groups = new Map<string, KeptDisk>();
  for (const disk of disks) {
    const key = `${disk.totalBytes} ${disk.readOnly}`;
    const known = groups.get(key);
    if (known === undefined || disk.path.length < known.path.length) groups.set(key, disk);
  }
  return [...groups.values()];
}

/** Puts in; what has not been told of for the longest time makes room. */
function put<T>(into: Map<string, T>, most: number, key: string, value: T): void {
  into.delete(key);
  into.set(key, value);
  const [oldest] = into.keys();
  if (into.size > most && oldest !== undefined) into.delete(oldest);
}

/** The middle one, the lower of two. */
function middle(numbers: readonly number[]): number | null {
  return [...numbers].sort((a, b) => a - b)[Math.floor((numbers.length - 1) / 2)] ?? null;
}
