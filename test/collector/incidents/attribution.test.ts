import assert from 'node:assert/strict';
import { causeOf } from '../../../src/causes/index.ts';
import { compareVersions, indexAttributes } from '../../../src/collector/incidents/attribute-index.ts';
import { attribute } from '../../../src/collector/incidents/attribution.ts';
import { onlyReasons, relevantTo } from '../../../src/collector/incidents/relevance.ts';
import type { CauseId } from '../../../src/model/cause-id.ts';
import { seeded } from './fleets.ts';

type Attributes = Record<string, string[]>;
type Random = () => number;

/** A fleet like real ones: attributes that are spread by lot, some values common and some rare. */
function fleetOf(nodes: number, random: Random): Attributes[] {
  const pick = (...values: string[]): string => values[Math.floor(random() ** 1.3 * values.length)] ?? '';
  return Array.from({ length: nodes }, (_, place) => ({
    nameserver: [pick('10.0.0.10', '10.0.0.11', '10.0.0.12', '10.0.0.53'), '10.0.0.2'],
    'search-domain': ['corp.example'],
    zone: [pick('eu-1a', 'eu-1b', 'eu-1c')],
    region: ['eu-1'],
    'node-pool': [pick('general', 'memory', 'gpu', 'spot')],
    'instance-type': [pick('m5', 'm6', 'r5', 'g4')],
    'egress-address': [pick('198.51.100.1', '198.51.100.2', '198.51.100.3', '198.51.100.4')],
    runtime: ['containerd'],
    'runtime-version': [pick('1.7.9', '1.7.24', '2.0.1', '2.1.4')],
    'kubelet-version': [pick('v1.31.4', 'v1.32.1', 'v1.33.0')],
    kernel: [pick('6.1.0-9', '6.1.0-21', '6.1.0-30')],
    os: ['Debian 12'],
    architecture: [pick('amd64', 'amd64', 'arm64')],
    'trust-store': [pick('a1b2', 'c3d4')],
    'registry-configuration': [pick('11aa', '22bb', '33cc')],
    proxy: random() < 0.2 ? ['http://proxy:3128'] : [],
    'no-proxy': ['localhost', '.corp.example', `10.0.${place % 7}.0/24`],
    'agent-version': [pick('1.0.0', '1.1.0')],
    hostname: [`worker-${place}`],
  }));
}

function findings(
  fleet: readonly Attributes[],
  fails: (node: Attributes, place: number) => boolean,
  cause: CauseId = 'tcp-timeout',
) {
  const numbers = fleet.map((_node, place) => place);
  const failing = numbers.filter((place) => fails(fleet[place] ?? {}, place));
  const healthy = numbers.filter((place) => !fails(fleet[place] ?? {}, place));
  return attribute(indexAttributes(fleet), {
    failing: Int32Array.from(failing),
    healthy: Int32Array.from(healthy),
    fresh: new Uint8Array(healthy.length).fill(1),
    relevant: relevantTo(causeOf(cause).layer),
    only: onlyReasons(cause),
  });
}

function names(found: ReturnType<typeof findings>): string[] {
  return found.map(({ attribute, value }) => `${attribute} ${value}`);
}

const has = (node: Attributes, name: string, value: string): boolean => node[name]?.includes(value) ?? false;

/** As many fleets as each case is tried on, each made from another seed. */
const fleets = 60;

/** A case with a known truth: what fails, and what has to be found in every fleet that has enough failing nodes. */
interface Case {
  readonly name: string;
  readonly cause: CauseId;
  readonly nodes: number;
  readonly fails: (node: Attributes, random: Random) => boolean;
  readonly truth: readonly string[];
}

const cases: readonly Case[] = [
  {
    name: 'one bad nameserver',
    cause: 'dns-timeout',
    nodes: 200,
    fails: (node) => has(node, 'nameserver', '10.0.0.53'),
    truth: ['nameserver 10.0.0.53'],
  },
  {
    name: "one zone's firewall",
    cause: 'tcp-timeout',
    nodes: 200,
    fails: (node) => has(node, 'zone', 'eu-1c'),
    truth: ['zone eu-1c'],
  },
  {
    name: 'an egress address at its rate limit',
    cause: 'rate-limited',
    nodes: 120,
    fails: (node) => has(node, 'egress-address', '198.51.100.4'),
    truth: ['egress-address 198.51.100.4'],
  },
  {
    name: 'nodes without a proxy',
    cause: 'tcp-timeout',
    nodes: 100,
    fails: (node) => node.proxy?.length === 0,
    truth: ['proxy none'],
  },
  {
    name: 'two overlapping causes',
    cause: 'tcp-timeout',
    nodes: 400,
    fails: (node) => has(node, 'nameserver', '10.0.0.53') || has(node, 'zone', 'eu-1c'),
    truth: ['nameserver 10.0.0.53', 'zone eu-1c'],
  },
  {
    name: 'failing nodes elsewhere, and healthy ones within',
    cause: 'dns-timeout',
    nodes: 400,
    fails: (node, random) => (has(node, 'nameserver', '10.0.0.53') ? random() >= 0.02 : random() < 0.02),
    truth: ['nameserver 10.0.0.53'],
  },
  {
    name: 'a version and all before it',
    cause: 'tls-handshake-failed',
    nodes: 200,
    fails: (node) => compareVersions(node['runtime-version']?.[0] ?? '', '2.0.1') < 0,
    truth: ['runtime-version older than 2.0.1'],
  },
];

