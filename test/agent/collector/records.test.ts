import assert from 'node:assert/strict';
import {
  checkMark,
  checksOf,
  healthEntry,
  heartbeatEntry,
  incidentEntry,
  investigationEntry,
  nodeEntry,
} from '../../../src/agent/collector/records.ts';
import type { SpoolEntry } from '../../../src/agent/collector/spool.ts';
import { recordSchemas } from '../../../src/api/records.ts';
import { checkAgainst } from '../../../src/api/schema.ts';
import { limits } from '../../../src/lib/limits.ts';
import { investigationOf } from '../../kit/agent.ts';
import { at, concluded, incidentOf, nodeHealth, registryRow, waitingPod } from '../../kit/agent-health.ts';

const image = 'reg.example/team/app:1';

/** The record as it is sent, which fits what is published. */
function sent(entry: SpoolEntry): Record<string, unknown> {
  const record = { seq: 1, ...entry.record };
  const checked = checkAgainst(recordSchemas[entry.kind], record);
  assert.deepEqual(checked.ok ? [] : checked.error, []);
  return record;
}
function part(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (found, name) => (typeof found === 'object' && found !== null ? Reflect.get(found, name) : undefined),
    value,
  );
}

describe('agent: records', () => {
  const nobody = () => null;

  it('tells an incident with its cause, its pods and whose they are', () => {
    const incident = incidentOf(image, {
      conclusion: concluded('tls-certificate-expired', { host: 'reg.example' }),
      pods: [
        waitingPod('web-0'),
        waitingPod('web-0', { container: 'side' }),
        waitingPod('web-1'),
        waitingPod('job-1', { namespace: 'batch' }),
        waitingPod('none', { pod: null, namespace: null }),
      ],
      morePods: 2,
    });
    const ownerOf = (namespace: string, pod: string) =>
      namespace === 'shop' && pod.startsWith('web-') ? 'ReplicaSet/web' : null;
    const entry = incidentEntry(incident, at, ownerOf);
    const record = part(sent(entry), 'incident');
    assert.equal(entry.subject, incident.id);
    assert.deepEqual(
      ['cause', 'confidence', 'layer', 'host', 'registry', 'normalized', 'pods', 'owners', 'state'].map((name) =>
        part(record, name),
      ),
      ['tls-certificate-expired', 'proven', 'tls', 'reg.example', 'reg.example', image, 5, 2, 'open'],
    );
    assert.deepEqual(part(record, 'examples', '3'), { namespace: 'batch', pod: 'job-1', container: 'main' });
  });

  it('says what the words of a log are, what only waits, and what it was of one that is over', () => {
    const cases = [
      [{}, [null, null, null]],
      [{ saidCause: 'tcp-refused' }, ['tcp-refused', 'likely', 'tcp']],
      [{ saidCause: 'unknown' }, ['unknown', 'possible', null]],
      [
        { saidCause: 'tcp-refused', conclusion: concluded(null, { verdict: 'inconclusive' }) },
        ['tcp-refused', 'likely', 'tcp'],
      ],
      [{ conclusion: concluded('dns-timeout'), pulledAt: at }, ['back-off-only', 'likely', 'kubelet']],
      [{ conclusion: concluded(null, { verdict: 'healthy' }) }, ['back-off-only', 'likely', 'kubelet']],
      [
        {
          conclusion: concluded('dns-timeout'),
          pulledAt: at,
          state: 'over',
          endedAt: at,
          endedBy: 'agent',
          secondsGained: 93,
        },
        ['dns-timeout', 'proven', 'dns'],
      ],
    ] as const;
    for (const [more, expected] of cases) {
      const record = part(sent(incidentEntry(incidentOf(image, more), at, nobody)), 'incident');
      const found = [part(record, 'cause'), part(record, 'confidence'), part(record, 'layer')];
      if (expected[0] === 'unknown') found[2] = null;
      assert.deepEqual(found, expected, JSON.stringify(more));
    }
  });

  it('calls Docker Hub by one name, and a name that does not parse by none', () => {
    const hub = part(sent(incidentEntry(incidentOf('docker.io/library/nginx:1'), at, nobody)), 'incident');
    assert.equal(part(hub, 'registry'), 'docker.io');
    const bad = incidentOf('Not An Image', { registry: null });
    const record = part(sent(incidentEntry(bad, at, nobody)), 'incident');
    assert.deepEqual([part(record, 'registry'), part(record, 'normalized')], [null, null]);
  });

  it('stays within its bounds whatever is told', () => {
    const long = 'x'.repeat(10_000);
    const conclusion = concluded('tcp-refused', {
      summary: long,
      host: long,
      remedies: Array.from({ length: 30 }, () => ({ text: long, command: long })),
    });
    const pods = Array.from({ length: 50 }, (_, index) =>
      waitingPod(`${long}-${index}`, { namespace: long, container: long }),
    );
    sent(incidentEntry(incidentOf(image, { image: long, key: long, registry: long, conclusion, pods }), at, nobody));
    const rows = Array.from({ length: 600 }, (_, index) => registryRow(`${long}${index}`, { summary: long }));
    sent(healthEntry(checksOf({ registries: rows, health: nodeHealth(), node: 'n' }), at, 'all'));
    const many = Array.from({ length: 2000 }, () => long);
    sent(nodeEntry({ at, version: '1', startedAt: at, attributes: { nameserver: many }, authorities: many }));
  });

  it('tells an investigation whole, without what may be a secret, and leaves facts out of one that is too large', () => {
    const whole = investigationOf(image, { id: 'i-1', cause: 'tcp-refused', verdict: 'faulty' });
    assert.deepEqual(part(sent(investigationEntry(whole)), 'investigation'), JSON.parse(JSON.stringify(whole)));
    const probe = (id: string, chars: number) => ({
      id,
      kind: 'tcp' as const,
      target: 'reg.example:443',
      hop: 'registry' as const,
      endpoint: 0,
      counterfactual: false,
      startedMs: 0,
      durationMs: 1,
      status: 'skipped' as const,
      error: {
        code: 'not-checked' as const,
        message: `see https://user:sesame@reg.example/x?sig=abcdef ${'y'.repeat(chars)}`,
      },
      facts: {},
    });
    const facts = { body: 'z'.repeat(100_000), authorization: 'Bearer abcdefghijkl' };
    const probes = [0, 1, 2, 3, 4].map((index) =>
      Object.assign(probe(`p${index}`, 10), { facts: index === 2 ? {} : facts }),
    );
    const large = investigationEntry(investigationOf(image, { probes }));
    const document = part(sent(large), 'investigation');
    const text = JSON.stringify(document);
    assert.ok(text.length <= limits.reportedInvestigationBytes, `${text.length}`);
    assert.equal(/sesame|abcdef/.test(text), false);
    const left = [0, 1, 2, 3, 4].map((index) => part(document, 'probes', String(index), 'facts', 'leftOut'));
    assert.deepEqual(left, [true, true, undefined, undefined, undefined]);
    const endless = investigationOf(image, {
      probes: Array.from({ length: 400 }, (_, index) => probe(`p${index}`, 2000)),
    });
    const bare = part(sent(investigationEntry(endless)), 'investigation');
    assert.deepEqual(part(bare, 'probes'), []);
  });

  it('tells registries that were checked, with what is the matter', () => {
    const finding = {
      cause: 'auth-service-unreachable' as const,
      layer: 'auth' as const,
      confidence: 'proven' as const,
      severity: 'fault' as const,
      summary: 'The token service is silent.',
      evidence: [],
      remedies: [],
      underlying: 'tcp-timeout' as const,
      host: 'auth.example',
      endpoint: null,
      alternatives: [],
    };
    const faulty = registryRow('reg.example', {
      verdict: 'faulty',
      cause: finding.cause,
      findings: [finding],
      rateLimit: { limit: 100, remaining: 7, windowSeconds: 21_600, source: '192.0.2.1' },
    });
    const health = nodeHealth({ findings: new Map([['reg.example', [finding]]]) });
    const registries = [faulty, registryRow('docker.io'), registryRow('not.checked', { checkedAt: null })];
    const checks = checksOf({ registries, health, node: 'n' });
    sent(healthEntry(checks, at, null));
    assert.deepEqual(
      checks.map(({ of, subject, verdict, cause, underlying, host }) => [
        of,
        subject,
        verdict,
        cause,
        underlying,
        host,
      ]),
      [
        ['node', 'runtime', 'healthy', null, null, null],
        ['node', 'image-filesystem', 'healthy', null, null, null],
        ['node', 'clock', 'healthy', null, null, null],
        ['registry', 'reg.example', 'faulty', 'auth-service-unreachable', 'tcp-timeout', 'auth.example'],
        ['registry', 'docker.io', 'healthy', null, null, null],
      ],
    );
    assert.deepEqual(checks[3]?.rateLimit, { limit: 100, remaining: 7, source: '192.0.2.1' });
  });

  it('tells what is wrong with the node itself, by the rules of its own report', () => {
    const [disk] = nodeHealth().disks;
    assert.ok(disk !== undefined);
    const verdicts = (more: Parameters<typeof nodeHealth>[0]): unknown[] =>
      checksOf({ registries: [registryRow('docker.io')], health: nodeHealth(more), node: 'n' })
        .filter(({ of, verdict }) => of === 'node' && verdict !== 'healthy')
        .map(({ subject, verdict, cause }) => [subject, verdict, cause]);
    const [runtime] = [nodeHealth().runtime];
    assert.ok(runtime !== null && runtime !== undefined);
    assert.deepEqual(verdicts({ runtime: { ...runtime, failure: 'no socket' } }), [
      ['runtime', 'faulty', 'runtime-unreachable'],
    ]);
    assert.deepEqual(verdicts({ runtime: { ...runtime, ready: false } }), [
      ['runtime', 'faulty', 'runtime-misconfigured'],
    ]);
    assert.deepEqual(verdicts({ disks: [{ ...disk, freeBytes: 0 }] }), [['image-filesystem', 'faulty', 'disk-full']]);
    assert.deepEqual(verdicts({ disks: [{ ...disk, freeBytes: 1e9 }] }), [
      ['image-filesystem', 'degraded', 'disk-full'],
    ]);
    assert.deepEqual(verdicts({ disks: [{ ...disk, readOnly: true }] }), [
      ['image-filesystem', 'faulty', 'filesystem-error'],
    ]);
    assert.deepEqual(verdicts({ clock: { offsetMs: 90_000, registries: 2 } }), [['clock', 'degraded', 'clock-skew']]);
    assert.deepEqual(verdicts({ runtime: null, disks: [], clock: { offsetMs: null, registries: 0 } }), []);
  });

  it('tells apart checks that say something else, and not measurements', () => {
    const check = (more: Parameters<typeof registryRow>[1]) => {
      const [last] = checksOf({ registries: [registryRow('docker.io', more)], health: nodeHealth(), node: 'n' }).slice(
        -1,
      );
      assert.ok(last !== undefined);
      return checkMark(last);
    };
    assert.equal(check({}), check({ latencyMs: { dns: 9, tcp: 9, tls: 9, registry: 9 }, summary: 'It answers now.' }));
    assert.notEqual(check({}), check({ verdict: 'degraded', cause: 'tls-certificate-expiring' }));
  });

  it('counts pods once in a heartbeat', () => {
    const incidents = [
      incidentOf(image, { pods: [waitingPod('web-0'), waitingPod('web-1')], morePods: 3 }),
      incidentOf('other', { pods: [waitingPod('web-0')] }),
    ];
    const spool = { rows: 3, bytes: 1234.5 };
    const record = sent(heartbeatEntry({ at, runtimeReady: true, incidents, spool, dropped: { health: 2 } }));
    assert.deepEqual([record.openIncidents, record.waitingPods], [2, 5]);
    assert.deepEqual(part(record, 'spool', 'dropped'), { health: 2 });
  });
});
