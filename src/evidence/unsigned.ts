import { type Opened, openedOf } from './opened-by-proxy.ts';
import { isProxysOwn, unsignedOf } from './plain-by-proxy.ts';
import type { View } from './view.ts';
import type { Way } from './way.ts';

/** An answer on a way by the runtime's proxy that is, or may be, the proxy's own; null: there is none. */
export function unsignedAnswer(view: View, way: Way): Opened | null {
  if (way.scheme === 'https') return openedOf(view, way);
  const plain = unsignedOf(view, way);
  return plain === null ? null : { ...plain, proxys: isProxysOwn(plain) };
}
