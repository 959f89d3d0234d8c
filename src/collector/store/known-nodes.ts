import type { HeartbeatRecord } from '../../api/records.ts';
import type { Frozen } from '../../api/schema.ts';
import { amount, dictionary, flag, list, nullable, object, oneOf, Place, text } from '../../lib/shape.ts';
import type { KnownNode } from '../parts.ts';
import { jsonOf, numberOf, numberOrNull, textOf, textOrNull } from './rows.ts';
import type { Database, Row } from './sql.ts';

/** What `readKnown` wants of `pullwhy_nodes n`. */
export const nodeColumns =
  'n.node AS node, n.first_seen, n.last_seen, n.offset_ms, n.heartbeat, CAST(n.heartbeat_version AS TEXT) AS heartbeat_version, CAST(n.facts_version AS TEXT) AS facts_version, n.worst, n.open_images, n.waiting_pods';

interface KnownFacts {
  readonly version: string;
  readonly agentVersion: string | null;
  readonly agentStartedAt: number | null;
  readonly attributes: Readonly<Record<string, readonly string[]>>;
}

const noFacts: KnownFacts = { version: '0', agentVersion: null, agentStartedAt: null, attributes: {} };
const factsColumns = 'node, CAST(version AS TEXT) AS version, agent_version, agent_started, attributes';
const attributesShape = dictionary(list(text));
const authoritiesShape = list(text);

// By hand, and not by its schema: thousands are read at a time.
const heartbeatShape = object<Frozen<HeartbeatRecord>>({
  seq: amount,
  kind: oneOf(['heartbeat']),
  at: text,
  runtimeReady: nullable(flag),
  openIncidents: amount,
  waitingPods: amount,
  spool: object({ rows: amount, bytes: amount, dropped: dictionary(amount) }),
});

/** Nodes of one page whose facts are read one by one; more are read together. */
const fewNodes = 20;

/** Nodes whose facts are kept between looks; some KiB each. */
const mostNodes = 20_000;

/** What nodes are and how they pull, kept as long as it does not change: it is asked for every second. */
export class NodeCache {
  readonly #facts = new Map<string, KnownFacts>();
  readonly #heartbeats = new Map<string, { readonly version: string; readonly record: Frozen<HeartbeatRecord> }>();

  /** Reads what rows of `pullwhy_nodes` say is newer. */
  async fill(database: Database, rows: readonly Row[]): Promise<void> {
    if (this.#facts.size > mostNodes) this.#facts.clear();
    if (this.#heartbeats.size > mostNodes) this.#heartbeats.clear();
    const stale = rows
      .filter((row) => (this.#facts.get(textOf(row, 'node'))?.version ?? '0') !== textOf(row, 'facts_version'))
      .map((row) => textOf(row, 'node'))
      .sort();
    const [first, last] = [stale[0], stale.at(-1)];
    if (first === undefined || last === undefined) return;
    if (stale.length > fewNodes) {
      const wanted = new Set(stale);
      const found = await database.read.all(
        `SELECT ${factsColumns} FROM pullwhy_facts WHERE node >= $1 AND node <= $2 ORDER BY node LIMIT 2000`,
        [first, last],
      );
      for (const row of found) if (wanted.delete(textOf(row, 'node'))) this.#take(row);
      if (wanted.size === 0) return;
      stale.splice(0, stale.length, ...wanted);
    }
    for (const node of stale) {
      const [row] = await database.read.all(`SELECT ${factsColumns} FROM pullwhy_facts WHERE node = $1`, [node]);
      if (row !== undefined) this.#take(row);
    }
  }

  /** Of a node; nothing, where nothing is known. */
  facts(node: string): KnownFacts {
    return this.#facts.get(node) ?? noFacts;
  }

  /** The last sign of life of a row. */
  heartbeat(row: Row): Frozen<HeartbeatRecord> | null {
    const stored = textOrNull(row, 'heartbeat');
    if (stored === null) return null;
    const [node, version] = [textOf(row, 'node'), textOf(row, 'heartbeat_version')];
    const known = this.#heartbeats.get(node);
    if (known?.version === version) return known.record;
    const record = jsonOf(stored, 'heartbeat', (value) => (heartbeatShape(value, new Place()) ? value : null));
    this.#heartbeats.set(node, { version, record });
    return record;
  }

  /** Forgets nodes that are no more. */
  keepOnly(names: ReadonlySet<string>): void {
    for (const map of [this.#facts, this.#heartbeats]) {
      for (const node of map.keys()) if (!names.has(node)) map.delete(node);
    }
  }

  #take(row: Row): void {
    this.#facts.set(textOf(row, 'node'), {
      version: textOf(row, 'version'),
      agentVersion: textOf(row, 'agent_version'),
      agentStartedAt: numberOrNull(row, 'agent_started'),
      attributes: jsonOf(textOf(row, 'attributes'), 'list of attributes', (value) =>
        attributesShape(value, new Place()) ? value : null,
      ),
    });
  }
}

/** A node from its row; `cache` was filled with it. */
export function readKnown(row: Row, cache: NodeCache): KnownNode {
  const node = textOf(row, 'node');
  const { agentVersion, agentStartedAt, attributes } = cache.facts(node);
  return {
    node,
    firstSeenAt: numberOf(row, 'first_seen'),
    lastSeenAt: numberOf(row, 'last_seen'),
    clockOffsetMs: numberOrNull(row, 'offset_ms'),
    agentVersion,
    agentStartedAt,
    attributes,
    heartbeat: cache.heartbeat(row),
  };
}

/** Names of the authorities that a node trusts. */
export async function readAuthorities(database: Database, node: string): Promise<readonly string[]> {
  const [row] = await database.read.all('SELECT authorities FROM pullwhy_facts WHERE node = $1', [node]);
  if (row === undefined) return [];
  return jsonOf(textOf(row, 'authorities'), 'list of authorities', (value) =>
    authoritiesShape(value, new Place()) ? value : null,
  );
}
