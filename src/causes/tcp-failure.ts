import { isUnspecified } from '../evidence/dns-block.ts';
import type { DoneProbe } from '../model/investigation.ts';
import type { NetworkFailure } from '../model/network-failure.ts';

/** The failure that stands for all addresses: IPv4's, for a node without IPv6 says "unreachable" to every IPv6 address at once; and a real one's before that of 0.0.0.0. */
export function tcpFailure(probes: readonly DoneProbe<'tcp'>[]): NetworkFailure | 'rpc' | null {
  const all = probes.filter((probe) => probe.status === 'failed');
  const real = all.filter(({ facts }) => !isUnspecified(facts.address));
  const failed = real.length > 0 ? real : all;
  const telling = failed.filter((probe) => probe.error?.code !== 'unreachable');
  const from = telling.length > 0 ? telling : failed;
  return (from.find((probe) => probe.facts.family === 4) ?? from[0])?.error?.code ?? null;
}
