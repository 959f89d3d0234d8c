import type { Upsert } from './sql.ts';

/** How rows come into the tables; the order of columns is that of the rows that batch.ts makes. */

export const facts: Upsert = {
  table: 'pullwhy_facts',
  columns: [
    ['node', 'text'],
    ['version', 'int'],
    ['agent_version', 'text'],
    ['agent_started', 'int'],
    ['attributes', 'text'],
    ['authorities', 'text'],
  ],
  key: ['node'],
  when: 'newest',
};

export const attributes: Upsert = {
  table: 'pullwhy_attributes',
  columns: [
    ['node', 'text'],
    ['name', 'text'],
    ['value', 'text'],
  ],
  key: ['node', 'name', 'value'],
  when: 'keep',
};

export const observations: Upsert = {
  table: 'pullwhy_observations',
  columns: [
    ['node', 'text'],
    ['kind', 'text'],
    ['subject', 'text'],
    ['version', 'int'],
    ['registry', 'text'],
    ['failing', 'int'],
    ['severity', 'int'],
    ['verdict', 'text'],
    ['cause', 'text'],
    ['pods', 'int'],
    ['at', 'int'],
    ['received_at', 'int'],
    ['latency', 'int'],
    ['not_after', 'int'],
    ['rate_source', 'text'],
    ['rate_limit', 'int'],
    ['rate_remaining', 'int'],
    ['ended_by', 'text'],
    ['seconds_gained', 'real'],
    ['detail', 'text'],
  ],
  key: ['kind', 'subject', 'node'],
  when: 'newest',
};

export const investigations: Upsert = {
  table: 'pullwhy_investigations',
  columns: [
    ['id', 'text'],
    ['node', 'text'],
    ['version', 'int'],
    ['at', 'int'],
    ['image', 'text'],
    ['image_key', 'text'],
    ['registry', 'text'],
    ['verdict', 'text'],
    ['cause', 'text'],
    ['confidence', 'text'],
    ['summary', 'text'],
    ['bytes', 'int'],
  ],
  key: ['id', 'node'],
  when: 'newest',
};

export const documents: Upsert = {
  table: 'pullwhy_documents',
  columns: [
    ['id', 'text'],
    ['node', 'text'],
    ['version', 'int'],
    ['document', 'bytes'],
  ],
  key: ['id', 'node'],
  when: 'newest',
};

export const incidents: Upsert = {
  table: 'pullwhy_incidents',
  columns: [
    ['id', 'text'],
    ['incident_key', 'text'],
    ['state', 'text'],
    ['cause', 'text'],
    ['scope', 'text'],
    ['subject_kind', 'text'],
    ['subject', 'text'],
    ['opened_at', 'int'],
    ['updated_at', 'int'],
    ['closed_at', 'int'],
    ['document', 'text'],
    ['memory', 'text'],
  ],
  key: ['id'],
  when: 'replace',
};

export const incidentNodes: Upsert = {
  table: 'pullwhy_incident_nodes',
  columns: [
    ['incident', 'text'],
    ['node', 'text'],
  ],
  key: ['incident', 'node'],
  when: 'keep',
};

export const events: Upsert = {
  table: 'pullwhy_events',
  columns: [
    ['id', 'int'],
    ['at', 'int'],
    ['bytes', 'int'],
    ['document', 'text'],
  ],
  key: ['id'],
  when: 'keep',
};
