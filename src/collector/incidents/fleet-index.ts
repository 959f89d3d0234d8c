import type { FleetLook } from '../parts.ts';
import { fleetRules } from '../rules.ts';

/** The nodes of one look, by number; numbers are in the order of names. */
export interface FleetIndex {
  readonly names: readonly string[];
  readonly numbers: ReadonlyMap<string, number>;
  /** When each was last heard of. */
  readonly heardAt: Float64Array;
  /** 1: nothing was heard of it for so long that nothing is known of it. */
  readonly silent: Uint8Array;
  /** 1: silent for so long that it is taken for gone. */
  readonly gone: Uint8Array;
  readonly attributes: readonly (Readonly<Record<string, readonly string[]>> | null)[];
}

/** Numbers all nodes of a look. One that only an observation names was heard of when that came. */
export function indexFleet({ now, fleet, failing, heardFrom }: FleetLook): FleetIndex {
  const known = new Map(fleet.map((node) => [node.node, node]));
  const received = new Map<string, number>();
  for (const { node, receivedAt } of failing) {
    if (!known.has(node)) received.set(node, Math.max(received.get(node) ?? 0, receivedAt));
  }
  const names = [...known.keys(), ...received.keys()];
  if (names.some((name, place) => place > 0 && name < (names[place - 1] ?? ''))) names.sort();
  const index = {
    names,
    numbers: new Map(names.map((name, number) => [name, number])),
    heardAt: new Float64Array(names.length),
    silent: new Uint8Array(names.length),
    gone: new Uint8Array(names.length),
    attributes: names.map((name) => known.get(name)?.attributes ?? null),
  };
  for (const [number, name] of names.entries()) {
    const heardAt = known.get(name)?.lastSeenAt ?? received.get(name) ?? 0;
    const quietFor = now - Math.max(heardAt, heardFrom ?? 0);
    index.heardAt[number] = heardAt;
    index.silent[number] = Number(quietFor > fleetRules.silentAfterMs);
    index.gone[number] = Number(quietFor > fleetRules.goneAfterMs);
  }
  return index;
}
