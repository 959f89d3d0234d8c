import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { FleetReport } from '../../../src/api/fleet-report.ts';
import { checkAgainst } from '../../../src/api/schema.ts';
import { fleetHtml } from '../../../src/collector/report/fleet-html.ts';
import { fleetMarkdown } from '../../../src/collector/report/fleet-markdown.ts';
import { type FleetReportInput, fleetReport } from '../../../src/collector/report/fleet-report.ts';
import { badDay, fleetAt, fleetIncident, fleetInput, fleetNode, fleetRegistry } from '../../kit/fleet-documents.ts';
import { assertHarmless, attacks } from '../../kit/page-safety.ts';

const dayMs = 86_400_000;
const report = (changes: Partial<FleetReportInput> = {}) => fleetReport(fleetInput(changes));
const workload = fleetIncident('w', { cause: 'tag-not-found', layer: 'manifest', fault: 'workload' });

describe('collector: fleet report', () => {
  for (const [name, changes, verdict] of [
    ['healthy when every node is', {}, 'healthy'],
    ['faulty by an open fault', { open: [fleetIncident('a')] }, 'faulty'],
    [
      'faulty by a fault, however many nodes are silent',
      { open: [fleetIncident('a')], nodes: [fleetNode('a', { state: 'silent' })] },
      'faulty',
    ],
    [
      'degraded by an open incident that lets images come',
      { open: [fleetIncident('a', { severity: 'degraded' })] },
      'degraded',
    ],
    [
      'degraded by an open incident that fails nowhere any more',
      { open: [fleetIncident('a', { nodes: { failing: 0, healthy: 12, unknown: 0, names: [] } })] },
      'degraded',
    ],
    ["degraded, not faulty, by a user's typo", { open: [workload] }, 'degraded'],
    [
      'healthy after an incident is over',
      { closed: [fleetIncident('a', { state: 'closed', closedAt: '2026-11-22T10:00:00.000Z' })] },
      'healthy',
    ],
    [
      'degraded by a node that is silent: silent is not healthy',
      { nodes: [fleetNode('a'), fleetNode('b', { state: 'silent' })] },
      'degraded',
    ],
    ['inconclusive when every node is silent', { nodes: [fleetNode('a', { state: 'silent' })] }, 'inconclusive'],
    ['inconclusive without a node', { nodes: [] }, 'inconclusive'],
    [
      'degraded by a certificate that ends',
      { registries: [fleetRegistry('a', { certificateNotAfter: new Date(fleetAt + 5 * dayMs).toISOString() })] },
      'degraded',
    ],
  ] as const) {
    it(`is ${name}`, () => {
      assert.equal(report(changes).verdict, verdict);
    });
  }

  it('tells the worst first, and the workloads apart', () => {
    const { incidents, workloads, summary } = report({
      open: [
        fleetIncident('node', { scope: 'node', nodes: { failing: 1, healthy: 9, unknown: 0, names: ['a'] } }),
        workload,
        fleetIncident('group', { scope: 'group' }),
        fleetIncident('soon', { scope: 'cluster', severity: 'degraded' }),
        fleetIncident('cluster', { scope: 'cluster', summary: 'Everything fails.' }),
        fleetIncident('group-with-more-pods', { scope: 'group', pods: 99 }),
      ],
    });
    assert.deepEqual(
      incidents.map(({ id }) => id),
      ['cluster', 'group-with-more-pods', 'group', 'node'],
    );
    assert.deepEqual(
      workloads.map(({ id }) => id),
      ['w'],
    );
    assert.match(summary, /^4 incidents are open and keep 192 pods waiting; the worst: Everything fails\.$/);
  });

  it('warns of certificates, budgets and what is degraded, each once', () => {
    const ends = (days: number) => ({ certificateNotAfter: new Date(fleetAt + days * dayMs).toISOString() });
    const { soon } = report({
      open: [
        fleetIncident('known', {
          cause: 'tls-certificate-expiring',
          severity: 'degraded',
          subject: { kind: 'registry', name: 'known' },
        }),
        fleetIncident('spent', { cause: 'rate-limited', subject: { kind: 'registry', name: 'spent' } }),
      ],
      registries: [
        fleetRegistry('well', ends(15)),
        fleetRegistry('ends:5000', ends(3)),
        fleetRegistry('ended', ends(-1)),
        fleetRegistry('known', ends(3)),
        fleetRegistry('spent', { rateLimits: [{ source: '1.2.3.4', limit: 100, remaining: 0 }] }),
        fleetRegistry('low', {
          rateLimits: [
            { source: '1.2.3.4', limit: 100, remaining: 9 },
            { source: '1.2.3.5', limit: 100, remaining: 3 },
            { source: '1.2.3.6', limit: 100, remaining: 50 },
          ],
        }),
        fleetRegistry('plenty', { rateLimits: [{ source: null, limit: 100, remaining: 11 }] }),
      ],
    });
    assert.deepEqual(
      soon.map(({ kind, subject }) => `${kind} ${subject}`),
      ['certificate ended', 'certificate ends:5000', 'incident known', 'rate-limit low'],
    );
    assert.match(
      soon.find(({ subject }) => subject === 'low')?.summary ?? '',
      /3 of 100 pulls for 1\.2\.3\.5 and few for 1 other address/,
    );
    const commands = soon.flatMap(({ remedies }) => remedies.map(({ command }) => command ?? ''));
    assert.ok(
      commands.some((command) => command.includes('ends:5000')),
      commands.join('\n'),
    );
    assert.ok(
      commands.every((command) => !/:\d+:\d/.test(command)),
      commands.join('\n'),
    );
  });

  it('names what is silent, old, off and lost', () => {
    const { nodes, notKnown } = badDay();
    assert.deepEqual(
      [nodes.total, nodes.healthy, nodes.degraded, nodes.faulty, nodes.silent, nodes.unknown],
      [212, 182, 8, 12, 9, 1],
    );
    assert.equal(nodes.silentNodes[0]?.node, 'edge-20');
    assert.deepEqual(nodes.clocks, [
      { node: 'edge-40', offsetSeconds: -340 },
      { node: 'edge-41', offsetSeconds: 12 },
    ]);
    assert.deepEqual(nodes.dropped, [{ node: 'edge-41', records: 70 }]);
    assert.deepEqual(nodes.versions, [
      { version: '0.1.0', nodes: 194 },
      { version: '0.0.9', nodes: 17 },
      { version: null, nodes: 1 },
    ]);
    assert.ok(notKnown.some(({ what }) => what.startsWith('9 silent nodes: edge-20')));
    assert.ok(report({ totals: null, cut: ['nodes'], reportTrouble: 'No folder.' }).notKnown.length === 3);
  });

  it('fits its schema', () => {
    for (const one of [badDay(), report(), report({ nodes: [], registries: [] })]) {
      const checked = checkAgainst(FleetReport, JSON.parse(JSON.stringify(one)));
      assert.ok(checked.ok, checked.ok ? '' : JSON.stringify(checked.error));
    }
  });

  it('is bounded, whatever the fleet', () => {
    const nodes = Array.from({ length: 10_000 }, (_, at) =>
      fleetNode(`node-${at}`, {
        state: 'silent',
        clockOffsetSeconds: 99,
        spool: { rows: 0, bytes: 0, dropped: { health: 1 } },
        agentVersion: `0.0.${at}`,
      }),
    );
    const open = Array.from({ length: 1000 }, (_, at) => fleetIncident(`inc-${at}`));
    const registries = Array.from({ length: 1000 }, (_, at) => fleetRegistry(`r${at}.example`));
    const huge = report({ nodes, open, registries, closed: open });
    assert.ok(JSON.stringify(huge).length < 8_000_000);
    assert.ok(fleetHtml(huge).length < 1_000_000);
    assert.ok(fleetMarkdown(huge).length < 300_000);
  });
});

