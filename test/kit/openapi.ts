import { isRecord, type JsonRecord } from '../../src/lib/json.ts';

/**
 * What is wrong with an OpenAPI 3.1 document, by the tables of its specification (spec.openapis.org/oas/v3.1.1, section 4.8):
 * required and known fields, what must be unique, what must fit together. Empty: nothing.
 */
export function openApiMistakes(document: unknown): string[] {
  const mistakes: string[] = [];
  const say = (at: string, what: string): void => void mistakes.push(`${at}: ${what}`);

  const object = (at: string, value: unknown, required: readonly string[], optional: readonly string[]): JsonRecord => {
    if (!isRecord(value)) {
      say(at, 'is no object');
      return {};
    }
    for (const name of required) if (!Object.hasOwn(value, name)) say(at, `has no ${name}`);
    for (const name of Object.keys(value))
      if (!required.includes(name) && !optional.includes(name) && !name.startsWith('x-')) say(at, `has ${name}`);
    return value;
  };
  const text = (at: string, value: unknown): void => {
    if (value !== undefined && (typeof value !== 'string' || value === '')) say(at, 'is no text');
  };
  const resolve = (at: string, reference: unknown): void => {
    if (typeof reference !== 'string' || !reference.startsWith('#/')) {
      say(at, `$ref ${String(reference)}`);
      return;
    }
    let found: unknown = document;
    for (const part of reference.slice(2).split('/')) found = isRecord(found) ? found[part] : undefined;
    if (found === undefined) say(at, `${reference} leads nowhere`);
  };

  const schema = (at: string, value: unknown): void => {
    if (!isRecord(value)) {
      say(at, 'is no schema');
      return;
    }
    const { $ref, type, enum: words, properties, required, items, pattern, anyOf, additionalProperties } = value;
    if ($ref !== undefined) resolve(at, $ref);
    const types = ['null', 'boolean', 'object', 'array', 'number', 'string', 'integer'];
    for (const one of Array.isArray(type) ? type : type === undefined ? [] : [type])
      if (!types.includes(String(one))) say(at, `type ${String(one)}`);
    if (words !== undefined && (!Array.isArray(words) || words.length === 0)) say(at, 'enum without words');
    if (pattern !== undefined) {
      try {
        new RegExp(String(pattern), 'u');
      } catch {
        say(at, `pattern ${String(pattern)}`);
      }
    }
    if (properties !== undefined) {
      if (isRecord(properties)) for (const [name, one] of Object.entries(properties)) schema(`${at}.${name}`, one);
      else say(at, 'properties is no object');
    }
    if (required !== undefined) {
      if (!Array.isArray(required) || new Set(required).size !== required.length) say(at, 'required');
      else for (const name of required) if (!isRecord(properties) || !(String(name) in properties)) say(at, `${name}?`);
    }
    if (items !== undefined) schema(`${at}[]`, items);
    if (type === 'array' && items === undefined) say(at, 'an array of what?');
    if (Array.isArray(anyOf)) anyOf.forEach((one, n) => void schema(`${at}|${n}`, one));
    if (additionalProperties !== undefined && typeof additionalProperties !== 'boolean')
      schema(`${at}.*`, additionalProperties);
    if (value.examples !== undefined && !Array.isArray(value.examples)) say(at, 'examples is no list');
  };
  const content = (at: string, value: unknown): void => {
    if (!isRecord(value)) {
      say(at, 'is no map of media types');
      return;
    }
    for (const [type, media] of Object.entries(value)) {
      if (!/^[a-z]+\/[a-z0-9.+-]+(;.*)?$/.test(type)) say(at, `media type ${type}`);
      const { schema: one } = object(`${at}.${type}`, media, [], ['schema', 'example', 'examples', 'encoding']);
      if (one !== undefined) schema(`${at}.${type}`, one);
    }
  };
  const security = (at: string, value: unknown, schemes: unknown): void => {
    if (!Array.isArray(value)) {
      say(at, 'is no list');
      return;
    }
    for (const one of value)
      for (const [name, scopes] of Object.entries(Object(one))) {
        if (!isRecord(schemes) || !Object.hasOwn(schemes, name)) say(at, `${name} is no scheme`);
        if (!Array.isArray(scopes)) say(at, `scopes of ${name}`);
      }
  };

  const root = object(
    'document',
    document,
    ['openapi', 'info'],
    ['jsonSchemaDialect', 'servers', 'paths', 'webhooks', 'components', 'security', 'tags', 'externalDocs'],
  );
  if (!/^3\.1\.\d+$/.test(String(root.openapi))) say('openapi', String(root.openapi));
  const info = object(
    'info',
    root.info,
    ['title', 'version'],
    ['summary', 'description', 'termsOfService', 'contact', 'license'],
  );
  for (const name of ['title', 'version', 'description']) text(`info.${name}`, info[name]);
  if (info.license !== undefined) {
    const license = object('info.license', info.license, ['name'], ['identifier', 'url']);
    if (license.identifier !== undefined && license.url !== undefined) say('info.license', 'identifier and url');
  }
  if (root.paths === undefined && root.components === undefined && root.webhooks === undefined)
    say('document', 'empty');
  const components = object(
    'components',
    root.components ?? {},
    [],
    [
      'schemas',
      'responses',
      'parameters',
      'examples',
      'requestBodies',
      'headers',
      'securitySchemes',
      'links',
      'pathItems',
    ],
  );
  for (const [kind, held] of Object.entries(components))
    for (const [name, one] of Object.entries(Object(held))) {
      if (!/^[a-zA-Z0-9._-]+$/.test(name)) say(`components.${kind}`, name);
      if (kind === 'schemas') schema(`components.schemas.${name}`, one);
      if (kind === 'securitySchemes') {
        const scheme = object(
          `components.${name}`,
          one,
          ['type'],
          ['description', 'name', 'in', 'scheme', 'bearerFormat'],
        );
        const needs = { http: ['scheme'], apiKey: ['name', 'in'], mutualTLS: [] }[String(scheme.type)];
        if (needs === undefined) say(`components.${name}`, `type ${String(scheme.type)}`);
        for (const field of needs ?? []) if (scheme[field] === undefined) say(`components.${name}`, `has no ${field}`);
      }
    }
  if (root.security !== undefined) security('security', root.security, components.securitySchemes);

  const ids = new Set<unknown>();
  const shapes = new Set<string>();
  for (const [path, item] of Object.entries(Object(root.paths))) {
    if (!path.startsWith('/')) say(path, 'does not begin with a slash');
    const shape = path.replace(/\{[^}]*\}/g, '{}');
    if (shapes.has(shape)) say(path, 'is there twice');
    shapes.add(shape);
    const methods = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace'];
    object(path, item, [], ['$ref', 'summary', 'description', 'servers', 'parameters', ...methods]);
    for (const [method, operation] of Object.entries(Object(item)).filter(([name]) => methods.includes(name))) {
      const at = `${method} ${path}`;
      const one = object(
        at,
        operation,
        ['responses'],
        [
          ...['tags', 'summary', 'description', 'externalDocs', 'operationId', 'parameters', 'requestBody'],
          ...['callbacks', 'deprecated', 'security', 'servers'],
        ],
      );
      text(`${at}.summary`, one.summary);
      if (ids.has(one.operationId)) say(at, `operationId ${String(one.operationId)} is there twice`);
      ids.add(one.operationId);
      if (one.security !== undefined) security(at, one.security, components.securitySchemes);
      const parameters = Array.isArray(one.parameters) ? one.parameters : [];
      const named = new Set<string>();
      for (const given of parameters) {
        const parameter = object(
          `${at} parameter`,
          given,
          ['name', 'in'],
          [
            'description',
            'required',
            'deprecated',
            'allowEmptyValue',
            'style',
            'explode',
            'schema',
            'example',
            'examples',
            'content',
          ],
        );
        const key = `${String(parameter.in)} ${String(parameter.name)}`;
        if (named.has(key)) say(at, `${key} is there twice`);
        named.add(key);
        if (!['query', 'header', 'path', 'cookie'].includes(String(parameter.in))) say(at, key);
        if (parameter.in === 'path' && parameter.required !== true) say(at, `${key} must be required`);
        if ((parameter.schema === undefined) === (parameter.content === undefined))
          say(at, `${key}: schema or content`);
        if (parameter.schema !== undefined) schema(`${at} ${key}`, parameter.schema);
      }
      const templated = [...path.matchAll(/\{([^}]+)\}/g)].map(([, name]) => `path ${name}`);
      for (const name of templated) if (!named.has(name)) say(at, `${name} is not described`);
      for (const name of named) if (name.startsWith('path ') && !templated.includes(name)) say(at, `${name}?`);
      if (one.requestBody !== undefined) {
        const body = object(`${at} body`, one.requestBody, ['content'], ['description', 'required']);
        content(`${at} body`, body.content);
      }
      const responses = Object.entries(Object(one.responses));
      if (responses.length === 0) say(at, 'has no response');
      for (const [status, response] of responses) {
        if (!/^(default|[1-5](\d\d|XX))$/.test(status)) say(at, `response ${status}`);
        const { content: held, headers } = object(
          `${at} ${status}`,
          response,
          ['description'],
          ['headers', 'content', 'links'],
        );
        if (held !== undefined) content(`${at} ${status}`, held);
        for (const [name, header] of Object.entries(Object(headers))) {
          const described = object(
            `${at} ${status} ${name}`,
            header,
            [],
            ['description', 'required', 'schema', 'content'],
          );
          if ((described.schema === undefined) === (described.content === undefined)) say(at, `header ${name}`);
        }
      }
    }
  }
  return mistakes;
}
