import { FleetReport } from '../../../api/fleet-report.ts';
import { nothing, type Reply, type Route, route } from '../../../serve/route.ts';
import { fleetHtml } from '../../report/fleet-html.ts';
import { fleetMarkdown } from '../../report/fleet-markdown.ts';
import { storeProblem } from '../problems.ts';
import type { QueryServices } from '../query-services.ts';

/** The fleet-health report. */
export function reportRoutes(services: Pick<QueryServices, 'report'>): readonly Route[] {
  return [
    route({
      method: 'GET',
      path: '/v1/report',
      id: 'getReport',
      summary:
        'The fleet-health report: what fails, where and why, what will fail soon, what recovered and how much sooner.',
      access: 'read',
      query: nothing,
      body: nothing,
      replies: {
        200: {
          description: 'as JSON, Markdown or a page that stands alone, by the Accept header',
          content: { 'application/json': FleetReport, 'text/markdown': null, 'text/html': null },
        },
      },
      handle: async ({ accepts }): Promise<Reply> => {
        const report = await services.report();
        if (!report.ok) return storeProblem(report.error);
        for (const type of accepts) {
          if (type === 'text/markdown') {
            return { kind: 'text', type: 'text/markdown; charset=utf-8', body: fleetMarkdown(report.value) };
          }
          if (type === 'text/html') {
            return {
              kind: 'text',
              type: 'text/html; charset=utf-8',
              body: fleetHtml(report.value),
              // The page needs nothing but its own style; what registries wrote must not become script.
              headers: {
                'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
              },
            };
          }
          if (type === 'application/json' || type === '*/*') break;
        }
        return { kind: 'json', body: report.value };
      },
    }),
  ];
}
