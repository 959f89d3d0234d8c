import type { Incident, PodName } from './parts.ts';

/**
 * The pod whose credentials an incident's investigations try: the one that they were about before, while it waits, else the
 * first that waits; undefined: none is known by name.
 */
export function podOf({ pods, conclusion }: Pick<Incident, 'pods' | 'conclusion'>): PodName | undefined {
  const named = pods.flatMap(({ namespace, pod }) =>
    namespace === null || pod === null ? [] : [{ namespace, name: pod }],
  );
  const before = conclusion?.pod;
  return named.find((one) => one.namespace === before?.namespace && one.name === before.name) ?? named[0];
}
