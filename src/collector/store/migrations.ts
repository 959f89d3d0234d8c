/** One step of the tables' history. */
export interface Migration {
  readonly version: number;
  readonly what: string;
  /**
   * Statements of both databases; KEY_TEXT and BYTES stand for the types that they name differently, BY_KEY for rows that
   * lie in the order of their key where a database can have them so. Each can be run
   * again: in YugabyteDB a change of tables does not end with the transaction that it is in.
   */
  readonly statements: readonly string[];
}

/** The table of the version itself: it is there before the first migration. */
export const metaTable =
  'CREATE TABLE IF NOT EXISTS pullwhy_meta (name KEY_TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL)';

/** Every step, in order. What was released is never changed: a new step changes the tables. */
export const migrations: readonly Migration[] = [
  {
    version: 1,
    what: 'nodes and what they reported, incidents, events, leases, notices',
    statements: [
      // One row is written for each batch, so what is large and rarely changes lies in pullwhy_facts.
      `CREATE TABLE IF NOT EXISTS pullwhy_nodes (
        node KEY_TEXT NOT NULL PRIMARY KEY,
        first_seen BIGINT NOT NULL,
        last_seen BIGINT NOT NULL,
        streams BIGINT NOT NULL,
        offset_ms DOUBLE PRECISION,
        offset_version BIGINT NOT NULL,
        heartbeat TEXT,
        heartbeat_version BIGINT NOT NULL,
        facts_version BIGINT NOT NULL,
        worst BIGINT,
        open_images BIGINT NOT NULL,
        waiting_pods BIGINT NOT NULL)`,
      `CREATE TABLE IF NOT EXISTS pullwhy_facts (
        node KEY_TEXT NOT NULL PRIMARY KEY,
        version BIGINT NOT NULL,
        agent_version TEXT NOT NULL,
        agent_started BIGINT,
        attributes TEXT NOT NULL,
        authorities TEXT NOT NULL)`,
      `CREATE TABLE IF NOT EXISTS pullwhy_attributes (
        node KEY_TEXT NOT NULL,
        name KEY_TEXT NOT NULL,
        value KEY_TEXT NOT NULL,
        PRIMARY KEY (node, name, value))`,
      'CREATE INDEX IF NOT EXISTS pullwhy_attributes_value ON pullwhy_attributes (name, value)',
      `CREATE TABLE IF NOT EXISTS pullwhy_streams (
        node KEY_TEXT NOT NULL,
        boot KEY_TEXT NOT NULL,
        ordinal BIGINT NOT NULL,
        seen TEXT NOT NULL,
        last_at BIGINT NOT NULL,
        PRIMARY KEY (node, boot))`,
      // By subject: the evaluator asks every second which nodes found one healthy, and lists sum registries up.
      // failing: 1 or 0. severity: what it says of the node: -1 nothing, 0 healthy or the workload's own fault,
      // 1 inconclusive, 2 degraded, 3 faulty. latency: milliseconds up to the registry's answer, in steps (batch.ts).
      `CREATE TABLE IF NOT EXISTS pullwhy_observations (
        node KEY_TEXT NOT NULL,
        kind KEY_TEXT NOT NULL,
        subject KEY_TEXT NOT NULL,
        version BIGINT NOT NULL,
        registry KEY_TEXT,
        failing BIGINT NOT NULL,
        severity BIGINT NOT NULL,
        verdict TEXT NOT NULL,
        cause TEXT,
        pods BIGINT NOT NULL,
        at BIGINT NOT NULL,
        received_at BIGINT NOT NULL,
        latency BIGINT,
        not_after BIGINT,
        rate_source TEXT,
        rate_limit BIGINT,
        rate_remaining BIGINT,
        ended_by TEXT,
        seconds_gained DOUBLE PRECISION,
        detail TEXT NOT NULL,
        PRIMARY KEY (kind, subject, node)) BY_KEY`,
      'CREATE INDEX IF NOT EXISTS pullwhy_observations_node ON pullwhy_observations (node)',
      'CREATE INDEX IF NOT EXISTS pullwhy_observations_failing ON pullwhy_observations (node, kind, subject, version) WHERE failing = 1',
      `CREATE TABLE IF NOT EXISTS pullwhy_investigations (
        id KEY_TEXT NOT NULL,
        node KEY_TEXT NOT NULL,
        version BIGINT NOT NULL,
        at BIGINT NOT NULL,
        image TEXT NOT NULL,
        image_key KEY_TEXT NOT NULL,
        registry KEY_TEXT,
        verdict TEXT NOT NULL,
        cause KEY_TEXT,
        confidence TEXT,
        summary TEXT NOT NULL,
        bytes BIGINT NOT NULL,
        PRIMARY KEY (id, node))`,
      'CREATE INDEX IF NOT EXISTS pullwhy_investigations_at ON pullwhy_investigations (at)',
      'CREATE INDEX IF NOT EXISTS pullwhy_investigations_node ON pullwhy_investigations (node, at)',
      'CREATE INDEX IF NOT EXISTS pullwhy_investigations_image ON pullwhy_investigations (image_key, at)',
      'CREATE INDEX IF NOT EXISTS pullwhy_investigations_registry ON pullwhy_investigations (registry, at)',
      'CREATE INDEX IF NOT EXISTS pullwhy_investigations_cause ON pullwhy_investigations (cause, at)',
      // Apart from their rows: lists read many rows, documents are read one at a time.
      `CREATE TABLE IF NOT EXISTS pullwhy_documents (
        id KEY_TEXT NOT NULL,
        node KEY_TEXT NOT NULL,
        version BIGINT NOT NULL,
        document BYTES NOT NULL,
        PRIMARY KEY (id, node))`,
      `CREATE TABLE IF NOT EXISTS pullwhy_incidents (
        id KEY_TEXT NOT NULL PRIMARY KEY,
        incident_key KEY_TEXT NOT NULL,
        state TEXT NOT NULL,
        cause TEXT NOT NULL,
        scope TEXT NOT NULL,
        subject_kind TEXT NOT NULL,
        subject KEY_TEXT NOT NULL,
        opened_at BIGINT NOT NULL,
        updated_at BIGINT NOT NULL,
        closed_at BIGINT,
        document TEXT NOT NULL,
        memory TEXT NOT NULL)`,
      'CREATE INDEX IF NOT EXISTS pullwhy_incidents_key ON pullwhy_incidents (incident_key)',
      'CREATE INDEX IF NOT EXISTS pullwhy_incidents_state ON pullwhy_incidents (state, opened_at)',
      'CREATE INDEX IF NOT EXISTS pullwhy_incidents_closed ON pullwhy_incidents (closed_at)',
      `CREATE TABLE IF NOT EXISTS pullwhy_incident_nodes (
        incident KEY_TEXT NOT NULL,
        node KEY_TEXT NOT NULL,
        PRIMARY KEY (incident, node))`,
      'CREATE INDEX IF NOT EXISTS pullwhy_incident_nodes_node ON pullwhy_incident_nodes (node)',
      `CREATE TABLE IF NOT EXISTS pullwhy_events (
        id BIGINT NOT NULL PRIMARY KEY,
        at BIGINT NOT NULL,
        bytes BIGINT NOT NULL,
        document TEXT NOT NULL)`,
      `CREATE TABLE IF NOT EXISTS pullwhy_leases (
        name KEY_TEXT NOT NULL PRIMARY KEY,
        holder TEXT NOT NULL,
        until BIGINT NOT NULL)`,
      `CREATE TABLE IF NOT EXISTS pullwhy_sent (
        target KEY_TEXT NOT NULL,
        incident KEY_TEXT NOT NULL,
        fingerprint TEXT NOT NULL,
        at BIGINT NOT NULL,
        PRIMARY KEY (target, incident))`,
    ],
  },
];
