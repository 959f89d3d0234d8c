import { type CompiledCheck, compiledCheck } from '../../api/compiled.ts';
import { type RecordKind, type ReportBatch, recordSchemas } from '../../api/records.ts';
import type { Frozen, Static, TSchema } from '../../api/schema.ts';
import { limits } from '../../lib/limits.ts';
import { fail, ok, type Result } from '../../lib/result.ts';
import type { CheckedRecord } from '../parts.ts';

/** Why a record is not taken. */
export interface Refusal {
  readonly seq: number;
  /** JSON pointer into the body. */
  readonly pointer: string;
  /** It never repeats the value. */
  readonly detail: string;
}

/** A record of the envelope. */
type Given = Frozen<ReportBatch['records'][number]>;

const checks = {
  node: compiledCheck(recordSchemas.node),
  heartbeat: compiledCheck(recordSchemas.heartbeat),
  health: compiledCheck(recordSchemas.health),
  incident: compiledCheck(recordSchemas.incident),
  investigation: compiledCheck(recordSchemas.investigation),
} as const;

/** RFC 3339; what `Date.parse` takes beside it depends on where it runs. */
const timePattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/;

/** Milliseconds of a time; null for what is none. */
export function timeMs(text: unknown): number | null {
  const time = typeof text === 'string' && timePattern.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(time) ? null : time;
}

/**
 * One record of a batch, checked by itself. Members that this collector does not know are passed over, as are the words of
 * causes and layers (the store reads unknown ones as `unknown`): agents and collectors are not updated at the same time.
 */
export function checkRecord(given: Given, index: number): Result<CheckedRecord, Refusal> {
  const { seq, kind } = given;
  const no = (pointer: string, detail: string) => fail({ seq, pointer: `/records/${index}${pointer}`, detail });
  if (!isKind(kind)) return no('/kind', 'is no kind of record that this collector knows');
  const bounds = outOfBounds(given);
  if (bounds !== null) return no('', bounds);
  const at = timeMs(Reflect.get(given, 'at'));
  if (at === null) return no('/at', 'is no time as in 2026-11-22T10:46:40.120Z');
  const as = <S extends TSchema>(check: CompiledCheck<S>, made: (record: Static<S>) => CheckedRecord) => {
    const checked = check(given);
    if (checked.ok) return ok(made(checked.value));
    const [first] = checked.error;
    return no(first?.pointer ?? '', first?.message ?? 'does not fit');
  };
  switch (kind) {
    case 'node':
      return as(checks[kind], (record) => ({ seq, kind, at, record }));
    case 'heartbeat':
      return as(checks[kind], (record) => ({ seq, kind, at, record }));
    case 'incident':
      return as(checks[kind], (record) => ({ seq, kind, at, record }));
    case 'investigation':
      return as(checks[kind], (record) => ({ seq, kind, at, record }));
    case 'health':
      return as(checks[kind], ({ checks }) => ({ seq, kind, at, checks }));
  }
}

function isKind(kind: string): kind is RecordKind {
  return Object.hasOwn(recordSchemas, kind);
}

/** What of a record is too large or too deep to be kept; null when nothing is. */
function outOfBounds(record: Given): string | null {
  let chars = limits.reportRecordChars;
  let deep = false;
  const look = (value: unknown, depth: number): void => {
    if (typeof value === 'string') chars -= value.length;
    chars -= 8;
    if (chars < 0 || typeof value !== 'object' || value === null) return;
    if (depth >= limits.reportDepth) {
      deep = true;
      return;
    }
    if (Array.isArray(value)) {
      for (const one of value) look(one, depth + 1);
      return;
    }
    // Of an object that JSON made: it inherits nothing that would be told here.
    for (const key in value) {
      chars -= key.length;
      look(Reflect.get(value, key), depth + 1);
    }
  };
  look(record, 0);
  if (deep) return `has more than ${limits.reportDepth} objects within each other`;
  return chars < 0 ? `is longer than ${limits.reportRecordChars} characters` : null;
}
