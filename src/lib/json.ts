/** A JSON object whose members are not yet checked. */
export type JsonRecord = Readonly<Record<string, unknown>>;

/** Objects and lists within each other; documents of registries and of ours have some ten. */
const maxDepth = 512;

/** Texts up to this length cannot be so deep that it matters. */
const shortChars = 64 * 1024;

/**
 * The value of a JSON text; undefined (which no JSON text means) when it is not JSON, or so deep that only its nesting is
 * meant: two million brackets cost the parser 100 MiB. A leading byte order mark is skipped.
 */
export function parseJson(text: string): unknown {
  if (text.length > shortChars && isTooDeep(text)) return undefined;
  try {
    return JSON.parse(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text);
  } catch {
    return undefined;
  }
}

function isTooDeep(text: string): boolean {
  let depth = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (quoted) {
      if (code === backslash) at++;
      else if (code === quote) quoted = false;
    } else if (code === quote) quoted = true;
    else if (code === openBracket || code === openBrace) {
      if (++depth > maxDepth) return true;
    } else if (code === closeBracket || code === closeBrace) depth--;
  }
  return false;
}

const [quote, backslash, openBracket, closeBracket, openBrace, closeBrace] = [34, 92, 91, 93, 123, 125];

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
