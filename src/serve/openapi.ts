import { ProblemDocument } from '../api/problem.ts';
import type { TSchema } from '../api/schema.ts';
import type { Route } from './route.ts';

/** Problems that any route may answer with. */
const common: Readonly<Record<number, string>> = {
  400: 'the request does not fit',
  401: 'who asks is not known',
  403: 'who asks may not do this',
  405: 'the path takes other methods',
  500: 'a defect of the server; its log says more',
  503: 'the server is busy or stopping; ask again',
};

/** Whose routes they are. */
export interface ApiInfo {
  readonly title: string;
  readonly version: string;
  readonly description: string;
}

/** The OpenAPI 3.1 document of the routes: from the same schemas that check requests. */
export function openApi(routes: readonly Route[], { title, version, description }: ApiInfo): unknown {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    const path = paths[route.path] ?? {};
    path[route.method.toLowerCase()] = operation(route);
    paths[route.path] = path;
  }
  return {
    openapi: '3.1.0',
    info: {
      title,
      version,
      description: `${description} Errors are RFC 9457 problem documents.`,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    security: [{ bearer: [] }, { certificate: [] }, {}],
    paths,
    components: {
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          description: 'http.auth.mode token or kubernetes; without authentication the server listens on loopback only',
        },
        certificate: { type: 'mutualTLS', description: 'http.auth.mode mtls' },
      },
      schemas: { Problem: ProblemDocument },
    },
  };
}

function operation(route: Route): unknown {
  const names = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
  const parameters = [
    ...names.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } })),
    ...queryParameters(route.query),
  ];
  const problems = {
    ...common,
    ...(names.length > 0 ? { 404: 'there is none' } : {}),
    ...(route.body === null ? {} : bodyProblems),
    ...route.problems,
  };
  return {
    operationId: route.id,
    summary: route.summary,
    ...(route.access === 'open' ? { security: [{}] } : {}),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(route.body === null
      ? {}
      : { requestBody: { required: true, content: { 'application/json': { schema: route.body } } } }),
    responses: {
      ...Object.fromEntries(
        Object.entries(route.replies).map(([status, { description, content, headers = {} }]) => [
          status,
          {
            description,
            ...(Object.keys(headers).length === 0 ? {} : { headers: headersOf(headers) }),
            content: Object.fromEntries(
              Object.entries(content).map(([type, schema]) => [
                type,
                schema === null ? { schema: { type: 'string' } } : { schema },
              ]),
            ),
          },
        ]),
      ),
      ...Object.fromEntries(
        Object.entries(problems).map(([status, description]) => [
          status,
          {
            description,
            ...(status === '429' || status === '503' ? { headers: headersOf(retryAfter) } : {}),
            content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
          },
        ]),
      ),
    },
  };
}

const retryAfter = { 'Retry-After': 'seconds after which it may be asked again, where that helps' };

function headersOf(headers: Readonly<Record<string, string>>): unknown {
  return Object.fromEntries(
    Object.entries(headers).map(([name, description]) => [name, { description, schema: { type: 'string' } }]),
  );
}

const bodyProblems: Readonly<Record<number, string>> = {
  413: 'the body is too long',
  415: 'the body is no JSON by its Content-Type',
  422: 'the body does not fit its schema',
};

function queryParameters(query: TSchema | null): unknown[] {
  const properties: unknown = query === null ? null : Reflect.get(query, 'properties');
  if (typeof properties !== 'object' || properties === null) return [];
  const required: unknown = query === null ? [] : Reflect.get(query, 'required');
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: 'query',
    required: Array.isArray(required) && required.includes(name),
    schema,
  }));
}
