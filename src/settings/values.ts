import { isIP } from 'node:net';
import { type TSchema, Type } from '../api/schema.ts';
import type { SettingOptions } from './shape.ts';

const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

const unitsBytes: Readonly<Record<string, number>> = {
  B: 1,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  kB: 1000,
  MB: 1000 ** 2,
  GB: 1000 ** 3,
};

/** Milliseconds of `1h30m`, `60s`, `500ms`, `7d`; null for anything else. */
export function durationMs(text: string): number | null {
  if (!durationPattern.test(text)) return null;
  let sum = 0;
  for (const [, count = '', unit = ''] of text.matchAll(/([0-9]{1,12})(ms|[smhd])/g))
    sum += Number(count) * (unitsMs[unit] ?? 0);
  return sum;
}
const durationPattern = /^(?:[0-9]{1,12}(?:ms|[smhd]))+$/;

/** Bytes of `64MiB`, `10GiB`, `500MB`, `4096B`; null for anything else. */
export function byteCount(text: string): number | null {
  const found = /^([0-9]{1,12})(B|KiB|MiB|GiB|kB|MB|GB)$/.exec(text);
  return found === null ? null : Number(found[1]) * (unitsBytes[found[2] ?? ''] ?? 0);
}

/** Where a server listens. */
export interface ListenAddress {
  /** An address; never a name, so that what is opened is what is written. */
  readonly host: string;
  readonly port: number;
}

/** `127.0.0.1:9440`, `[::]:9440`; `:9440` is every address. Null for anything else. */
export function listenAddress(text: string): ListenAddress | null {
  const found = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]*)):([0-9]{1,5})$/.exec(text);
  if (found === null) return null;
  const [, six, four = '', digits] = found;
  const host = six ?? (four === '' ? '::' : four);
  const port = Number(digits);
  return isIP(host) === 0 || port > 65_535 ? null : { host, port };
}

/** True for an address that only this machine reaches. */
export function isLoopback({ host }: ListenAddress): boolean {
  return host === '::1' || host.startsWith('127.');
}

/** A setting that is a text. */
export function text(
  options: Omit<SettingOptions, 'expects'> & { readonly expects?: string; readonly pattern?: string },
) {
  return Type.String({ expects: 'a text', maxLength: 4096, ...options });
}

/** A setting that is a text or is not set: `null`, which is the default. */
export function optionalText(options: Omit<SettingOptions, 'expects' | 'default'> & { readonly expects?: string }) {
  return Type.Union([Type.String({ maxLength: 4096, minLength: 1 }), Type.Null()], {
    expects: 'a text',
    ...options,
    default: null,
  });
}

/** A setting that is a length of time; it stays a text, `durationMs` reads it. */
export function duration(options: Omit<SettingOptions, 'expects'> & { readonly default: string }) {
  return Type.String({
    expects: 'a duration such as 500ms, 30s, 5m, 1h30m or 7d',
    pattern: durationPattern.source,
    ...options,
  });
}

/** A setting that is a number of bytes; it stays a text, `byteCount` reads it. */
export function bytes(options: Omit<SettingOptions, 'expects'> & { readonly default: string }) {
  return Type.String({
    expects: 'a size such as 64MiB, 10GiB or 500MB',
    pattern: '^[0-9]{1,12}(B|KiB|MiB|GiB|kB|MB|GB)$',
    ...options,
  });
}

/** A setting that is a whole number within bounds. */
export function whole(
  options: Omit<SettingOptions, 'expects'> & { readonly minimum: number; readonly maximum: number },
) {
  return Type.Integer({ expects: `a whole number from ${options.minimum} to ${options.maximum}`, ...options });
}

/** A setting that is on or off. */
export function flag(options: Omit<SettingOptions, 'expects'> & { readonly default: boolean }) {
  return Type.Boolean({ expects: 'true or false', ...options });
}

/** A setting that is one of a few words. */
export function oneOf<const W extends string>(
  words: readonly W[],
  options: Omit<SettingOptions, 'expects'> & { readonly default: W },
) {
  return Type.Enum([...words], { expects: `one of ${words.join(', ')}`, ...options });
}

/** A setting that is a list of texts; in the environment and in flags they stand with commas between. */
export function texts(
  options: Omit<SettingOptions, 'expects' | 'default'> & {
    readonly expects?: string;
    readonly default?: readonly string[];
  },
) {
  const { default: given = [], ...rest } = options;
  return Type.Array(Type.String({ maxLength: 4096, minLength: 1 }), {
    expects: 'a list of texts',
    maxItems: 1024,
    ...rest,
    default: [...given],
  });
}

/**
 * A setting that is a list of mappings whose members are settings themselves: unknown keys, wrong types and missing keys
 * (members without a default) are each told with their line. In the environment and in flags it is one line of YAML.
 */
export function objects<P extends Record<string, TSchema>>(
  properties: P,
  options: Omit<SettingOptions, 'expects' | 'default'> & { readonly expects?: string },
) {
  return Type.Array(Type.Object(properties, { additionalProperties: false }), {
    expects: `a list of mappings with ${Object.keys(properties).join(', ')}`,
    ...options,
    entries: true,
    default: [],
  });
}

/** A member of an `objects()` entry that has to be there: one of a few words. */
export function requiredOneOf<const W extends string>(
  words: readonly W[],
  options: Omit<SettingOptions, 'expects' | 'default'>,
) {
  return Type.Enum([...words], { expects: `one of ${words.join(', ')}`, ...options });
}

/** A setting that is a list of a few words. */
export function wordsOf<const W extends string>(
  words: readonly W[],
  options: Omit<SettingOptions, 'expects' | 'default'> & { readonly expects?: string; readonly default: readonly W[] },
) {
  const { default: given, ...rest } = options;
  return Type.Array(Type.Enum([...words]), {
    expects: `a list of some of ${words.join(', ')}`,
    maxItems: 1024,
    ...rest,
    default: [...given],
  });
}
