import assert from 'node:assert/strict';
import type { Observation } from '../../../src/collector/parts.ts';
import type { CauseId } from '../../../src/model/cause-id.ts';
import { names, nodes } from './failing-zone.ts';
import { failing, failingPull, node, opened } from './fleets.ts';

describe('collector: what an incident is of', () => {
  const subjects: readonly {
    readonly name: string;
    readonly of: Observation;
    readonly subject: string;
    readonly fault: string;
  }[] = [
    {
      name: 'a typo is of its image',
      of: failingPull('n', 'tag-not-found', 'reg.example/a:1'),
      subject: 'image reg.example/a:1',
      fault: 'workload',
    },
    {
      name: 'a name that does not parse is of its image',
      of: failingPull('n', 'invalid-image-name', 'UPPER', { registry: null }),
      subject: 'image UPPER',
      fault: 'workload',
    },
    {
      name: 'a policy is of its image',
      of: failingPull('n', 'image-never-pull', 'reg.example/a:1'),
      subject: 'image reg.example/a:1',
      fault: 'workload',
    },
    {
      name: 'content that is wrong is of its image',
      of: failingPull('n', 'digest-mismatch', 'reg.example/a:1'),
      subject: 'image reg.example/a:1',
      fault: 'registry',
    },
    {
      name: "a pod's secret is of its image",
      of: failingPull('n', 'credentials-rejected', 'reg.example/a:1'),
      subject: 'image reg.example/a:1',
      fault: 'workload',
    },
    {
      name: 'content that does not come is of the registry',
      of: failingPull('n', 'blob-unreachable', 'reg.example/a:1'),
      subject: 'registry reg.example',
      fault: 'network',
    },
    {
      name: 'a refused address is of the registry',
      of: failingPull('n', 'source-address-blocked', 'reg.example/a:1'),
      subject: 'registry reg.example',
      fault: 'registry',
    },
    {
      name: 'credentials that a check has are of the registry',
      of: failing('n', 'credentials-rejected'),
      subject: 'registry registry.corp.example',
      fault: 'workload',
    },
    {
      name: 'a full disk is of the nodes',
      of: failingPull('n', 'disk-full', 'reg.example/a:1'),
      subject: 'node image-filesystem',
      fault: 'node',
    },
    {
      name: 'a part of the node has its name',
      of: failing('n', 'disk-full', { kind: 'node', subject: 'image-filesystem', registry: null }),
      subject: 'node image-filesystem',
      fault: 'node',
    },
    {
      name: 'a layer that cannot be unpacked has no part',
      of: failingPull('n', 'unpack-failed', 'reg.example/a:1'),
      subject: 'node unpack-failed',
      fault: 'node',
    },
    {
      name: 'what fits no cause is of what was looked at',
      of: failingPull('n', 'unknown', 'reg.example/a:1'),
      subject: 'image reg.example/a:1',
      fault: 'nobody',
    },
    {
      name: 'a registry that the configuration blocks',
      of: failingPull('n', 'registry-blocked', 'reg.example/a:1'),
      subject: 'registry reg.example',
      fault: 'node',
    },
  ];
  for (const { name, of, subject, fault } of subjects) {
    it(`knows whose matter it is: ${name}`, () => {
      const [incident] = opened({ fleet: [node('n')], failing: [of] });
      assert.equal(`${incident?.subject.kind} ${incident?.subject.name}`, subject);
      assert.equal(incident?.fault, fault);
    });
  }

  it('never makes a node or registry incident of what the workload can mend', () => {
    const typos: CauseId[] = [
      'tag-not-found',
      'repository-not-found',
      'invalid-image-name',
      'pull-secret-missing',
      'platform-mismatch',
    ];
    for (const { subject } of opened({
      fleet: nodes,
      failing: names.flatMap((name) => typos.map((cause) => failingPull(name, cause, 'reg.example/a:1'))),
    })) {
      assert.equal(subject.kind, 'image');
    }
  });

  it("takes credentials for the registry's matter when two owners' images meet them", () => {
    const a = failingPull('worker-0001', 'credentials-rejected', 'reg.example/a:1');
    const b = failingPull('worker-0002', 'credentials-rejected', 'reg.example/b:1');
    assert.deepEqual(
      opened({ fleet: nodes, failing: [a, b] }).map(({ subject }) => subject.name),
      ['reg.example'],
    );
    // Two containers of one pod wait together.
    const together = opened({ fleet: nodes, failing: [a, { ...b, node: a.node }] });
    assert.deepEqual(
      together.map(({ subject }) => subject.kind),
      ['image', 'image'],
    );
    const owners = opened({ fleet: nodes, failing: [a, { ...b, node: a.node, owners: 2 }] });
    assert.deepEqual(
      owners.map(({ subject }) => subject.kind),
      ['registry'],
    );
  });
});
