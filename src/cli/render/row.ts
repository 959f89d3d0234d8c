import type { ProbeResult } from '../../model/investigation.ts';

/** The steps of a pull in their order, as a person reads them. */
export const steps = ['dns', 'tcp', 'proxy', 'tls', 'registry', 'auth', 'manifest', 'content'] as const;

/** One line of the waterfall. */
export interface Row {
  /** `instead` is a counterfactual: what would work, or would not, in the runtime's stead. */
  readonly step: (typeof steps)[number] | 'instead' | 'runtime' | 'image' | 'pause' | 'storage' | 'disk' | 'plugins';
  /**
   * `failed` stops this endpoint; `partly` fails where the endpoint serves all the same; `not-checked` is an unknown;
   * `not-reached` lies behind the failure.
   */
  readonly state: 'ok' | 'failed' | 'partly' | 'instead' | 'not-checked' | 'not-reached';
  readonly words: string;
  readonly probes: readonly ProbeResult[];
}

/** Things that are alike by `key`, in the order in which each kind came first. */
export function groups<T>(things: readonly T[], key: (thing: T) => string): T[][] {
  const by = new Map<string, T[]>();
  for (const thing of things) by.set(key(thing), [...(by.get(key(thing)) ?? []), thing]);
  return [...by.values()];
}
