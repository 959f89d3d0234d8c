import assert from 'node:assert/strict';
import {
  conditionDue,
  firstState,
  heartbeatMs,
  offAfterMs,
  onAfterMs,
  seen,
  type WrittenCondition,
} from '../../../src/agent/kube/node-condition.ts';
import { nodeProblem, type ProblemEvidence } from '../../../src/agent/kube/node-problem.ts';
import type { Incident } from '../../../src/agent/parts.ts';
import type { RegistryRow } from '../../../src/api/node.ts';
import { causes } from '../../../src/causes/index.ts';
import type { CauseId } from '../../../src/model/cause-id.ts';
import { at, concluded, incidentOf, nodeHealth, registryRow, waitingPod } from '../../kit/agent-health.ts';

const owners: Readonly<Record<string, string>> = {
  'web-0': 'Deployment/web',
  'web-1': 'Deployment/web',
  'db-0': 'StatefulSet/db',
};

function judge(more: Partial<ProblemEvidence>): CauseId | null {
  return (
    nodeProblem({
      incidents: [],
      registries: [],
      health: nodeHealth(),
      node: 'worker-3',
      ownerOf: (_, pod) => owners[pod] ?? null,
      ...more,
    })?.cause ?? null
  );
}

const failing = (image: string, cause: CauseId, pods: readonly string[], more: Partial<Incident> = {}): Incident =>
  incidentOf(image, { conclusion: concluded(cause), pods: pods.map((pod) => waitingPod(pod)), ...more });
/** Two workloads, two images, one registry. */
const two = (cause: CauseId, more: Partial<NonNullable<Incident['conclusion']>> = {}): Incident[] =>
  ['a', 'b'].map((name, n) =>
    failing(`reg.example/${name}:1`, cause, [n === 0 ? 'web-0' : 'db-0'], { conclusion: concluded(cause, more) }),
  );
const faulty = (cause: CauseId, more: Partial<RegistryRow> = {}): RegistryRow =>
  registryRow('reg.example', {
    verdict: 'faulty',
    cause,
    findings: [{ cause, confidence: 'proven', summary: 'So it is.', host: 'reg.example' }],
    ...more,
  });

