import assert from 'node:assert/strict';
import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import fc from 'fast-check';
import type { FleetIncident } from '../../../src/api/fleet.ts';
import type { Frozen } from '../../../src/api/schema.ts';
import { type Alert, alertsDue } from '../../../src/collector/notify/alertmanager.ts';
import type { Notice, TargetRules, Told } from '../../../src/collector/notify/decide.ts';
import { messagesOf, noticeId } from '../../../src/collector/notify/messages.ts';
import { fingerprint, saidOf } from '../../../src/collector/notify/said.ts';
import { harmless, slackBody } from '../../../src/collector/notify/slack.ts';
import { webhookBody, webhookHeaders } from '../../../src/collector/notify/webhook.ts';
import { changeWords, wordsOf } from '../../../src/collector/notify/words.ts';
import { Secret } from '../../../src/lib/secret.ts';
import { fleetAt, fleetIncident } from '../../kit/fleet-documents.ts';

type Incident = Frozen<FleetIncident>;

const at = (seconds: number): string => new Date(fleetAt + seconds * 1000).toISOString();
const noLink = (): null => null;

function notice(incident: Incident, change: Notice['change'] = 'opened', after = 0): Notice {
  return { change, incident, fingerprint: fingerprint(saidOf(incident)), after };
}

describe('collector: words of a notice', () => {
  it('say what, where, how far, what the nodes have in common and what to do', () => {
    const words = wordsOf(fleetIncident('i'));
    assert.match(words.title, /^12 nodes: .* \(dns-timeout\) at registry\.corp\.example:5000$/);
    assert.match(words.summary, /^No nameserver answers for registry/);
    assert.match(words.attribution ?? '', /^12 of 12 failing nodes use nameserver/);
    assert.match(
      words.counts,
      /^12 nodes fail \(worker-1, .* 8 more\), 188 healthy, 3 unknown, 31 pods of 4 workloads wait, since 2026-11-22 10:04 UTC$/,
    );
    assert.deepEqual(words.remedies, [
      'Start the nameserver 10.0.0.53 again, or take it out of the nodes. dig @10.0.0.53 registry.corp.example',
    ]);
    assert.match(wordsOf(fleetIncident('i', { scope: 'cluster' })).title, /^The whole cluster: /);
    const one = fleetIncident('i', {
      scope: 'node',
      cause: 'disk-full',
      subject: { kind: 'node', name: 'image-filesystem' },
      nodes: { failing: 1, healthy: 0, unknown: 0, names: ['edge-3'] },
    });
    assert.match(wordsOf(one).title, /^edge-3: .* \(disk-full\)$/);
  });

  it('say what has happened', () => {
    const open = fleetIncident('i', { openedAt: at(0) });
    const cases: readonly [Notice, string][] = [
      [notice(open), 'Fault'],
      [notice(fleetIncident('i', { severity: 'degraded' })), 'Degraded'],
      [notice(fleetIncident('i', { reopened: 1 })), 'Fault again'],
      [notice(open, 'changed'), 'Fault, more is known'],
      [notice(open, 'reminder'), 'Fault, still'],
      [notice(fleetIncident('i', { openedAt: at(0), closedAt: at(90) }), 'closed'), 'Over after 90 seconds'],
      [notice(fleetIncident('i', { openedAt: at(0), closedAt: at(750) }), 'closed'), 'Over after 13 minutes'],
      [notice(fleetIncident('i', { openedAt: at(0), closedAt: at(9000) }), 'closed'), 'Over after 3 hours'],
    ];
    for (const [one, words] of cases) assert.equal(changeWords(one), words);
  });
});

