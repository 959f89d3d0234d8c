import assert from 'node:assert/strict';
import type { Incident } from '../../src/agent/parts.ts';
import { nodeReport, type ReportInput } from '../../src/agent/report/node-report.ts';
import { NodeReport } from '../../src/api/report.ts';
import { checkAgainst } from '../../src/api/schema.ts';
import type { Finding } from '../../src/model/investigation.ts';
import {
  at,
  concluded,
  incidentOf,
  minuteMs,
  nodeHealth,
  registryRow,
  reportInput,
  waitingPod,
} from '../kit/agent-health.ts';

/** The report, which fits its schema whatever the input. */
function report(more: Partial<ReportInput> = {}): NodeReport {
  const made = nodeReport(reportInput(more));
  const checked = checkAgainst(NodeReport, JSON.parse(JSON.stringify(made)));
  assert.ok(checked.ok, checked.ok ? '' : JSON.stringify(checked.error));
  return made;
}

const itemsOf = (items: NodeReport['failing']): string[] =>
  items.map(({ cause, subject, pods, images }) => `${cause} ${subject} ${pods} ${images.join(',')}`.trim());

function finding(cause: Finding['cause'], more: Partial<Finding> = {}): Finding {
  return {
    cause,
    layer: 'tls',
    confidence: 'proven',
    severity: 'degraded',
    summary: `${cause} here.`,
    evidence: [],
    remedies: [{ text: 'Do it.', command: null }],
    underlying: null,
    host: null,
    endpoint: 0,
    alternatives: [],
    ...more,
  };
}

