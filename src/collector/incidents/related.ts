/** Incidents on mostly the same nodes. */
export const relatedRules = {
  /** So large a share of both incidents' nodes they have in common. */
  share: 0.8,
  /** Incidents that are looked at for each other, those on the most nodes first: the work grows with their square. */
  most: 256,
  /** Named for each. */
  named: 20,
} as const;

/** An open incident. */
export interface RelatedInput {
  readonly id: string;
  /** Numbers of its failing nodes, each once. */
  readonly failing: Int32Array;
}

/** For each id those of others on mostly the same nodes, in the order of ids: one dead nameserver breaks five registries. */
export function relatedOf(incidents: readonly RelatedInput[], nodes: number): Map<string, string[]> {
  const related = new Map<string, string[]>();
  const looked = incidents
    .filter(({ failing }) => failing.length > 0)
    .sort((a, b) => b.failing.length - a.failing.length || (a.id < b.id ? -1 : 1))
    .slice(0, relatedRules.most)
    .map(({ id, failing }) => ({ id, size: failing.length, bits: bitsOf(failing, nodes) }));
  for (const [place, a] of looked.entries()) {
    for (let other = place + 1; other < looked.length; other++) {
      const b = looked[other];
      // They are in order of size: those that follow are smaller still.
      if (b === undefined || b.size < relatedRules.share * a.size) break;
      if (common(a.bits, b.bits) < relatedRules.share * a.size) continue;
      add(related, a.id, b.id);
      add(related, b.id, a.id);
    }
  }
  for (const [id, ids] of related) related.set(id, ids.sort().slice(0, relatedRules.named));
  return related;
}

function add(related: Map<string, string[]>, id: string, other: string): void {
  const ids = related.get(id);
  if (ids === undefined) related.set(id, [other]);
  else ids.push(other);
}

function bitsOf(failing: Int32Array, nodes: number): Uint32Array {
  const bits = new Uint32Array((nodes >> 5) + 1);
  for (const node of failing) bits[node >> 5] = (bits[node >> 5] ?? 0) | (1 << (node & 31));
  return bits;
}

function common(a: Uint32Array, b: Uint32Array): number {
  let sum = 0;
  for (let word = 0; word < a.length; word++) {
    let bits = (a[word] ?? 0) & (b[word] ?? 0);
    while (bits !== 0) {
      bits &= bits - 1;
      sum++;
    }
  }
  return sum;
}