describe('collector: attribution', () => {
  for (const { name, cause, nodes, fails, truth } of cases) {
    it(`finds ${name}`, () => {
      for (let seed = 1; seed <= fleets; seed++) {
        const random = seeded(seed);
        const fleet = fleetOf(nodes, random);
        const failing = fleet.map((node) => fails(node, random));
        const found = findings(fleet, (_node, place) => failing[place] === true, cause);
        assert.deepEqual(names(found).sort(), [...truth].sort(), `seed ${seed}`);
      }
    });
  }

  it('says it with its counts', () => {
    const fleet = Array.from({ length: 200 }, (_, place) => ({ nameserver: [place < 12 ? '10.0.0.53' : '10.0.0.2'] }));
    const [found, ...more] = findings(fleet, (_node, place) => place < 12, 'dns-timeout');
    assert.deepEqual(more, []);
    assert.equal(found?.sentence, '12 of 12 failing nodes use nameserver 10.0.0.53, none of the 188 healthy ones does');
    assert.deepEqual([found.failingWith, found.failing, found.healthyWith, found.healthy], [12, 12, 0, 188]);
    assert.ok(found.pValue < 1e-15 && found.pValue > 0);
  });

  it('names what explains the cause of attributes that the same nodes have, and the others as the same', () => {
    const fleet = Array.from({ length: 60 }, (_, place) => {
      const cell = place % 3;
      return {
        zone: [`eu-1${'abc'[cell]}`],
        nameserver: [`10.0.${cell}.53`],
        'node-pool': [place % 2 === 0 ? 'x' : 'y'],
      };
    });
    const inThird = (_node: Attributes, place: number): boolean => place % 3 === 2;
    const [dns] = findings(fleet, inThird, 'dns-timeout');
    assert.deepEqual(
      [dns?.attribute, dns?.value, dns?.sameAs],
      ['nameserver', '10.0.2.53', [{ attribute: 'zone', value: 'eu-1c' }]],
    );
    const [tcp] = findings(fleet, inThird, 'tcp-timeout');
    assert.deepEqual([tcp?.attribute, tcp?.sameAs], ['zone', [{ attribute: 'nameserver', value: '10.0.2.53' }]]);
  });

  it('finds the nameserver that is asked first where all nodes have both', () => {
    const fleet = Array.from({ length: 80 }, (_, place) => ({
      nameserver: place % 4 === 0 ? ['10.0.0.53', '10.0.0.2'] : ['10.0.0.2', '10.0.0.53'],
    }));
    const [found] = findings(fleet, (_node, place) => place % 4 === 0, 'dns-timeout');
    assert.deepEqual([found?.attribute, found?.value], ['first-nameserver', '10.0.0.53']);
    assert.match(found?.sentence ?? '', /^20 of 20 failing nodes ask nameserver 10\.0\.0\.53 first, none of the 60/);
  });

  it('names only where nodes reach out from as the reason of a rate limit', () => {
    const fleet = Array.from({ length: 90 }, (_, place) => ({
      'node-pool': [place < 20 ? 'batch' : 'web'],
      zone: ['a'],
    }));
    assert.deepEqual(
      findings(fleet, (_node, place) => place < 20, 'rate-limited'),
      [],
    );
    assert.equal(findings(fleet, (_node, place) => place < 20, 'tcp-timeout').length, 1);
  });

  it('is silent in small fleets, where chance explains it', () => {
    for (const nodes of [3, 5, 10]) {
      for (let failing = 1; failing <= nodes; failing++) {
        const fleet = Array.from({ length: nodes }, (_, place) => ({ zone: [place < failing ? 'a' : 'b'] }));
        assert.deepEqual(
          findings(fleet, (_node, place) => place < failing),
          [],
          `${failing} of ${nodes}`,
        );
      }
    }
  });

  it('is silent without healthy nodes to compare with', () => {
    const fleet = Array.from({ length: 304 }, (_, place) => ({ zone: [place < 300 ? 'a' : 'b'] }));
    assert.deepEqual(
      findings(fleet, (_node, place) => place < 300),
      [],
    );
  });

  it('is silent about what a large fleet shows and an operator would not', () => {
    // 60 and 40 of a hundred: no chance, and no reason either.
    const random = seeded(7);
    const fleet = Array.from({ length: 6000 }, () => ({ zone: [random() < 0.5 ? 'a' : 'b'] }));
    const fails = fleet.map(({ zone }) => random() < (zone[0] === 'a' ? 0.6 : 0.4));
    assert.deepEqual(
      findings(fleet, (_node, place) => fails[place] === true),
      [],
    );
  });

  it('leaves nodes out for which the attribute is not known', () => {
    const fleet: Attributes[] = Array.from(
      { length: 60 },
      (_, place): Attributes => (place % 3 === 0 ? {} : { zone: [place < 20 ? 'a' : 'b'] }),
    );
    const [found] = findings(fleet, (_node, place) => place < 20);
    assert.deepEqual([found?.failingWith, found?.failing, found?.healthy], [13, 13, 27]);
  });

  // README.md, "Attribution", has these figures.
  it('is wrong in at most one of a thousand fleets in which failures are chance', () => {
    const tried = 6000;
    let wrong = 0;
    for (let seed = 1; seed <= tried; seed++) {
      const random = seeded(seed * 7919);
      const fleet = fleetOf([12, 30, 60, 120, 200][seed % 5] ?? 0, random);
      const share = [0.05, 0.15, 0.3, 0.5, 0.8][Math.floor(random() * 5)] ?? 0;
      const fails = fleet.map(() => random() < share);
      if (findings(fleet, (_node, place) => fails[place] === true).length > 0) wrong++;
    }
    console.log(`      attribution: ${wrong} of ${tried} fleets by chance had one named`);
    assert.ok(wrong <= tried / 1000, `${wrong} of ${tried}`);
  }).timeout(60_000);
});