describe('agent: node report', () => {
  it('says of a node without trouble that it is well, and what was looked at', () => {
    const { verdict, summary, failing, soon, notChecked, checked, from, runtime } = report();
    assert.equal(verdict, 'healthy');
    assert.match(summary, /No pod of worker-3 waits.*2 registries answer/);
    assert.deepEqual([failing, soon, notChecked], [[], [], []]);
    assert.equal(from, '2026-11-21T10:46:40.000Z');
    assert.deepEqual(runtime.name, 'containerd');
    for (const part of [
      /journal/,
      /2 registries/,
      /2 nameservers/,
      /clock/,
      /var\/lib\/containerd.*61 % used/,
      /containerd 2\.1\.9/,
    ]) {
      assert.ok(
        checked.some((words) => part.test(words)),
        String(part),
      );
    }
  });

  it('puts one cause at one registry into one item, however many images and pods', () => {
    const cause = concluded('tls-certificate-expired');
    const incidents = [
      incidentOf('reg.example/a:1', {
        conclusion: cause,
        firstSeenAt: at - 50 * minuteMs,
        pods: [waitingPod('a-0'), waitingPod('a-1')],
      }),
      incidentOf('reg.example/b:1', {
        conclusion: concluded('tls-certificate-expired', { at, summary: 'The newer.' }),
        morePods: 3,
      }),
      incidentOf('other.example/c:1', { conclusion: cause }),
    ];
    const { failing, verdict, summary } = report({ incidents });
    assert.deepEqual(itemsOf(failing), [
      'tls-certificate-expired reg.example 6 reg.example/a:1,reg.example/b:1',
      'tls-certificate-expired other.example 1 other.example/c:1',
    ]);
    assert.equal(failing[0]?.summary, 'The newer.');
    assert.equal(failing[0]?.since, new Date(at - 50 * minuteMs).toISOString());
    assert.equal(verdict, 'faulty');
    assert.match(summary, /^7 pods of worker-3 wait because 3 images do not come/);
  });

  it('counts two containers of one pod once', () => {
    const pods = [waitingPod('a-0', { container: 'one' }), waitingPod('a-0', { container: 'two' })];
    const { failing } = report({
      incidents: [incidentOf('reg.example/a:1', { pods, conclusion: concluded('tcp-timeout') })],
    });
    assert.equal(failing[0]?.pods, 1);
  });

  it('marks no node as bad by an image’s own fault', () => {
    const incidents = [
      incidentOf('docker.io/library/nginx:1.99', { conclusion: concluded('tag-not-found') }),
      incidentOf('UPPER/case', { registry: null, conclusion: concluded('invalid-image-name') }),
    ];
    const { failing, verdict } = report({ incidents });
    assert.equal(verdict, 'degraded');
    assert.deepEqual(
      failing.map(({ subject }) => subject),
      ['docker.io/library/nginx:1.99', 'UPPER/case'],
    );
  });

  const verdicts: [string, Partial<Incident>, NodeReport['verdict'], string][] = [
    ['a registry that refuses', { conclusion: concluded('tcp-refused') }, 'faulty', 'docker.io'],
    ['a rate limit', { conclusion: concluded('rate-limited') }, 'faulty', 'docker.io'],
    ['a full disk', { conclusion: concluded('disk-full') }, 'faulty', 'worker-3'],
    ['refused credentials', { conclusion: concluded('credentials-rejected') }, 'degraded', 'docker.io'],
    [
      'Always beside a firewall',
      { conclusion: concluded('pull-policy-always', { underlying: 'tcp-timeout' }) },
      'faulty',
      'docker.io',
    ],
    [
      'Always beside a missing tag',
      { conclusion: concluded('pull-policy-always', { underlying: 'tag-not-found' }) },
      'degraded',
      'docker.io',
    ],
    ['only words', { saidCause: 'tcp-timeout' }, 'faulty', 'docker.io'],
    ['nothing known', {}, 'faulty', 'docker.io/a/b:1'],
    [
      'nothing left',
      { conclusion: concluded(null, { verdict: 'healthy', confidence: null }) },
      'degraded',
      'docker.io/a/b:1',
    ],
    ['a name that this node uses', { conclusion: concluded('dns-name-not-found') }, 'faulty', 'docker.io'],
    ['a pull by hand', { conclusion: concluded('tcp-timeout'), pods: [] }, 'degraded', 'docker.io'],
  ];
  for (const [title, more, verdict, subject] of verdicts) {
    it(`is ${verdict} by ${title}`, () => {
      const made = report({ incidents: [incidentOf('docker.io/a/b:1', more)] });
      assert.deepEqual([made.verdict, made.failing[0]?.subject], [verdict, subject]);
    });
  }

  it('takes a registry that nobody knows, and no image here is of, for a misspelt name', () => {
    const incidents = [incidentOf('reg.exmaple/a:1', { conclusion: concluded('dns-name-not-found') })];
    assert.equal(report({ incidents }).verdict, 'degraded');
    const registries = [
      registryRow('reg.exmaple', { usedBy: ['incidents'], verdict: 'faulty', cause: 'dns-name-not-found' }),
    ];
    assert.equal(report({ incidents, registries }).verdict, 'degraded');
  });

  it('tells of a registry that fails before a pod waits for it, once', () => {
    const row = registryRow('reg.example', { verdict: 'faulty', cause: 'tcp-timeout', summary: 'Nothing comes back.' });
    const findings = new Map([['reg.example', [finding('tcp-timeout', { severity: 'fault' })]]]);
    const input = { registries: [row], health: nodeHealth({ findings }) };
    const alone = report(input);
    assert.equal(alone.verdict, 'degraded');
    assert.deepEqual(itemsOf(alone.failing), ['tcp-timeout reg.example 0']);
    assert.equal(alone.failing[0]?.remedies.length, 1);
    assert.match(alone.summary, /^No pod of worker-3 waits for an image yet/);
    const both = report({
      ...input,
      incidents: [incidentOf('reg.example/a:1', { conclusion: concluded('tcp-timeout') })],
    });
    assert.equal(both.failing.length, 1);
    assert.equal(both.verdict, 'faulty');
  });

  it('warns of certificate, budget, disk, nameserver, mirror and clock', () => {
    const registries = [
      registryRow('a.example', { verdict: 'degraded', cause: 'tls-certificate-expiring', summary: 'It ends.' }),
      registryRow('b.example', { verdict: 'degraded', cause: 'mirror-failed', summary: 'The mirror fails.' }),
      registryRow('docker.io', {
        rateLimit: { limit: 100, remaining: 7, windowSeconds: 21_600, source: '203.0.113.7' },
      }),
    ];
    const base = nodeHealth();
    const [disk] = base.disks;
    const [first, second] = base.nameservers;
    assert.ok(disk !== undefined && first !== undefined && second !== undefined);
    const health = nodeHealth({
      findings: new Map([
        ['a.example', [finding('tls-certificate-expiring')]],
        ['b.example', [finding('mirror-failed', { underlying: 'tcp-timeout' })]],
      ]),
      disks: [{ ...disk, freeBytes: 9e9 }],
      nameservers: [{ ...first, state: 'silent', failures: 5, names: 3 }, second],
      clock: { offsetMs: -95_000, registries: 3 },
    });
    const { soon, verdict, summary } = report({ registries, health });
    assert.deepEqual(itemsOf(soon), [
      'tls-certificate-expiring a.example 0',
      'mirror-failed b.example 0',
      'rate-limited docker.io 0',
      'disk-full worker-3 0',
      'dns-timeout 10.0.0.2 0',
      'clock-skew worker-3 0',
    ]);
    assert.equal(verdict, 'degraded');
    assert.match(summary, /6 things need care/);
    assert.match(soon[2]?.summary ?? '', /7 of 100 pulls.*203\.0\.113\.7/);
    assert.match(soon[5]?.summary ?? '', /95 s behind that of 3 registries/);
    assert.ok(soon.every(({ remedies }) => remedies.length > 0));
  });

  it('does not warn of what is well', () => {
    const base = nodeHealth();
    const [disk] = base.disks;
    const [first] = base.nameservers;
    assert.ok(disk !== undefined && first !== undefined);
    const registries = [
      registryRow('docker.io', { rateLimit: { limit: 100, remaining: 41, windowSeconds: 21_600, source: null } }),
      registryRow('b.example'),
    ];
    const health = nodeHealth({
      // A large disk with a tenth left has room for a thousand images.
      disks: [{ ...disk, totalBytes: 4e12, freeBytes: 3e11 }],
      // One zone's own servers are silent: the nameserver waits for them.
      nameservers: [{ ...first, state: 'silent', failures: 9, names: 1 }],
      clock: { offsetMs: 4000, registries: 3 },
    });
    assert.deepEqual(report({ registries, health }).soon, []);
  });

  it('is faulty when the runtime does not answer, or cannot store anything', () => {
    const base = nodeHealth();
    const [disk] = base.disks;
    assert.ok(disk !== undefined && base.runtime !== null);
    const silent = nodeHealth({ runtime: { ...base.runtime, ready: null, failure: 'connection refused' } });
    assert.deepEqual(
      [report({ health: silent }).verdict, report({ health: silent }).failing[0]?.cause],
      ['faulty', 'runtime-unreachable'],
    );
    assert.equal(report({ health: nodeHealth({ runtime: { ...base.runtime, ready: false } }) }).verdict, 'faulty');
    assert.equal(
      report({ health: nodeHealth({ disks: [{ ...disk, readOnly: true }] }) }).failing[0]?.cause,
      'filesystem-error',
    );
    assert.equal(report({ health: nodeHealth({ disks: [{ ...disk, freeBytes: 0 }] }) }).failing[0]?.cause, 'disk-full');
  });

  it('tells what recovered, newest first, and how much sooner', () => {
    const past = [
      incidentOf('a/x:1', { state: 'over', endedAt: at - 9000, endedBy: 'kubelet', saidCause: 'tcp-refused' }),
      incidentOf('b/x:1', {
        state: 'over',
        endedAt: at - 1000,
        endedBy: 'agent',
        secondsGained: 230,
        conclusion: concluded('tcp-timeout'),
      }),
      incidentOf('c/x:1', { state: 'over', endedAt: at - 5000, endedBy: 'gone' }),
    ];
    const { recovered, summary, verdict } = report({ past });
    assert.deepEqual(
      recovered.map(({ image, by, secondsGained, cause }) => [image, by, secondsGained, cause]),
      [
        ['b/x:1', 'agent', 230, 'tcp-timeout'],
        ['c/x:1', 'gone', null, null],
        ['a/x:1', 'kubelet', null, 'tcp-refused'],
      ],
    );
    assert.equal(verdict, 'healthy');
    assert.match(summary, /3 images recovered, 4 min sooner/);
  });

  it('says what it could not look at, why, and what would change that', () => {
    const sources: ReportInput['sources'] = [
      { source: 'journal', state: 'absent', note: 'No journal is here.', since: at, lastEventAt: null },
      { source: 'cri', state: 'unreadable', note: 'Permission denied.', since: at, lastEventAt: null },
    ];
    const registries = [
      registryRow('a.example', { checkedAt: null, verdict: 'inconclusive', summary: 'a.example was not checked yet.' }),
      registryRow('b.example', { verdict: 'inconclusive', summary: 'Not found out.' }),
    ];
    const health = nodeHealth({
      leftOut: 12,
      disks: [],
      runtime: null,
      nameservers: [],
      clock: { offsetMs: null, registries: 0 },
    });
    const { notChecked, verdict, summary } = report({
      sources,
      registries,
      health,
      stateTrouble: '/state cannot be written.',
      reportTrouble: '/reports cannot be written: its file system is full.',
    });
    assert.equal(verdict, 'inconclusive');
    assert.match(summary, /could not be found out/);
    const words = notChecked.map(({ what, why, fix }) => `${what} | ${why} | ${fix}`);
    for (const part of [
      /journal.*No journal is here.*node\.hostRoot/,
      /CRI.*Permission denied.*root/,
      /^a\.example/,
      /^b\.example.*Not found out/,
      /12 further registries.*health\.registries/,
      /image file system/,
      /restart.*\/state cannot be written.*state\.directory/,
      /schedule.*is full.*report\.directory/,
    ]) {
      assert.ok(
        words.some((line) => part.test(line)),
        `${part} in ${words.join('\n')}`,
      );
    }
    const off = report({ health: nodeHealth({ intervalMs: 0 }) });
    assert.match(off.notChecked[0]?.fix ?? '', /health\.interval/);
  });

  it('is bounded in a storm', () => {
    const incidents = Array.from({ length: 1000 }, (_, n) =>
      incidentOf(`reg.example/team/image-${n}:1`, {
        conclusion: concluded('tcp-timeout', { summary: 'x'.repeat(5000) }),
      }),
    );
    const past = incidents.map((one) => ({ ...one, state: 'over' as const, endedAt: at }));
    const made = report({ incidents, past });
    assert.equal(made.failing.length, 1);
    assert.equal(made.failing[0]?.images.length, 100);
    assert.equal(made.recovered.length, 200);
    assert.ok((made.failing[0]?.summary.length ?? 0) < 2100);
  });
});