describe('agent: problem of the node', () => {
  it('is what stops two workloads, and not what stops one', () => {
    assert.equal(judge({ incidents: two('tcp-refused') }), 'tcp-refused');
    assert.equal(judge({ incidents: [failing('reg.example/a:1', 'tcp-refused', ['web-0', 'web-1'])] }), null);
    assert.equal(
      judge({
        incidents: [
          failing('reg.example/a:1', 'tcp-refused', ['web-0']),
          failing('reg.example/side:1', 'tcp-refused', ['web-1']),
        ],
      }),
      null,
      'one owner may have misspelt the registry of both',
    );
    assert.equal(
      judge({ incidents: [failing('reg.example/a:1', 'tcp-refused', ['web-0', 'db-0'])] }),
      null,
      'one image of a registry that nothing else names may be misspelt',
    );
    assert.equal(
      judge({
        incidents: [
          failing('reg.example/a:1', 'tcp-refused', ['new-1']),
          failing('reg.example/b:1', 'tcp-refused', ['new-2']),
        ],
      }),
      null,
      'pods of unknown owners may be of one',
    );
    assert.equal(
      judge({
        incidents: [
          failing('reg.example/a:1', 'tcp-refused', ['web-0']),
          failing('other.example/b:1', 'tcp-refused', ['db-0']),
        ],
      }),
      null,
      'two registries are two matters',
    );
  });

  it('asks for less where the registry is in use anyhow', () => {
    const registries = [registryRow('reg.example')];
    const image = failing('reg.example/a:1', 'tcp-refused', ['web-0', 'db-0']);
    assert.equal(judge({ incidents: [image], registries }), 'tcp-refused');
    assert.equal(
      judge({ incidents: [image], registries: [registryRow('reg.example', { usedBy: ['incidents'] })] }),
      null,
    );
    assert.equal(judge({ incidents: [failing('reg.example/a:1', 'tcp-refused', ['web-0'])], registries }), null);
  });

  it('is never a workload’s own fault, however many have it', () => {
    const own = causes.filter(({ scenario, fixedBy, id }) => {
      if (id === 'rate-limited') return false;
      return [1, 2, 4, 6, null].includes(scenario)
        ? fixedBy !== 'node'
        : fixedBy === 'workload' || fixedBy === 'nobody';
    });
    assert.ok(own.length > 15);
    const registries = [registryRow('reg.example', { usedBy: ['images', 'incidents'] })];
    for (const { id } of own) {
      // A name that is unknown though images of the registry are here is the network's.
      const rows = id === 'dns-name-not-found' ? [] : registries;
      assert.equal(judge({ incidents: two(id), registries: rows }), null, id);
      if (id !== 'dns-name-not-found') assert.equal(judge({ registries: [faulty(id)] }), null, `${id} by a check`);
    }
    assert.equal(judge({ incidents: two('dns-name-not-found'), registries }), 'dns-name-not-found');
  });

  it('looks at the cause beneath', () => {
    const registries = [registryRow('reg.example')];
    assert.equal(
      judge({ incidents: two('pull-policy-always', { underlying: 'tcp-timeout' }), registries }),
      'pull-policy-always',
    );
    assert.equal(judge({ incidents: two('pull-policy-always', { underlying: 'tag-not-found' }), registries }), null);
    assert.equal(
      judge({ incidents: two('pull-policy-always', { underlying: 'credentials-rejected' }), registries }),
      null,
    );
  });

  it('takes what is found, not what is said or only possible, nor what is over', () => {
    assert.equal(judge({ incidents: two('tcp-refused', { confidence: 'possible' }) }), null);
    assert.equal(judge({ incidents: two('tcp-refused', { verdict: 'healthy' }) }), null);
    assert.equal(
      judge({ incidents: two('tcp-refused').map((one) => ({ ...one, conclusion: null, saidCause: 'tcp-refused' })) }),
      null,
    );
    assert.equal(judge({ incidents: two('tcp-refused').map((one) => ({ ...one, pulledAt: at })) }), null);
  });

  it('is what a check proves of a registry in use, the runtime or a disk', () => {
    assert.equal(judge({ registries: [faulty('tcp-refused')] }), 'tcp-refused');
    assert.equal(
      judge({ registries: [faulty('tcp-refused', { usedBy: ['incidents'] })] }),
      null,
      'a name that only a pod has',
    );
    assert.equal(judge({ registries: [faulty('tcp-refused', { usedBy: ['configuration'] })] }), null, 'nobody uses it');
    assert.equal(
      judge({ registries: [faulty('tcp-refused', { usedBy: ['configuration', 'incidents'] })] }),
      'tcp-refused',
    );
    assert.equal(judge({ registries: [faulty('tcp-refused', { verdict: 'degraded' })] }), null);
    const likely = { cause: 'tcp-refused' as const, confidence: 'likely' as const, summary: '', host: null };
    const beside = {
      cause: 'tls-certificate-expiring' as const,
      confidence: 'proven' as const,
      summary: '',
      host: null,
    };
    assert.equal(judge({ registries: [faulty('tcp-refused', { findings: [likely, beside] })] }), null);
    const { runtime, disks } = nodeHealth();
    assert.ok(runtime !== null);
    assert.equal(
      judge({ health: nodeHealth({ runtime: { ...runtime, failure: 'no socket' } }) }),
      'runtime-unreachable',
    );
    assert.equal(
      judge({ health: nodeHealth({ disks: disks.map((disk) => ({ ...disk, readOnly: true })) }) }),
      'filesystem-error',
    );
    assert.equal(judge({ health: nodeHealth() }), null);
  });
});