describe('collector: messages', () => {
  const ids = (messages: ReturnType<typeof messagesOf>): string[][] =>
    messages.map(({ notices }) => notices.map(({ incident }) => incident.id));

  it('put related incidents together and leave others apart, what matters most first', () => {
    const notices = [
      notice(fleetIncident('a', { severity: 'degraded' })),
      notice(fleetIncident('b', { related: ['c'] })),
      notice(fleetIncident('c', { scope: 'cluster' })),
      notice(fleetIncident('d', { related: ['elsewhere'] })),
    ];
    assert.deepEqual(ids(messagesOf('t', notices)), [['a'], ['c', 'b'], ['d']]);
  });

  it('follow relations over others', () => {
    const notices = ['a', 'b', 'c', 'd'].map((id, index) =>
      notice(fleetIncident(id, { related: index === 0 ? [] : [['a', 'b', 'c', 'd'][index - 1] ?? ''] })),
    );
    assert.deepEqual(ids(messagesOf('t', notices)), [['a', 'b', 'c', 'd']]);
  });

  it('tell a storm in one message, and in few where it is large', () => {
    const storm = Array.from({ length: 60 }, (_, index) =>
      notice(fleetIncident(`i-${String(index).padStart(2, '0')}`)),
    );
    assert.deepEqual(ids(messagesOf('t', storm.slice(0, 4))), [['i-00', 'i-01', 'i-02', 'i-03']]);
    assert.deepEqual(
      ids(messagesOf('t', storm)).map((part) => part.length),
      [25, 25, 10],
    );
  });

  it('have the same name for the same words, and another for others', () => {
    const one = notice(fleetIncident('a'));
    const [first] = messagesOf('t', [one]);
    const same = notice(fleetIncident('a', { pods: 99, updatedAt: at(5) }));
    assert.equal(messagesOf('t', [same])[0]?.id, first?.id);
    const others = [
      messagesOf('other', [one]),
      messagesOf('t', [notice(fleetIncident('b'))]),
      messagesOf('t', [notice(fleetIncident('a', { scope: 'cluster' }))]),
      messagesOf('t', [notice(fleetIncident('a'), 'reminder', 1)]),
      messagesOf('t', [notice(fleetIncident('a'), 'reminder', 2)]),
    ].map(([message]) => message?.id);
    assert.equal(new Set([first?.id, ...others]).size, others.length + 1);
  });
});

describe('collector: webhook', () => {
  const [message] = messagesOf('hook', [notice(fleetIncident('a')), notice(fleetIncident('b', { related: ['a'] }))]);
  assert.ok(message !== undefined);

  it('carries whole incidents, and an id for each change', () => {
    const body: unknown = JSON.parse(webhookBody('hook', message, fleetAt));
    const [first, second] = message.notices;
    assert.ok(first !== undefined && second !== undefined);
    assert.deepEqual(body, {
      apiVersion: 'pullwhy/v1',
      kind: 'Notification',
      id: message.id,
      at: at(0),
      target: 'hook',
      summary: `2 incidents: Fault: ${wordsOf(first.incident).title}`,
      changes: [first, second].map((one) => ({
        id: noticeId('hook', one),
        change: 'opened',
        title: `Fault: ${wordsOf(one.incident).title}`,
        incident: one.incident,
      })),
    });
  });

  it('is signed as openssl computes it, with a key as it stands and one in base64', function () {
    const key = Buffer.from('0123456789abcdef0123456789abcdef');
    const body = webhookBody('hook', message, fleetAt);
    for (const text of [key.toString(), `whsec_${key.toString('base64')}`]) {
      const headers = webhookHeaders(message.id, body, new Secret(text), fleetAt + 999);
      const seconds = String(fleetAt / 1000);
      assert.equal(headers['webhook-timestamp'], seconds);
      assert.equal(headers['webhook-id'], message.id);
      assert.equal(headers['idempotency-key'], message.id);
      const openssl: SpawnSyncReturns<Buffer> = spawnSync(
        'openssl',
        ['dgst', '-sha256', '-mac', 'HMAC', '-macopt', `hexkey:${key.toString('hex')}`, '-binary'],
        {
          input: `${message.id}.${seconds}.${body}`,
        },
      );
      if (openssl.error !== undefined) {
        process.stdout.write('    skipped: there is no openssl here\n');
        return this.skip();
      }
      assert.equal(headers['webhook-signature'], `v1,${openssl.stdout.toString('base64')}`);
    }
    return undefined;
  });

  it('is not signed without a key', () => {
    assert.equal(webhookHeaders('id', '{}', null, 0)['webhook-signature'], undefined);
  });
});

