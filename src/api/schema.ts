import type { Static, TSchema } from 'typebox';
import * as typebox from 'typebox';
import { Check, Errors } from 'typebox/value';
import { fail, ok, type Result } from '../lib/result.ts';

/**
 * The one door to typebox: one set of schemas says what goes over HTTP, checks it, becomes the OpenAPI document and gives
 * the types (design.md, "Decisions").
 */
export type { Static, TSchema };

/** What schemas are made of. With all that typebox's own `Type` has it costs three more MiB in every process. */
export const Type = {
  Array: typebox.Array,
  Boolean: typebox.Boolean,
  Enum: typebox.Enum,
  Integer: typebox.Integer,
  Literal: typebox.Literal,
  Null: typebox.Null,
  Number: typebox.Number,
  Object: typebox.Object,
  Optional: typebox.Optional,
  Record: typebox.Record,
  String: typebox.String,
  Union: typebox.Union,
};

/** Where foreign data does not fit: a JSON pointer (RFC 6901) into it, and why. */
export interface Misfit {
  /** `/image`; empty for the whole. */
  readonly pointer: string;
  /** What is wrong there. It never repeats the value, which may be a secret. */
  readonly message: string;
}

/** Misfits that are told at once; a caller mends a handful at a time. */
const maxMisfits = 8;

/** `data` as `schema` has it, or every place where it does not fit. */
export function checkAgainst<S extends TSchema>(schema: S, data: unknown): Result<Static<S>, readonly Misfit[]> {
  if (Check(schema, data)) return ok(data);
  const seen = new Set<string>();
  const misfits: Misfit[] = [];
  for (const { instancePath, keyword, message, params } of Errors(schema, data)) {
    // An unknown key is told twice: once as the key, once as the object that has it. The key is the place.
    const unknown = keyword === 'additionalProperties' ? namesOf(params) : [];
    if (keyword === 'boolean') continue;
    const places = unknown.length > 0 ? unknown.map((name) => `${instancePath}/${pointerPart(name)}`) : [instancePath];
    for (const pointer of places) {
      if (seen.has(pointer) || misfits.length >= maxMisfits) continue;
      seen.add(pointer);
      misfits.push({ pointer, message: unknown.length > 0 ? 'is not known here' : message });
    }
  }
  return fail(misfits.length > 0 ? misfits : [{ pointer: '', message: 'does not fit' }]);
}

function namesOf(params: object): string[] {
  const names: unknown = Reflect.get(params, 'additionalProperties');
  return Array.isArray(names) ? names.filter((name) => typeof name === 'string') : [];
}

function pointerPart(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}

/** A string that may be null: absent facts are said to be absent. */
export function nullable<S extends TSchema>(schema: S) {
  return Type.Union([schema, Type.Null()]);
}

/** RFC 3339 in UTC. */
export function timeString(description: string) {
  return Type.String({ description: `${description}; RFC 3339, UTC`, examples: ['2026-11-22T10:46:40.120Z'] });
}

/** As documents are in memory: nobody changes them. */
export type Frozen<T> = T extends readonly (infer I)[]
  ? readonly Frozen<I>[]
  : T extends object
    ? { readonly [K in keyof T]: Frozen<T[K]> }
    : T;