describe('collector: fleet report in words', () => {
  // PULLWHY_GOLDEN=write mocha … writes it anew; what changed is looked at then.
  it('says in Markdown what it said before', () => {
    const golden = new URL('bad-day.md', import.meta.url);
    const markdown = fleetMarkdown(badDay());
    if (process.env.PULLWHY_GOLDEN === 'write') writeFileSync(golden, markdown);
    assert.equal(markdown, readFileSync(golden, 'utf8'));
  });

  it('says on the page all that the Markdown says', () => {
    const page = fleetHtml(badDay());
    for (const part of [
      'Images do not come to the cluster',
      'cluster-wide, 198 of 200 nodes',
      '12 of 12 failing nodes use nameserver 10.0.0.53, none of the 188 healthy ones does.',
      'image-filesystem of edge-3',
      'crictl rmi --prune',
      'What only the owners of workloads can mend',
      'What will fail soon',
      '5 days left',
      '4 of 100 pulls for 203.0.113.9',
      'edge-20',
      '17 nodes with 0.0.9',
      'edge-40 6 min behind',
      'Not known',
    ]) {
      assert.ok(page.includes(part), part);
    }
    assertHarmless(page);
    assert.doesNotMatch(page, /<(?:script|link|img|iframe|object|form|a)\b|url\(|@import|src=|href=/i);
  });

  for (const words of attacks) {
    it(`takes ${JSON.stringify(words)} for text`, () => {
      const hostile = report({
        version: words,
        open: [
          fleetIncident(words, {
            subject: { kind: 'image', name: words },
            hosts: [words],
            nodes: { failing: 2, healthy: 1, unknown: 1, names: [words, 'b'] },
            images: [words, `${words}2`],
            attribution: [
              {
                attribute: words,
                value: words,
                failingWith: 1,
                failing: 1,
                healthyWith: 0,
                healthy: 1,
                pValue: 0,
                sameAs: [{ attribute: words, value: words }],
                sentence: words,
              },
            ],
            summary: words,
            remedies: [{ text: words, command: words }],
            investigations: [words],
          }),
          fleetIncident(`${words}3`, { severity: 'degraded', subject: { kind: 'node', name: words }, summary: words }),
        ],
        closed: [
          fleetIncident(words, {
            state: 'closed',
            closedAt: '2026-11-22T10:00:00.000Z',
            subject: { kind: 'registry', name: words },
          }),
        ],
        registries: [
          fleetRegistry(words, {
            nodes: { healthy: 0, degraded: 0, faulty: 0, inconclusive: 1 },
            certificateNotAfter: new Date(fleetAt).toISOString(),
            rateLimits: [{ source: words, limit: 1, remaining: 0 }],
          }),
        ],
        nodes: [
          fleetNode(words, { state: 'silent', agentVersion: words }),
          fleetNode(`${words}4`, {
            clockOffsetSeconds: 60,
            agentVersion: `${words}5`,
            spool: { rows: 0, bytes: 0, dropped: { [words]: 1 } },
          }),
        ],
        cut: [words],
        reportTrouble: words,
      });
      assertHarmless(fleetHtml(hostile));
      const markdown = fleetMarkdown(hostile);
      // Outside of code nothing of it is markup: tags are escaped, nobody is mentioned.
      const bare = markdown.replace(/^ *(`{3,}).*?^ *\1$/gms, '').replace(/(`+)(?!`).*?(?<!`)\1(?!`)/gs, '');
      assert.doesNotMatch(bare, /(?<!\\)<[a-z!/]/i);
      assert.doesNotMatch(bare, /@everyone/);
      assert.doesNotMatch(bare, /(?<!\\)!?\[[^\]\\]*\](?<!\\)\(/);
      assert.equal(/[\u0000-\u0009\u000b-\u001f\u202a-\u202e]/.exec(markdown), null);
    });
  }
});
