import type { TSchema } from '../api/schema.ts';

/** What a setting's schema says of it beside its type: typebox keeps such options in the schema. */
export interface SettingOptions {
  /** What the value means, and its unit: for the documentation and for error texts. */
  readonly description: string;
  /** In words, for the error of a wrong value: `a duration such as 30s, 5m or 1h`. */
  readonly expects: string;
  readonly default: unknown;
  /** Never shown. */
  readonly secret?: boolean;
  /** True: a reload takes it over; else it needs a restart, which the reload says. */
  readonly live?: boolean;
}

/** One setting: a leaf of the schema. */
export interface Setting extends Required<SettingOptions> {
  /** `http.tls.clientCa`. */
  readonly name: string;
  readonly path: readonly string[];
  /** `PULLWHY_HTTP_TLS_CLIENT_CA`. */
  readonly variable: string;
  readonly schema: TSchema;
}

/** All settings of a schema whose objects are sections and whose other schemas are settings, in its order. */
export function settingsOf(schema: TSchema, above: readonly string[] = []): readonly Setting[] {
  return Object.entries(sectionsOf(schema) ?? {}).flatMap(([key, child]) => {
    const path = [...above, key];
    if (sectionsOf(child) !== null) return settingsOf(child, path);
    return [
      {
        name: path.join('.'),
        path,
        variable: variableOf(path),
        schema: child,
        description: textOf(child, 'description'),
        expects: textOf(child, 'expects'),
        default: Reflect.get(child, 'default'),
        secret: Reflect.get(child, 'secret') === true,
        live: Reflect.get(child, 'live') === true,
      },
    ];
  });
}

/** Names of the sections above the settings: `http`, `http.tls`. */
export function sectionNames(settings: readonly Setting[]): ReadonlySet<string> {
  return new Set(settings.flatMap(({ path }) => path.slice(0, -1).map((_, at) => path.slice(0, at + 1).join('.'))));
}

/** The environment's name of a setting (contract.md, section 7). */
function variableOf(path: readonly string[]): string {
  const words = path.map((part) => part.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase());
  return `PULLWHY_${words.join('_')}`;
}

function sectionsOf(schema: TSchema): Readonly<Record<string, TSchema>> | null {
  const properties: unknown = Reflect.get(schema, 'properties');
  return isSchemas(properties) ? properties : null;
}

function isSchemas(value: unknown): value is Readonly<Record<string, TSchema>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textOf(schema: TSchema, key: string): string {
  const value: unknown = Reflect.get(schema, key);
  return typeof value === 'string' ? value : '';
}
