import assert from 'node:assert/strict';
import type { FleetIncident } from '../../src/api/fleet.ts';
import type { Frozen } from '../../src/api/schema.ts';
import { materialOf } from '../../src/collector/incidents/document.ts';
import { send } from './http-collector.ts';

/** What a collector knows, as its callers see it, but for what depends on when it came and not on what. */
export interface FleetDump {
  readonly nodes: readonly unknown[];
  readonly results: readonly unknown[];
  readonly registries: readonly unknown[];
  /** Without what is written once a minute only (`refreshEveryMs`), and so stays as one look of that minute saw it. */
  readonly incidents: readonly unknown[];
  readonly investigations: readonly unknown[];
  readonly documents: readonly unknown[];
  readonly recovered: unknown;
}

/** Members that tell when something came, or was written. */
const ofArrival: ReadonlySet<string> = new Set(['lastSeenAt', 'updatedAt', 'clockOffsetSeconds']);

/** Asks a collector on loopback for everything. `documents`: each investigation whole, too. */
export async function dumpFleet(port: number, { documents = true } = {}): Promise<FleetDump> {
  const get = async (path: string): Promise<Record<string, unknown>> => {
    const answer = await send(port, '', {}, { path, method: 'GET' });
    assert.equal(answer.status, 200, `GET ${path}: ${answer.status} ${answer.text}`);
    return answer.body;
  };
  const list = async <Item = Record<string, unknown>>(path: string): Promise<Item[]> => {
    const all: Item[] = [];
    for (let cursor = ''; ; ) {
      const page = await get(`${path}?limit=500${cursor}`);
      assert.ok(Array.isArray(page.items), path);
      all.push(...page.items);
      if (typeof page.next !== 'string') return all;
      cursor = `&cursor=${encodeURIComponent(page.next)}`;
    }
  };
  const nodes = await list('/v1/nodes');
  const results: unknown[] = [];
  for (const { node } of nodes) {
    const one = await get(`/v1/nodes/${node}`);
    results.push([node, one.authorities, sorted(one.results), Array.isArray(one.incidents) && one.incidents.length]);
  }
  const investigations = await list('/v1/investigations');
  const whole: unknown[] = [];
  if (documents) for (const { id } of investigations) whole.push(await get(`/v1/investigations/${id}`));
  return timeless({
    nodes,
    results,
    registries: await list('/v1/registries'),
    incidents: sorted((await list<Frozen<FleetIncident>>('/v1/incidents')).map(materialOf)),
    investigations: sorted(investigations),
    documents: sorted(whole),
    recovered: (await get('/v1/report')).recovered,
  });
}

function sorted(list: unknown): readonly unknown[] {
  assert.ok(Array.isArray(list));
  return [...list].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

function timeless<T>(value: T): T {
  return JSON.parse(JSON.stringify(value, (name, member) => (ofArrival.has(name) ? undefined : member)));
}
