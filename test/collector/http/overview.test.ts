import assert from 'node:assert/strict';
import { overviewHtml } from '../../../src/collector/http/overview.ts';
import { fleetReport } from '../../../src/collector/report/fleet-report.ts';
import { ok } from '../../../src/lib/result.ts';
import { badDay, fleetIncident, fleetInput, fleetNode } from '../../kit/fleet-documents.ts';
import { startHttpCollector } from '../../kit/http-collector.ts';

describe('collector: the first page', () => {
  it('tells of open incidents and of the nodes, and where there is more', () => {
    const report = badDay();
    const html = overviewHtml(report);
    for (const { id, cause } of report.incidents) {
      assert.ok(html.includes(`href="v1/incidents/${encodeURIComponent(id)}"`), id);
      assert.ok(html.includes(cause));
    }
    for (const state of ['healthy', 'degraded', 'faulty', 'silent'] as const) {
      const words = `${state.slice(0, 1).toUpperCase()}${state.slice(1)} nodes`;
      assert.match(html, new RegExp(`<dt>${words}</dt><dd[^>]*>${report.nodes[state]}</dd>`), state);
    }
    assert.match(html, /href="v1\/report"/);
    assert.match(html, /href="openapi\.json"/);
  });

  it('makes nothing of what registries and pods wrote', () => {
    const foreign = '"><script>alert(1)</script><img src=x onerror=y>';
    const html = overviewHtml(
      fleetReport(
        fleetInput({
          open: [
            fleetIncident('i"><script>', {
              summary: foreign,
              subject: { kind: 'image', name: foreign },
              images: [foreign],
            }),
          ],
          nodes: [fleetNode(foreign)],
        }),
      ),
    );
    assert.doesNotMatch(html, /<script|<img|onerror=y>/);
    assert.match(html, /&#60;script/);
    assert.doesNotMatch(html, /(src|href)="(?!v1\/|openapi)/, 'it loads nothing');
  });

  it('is a page without script, asked for again now and then', async () => {
    const collector = await startHttpCollector({ services: { report: async () => ok(badDay()) } });
    const answer = await fetch(collector.url);
    assert.equal(answer.status, 200);
    assert.match(answer.headers.get('content-type') ?? '', /^text\/html/);
    assert.match(answer.headers.get('content-security-policy') ?? '', /default-src 'none'/);
    assert.equal(answer.headers.get('refresh'), '15');
    assert.match(await answer.text(), /^<!doctype html>/);
    await collector.server.stop();
  });
});
