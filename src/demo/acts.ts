import type { FleetIncident } from '../api/fleet.ts';
import type { Frozen } from '../api/schema.ts';
import type { CauseId } from '../model/cause-id.ts';
import type { Site } from './sites.ts';
import { type Fault, imageOf, isHit } from './world.ts';

/** What is broken in one act. */
export type Change =
  | { readonly on: 'simulated'; readonly fault: Fault }
  /** The registry of the real agents closes its port. */
  | { readonly on: 'real'; readonly what: 'registry-down' }
  /** One real node's hosts file loses the registry's name. */
  | { readonly on: 'real'; readonly what: 'host-unknown'; readonly node: string };

/** One act of the demo: something breaks, the collector says what, it is mended. */
export interface Act {
  /** `A nameserver falls silent` */
  readonly title: string;
  /** What is broken, for whoever watches. */
  readonly broken: string;
  /** What to see in what the collector says. */
  readonly lesson: string;
  readonly change: Change;
  readonly expected: Expected;
}

/** What the collector has to find out by itself. */
export interface Expected {
  readonly cause: CauseId;
  readonly subject: FleetIncident['subject'];
  readonly scope: FleetIncident['scope'];
  /** How many nodes fail; null: any number. */
  readonly failing: number | null;
  /** What sets them apart; null: nothing does, and nothing may be said. */
  readonly attribution: { readonly attribute: string; readonly value: string } | null;
}

/** Attribution needs nodes of both kinds (collector, attribution rules): with fewer nothing can be said, rightly. */
const leastFailing = 3;
const leastNodes = 12;

/** What the demo has. */
export interface Stage {
  readonly sites: readonly Site[];
  /** Names of the nodes of real agents. */
  readonly real: readonly string[];
  /** `registry.demo.test:41234`, of the real agents. */
  readonly registry: string;
}

