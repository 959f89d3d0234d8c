import type { Hop } from '../model/investigation.ts';

/** How one network party is reached: which origin, and directly or by which proxy. */
export interface Way {
  /** Names the way in facts: `https://registry.corp:443 direct`. */
  readonly id: string;
  readonly hop: Hop;
  /** Index into the plan's endpoints: whose pull this way serves. */
  readonly endpoint: number;
  readonly scheme: 'http' | 'https';
  readonly host: string;
  readonly port: number;
  /** `http://proxy:3128`, or null. */
  readonly proxy: string | null;
  readonly proxyReason: string;
  /** What it tries instead of the runtime's own way; null: it is the runtime's own. */
  readonly instead: 'direct' | 'by-proxy' | 'plain-http' | 'https' | null;
}