describe('collector: slack', () => {
  const evil = '<!channel> @here <@U1> & http://evil.example/x www.evil.example [y](http://z) ![i](x) *b*';

  it('tells each incident in blocks of plain text, and all of it in the text', () => {
    const [message] = messagesOf('t', [notice(fleetIncident('a', { summary: evil }))]);
    assert.ok(message !== undefined);
    const body = JSON.parse(slackBody(message, (id) => `https://pullwhy.corp/i/${id}`, { blocks: true }));
    assert.deepEqual(
      body.blocks.map((block: { type: string }) => block.type),
      ['header', 'section', 'context'],
    );
    assert.equal(body.blocks[0].text.type, 'plain_text');
    assert.equal(body.blocks[1].text.type, 'plain_text');
    assert.equal(body.blocks[2].elements[0].text, '<https://pullwhy.corp/i/a|incident a>');
    assert.match(body.text, /^\*Fault: 12 nodes: /);
    assert.match(body.text, /none of the 188 healthy ones does/);
    assert.match(body.text, /dig @\u206010\.0\.0\.53/);
    assert.doesNotMatch(body.text, /<|@here|:\/\/|www\.|\]\(/);
    assert.deepEqual([body.link_names, body.unfurl_links, body.unfurl_media], [false, false, false]);
    assert.equal(JSON.parse(slackBody(message, noLink, { blocks: false })).blocks, undefined);
  });

  it('stays within what Slack takes, whatever it has to tell', () => {
    const long = 'x\u{1f600}'.repeat(4000);
    const storm = Array.from({ length: 25 }, (_, index) =>
      notice(
        fleetIncident(`i-${index}`, {
          summary: long,
          subject: { kind: 'registry', name: long },
          remedies: Array.from({ length: 8 }, () => ({ text: long, command: long })),
        }),
      ),
    );
    const [message] = messagesOf('t', storm);
    assert.ok(message !== undefined);
    const body = JSON.parse(slackBody(message, (id) => `https://x/${id}`, { blocks: true }));
    assert.ok(body.blocks.length <= 50);
    for (const block of body.blocks) {
      if (block.type === 'header') assert.ok(block.text.text.length <= 150);
      if (block.type === 'section') assert.ok(block.text.text.length <= 3000);
    }
    assert.ok(body.text.length <= 40_000);
    assert.match(body.blocks.at(-1).text.text, /and 5 more$/);
    assert.ok(JSON.stringify(body).isWellFormed() && !/\\ud[89a-f]/i.test(JSON.stringify(body)));
  });

  it('leaves nothing in a foreign text that calls, links or formats as markup', () => {
    assert.equal(harmless('a & b'), 'a &amp; b');
    assert.equal(harmless('web@sha256:0a'), 'web@sha256:0a', 'references can be copied');
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('<', '>', '@', '#', '!', ':', '/', 'w', '.', ']', '(', 'a', '&') }),
        (text) => {
          const safe = harmless(text);
          assert.doesNotMatch(safe, /[<>]|@\w|#\w|:\/\/|\]\(|\bwww\./);
          const plain = safe
            .replaceAll('\u2060', '')
            .replaceAll('&lt;', '<')
            .replaceAll('&gt;', '>')
            .replaceAll('&amp;', '&');
          assert.equal(plain, text);
        },
      ),
    );
  });
});

