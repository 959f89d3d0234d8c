import assert from 'node:assert/strict';
import { evaluate, healthyQuestion } from '../../../src/collector/incidents/evaluate.ts';
import type { Observation } from '../../../src/collector/parts.ts';
import { names, nodes, others, twelve } from './failing-zone.ts';
import { failing, failingPull, healthy, look, node, nodeName, noon, onlyOne, opened, standingAfter } from './fleets.ts';

describe('collector: incidents', () => {
  it('tells in one sentence what, where and how many', () => {
    const [incident, ...more] = opened({ fleet: nodes, failing: twelve, healthy: others });
    assert.deepEqual(more, []);
    assert.equal(incident?.summary, 'registry.corp.example: tcp-timeout on 12 of 200 nodes, all in zone eu-1c.');
    assert.deepEqual(
      [incident?.cause, incident?.layer, incident?.fault, incident?.severity, incident?.scope, incident?.confidence],
      ['tcp-timeout', 'tcp', 'network', 'fault', 'group', 'proven'],
    );
    assert.equal(incident?.openedAt, new Date(noon - 5000).toISOString());
    assert.deepEqual(incident?.nodes, { failing: 12, healthy: 188, unknown: 0, names: names.slice(0, 12) });
    assert.ok((incident?.remedies.length ?? 0) > 0);
  });

  it('folds pulls and checks of one registry into one incident, each node once', () => {
    const pulls = names
      .slice(0, 12)
      .flatMap((name) => [
        failingPull(name, 'tcp-timeout', 'registry.corp.example/a:1', { pods: 2, investigation: `i-${name}` }),
        failingPull(name, 'tcp-timeout', 'registry.corp.example/b:1', { pods: 1, owners: 2 }),
      ]);
    const [incident, ...more] = opened({ fleet: nodes, failing: [...twelve, ...pulls], healthy: others });
    assert.deepEqual(more, []);
    assert.equal(incident?.nodes.failing, 12);
    assert.deepEqual([incident?.pods, incident?.workloads], [36, 3]);
    assert.deepEqual(incident?.images, ['registry.corp.example/a:1', 'registry.corp.example/b:1']);
    assert.equal(incident?.investigations.length, 10);
    assert.match(incident?.summary ?? '', /; 36 pods wait\.$/);
  });

  it('calls a broken mirror degraded', () => {
    const [incident] = opened({
      fleet: nodes,
      failing: [
        failing('worker-0001', 'mirror-failed', {
          verdict: 'degraded',
          underlying: 'tcp-refused',
          host: 'mirror:5000',
        }),
      ],
    });
    assert.equal(incident?.severity, 'degraded');
    assert.equal(
      incident?.summary,
      'registry.corp.example: mirror-failed (tcp-refused) at mirror:5000 on worker-0001; pulls work all the same.',
    );
  });

  const nothing: readonly { readonly name: string; readonly of: Observation }[] = [
    { name: 'what is only possible', of: failing('worker-0001', 'tcp-timeout', { confidence: 'possible' }) },
    { name: 'a look that found nothing out', of: failing('worker-0001', null, { verdict: 'inconclusive' }) },
    {
      name: 'what fits no cause and was not decided',
      of: failing('worker-0001', 'unknown', { verdict: 'inconclusive' }),
    },
    { name: 'a pull that nobody has looked into yet', of: failingPull('worker-0001', null, 'reg.example/a:1') },
    { name: 'a kubelet that only waits', of: failingPull('worker-0001', 'back-off-only', 'reg.example/a:1') },
    {
      name: 'one check that failed once',
      of: failing('worker-0001', 'tcp-timeout', { verdict: 'degraded', confidence: 'likely' }),
    },
  ];
  for (const { name, of } of nothing) {
    it(`opens nothing for ${name}`, () => {
      assert.deepEqual(evaluate(look({ fleet: nodes, failing: [of], healthy: others })).incidents, []);
    });
  }

  it('opens for checks that failed once when many fail at once, and for one that stays so', () => {
    const once = names
      .slice(0, 60)
      .map((name) => failing(name, 'tcp-timeout', { verdict: 'degraded', confidence: 'likely' }));
    const [incident] = opened({ fleet: nodes, failing: once, healthy: names.slice(60).map((name) => healthy(name)) });
    assert.deepEqual([incident?.severity, incident?.nodes.failing], ['fault', 60]);
    const long = failing('worker-0001', 'tcp-timeout', {
      verdict: 'degraded',
      confidence: 'likely',
      since: noon - 100_000,
    });
    assert.equal(opened({ fleet: nodes, failing: [long], healthy: others })[0]?.severity, 'degraded');
  });

  it('names incidents on the same nodes for each other', () => {
    const registries = ['a.example', 'b.example', 'c.example', 'd.example', 'e.example'];
    const failed = registries.flatMap((registry) =>
      names.slice(0, 12).map((name) => failing(name, 'dns-timeout', { subject: registry, registry })),
    );
    const elsewhere = names
      .slice(40, 60)
      .map((name) => failing(name, 'registry-error', { subject: 'z.example', registry: 'z.example' }));
    const incidents = opened({ fleet: nodes, failing: [...failed, ...elsewhere] });
    const ids = incidents.filter(({ cause }) => cause === 'dns-timeout').map(({ id }) => id);
    for (const { id, cause, related } of incidents) {
      assert.deepEqual(related, cause === 'dns-timeout' ? ids.filter((other) => other !== id).sort() : []);
    }
  });

  it('does not take healthy checks for evidence of what checks do not look at', () => {
    const failed = names.slice(0, 12).map((name) => failingPull(name, 'blob-unreachable', 'registry.corp.example/a:1'));
    const [incident] = opened({ fleet: nodes, failing: failed, healthy: others });
    assert.deepEqual([incident?.nodes.healthy, incident?.attribution], [0, []]);
    const pulled = names
      .slice(12)
      .map((name) => ({ ...healthy(name), kind: 'image' as const, subject: 'registry.corp.example/b:1' }));
    const [seen] = opened({ fleet: nodes, failing: failed, healthy: pulled });
    assert.deepEqual([seen?.nodes.healthy, seen?.attribution[0]?.value], [188, 'eu-1c']);
  });

  it('asks for the healthy nodes of everything that may become an incident', () => {
    const standing = standingAfter(look({ fleet: nodes, failing: twelve, healthy: others }));
    const pull = failingPull('worker-0001', 'credentials-rejected', 'reg.example/a:1', { since: noon - 1000 });
    const { subjects, since } = healthyQuestion([pull], standing, noon);
    assert.deepEqual(subjects.map(({ kind, name }) => `${kind} ${name}`).sort(), [
      'image reg.example/a:1',
      'registry reg.example',
      'registry registry.corp.example',
    ]);
    assert.equal(since, noon - 5000 - 900_000);
  });

  it('comes to the same whatever the order of what it is given', () => {
    const failed = [
      ...twelve,
      ...names.slice(3, 9).map((name) => failingPull(name, 'tcp-timeout', 'registry.corp.example/a:1')),
    ];
    const first = evaluate(look({ fleet: nodes, failing: failed, healthy: others }));
    const second = evaluate(
      look({ fleet: [...nodes].reverse(), failing: [...failed].reverse(), healthy: [...others].reverse() }),
    );
    assert.deepEqual(second.incidents, first.incidents);
  });

  // 10,000 nodes: some 50 ms on the machine where this was written; the limit is for slow and busy ones.
  it('looks at ten thousand nodes and twenty registries in little time', () => {
    const many = Array.from({ length: 10_000 }, (_, place) =>
      node(nodeName(place), {
        zone: [`z${place % 3}`],
        nameserver: [`10.0.0.${place % 5}`],
        kernel: [`6.1.${place % 4}`],
        'node-pool': [`p${place % 6}`],
      }),
    );
    const failed = many.map(({ node }) => failing(node, 'tcp-timeout'));
    const well = Array.from({ length: 19 }, (_, registry) =>
      many.map(({ node }) => healthy(node, `r${registry}.example`)),
    ).flat();
    const at = look({ fleet: many, failing: failed, healthy: well });
    const times = Array.from({ length: 5 }, () => {
      const start = performance.now();
      assert.equal(onlyOne(evaluate(at).incidents).scope, 'cluster');
      return performance.now() - start;
    });
    const least = Math.min(...times);
    console.log(`      evaluate: ${least.toFixed(0)} ms for 10,000 nodes at 20 registries`);
    assert.ok(least < 200, `${least} ms`);
  });
});
