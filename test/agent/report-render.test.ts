import assert from 'node:assert/strict';
import fc from 'fast-check';
import { nodeReport } from '../../src/agent/report/node-report.ts';
import { reportHtml } from '../../src/agent/report/report-html.ts';
import { reportMarkdown } from '../../src/agent/report/report-markdown.ts';
import type { NodeReport } from '../../src/api/report.ts';
import type { Finding } from '../../src/model/investigation.ts';
import {
  at,
  concluded,
  incidentOf,
  nodeHealth,
  podRow,
  registryRow,
  reportInput,
  waitingPod,
} from '../kit/agent-health.ts';
import { assertHarmless, attacks } from '../kit/page-safety.ts';

/** A report with `words` in every place that can hold something from outside. */
function hostile(words: string): NodeReport {
  const remedies = [{ text: words, command: words }];
  const finding: Finding = {
    cause: 'mirror-failed',
    layer: 'endpoint',
    confidence: 'proven',
    severity: 'degraded',
    summary: words,
    evidence: [],
    remedies,
    underlying: 'tcp-timeout',
    host: words,
    endpoint: 0,
    alternatives: [],
  };
  const registries = [
    registryRow(words, {
      verdict: 'degraded',
      cause: 'mirror-failed',
      summary: words,
      mirrors: [{ url: words, verdict: 'faulty' }],
      rateLimit: { limit: 10, remaining: 1, windowSeconds: 60, source: words },
      certificate: { notAfter: new Date(at).toISOString(), subject: words, daysLeft: -1 },
    }),
    registryRow(`${words}2`, { mirrors: [{ url: words, verdict: 'healthy' }] }),
  ];
  const conclusion = concluded('tcp-timeout', { summary: words, remedies, investigation: words, host: words });
  const base = nodeHealth();
  const [disk] = base.disks;
  const [nameserver] = base.nameservers;
  assert.ok(disk !== undefined && nameserver !== undefined);
  return nodeReport(
    reportInput({
      node: words,
      version: words,
      incidents: [
        incidentOf(words, { registry: words, conclusion, pods: [waitingPod(words)] }),
        incidentOf(`${words}/x`, { registry: null }),
      ],
      past: [incidentOf(words, { state: 'over', endedAt: at, endedBy: 'agent', secondsGained: 5, conclusion })],
      rows: [podRow(words, words, { namespace: words, reason: words, message: words, summary: words })],
      registries,
      health: nodeHealth({
        findings: new Map([[words, [finding]]]),
        disks: [{ ...disk, path: words, freeBytes: 2e9 }],
        nameservers: [{ ...nameserver, nameserver: words, state: 'refusing', failures: 4, names: 2 }],
        runtime: { name: words, version: words, endpoint: words, ready: false, failure: words, checkedAt: at },
      }),
      sources: [{ source: words, state: 'absent', note: words, since: at, lastEventAt: null }],
      stateTrouble: words,
      reportTrouble: words,
    }),
  );
}

describe('agent: report as a page', () => {
  it('says verdict, cause, remedies and what was not checked', () => {
    const incidents = [
      incidentOf('reg.example/a:1', { conclusion: concluded('tls-certificate-expired', { summary: 'It ended.' }) }),
    ];
    const sources = [{ source: 'journal', state: 'absent' as const, note: 'None.', since: at, lastEventAt: null }];
    const page = reportHtml(nodeReport(reportInput({ incidents, sources })));
    for (const part of [
      'worker-3 does not get its images',
      'It ended.',
      'tls-certificate-expired',
      'repair --now',
      '1 pod waits',
      'Not checked',
      'docker.io',
      '60 days left',
    ]) {
      assert.ok(page.includes(part), part);
    }
    assertHarmless(page);
  });

  it('loads nothing and runs nothing', () => {
    const page = reportHtml(hostile('x'));
    assert.match(page, /Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'/);
    assert.doesNotMatch(page, /<(?:script|link|img|iframe|object|form|a)\b|url\(|@import|src=|href=/i);
    assert.ok(page.length < 200_000);
  });

  for (const attack of attacks) {
    it(`takes ${JSON.stringify(attack)} for text`, () => assertHarmless(reportHtml(hostile(attack))));
  }

  it('takes any text for text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (words) => assertHarmless(reportHtml(hostile(words)))),
      { numRuns: 60 },
    );
  });

  it('stays small in a storm', () => {
    const rows = Array.from({ length: 10_000 }, (_, n) => podRow(`pod-${n}`, `reg.example/x:${n}`));
    const page = reportHtml(nodeReport(reportInput({ rows })));
    assert.ok(page.length < 300_000, `${page.length}`);
    assert.match(page, /300 more are in the JSON document/);
  });
});

describe('agent: report as Markdown', () => {
  it('says verdict, cause, remedies and what was not checked', () => {
    const incidents = [
      incidentOf('reg.example/a:1', { conclusion: concluded('tls-certificate-expired', { summary: 'It ended.' }) }),
    ];
    const text = reportMarkdown(nodeReport(reportInput({ incidents, stateTrouble: 'The disk is full.' })));
    for (const part of [
      '# ✗ worker-3',
      '## What fails now',
      '### `reg.example`',
      'It ended.',
      '```sh\n  repair --now',
      '## Registries',
      'The disk is full.',
    ]) {
      assert.ok(text.includes(part), `${part} in ${text}`);
    }
  });

  for (const attack of attacks) {
    it(`takes ${JSON.stringify(attack)} for text`, () => {
      const text = reportMarkdown(hostile(attack));
      // Outside of code there is no tag but those of the page's own folding, no link, no picture, no mention.
      const prose = text
        .replace(/^( *)(`{3,})\w*\n[\s\S]*?\n\1\2$/gm, '')
        .replace(/(`+)[^`](?:[\s\S]*?[^`])?\1(?!`)/g, '');
      assert.doesNotMatch(prose, /(?<!\\)<(?!\/?(?:details|summary)>)/, prose);
      assert.doesNotMatch(prose, /(?<!\\)\]\(/);
      assert.doesNotMatch(prose, /(^|\s)@\w/);
      // Each row of a table has its table's number of cells.
      const rows = text.split('\n').filter((line) => line.startsWith('| '));
      const widths = rows.map((line) => line.replace(/\\\|/g, '').split('|').length);
      for (const [n, line] of rows.entries()) if (line.startsWith('| ---')) assert.equal(widths[n - 1], widths[n]);
      assert.ok(
        widths.every((width) => [6, 8, 9].includes(width)),
        text,
      );
      const headings = text.split('\n').filter((line) => /^#{1,3} /.test(line));
      assert.ok(
        headings.every((line) => /^(?:# [✓!✗?] |## (?:What|Pods|Registries|Checked|Not)|### `)/u.test(line)),
        headings.join('\n'),
      );
      assert.equal(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/.exec(text), null);
    });
  }
});
