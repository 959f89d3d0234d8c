import { causeOf } from '../causes/index.ts';
import { remediesOf } from '../causes/remedies.ts';
import type { CauseId, Layer } from '../model/cause-id.ts';
import type { Confidence, Remedy } from '../model/investigation.ts';
import type { Site } from './sites.ts';

/** What is broken. One fault hits those nodes that it would hit in a data centre, and no others. */
export type Fault =
  /** A nameserver does not answer for the names of one registry any more. */
  | { readonly kind: 'nameserver'; readonly nameserver: string; readonly registry: string }
  /** A firewall of one zone drops what goes to one registry. */
  | { readonly kind: 'firewall'; readonly zone: string; readonly registry: string }
  /** A registry answers 503 to everybody. */
  | { readonly kind: 'registry'; readonly registry: string }
  /** The file system of images of one node is full. */
  | { readonly kind: 'disk'; readonly node: string }
  /** Docker Hub's budget of one address, by which many nodes go out, is used up. */
  | { readonly kind: 'budget'; readonly egress: string; readonly registry: string }
  /** A workload asks for a tag that nobody pushed. */
  | { readonly kind: 'typo'; readonly image: string; readonly registry: string; readonly nodes: readonly string[] };

/** The world of the nodes: what they use, and what of it is broken. Data; who changes it makes another one. */
export interface World {
  /** Registries that every node looks at. */
  readonly registries: readonly string[];
  readonly faults: readonly Fault[];
}

/** The made-up registries of the fleet. */
export const usualRegistries = ['registry.corp.example', 'docker.io', 'quay.io'] as const;

/** What one fault is on one node. */
export interface Trouble {
  readonly cause: CauseId;
  readonly layer: Layer;
  readonly confidence: Confidence;
  readonly host: string | null;
  readonly summary: string;
  readonly remedies: readonly Remedy[];
  /** The check that meets it; null: none does, only a pull. */
  readonly check: { readonly of: 'registry' | 'node'; readonly subject: string } | null;
  /** The image that does not come; null: no pull needs it now. */
  readonly pull: {
    readonly image: string;
    readonly registry: string | null;
    readonly pods: number;
    readonly owners: number;
  } | null;
}

/** What of the world is wrong for this node. Pure. */
export function troublesOf(site: Site, { faults }: World): readonly Trouble[] {
  return faults.flatMap((fault) => (isHit(site, fault) ? [troubleOf(site, fault)] : []));
}

/** Whether a fault is one of this node. */
export function isHit(site: Site, fault: Fault): boolean {
  switch (fault.kind) {
    case 'nameserver':
      return site.nameserver === fault.nameserver;
    case 'firewall':
      return site.zone === fault.zone;
    case 'registry':
      return true;
    case 'disk':
      return site.name === fault.node;
    case 'budget':
      return site.egress === fault.egress;
    case 'typo':
      return fault.nodes.includes(site.name);
  }
}

function troubleOf(site: Site, fault: Fault): Trouble {
  switch (fault.kind) {
    case 'nameserver': {
      const { registry, nameserver } = fault;
      return trouble('dns-timeout', {
        host: registry,
        summary: `The nameserver ${nameserver} does not answer for ${registry}.`,
        args: { host: registry, nameserver },
        registry,
      });
    }
    case 'firewall': {
      const { registry } = fault;
      return trouble('tcp-timeout', {
        host: registry,
        summary: `${registry}:443 takes no connection within 5 s from zone ${site.zone}.`,
        args: { host: registry },
        registry,
      });
    }
    case 'registry': {
      const { registry } = fault;
      return trouble('registry-error', {
        host: registry,
        summary: `${registry} answers 503 Service Unavailable.`,
        args: { host: registry },
        registry,
      });
    }
    case 'budget': {
      const { registry, egress } = fault;
      return trouble('rate-limited', {
        host: registry,
        summary: `${registry} answers 429: the budget of ${egress} is used up.`,
        args: { host: registry },
        registry,
      });
    }
    case 'disk':
      return {
        ...trouble('disk-full', {
          host: null,
          summary: 'The file system of images has 0 of 100 GiB left.',
          args: {},
          registry: null,
        }),
        check: { of: 'node', subject: 'image-filesystem' },
        pull: null,
      };
    case 'typo': {
      const { image, registry } = fault;
      return {
        ...trouble('tag-not-found', {
          host: registry,
          summary: `${registry} has the repository of ${image}, and not this tag.`,
          args: { host: registry, image },
          registry,
        }),
        check: null,
        pull: { image, registry, pods: 1, owners: 1 },
      };
    }
  }
}

function trouble(
  cause: CauseId,
  parts: {
    readonly host: string | null;
    readonly summary: string;
    readonly args: Readonly<Record<string, string>>;
    readonly registry: string | null;
  },
): Trouble {
  const { host, summary, args, registry } = parts;
  return {
    cause,
    layer: causeOf(cause).layer,
    confidence: 'proven',
    host,
    summary,
    remedies: remediesOf(causeOf(cause), args),
    check: registry === null ? null : { of: 'registry', subject: registry },
    pull: registry === null ? null : { image: imageOf(registry), registry, pods: 2, owners: 1 },
  };
}

/** The image that workloads of every node want from a registry. */
export function imageOf(registry: string): string {
  return registry === 'docker.io' ? 'docker.io/library/nginx:1.29' : `${registry}/shop/web:1.4`;
}
