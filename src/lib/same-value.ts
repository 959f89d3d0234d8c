import { Secret } from './secret.ts';

/**
 * Whether two values have the same contents: primitives, secrets, bytes, lists, maps, sets and plain objects of these. What
 * is of another class is the same only where it is one object. **Functions count as the same**: the caller knows that
 * what they were made from is (it is told by other means), or does not care.
 */
export function sameValue(one: unknown, other: unknown): boolean {
  if (Object.is(one, other)) return true;
  if (typeof one === 'function') return typeof other === 'function';
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return false;
  if (one instanceof Secret) return other instanceof Secret && one.reveal() === other.reveal();
  if (one instanceof Uint8Array) return other instanceof Uint8Array && Buffer.compare(one, other) === 0;
  if (one instanceof Set) return other instanceof Set && sameValue([...one], [...other]);
  if (one instanceof Map) return other instanceof Map && sameValue([...one], [...other]);
  if (Array.isArray(one)) {
    return Array.isArray(other) && one.length === other.length && one.every((item, at) => sameValue(item, other[at]));
  }
  if (!isPlain(one) || !isPlain(other)) return false;
  const entries = Object.entries(one);
  const others = new Map(Object.entries(other));
  return (
    entries.length === others.size &&
    entries.every(([key, value]) => others.has(key) && sameValue(value, others.get(key)))
  );
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