/** The story, for so many nodes. Pure. */
export function actsOf({ sites, real, registry }: Stage): readonly Act[] {
  const hit = (fault: Fault): number => sites.filter((site) => isHit(site, fault)).length;
  const simulated = (
    fault: Fault,
    words: Pick<Act, 'title' | 'broken' | 'lesson'>,
    expected: Omit<Expected, 'failing' | 'scope'> & { readonly scope?: Expected['scope'] },
  ): Act[] => {
    const failing = hit(fault);
    if (failing === 0) return [];
    const enough = failing >= leastFailing && sites.length >= leastNodes;
    return [
      {
        ...words,
        change: { on: 'simulated', fault },
        expected: {
          ...expected,
          scope: expected.scope ?? (failing === 1 ? 'node' : 'group'),
          failing,
          attribution: enough ? expected.attribution : null,
        },
      },
    ];
  };
  const corp = 'registry.corp.example';
  const nameserver = '10.0.0.53';
  const zone = 'eu-1c';
  const egress = '198.51.100.7';
  const full = sites[Math.min(4, sites.length - 1)]?.name ?? '';
  const image = `${corp}/shop/checkout:2.O`;
  const typo: Fault = { kind: 'typo', image, registry: corp, nodes: sites.slice(0, 2).map(({ name }) => name) };
  const nameserverFault: Fault = { kind: 'nameserver', nameserver, registry: corp };
  const zoneFault: Fault = { kind: 'firewall', zone, registry: 'quay.io' };
  const budget: Fault = { kind: 'budget', egress, registry: 'docker.io' };
  const [first, second] = real;
  return [
    ...simulated(
      nameserverFault,
      {
        title: 'A nameserver falls silent',
        broken: `${nameserver} answers no more for ${corp}; ${hit(nameserverFault)} of ${sites.length} simulated nodes ask it.`,
        lesson: 'No node can know that it is the nameserver. All of them together can.',
      },
      {
        cause: 'dns-timeout',
        subject: { kind: 'registry', name: corp },
        attribution: { attribute: 'nameserver', value: nameserver },
      },
    ),
    ...simulated(
      zoneFault,
      {
        title: 'A firewall in one zone',
        broken: `What goes from zone ${zone} to quay.io is dropped; ${hit(zoneFault)} simulated nodes are there.`,
        lesson: 'The same registry, the same settings: what the failing ones share is where they are.',
      },
      {
        cause: 'tcp-timeout',
        subject: { kind: 'registry', name: 'quay.io' },
        attribution: { attribute: 'zone', value: zone },
      },
    ),
    ...simulated(
      { kind: 'disk', node: full },
      {
        title: 'One full disk',
        broken: `The file system of images of ${full} has no byte left.`,
        lesson: 'One node, and a part of that node: nobody needs to look at a registry.',
      },
      { cause: 'disk-full', subject: { kind: 'node', name: 'image-filesystem' }, attribution: null },
    ),
    ...simulated(
      budget,
      {
        title: "Docker Hub's budget is used up",
        broken: `${hit(budget)} simulated nodes reach the world as ${egress}, which has pulled its share of docker.io.`,
        lesson: 'Docker Hub counts addresses, and nodes share them.',
      },
      {
        cause: 'rate-limited',
        subject: { kind: 'registry', name: 'docker.io' },
        attribution: { attribute: 'egress-address', value: egress },
      },
    ),
    ...simulated(
      typo,
      {
        title: 'A typing error',
        broken: `A Deployment asks for ${image}, with a letter O for a zero.`,
        lesson: "It is told as the workload's own: no node, no registry, and nobody is woken.",
      },
      { cause: 'tag-not-found', subject: { kind: 'image', name: image }, attribution: null },
    ),
    ...simulated(
      { kind: 'registry', registry: corp },
      {
        title: 'The registry is down for everybody',
        broken: `${corp} answers 503 to every node; each has pods that need ${imageOf(corp)}.`,
        lesson: 'One incident, however many nodes and pods, and nothing is said to set nodes apart.',
      },
      {
        cause: 'registry-error',
        subject: { kind: 'registry', name: corp },
        scope: sites.length >= 3 ? 'cluster' : sites.length > 1 ? 'group' : 'node',
        attribution: null,
      },
    ),
    ...(first === undefined
      ? []
      : [
          {
            title: 'Real: the port of a registry is closed',
            broken: `The demo's own registry, ${registry}, stops listening. The real agents find out by real probes.`,
            lesson: 'The investigation behind it is a real one: every hop was measured.',
            change: { on: 'real', what: 'registry-down' },
            expected: {
              cause: 'tcp-refused',
              subject: { kind: 'registry', name: registry },
              scope: real.length >= 3 ? 'cluster' : real.length === 2 ? 'group' : 'node',
              failing: real.length,
              attribution: null,
            },
          } as const,
        ]),
    ...(second === undefined
      ? []
      : [
          {
            title: "Real: one node's hosts file loses a name",
            broken: `On ${second} the line for the registry is gone from etc/hosts, and no nameserver is there to ask.`,
            lesson: 'The others reach it: so it is this node.',
            change: { on: 'real', what: 'host-unknown', node: second },
            expected: {
              cause: 'dns-refused',
              subject: { kind: 'registry', name: registry },
              scope: 'node',
              failing: 1,
              attribution: null,
            },
          } as const,
        ]),
  ];
}

/** Whether an incident is the one of this act, right or not. */
export function isOf({ expected }: Act, { cause, subject }: Frozen<FleetIncident>): boolean {
  return cause === expected.cause && subject.kind === expected.subject.kind && subject.name === expected.subject.name;
}

/** What the collector says otherwise than it should; empty: nothing. */
export function wrongOf({ expected }: Act, { scope, nodes, attribution }: Frozen<FleetIncident>): string[] {
  const [first] = attribution;
  const wanted = expected.attribution;
  return [
    ...(scope === expected.scope ? [] : [`scope ${scope} and not ${expected.scope}`]),
    ...(expected.failing === null || nodes.failing === expected.failing
      ? []
      : [`${nodes.failing} failing nodes and not ${expected.failing}`]),
    ...(wanted === null
      ? attribution.length === 0
        ? []
        : [`${first?.attribute} ${first?.value} told as what sets them apart, which nothing does`]
      : isNamed(wanted, first)
        ? []
        : [`${wanted.attribute} ${wanted.value} not told as what sets them apart`]),
  ];
}

function isNamed(
  wanted: NonNullable<Expected['attribution']>,
  told: Frozen<FleetIncident>['attribution'][number] | undefined,
): boolean {
  return told !== undefined && told.attribute === wanted.attribute && told.value === wanted.value;
}