describe('collector: alerts', () => {
  const rules: TargetRules = {
    minScope: 'node',
    severities: ['fault', 'degraded'],
    causes: [],
    faults: ['workload', 'node', 'network', 'registry', 'nobody'],
    delayMs: 10_000,
    degradedDelayMs: 30_000,
    repeatMs: 0,
  };
  const fresh = (changes: Partial<Incident> = {}): Incident => fleetIncident('i', { openedAt: at(0), ...changes });
  const toldOf = (as: Incident): Told =>
    new Map([['i', { target: 't', incident: 'i', fingerprint: fingerprint(saidOf(as)), at: fleetAt + 10_000 }]]);
  const due = (
    incident: Incident,
    seconds: number,
    told: Told = new Map(),
    all = false,
    more: Partial<TargetRules> = {},
  ) => alertsDue([incident], told, fleetAt + seconds * 1000, { ...rules, ...more }, all, noLink);
  const shown = ({ labels, startsAt, endsAt }: Alert): string[] => [
    labels.scope ?? '',
    labels.severity ?? '',
    startsAt,
    endsAt,
  ];

  it('begin when the incident has lasted, with an end that is put off', () => {
    assert.deepEqual(due(fresh(), 9).alerts, []);
    const { alerts, notices } = due(fresh(), 10);
    assert.deepEqual(alerts.map(shown), [['group', 'critical', at(0), at(310)]]);
    assert.deepEqual(
      notices.map(({ change }) => change),
      ['opened'],
    );
    const [alert] = alerts;
    assert.deepEqual(alert?.labels, {
      alertname: 'PullwhyIncident',
      incident: 'i',
      cause: 'dns-timeout',
      layer: 'dns',
      subject_kind: 'registry',
      subject: 'registry.corp.example:5000',
      scope: 'group',
      severity: 'critical',
      impact: 'fault',
      fixed_by: 'network',
    });
    assert.match(alert?.annotations.description ?? '', /none of the 188 healthy ones does/);
    assert.match(alert?.annotations.runbook ?? '', /dig @10\.0\.0\.53/);
  });

  it('are posted again as they stand, and in between only when they change', () => {
    assert.deepEqual(due(fresh(), 20, toldOf(fresh())).alerts, []);
    const again = due(fresh(), 70, toldOf(fresh()), true);
    assert.deepEqual(again.alerts.map(shown), [['group', 'critical', at(0), at(370)]]);
    assert.deepEqual(again.notices, []);
  });

  it('end under the labels that they had, when scope or severity change', () => {
    const { alerts } = due(fresh({ scope: 'cluster' }), 20, toldOf(fresh({ scope: 'node' })));
    assert.deepEqual(alerts.map(shown), [
      ['node', 'warning', at(0), at(20)],
      ['cluster', 'critical', at(0), at(320)],
    ]);
  });

  it('end with the incident, also when it is not wanted any more, and are posted so again for a while', () => {
    const closed = fresh({ state: 'closed', closedAt: at(100) });
    const ended = due(closed, 101, toldOf(fresh()));
    assert.deepEqual(ended.alerts.map(shown), [['group', 'critical', at(0), at(100)]]);
    assert.deepEqual(
      ended.notices.map(({ change }) => change),
      ['closed'],
    );
    assert.deepEqual(due(closed, 130, toldOf(closed)).alerts, []);
    assert.deepEqual(due(closed, 160, toldOf(closed), true).alerts.map(shown), [['group', 'critical', at(0), at(100)]]);
    assert.deepEqual(due(closed, 1100, toldOf(closed), true).alerts, []);
    assert.deepEqual(due(closed, 101).alerts, [], 'what was never told has no end');
    const less = due(fresh({ scope: 'node' }), 50, toldOf(fresh()), false, { minScope: 'group' });
    assert.deepEqual(less.alerts.map(shown), [['group', 'critical', at(0), at(50)]]);
    assert.deepEqual(
      due(
        fresh({ scope: 'node' }),
        60,
        new Map(less.notices.map((one) => ['i', { ...one, target: 't', incident: 'i', at: 0 }])),
        true,
        { minScope: 'group' },
      ).alerts,
      [],
    );
  });

  it('never begin after their end', () => {
    const [alert] = due(fresh({ openedAt: at(500) }), 20, new Map(), false, { delayMs: -1_000_000 }).alerts;
    assert.ok(alert !== undefined && alert.startsAt < alert.endsAt && alert.startsAt <= at(20));
  });
});
