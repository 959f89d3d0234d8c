/** A JSON object whose members are not yet checked. */
export type JsonRecord = Readonly<Record<string, unknown>>;

/** The value of a JSON text; undefined (which no JSON text means) when it is not JSON. A leading byte order mark is skipped. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text);
  } catch {
    return undefined;
  }
}

/** True for a JSON object; false for arrays and null. */
export function isRecord(value: unknown): value is JsonRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A string member that the object itself has; null when it is absent or of another type. */
export function stringMember(record: JsonRecord, name: string): string | null {
  const value = Object.hasOwn(record, name) ? record[name] : undefined;
  return typeof value === 'string' ? value : null;
}

/** A finite number that the object itself has; null when it is absent or of another type. */
export function numberMember(record: JsonRecord, name: string): number | null {
  const value = Object.hasOwn(record, name) ? record[name] : undefined;
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

/** An array member; null when it is absent or of another type. */
export function arrayMember(record: JsonRecord, name: string): readonly unknown[] | null {
  const value = Object.hasOwn(record, name) ? record[name] : undefined;
  return Array.isArray(value) ? value : null;
}

/** An object member; null when it is absent or of another type. */
export function recordMember(record: JsonRecord, name: string): JsonRecord | null {
  const value = Object.hasOwn(record, name) ? record[name] : undefined;
  return isRecord(value) ? value : null;
}
