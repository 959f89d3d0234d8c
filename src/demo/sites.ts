import { seededChance } from './chance.ts';

/** One made-up node: what it is, and so which faults can hit it. */
export interface Site {
  readonly name: string;
  readonly nameserver: string;
  readonly zone: string;
  readonly egress: string;
  /** As agents report them (src/api/records.ts, `attributeNames`). */
  readonly attributes: Readonly<Record<string, readonly string[]>>;
}

/** Nameservers of the made-up fleet; the last one serves a quarter of the nodes. */
export const nameservers = ['10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.53'] as const;
/** Its zones, a third of the nodes each. */
export const zones = ['eu-1a', 'eu-1b', 'eu-1c'] as const;
/** The addresses by which its nodes reach the world (RFC 5737: of nobody), a fifth of the nodes each. */
export const egresses = ['198.51.100.7', '198.51.100.8', '203.0.113.20', '203.0.113.21', '203.0.113.22'] as const;

/** Most nodes that are asked for at once in tests; each has some KiB. */
export const mostSites = 100_000;

/**
 * Makes nodes. Nameserver, zone, egress address, pool and version of the runtime are shared out so that each is had by the
 * same part of the nodes that have any other: whatever fails, only one of them sets the failing nodes apart. Pure.
 */
export function makeSites(count: number, { seed = 1, prefix = 'sim' }: SiteOptions = {}): readonly Site[] {
  const chance = seededChance(seed);
  const wide = Math.max(2, String(Math.max(0, count - 1)).length);
  return Array.from({ length: Math.min(count, mostSites) }, (_, at) => {
    // Three, four, five: what one of them is says nothing of the others.
    const zone = pick(zones, at);
    const nameserver = pick(nameservers, at);
    const egress = pick(egresses, at);
    const pool = chance() < 0.8 ? 'general' : 'gpu';
    const version = chance() < 0.7 ? '2.1.4' : '1.7.28';
    return {
      name: `${prefix}-${String(at).padStart(wide, '0')}`,
      nameserver,
      zone,
      egress,
      attributes: {
        nameserver: [nameserver],
        'search-domain': ['corp.example'],
        zone: [zone],
        region: ['eu-1'],
        'node-pool': [pool],
        'instance-type': [pool === 'gpu' ? 'g5.4xlarge' : 'm7.2xlarge'],
        'egress-address': [egress],
        runtime: ['containerd'],
        'runtime-version': [version],
        'kubelet-version': ['v1.34.1'],
        kernel: [chance() < 0.5 ? '6.12.43' : '6.12.48'],
        os: ['Debian GNU/Linux 13 (trixie)'],
        architecture: ['amd64'],
        'trust-store': ['142 authorities 5f0c1a77be02'],
        'registry-configuration': ['etc/containerd/config.toml 8d1e07c2aa41'],
        'agent-version': ['0.1.0'],
      },
    };
  });
}

/** How they are made. */
export interface SiteOptions {
  readonly seed?: number;
  readonly prefix?: string;
}

function pick<T>(list: readonly [T, ...T[]], at: number): T {
  return list[at % list.length] ?? list[0];
}
