import { openedOf } from './opened-by-proxy.ts';
import { type Unsigned, unsignedOf } from './plain-by-proxy.ts';
import type { View } from './view.ts';
import type { Way } from './way.ts';

/** An answer on a way by the runtime's proxy that is, or may be, the proxy's own; null: there is none. */
export function unsignedAnswer(view: View, way: Way): Unsigned | null {
  return way.scheme === 'https' ? openedOf(view, way) : unsignedOf(view, way);
}
