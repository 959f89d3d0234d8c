import type { FleetReport } from '../../api/fleet-report.ts';
import type { Frozen } from '../../api/schema.ts';
import { type Cell, figures, head, page, section, table, text } from '../../lib/report/page.ts';
import { between } from '../../lib/report/words.ts';
import type { Result } from '../../lib/result.ts';
import { moment } from '../../lib/words.ts';
import { nothing, type Route, route } from '../../serve/route.ts';
import type { StoreFailure } from '../parts.ts';
import { headline, podWords, scopeWords, subjectWords } from '../report/fleet-words.ts';
import { storeProblem } from './problems.ts';

/** Rows of the page; `/v1/incidents` has them all. */
const mostRows = 100;

/** A browser asks again by itself. */
const refreshSeconds = 15;

/** `GET /`: the fleet at a glance, for a browser. */
export function overviewRoute(report: () => Promise<Result<Frozen<FleetReport>, StoreFailure>>): Route {
  return route({
    method: 'GET',
    path: '/',
    id: 'overview',
    summary: 'The fleet at a glance, as a page: open incidents, and how many nodes are in which state.',
    access: 'read',
    query: nothing,
    body: nothing,
    replies: { 200: { description: 'a page without script that loads nothing', content: { 'text/html': null } } },
    handle: async () => {
      const current = await report();
      if (!current.ok) return storeProblem(current.error);
      return {
        kind: 'text',
        type: 'text/html; charset=utf-8',
        body: overviewHtml(current.value),
        headers: {
          // What registries wrote must not become script.
          'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
          refresh: String(refreshSeconds),
        },
      };
    },
  });
}

/** The page. Every foreign text passes through `text`. Pure. */
export function overviewHtml(report: Frozen<FleetReport>): string {
  const { at, incidents, workloads, nodes, collector } = report;
  const states = [
    ['Healthy nodes', nodes.healthy, 'healthy'],
    ['Degraded nodes', nodes.degraded, 'degraded'],
    ['Faulty nodes', nodes.faulty, 'faulty'],
    ['Silent nodes', nodes.silent, 'inconclusive'],
    ['Not known yet', nodes.unknown, 'inconclusive'],
  ] as const;
  return page(`Pullwhy · ${headline(report)}`, [
    head(report, headline(report), `${moment(at)} · pullwhy ${text(collector.version)}`),
    figures(states.map(([name, count, tone]) => [name, String(count), count > 0 ? tone : ''])),
    section('Open incidents', open(incidents, at)),
    section('Only the owners of workloads can mend', open(workloads, at)),
    section('More', [
      '<ul><li><a href="v1/report">The health report</a>, for people and as JSON</li><li><a href="v1/incidents">Incidents</a>, <a href="v1/nodes">nodes</a> and <a href="v1/registries">registries</a> as JSON</li><li><a href="openapi.json">What can be asked</a> (OpenAPI)</li></ul>',
    ]),
  ]);
}

function open(incidents: Frozen<FleetReport>['incidents'], at: string): string[] {
  if (incidents.length === 0) return [];
  const rows = incidents.slice(0, mostRows).map((incident): Cell[] => {
    const { id, cause, summary, openedAt, severity } = incident;
    const tone = severity === 'fault' ? 'faulty' : 'degraded';
    const link = `<a href="v1/incidents/${encodeURIComponent(id)}">${text(subjectWords(incident))}</a>`;
    return [
      { html: link, heading: true },
      { html: `<span class="${tone}"><span class="state">${text(cause)}</span></span>` },
      { html: text(scopeWords(incident)) },
      { html: text(podWords(incident)) },
      { html: between(openedAt, at), class: 'num' },
      { html: text(summary), class: 'way' },
    ];
  });
  return [table(['What', 'Cause', 'Where', 'Pods', 'For', 'Summary'], rows, incidents.length)];
}
