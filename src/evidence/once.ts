import type { View } from './view.ts';

/**
 * What is asked of a view again and again, by each cause and each probe, is made once: a view never changes, and what was
 * made of it goes with it.
 */
export function oncePerView<T extends object>(make: (view: View) => T): (view: View) => T {
  const known = new WeakMap<View, T>();
  return (view) => {
    const before = known.get(view);
    if (before !== undefined) return before;
    const made = make(view);
    known.set(view, made);
    return made;
  };
}

/** The same of a part of it: an endpoint, a way, a host. */
export function oncePerPart<K, T extends object>(make: (view: View, part: K) => T): (view: View, part: K) => T {
  const parts = oncePerView(() => new Map<K, T>());
  return (view, part) => {
    const known = parts(view);
    const before = known.get(part);
    if (before !== undefined) return before;
    const made = make(view, part);
    known.set(part, made);
    return made;
  };
}