/** Runs the decider second by second, as if every write came through; gives the writes with their second. */
function run(
  seconds: number,
  problemAt: (second: number) => boolean,
  begin: WrittenCondition | null = null,
): { readonly writes: [number, string, number][]; readonly last: WrittenCondition | null } {
  const wall = Date.parse('2026-11-22T10:00:00Z');
  let state = firstState(0);
  let there = begin;
  let writtenAt: number | null = null;
  const writes: [number, string, number][] = [];
  for (let second = 0; second <= seconds; second++) {
    const now = second * 1000;
    state = seen(state, problemAt(second) ? { cause: 'tcp-refused', summary: 'Refused.' } : null, now);
    const wanted = conditionDue(state, there, { now, wall: wall + now, writtenAt });
    if (wanted === null) continue;
    there = wanted;
    writtenAt = now;
    writes.push([second, wanted.status, (wanted.lastTransitionAt - wall) / 1000]);
  }
  return { writes, last: there };
}

const on = onAfterMs / 1000;
const off = offAfterMs / 1000;
const beat = heartbeatMs / 1000;

describe('agent: node condition', () => {
  it('is False on a node that is well, with a heartbeat each five minutes and one transition', () => {
    assert.deepEqual(run(3 * beat + 29, () => false).writes, [
      [on, 'False', on],
      [on + beat, 'False', on],
      [on + 2 * beat, 'False', on],
    ]);
  });

  it('becomes True when a problem stands, and False some minutes after it was seen last', () => {
    const { writes, last } = run(1000, (second) => second >= 100 && second < 400);
    assert.deepEqual(writes, [
      [on, 'False', on],
      [100 + on, 'True', 100 + on],
      [100 + on + beat, 'True', 100 + on],
      [399 + off, 'False', 399 + off],
      [399 + off + beat, 'False', 399 + off],
    ]);
    assert.equal(last?.reason, 'ImagesCanBePulled');
  });

  it('does not follow what flaps', () => {
    const hiccups = run(3600, (second) => second % 60 < 20);
    assert.ok(hiccups.writes.every(([, status]) => status === 'False'));
    const flaps = run(3600, (second) => second % 120 < 60);
    assert.deepEqual(
      flaps.writes.filter(([, status], n) => n > 0 && status !== flaps.writes[n - 1]?.[1]).map(([, status]) => status),
      [],
      'once True, it stays so',
    );
    assert.equal(flaps.last?.status, 'True');
    assert.ok(flaps.writes.length <= 3600 / beat + 2, `${flaps.writes.length} writes`);
  });

  it('goes on after a restart from what stands, and gives it its time', () => {
    const wall = Date.parse('2026-11-22T10:00:00Z');
    const stood: WrittenCondition = {
      status: 'True',
      reason: 'TcpTimeout',
      message: 'x',
      lastTransitionAt: wall - 500_000,
    };
    const { writes } = run(off + 10, () => false, stood);
    assert.deepEqual(writes, [
      [0, 'True', -500],
      [off, 'False', off],
    ]);
    const still = run(100, () => true, stood);
    assert.deepEqual(still.writes, [[0, 'True', -500]]);
    assert.equal(still.last?.reason, 'TcpRefused');
  });

  it('changes its words at most each minute', () => {
    let state = firstState(0);
    const there: WrittenCondition = { status: 'True', reason: 'TcpRefused', message: 'a', lastTransitionAt: 0 };
    state = seen(state, { cause: 'dns-timeout', summary: 'b' }, 1000);
    assert.equal(conditionDue(state, there, { now: 30_000, wall: 30_000, writtenAt: 0 }), null);
    assert.deepEqual(conditionDue(state, there, { now: 60_000, wall: 60_000, writtenAt: 0 }), {
      status: 'True',
      reason: 'DnsTimeout',
      message: 'b',
      lastTransitionAt: 0,
    });
  });
});
